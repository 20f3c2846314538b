import Foundation
import NIOCore
import NIOHTTP1
import StintCore
import StintEngine
import Testing

@testable import StintJobs

/// A policy that may reach loopback, for the tests' own servers.
func loopback(
  _ allow: [String] = ["127.0.0.0/8"],
  _ names: [String: [String]] = [:]
) throws -> FetchPolicy {
  var policy = try FetchPolicy(allow: allow)
  policy.resolve = { host, port in
    try (names[host] ?? []).map { try SocketAddress(ipAddress: $0, port: port) }
  }
  return policy
}

/// The results of a `fetch` of the URLs.
func fetch(_ urls: [String], _ policy: FetchPolicy) async throws -> [JSONValue] {
  let result = try await Trial("fetch", fetch: policy).run(["urls": .array(urls.map { .string($0) })])
  return try #require(result["results"]?.array)
}

/// The one result of a `fetch` of one URL.
func fetch(_ url: String, _ policy: FetchPolicy) async throws -> JSONValue {
  try #require(try await fetch([url], policy).first)
}

@Suite("fetch", .timeLimit(.minutes(5)))
struct FetchJobTests {
  @Test("Ten URLs are in flight at once, and come back in their order")
  func tenAtOnce() async throws {
    // The server answers nobody before all ten are there: one after the other would wait for ever.
    let waiting = Locked<[(HTTPRequestHead, any Channel)]>([])
    let server: TestServer.Answer = { head, channel in
      let all = waiting.withLock { waiting in
        waiting.append((head, channel))
        return waiting.count == 10 ? waiting : []
      }
      for (head, channel) in all.reversed() {
        let number = Int(head.uri.dropFirst()) ?? -1
        channel.eventLoop.execute {
          channel.answer(number == 3 ? .notFound : .ok, body: String(repeating: "x", count: number))
        }
      }
    }
    try await TestServer.with(answer: server) { server in
      let trial = try Trial("fetch", fetch: try loopback())
      let urls = (0..<10).map { JSONValue.string(server.url("/\($0)")) }
      let result = try await trial.run(["urls": .array(urls)])
      let expected = (0..<10).map { number -> JSONValue in
        [
          "url": urls[number], "status": number == 3 ? 404 : 200, "size": .integer(Int64(number)), "duration": 0,
          "error": nil,
        ]
      }
      let results = try #require(result["results"]?.array)
      #expect(results.map(Self.sorted) == expected.map(Self.sorted))
      #expect(trial.reports.messages == (1...10).map { "Fetched \($0)/10 URLs" })
      #expect(trial.reports.all.map(\.percent) == stride(from: 10.0, through: 100, by: 10).map { $0 })
      await server.log.reaches { $0.closed == 10 }
    }
  }

  private static func sorted(_ value: JSONValue) -> JSONValue {
    .object((value.object ?? []).sorted { $0.key < $1.key })
  }

  @Test("A URL that fails has its error; the others, and the job, do not")
  func faults() async throws {
    try await TestServer.with { _, channel in
      channel.answer(body: "hello")
    } _: { server in
      let closed = try await TestServer.with(answer: { _, _ in }) { $0.port }
      let results = try await fetch(
        ["ftp://example.com/", "not a URL", "http://127.0.0.1:\(closed)/", "http://nowhere.test/", server.url()],
        try loopback())
      let errors = results.map { $0["error"]?.string ?? "" }
      #expect(errors[0] == "\"ftp://example.com/\": the scheme is \"ftp\", allowed are http and https")
      #expect(errors[1].hasPrefix("\"not a URL\""))
      #expect(errors[2].lowercased().contains("refused") && !errors[2].hasPrefix("refused:"))
      #expect(errors[3] == "nowhere.test has no address")
      #expect(results[0..<4].allSatisfy { $0["status"] == .null && $0["size"] == .null })
      #expect(results[4]["status"] == 200 && results[4]["size"] == 5 && results[4]["error"] == .null)
    }
  }

  @Test("The duration is measured from start to the last byte")
  func duration() async throws {
    let trial = try Trial("fetch", fetch: try loopback())
    try await TestServer.with { [time = trial.time] _, channel in
      time.advance(by: .milliseconds(1250))
      channel.answer()
    } _: { server in
      let result = try await trial.run(["urls": [.string(server.url())]])
      #expect(result["results"]?.array?.first?["duration"] == 1.25)
    }
  }

  @Test("Asks by name, with path, query and port, and without a user agent's secrets")
  func request() async throws {
    try await TestServer.with { _, channel in
      channel.answer()
    } _: { server in
      let policy = try loopback(["127.0.0.0/8"], ["shop.test": ["127.0.0.1"]])
      let result = try await fetch("HTTP://Shop.Test.:\(server.port)/a%20b/../c?q=1&r=%2F#part", policy)
      #expect(result["status"] == 200)
      let head = try #require(server.log.counts.requests.first)
      #expect(head.method == .GET)
      #expect(head.uri == "/a%20b/../c?q=1&r=%2F" || head.uri == "/c?q=1&r=%2F")
      #expect(head.headers["host"] == ["shop.test:\(server.port)"])
      #expect(head.headers["user-agent"] == ["stint"])
      #expect(head.headers["authorization"] == [])
    }
  }

  @Test("Is cancelled while the server has not answered; the connections go")
  func cancelled() async throws {
    try await TestServer.with(answer: { _, _ in }) { server in
      let trial = try Trial("fetch", fetch: try loopback())
      let job = trial.start(["urls": .array((0..<10).map { .string(server.url("/\($0)")) })])
      await server.log.reaches { $0.requests.count == 10 }
      let cancelled = ContinuousClock.now
      job.cancel()
      await #expect(throws: CancellationError.self) { try await job.value }
      // 200 ms are promised; the rest is for a loaded machine.
      #expect(ContinuousClock.now - cancelled < .seconds(5))
      #expect(trial.reports.all.isEmpty)
      await server.log.reaches { $0.closed == 10 }
    }
  }

  @Test("Is cancelled in the middle of a body")
  func cancelledInBody() async throws {
    try await TestServer.with { _, channel in
      channel.begin(.ok, ["content-length": "1000"])
      channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "x"))), promise: nil)
    } _: { server in
      let trial = try Trial("fetch", fetch: try loopback())
      let job = trial.start(["urls": [.string(server.url())]])
      await server.log.reaches { $0.answered == 1 }
      job.cancel()
      await #expect(throws: CancellationError.self) { try await job.value }
      await server.log.reaches { $0.closed == 1 }
    }
  }

  @Test("Is cancelled while a name is being resolved, though the resolver goes on")
  func cancelledInResolution() async throws {
    let entered = AsyncStream.makeStream(of: Void.self)
    let release = DispatchSemaphore(value: 0)
    defer { release.signal() }
    var policy = try loopback()
    policy.resolve = { _, _ in
      try await SystemResolver.offPool {
        entered.continuation.yield()
        release.wait()
        return []
      }
    }
    let job = try Trial("fetch", fetch: policy).start(["urls": ["http://slow.test/"]])
    for await _ in entered.stream { break }
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
  }

  @Test("A body at the limit is counted, one byte more is an error, and an endless one is cut off")
  func bodyLimit() async throws {
    try await TestServer.with { head, channel in
      switch head.uri {
      case "/announced": channel.begin(.ok, ["content-length": "1001"])
      case "/endless":
        channel.begin(.ok, ["transfer-encoding": "chunked"])
        channel.pour()
      case "/chunked/1000", "/chunked/1001":
        let size = head.uri.hasSuffix("1") ? 1001 : 1000
        channel.begin(.ok, ["transfer-encoding": "chunked"])
        for count in [600, size - 600] {
          let chunk = ByteBuffer(repeating: 0x78, count: count)
          channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(chunk)), promise: nil)
        }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
      case let path: channel.answer(body: String(repeating: "x", count: Int(path.dropFirst()) ?? 0))
      }
    } _: { server in
      var policy = try loopback()
      policy.bodyLimit = 1000
      let results = try await fetch(
        ["/1000", "/chunked/1000", "/1001", "/chunked/1001", "/announced", "/endless"].map(server.url), policy)
      #expect(results[..<2].allSatisfy { $0["size"] == 1000 && $0["error"] == .null })
      #expect(results[2...].allSatisfy { $0["error"] == "the body is larger than 1000 bytes" && $0["status"] == .null })
      await server.log.reaches { $0.closed == 6 }
      let endless = try await fetch(server.url("/endless"), try loopback())
      #expect(endless["error"] == "the body is larger than 10 MiB")
      await server.log.reaches { $0.closed == 7 }
    }
  }

  @Test("The time limit holds over silence and over a body that trickles", arguments: ["/silent", "/trickle"])
  func timeLimit(path: String) async throws {
    try await TestServer.with { head, channel in
      if head.uri == "/trickle" { channel.begin(.ok, ["content-length": "1000"]) }
    } _: { server in
      let trial = try Trial("fetch", fetch: try loopback())
      let job = trial.start(["urls": [.string(server.url(path))]])
      await server.log.reaches { $0.answered == 1 }
      trial.time.advance(by: .seconds(30))
      let item = try #require(try await job.value["results"]?.array?.first)
      #expect(item["error"] == "not done within 30 seconds")
      #expect(item["status"] == .null)
      #expect(item["duration"] == 30)
      await server.log.reaches { $0.closed == 1 }
    }
  }

  @Test("The environment's proxy is not used")
  func noProxy() async throws {
    // In a process of its own: the environment belongs to all tests.
    await #expect(processExitsWith: .success) {
      try await TestServer.with(answer: { _, channel in channel.answer(.badGateway) }) { proxy in
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
          setenv(name, proxy.url(), 1)
        }
        try await TestServer.with(answer: { _, channel in channel.answer() }) { server in
          let result = try await fetch(server.url(), try loopback())
          guard result["status"] == 200, proxy.log.counts.opened == 0 else { exit(1) }
        }
      }
    }
  }
}
