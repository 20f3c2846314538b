import Foundation
import StintCore
import StintEngine
import StintHTTP
import StintRemote
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5))) struct RemoteClientTests {
  /// The error of a call that must fail.
  private func fault<Value>(_ call: () async throws(StintError) -> Value) async throws -> StintError {
    do throws(StintError) { _ = try await call() } catch { return error }
    throw StintError(.internalError, "it was accepted")
  }

  @Test func givesTheSameAsALocalClient() async throws {
    try await withServer { server in
      try await withRemote(server) { remote in
        var job = NewJob("large", params: ["text": .string(String(repeating: "p", count: 6_000))])
        job.id = "whole-job-1"
        job.tags = ["team": "ä ö/ü&?#+%"]
        job.metadata = ["deep": [1, 2.5, nil, "x"]]
        job.retry = RetryPolicy(strategy: .fibonacci, base: .milliseconds(250), jitter: 0.25)
        job.timeout = .milliseconds(1_500)
        job.priority = .high
        job.queue = "films"
        let id = try await remote.submit([job], by: tester)[0].id
        let local = try await server.end(of: id)
        #expect(try await remote.job(id).json() == local.json())
        let page = try await remote.list(JobQuery(filter: .tag(key: "team", value: "ä ö/ü&?#+%")))
        #expect(page.jobs.map { $0.json() } == [local.json()], "lists come whole")
        let here = try await server.client.history(id)
        let there = try await remote.history(id)
        #expect(there.map(\.kind) == here.map(\.kind))
        #expect(there.map(\.at) == here.map(\.at))
        #expect(try await remote.jobTypes().map(\.name) == server.client.jobTypes().map(\.name))
        let stats = try await server.client.stats()
        #expect(try await remote.stats() == stats)
        let worker = try #require(try await remote.workers().first)
        let same = try await server.client.workers().first
        #expect(worker.record.id == same?.record.id)
        try await remote.check()
      }
    }
  }

  @Test func readsManyAndPages() async throws {
    try await withServer { server in
      let jobs = try await server.client.submit((0..<250).map { _ in NewJob("noop") }, by: tester)
      for job in jobs { _ = try await server.end(of: job.id) }
      try await withRemote(server) { remote in
        let ids = jobs.map(\.id) + [try #require(JobID("gone-job"))]
        let found = try await remote.jobs(ids)
        #expect(found.compactMap { $0?.id } == jobs.map(\.id))
        #expect(found.last == .some(nil))
        let first = try await remote.list(JobQuery(limit: 100))
        let second = try await remote.list(JobQuery(limit: 200, before: first.next))
        #expect(first.jobs.count == 100)
        #expect(second.jobs.count == 150)
        #expect(second.next == nil)
        let all = try await remote.list(JobQuery(filter: .and([.statuses([.completed]), .type("noop")]), limit: 5_000))
        #expect(all.jobs.count == 250)
        #expect(try await remote.list(JobQuery(filter: .and([.type("noop"), .type("gate")]))).jobs.isEmpty)
        #expect(try await remote.list(JobQuery(filter: .statuses([]))).jobs.isEmpty)
        let batch = try await remote.submit((0..<50).map { _ in NewJob("noop") }, by: tester)
        #expect(batch.count == 50)
        #expect(try await remote.submit([], by: tester).isEmpty)
      }
    }
  }

  @Test func meansIDsLiterally() async throws {
    try await withServer { server in
      _ = try await server.submit("noop", id: "abcdef-123456789")
      try await withRemote(server) { remote in
        let short = try #require(JobID("abcdef-1"))
        #expect(try await remote.jobs([short]) == [nil])
        #expect(
          try await fault { () throws(StintError) in try await remote.cancel(short, by: tester) }.type == .notFound)
        #expect(try await remote.resolve("abcdef-1").id.text == "abcdef-123456789")
        for odd in ["status", ".", "..", "a:b", "-"] {
          let id = try await server.submit("noop", id: odd)
          #expect(try await remote.job(id).id == id, "\(odd)")
        }
      }
    }
  }

  @Test func bringsErrorsBack() async throws {
    try await withServer { server in
      try await withRemote(server) { remote in
        let gone = try #require(JobID("gone-job"))
        #expect(try await fault { () throws(StintError) in try await remote.watch(gone) }.type == .notFound)
        #expect(try await fault { () throws(StintError) in try await remote.history(gone) }.type == .notFound)
        let unknown = try await fault { () throws(StintError) in try await remote.submit([NewJob("nop")], by: tester) }
        let local = try await fault { () throws(StintError) in
          try await server.client.submit([NewJob("nop")], by: tester)
        }
        #expect(unknown == local)
        var job = NewJob("noop")
        job.id = "twice"
        _ = try await remote.submit([job], by: tester)
        let twice = try await fault { () throws(StintError) in try await remote.submit([job], by: tester) }
        #expect(twice.type == .duplicateID)
        #expect(twice.existing?.id.text == "twice")
        let wrong = try await fault { () throws(StintError) in try await remote.remove([.running], by: tester) }
        #expect(wrong.type == .invalidParams)
      }
    }
  }

  @Test func carriesItsToken() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      try await withRemote(server, token: "ada-token") { remote in
        let job = try await remote.submit([NewJob("noop")], by: tester)[0]
        #expect(job.spec.owner == "ada")
      }
      try await withRemote(server, token: "wrong") { remote in
        let refused = try await fault { () throws(StintError) in try await remote.stats() }
        #expect(refused.type == .unauthorized)
      }
      try await withRemote(server, token: "read-token") { remote in
        let refused = try await fault { () throws(StintError) in try await remote.submit([NewJob("noop")], by: tester) }
        #expect(refused.type == .forbidden)
      }
    }
  }

  @Test func saysWhatCanNotBeReached() async throws {
    let held = try HeldPort()
    let port = held.number
    try await withRemote(try RemoteClient(baseURL: "http://127.0.0.1:\(port)/")) { remote in
      let error = try await fault { () throws(StintError) in try await remote.stats() }
      #expect(error.type == .storeUnavailable)
      #expect(error.message == "http://127.0.0.1:\(port) can not be reached: Connection refused")
    }
    for wrong in ["", "127.0.0.1:8080", "ftp://x", "http://", "http://a b", "http://u:p@h", "http://h?x=1"] {
      #expect(throws: StintError.self, "\(wrong)") { try RemoteClient(baseURL: wrong) }
    }
  }

  @Test func comesBackWhenTheServerDoes() async throws {
    let store = MemoryStore()
    // A port that will be taken twice.
    let held = try HeldPort()
    let port = held.number
    var job = NewJob("noop")
    job.id = "later-job"
    job.delay = .seconds(3_600)
    let later = job
    let id = try #require(JobID("later-job"))
    let (stored, seen, ended) = (Hold(), Hold(), Hold())
    let client = try RemoteClient(baseURL: "http://127.0.0.1:\(port)", patience: .seconds(60))
    let updates = try await withRemote(client) { remote in
      try await withThrowingTaskGroup(of: [JobUpdate].self) { group in
        group.addTask {
          await stored.wait()
          var updates: [JobUpdate] = []
          for try await update in try await remote.watch(id) {
            updates.append(update)
            await seen.release()
          }
          await ended.release()
          return updates
        }
        group.addTask {
          try await withServer(configuration: HTTPConfiguration(port: port), store: store) { server in
            _ = try await server.client.submit([later], by: tester)
            await stored.release()
            await seen.wait()
          }
          try await withServer(configuration: HTTPConfiguration(port: port), store: store) { server in
            _ = try await server.client.cancel(id, by: tester)
            await ended.wait()
          }
          return []
        }
        var all: [JobUpdate] = []
        while let some = try await group.next() { all += some }
        return all
      }
    }
    #expect(updates.count == 2, "the state once, although it was told twice; and the end")
    guard case .ended(let last)? = updates.last else { throw StintError(.internalError, "no end") }
    #expect(last.status == .cancelled)
  }
}

/// A port of the loopback address on which nobody answers until a server takes it, and which no other test gets.
private final class HeldPort: Sendable {
  let number: Int
  private let descriptor: Int32

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    number = Int(UInt16(bigEndian: address.sin_port))
    try #require(isBound)
  }

  deinit { close(descriptor) }
}
