import Foundation
import StintCore
import Testing

/// The server as a process: how it starts, stops, and dies.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ServeTests {
  @Test func aPortInUse() async throws {
    try await Program.with { program in
      try await Server.with(program) { server in
        let second = try await program.run("serve", "--port", "\(server.port)")
        #expect(
          second.code == 65 && second.err.contains("\(server.port)") && second.err.contains("in use"), "\(second)")
        #expect(second.out.isEmpty)
      }
    }
  }

  @Test func theGreetingSaysWhereAndWhatNext() async throws {
    try await Program.with { program in
      let child = try Child(program, ["serve", "--port", "0"])
      try await child.line("the end of the greeting") { $0.contains("Ctrl-C") }
      for text in ["listens on http://127.0.0.1:", "stint.db in the data directory", "stint submit countdown"] {
        #expect(child.out.contains(text), "\(child.out)")
      }
      child.send(SIGINT)
      #expect(try await child.exit() == 0)
    }
  }

  @Test func theDemoSubmitsImageJobsOnItsPhotos() async throws {
    try await Program.with { program in
      try await Server.with(program, ["--demo", "--store", "memory:"]) { server in
        try await server.child.note("demo started")
        #expect(try FileManager.default.contentsOfDirectory(atPath: program.path("images")).count >= 999)
        let own = try await program.run(
          "submit", "image.thumbnail", "--param", "filename=photo_999.jpg", "--wait", "--url", server.url, "--json")
        #expect(own.code == 0, "\(own.err)")
        let job = try JSONParser.parse(Array(own.out.utf8))
        let file = try #require(job["result"]?["file"]?.string)
        #expect(FileManager.default.fileExists(atPath: program.path("images/" + file)))
        // One in five attempts.
        try await server.child.note("Simulated failure")
      }
    }
  }

  @Test func tokens() async throws {
    try await Program.with { program in
      let open = try await program.run("serve", "--host", "0.0.0.0", "--port", "0")
      #expect(open.code == 65 && open.err.contains("0.0.0.0") && open.err.contains("token"), "\(open)")
      try program.write("token", "0123456789abcdef0123\n", mode: 0o644)
      let readable = try await program.run("serve", "--port", "0", "--token-file", "token")
      #expect(readable.code == 65 && readable.err.contains("0644") && readable.err.contains("chmod 600"), "\(readable)")
      try program.write("token", "0123456789abcdef0123\n")
      try program.write("reader", "abcdefghijklmnopqrst\n")
      try await Server.with(program, ["--token-file", "token", "--read-token-file", "reader"]) { server in
        let stranger = try await program.run("list", "--url", server.url)
        #expect(stranger.code == 77, "\(stranger)")
        #expect(try await program.run("list", "--url", server.url, "--token-file", "token").code == 0)
        #expect(try await program.run("list", "--url", server.url, "--token-file", "reader").code == 0)
        let submit = ["submit", "prime", "--url", server.url, "--token-file"]
        #expect(try await program.run(submit + ["reader"]).code == 77)
        #expect(try await program.run(submit + ["token"]).code == 0)
      }
    }
  }

  /// Starts long countdowns and waits until each has shown progress.
  private func occupy(_ program: Program, _ server: Server, ids: [String]) async throws {
    for id in ids {
      let submit = ["submit", "countdown", "-p", "seconds=60", "--id", id, "--url", server.url]
      #expect(try await program.run(submit).code == 0)
    }
    for id in ids {
      let follow = try Child(program, ["follow", id, "--url", server.url])
      try await follow.line("progress of \(id)") { $0.contains("seconds remaining") }
      follow.send(SIGKILL)
      _ = try await follow.exit()
    }
  }

  private func state(_ program: Program, _ id: String) async throws -> JSONValue {
    try await program.run("show", id, "--json").json
  }

  @Test func aGracefulStopGivesBackWhatRunsAndDoesNotWaitForStreams() async throws {
    try await Program.with(environment: ["STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0"]) { program in
      let server = try await Server.start(program)
      try await occupy(program, server, ids: ["long-0001", "long-0002"])
      let stream = try Socket(port: server.port)
      try stream.send("GET /api/jobs/long-0001/progress HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n\r\n")
      #expect(try await stream.read(until: "event: progress").contains("text/event-stream"))
      let half = try Socket(port: server.port)
      try half.send("POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nContent-Length: 100\r\n\r\n{\"ty")
      let begin = ContinuousClock.now
      server.child.send(SIGTERM)
      #expect(try await server.child.exit() == 0, "\(server.child.err)")
      #expect(ContinuousClock.now - begin < .seconds(20), "the stop was held up")
      for id in ["long-0001", "long-0002"] {
        let job = try await state(program, id)
        #expect(job["status"] == "pending" && job["retry_count"] == 0 && job["losses"] == 0, "\(job)")
        #expect(job["history"]?.array?.map { $0["event"] } == ["submitted", "released"])
      }
      try await stream.readToEnd()
    }
  }

  @Test func aSecondSignalStopsAtOnceStillReleasing() async throws {
    try await Program.with { program in
      let server = try await Server.start(program)
      try await occupy(program, server, ids: ["long-0001"])
      server.child.send(SIGTERM)
      try await server.child.note("Once more stops at once")
      server.child.send(SIGTERM)
      #expect(try await server.child.exit() == 130)
      let job = try await state(program, "long-0001")
      #expect(job["status"] == "pending" && job["retry_count"] == 0, "\(job)")
    }
  }

  @Test func runningJobsMayFinishDuringAGracefulStop() async throws {
    try await Program.with { program in
      let server = try await Server.start(program)
      let submit = ["submit", "countdown", "-p", "seconds=6", "--id", "short-001", "--url", server.url]
      #expect(try await program.run(submit).code == 0)
      let follow = try Child(program, ["follow", "short-001"])
      try await follow.line("progress") { $0.contains("remaining") }
      server.child.send(SIGTERM)
      #expect(try await server.child.exit() == 0)
      #expect(try await follow.exit() == 0)
      #expect(try await state(program, "short-001")["attempt"] == 1)
    }
  }

  /// kill -9 while jobs run: nothing acknowledged is lost, each has one outcome, and only what ran runs again.
  @Test func afterAKillEveryJobHasExactlyOneOutcome() async throws {
    let environment = [
      "STINT_WORKERS_LEASE_SECONDS": "2", "STINT_WORKERS_HEARTBEAT_SECONDS": "0.5", "STINT_WORKERS_SLOTS": "2",
      "STINT_WORKERS_POLL_SECONDS": "0.2",
    ]
    try await Program.with(environment: environment) { program in
      let server = try await Server.start(program)
      func submit(_ ids: [String], _ type: String, _ params: String) async throws {
        let file = ids.map { #"{"type": "\#(type)", "id": "\#($0)", "params": \#(params)}"# }.joined(separator: ",")
        let output = try await program.run(["submit", "--job-file", "-", "--url", server.url], input: "[\(file)]")
        #expect(output.code == 0, "\(output)")
      }
      let before = (0..<10).map { "before-\($0)" }
      try await submit(before, "prime", #"{"limit": 100}"#)
      #expect(try await program.run(["wait"] + before + ["--url", server.url]).code == 0)
      let running = ["running-1", "running-2"]
      try await submit(running, "countdown", #"{"seconds": 4}"#)
      for id in running {
        let follow = try Child(program, ["follow", id, "--url", server.url])
        try await follow.line("progress of \(id)") { $0.contains("remaining") }
        follow.send(SIGKILL)
        _ = try await follow.exit()
      }
      let waiting = (0..<20).map { "waiting-\($0)" }
      try await submit(waiting, "prime", #"{"limit": 100}"#)
      server.child.send(SIGKILL)
      #expect(try await server.child.exit() == 128 + SIGKILL)

      try await Server.with(program) { server in
        let all = before + running + waiting
        let waited = try await program.run(["wait"] + all + ["--url", server.url, "--json"])
        #expect(waited.code == 0, "\(waited)")
        #expect(waited.json.array?.allSatisfy { $0["status"] == "completed" } == true)
        for id in all {
          let job = try await state(program, id)
          let events = job["history"]?.array ?? []
          #expect(events.filter { $0["event"] == "succeeded" }.count == 1, "\(id): \(events)")
          // An attempt that began is one whose end says when.
          let begun = events.filter { $0["started_at"]?.number != nil }.count
          #expect(begun == (running.contains(id) ? 2 : 1), "\(id): \(events)")
          let lost = events.filter { $0["error"]?["type"] == "worker_lost" }.count
          #expect(lost == (running.contains(id) ? 1 : 0) || !running.contains(id), "\(id): \(events)")
        }
        #expect(try await program.run("list", "--limit", "1000", "--json").json.array?.count == all.count)
      }
    }
  }
}

/// A plain TCP connection to the server, for what no client library would send.
final class Socket: Sendable {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0, "connect: \(String(cString: strerror(errno)))")
    // A read that waits longer than this fails the test.
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    let count = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    try #require(count == bytes.count)
  }

  /// Reads until the text has come; gives everything read.
  func read(until text: String) async throws -> String {
    let found = await received { $0.contains(text) }
    try #require(found.contains(text), "\(text) did not come: \(found)")
    return found
  }

  /// Reads until the server closes the connection.
  func readToEnd() async throws { _ = await received { _ in false } }

  private func received(until isEnough: @escaping @Sendable (String) -> Bool) async -> String {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [descriptor] in
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !isEnough(String(decoding: all, as: UTF8.self)) {
          let count = recv(descriptor, &buffer, buffer.count, 0)
          guard count > 0 else { break }
          all += buffer.prefix(count)
        }
        continuation.resume(returning: String(decoding: all, as: UTF8.self))
      }
    }
  }
}
