import CSQLite
import Foundation
import StintCore
import StintEngine
import StintSQLite
import StintStore
import Testing

/// A job that is completed in a transaction of its handler's own.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TransactionTests {
  /// A connection of the handler's own.
  private final class Database: Sendable {
    // Safe because it is set once, and used by one task at a time.
    nonisolated(unsafe) let handle: OpaquePointer

    init(_ path: String) throws {
      var opened: OpaquePointer?
      let code = sqlite3_open(path, &opened)
      handle = try #require(opened)
      #expect(code == SQLITE_OK)
      sqlite3_busy_timeout(handle, 30_000)
    }

    deinit { sqlite3_close_v2(handle) }

    struct Failed: Error { let code: Int32 }

    func execute(_ sql: String) throws {
      let code = sqlite3_exec(handle, sql, nil, nil, nil)
      if code != SQLITE_OK { throw Failed(code: code) }
    }

    func rows(_ sql: String) throws -> [[String]] {
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { throw Failed(code: -1) }
      defer { sqlite3_finalize(statement) }
      var rows: [[String]] = []
      while sqlite3_step(statement) == SQLITE_ROW {
        rows.append((0..<sqlite3_column_count(statement)).map { String(cString: sqlite3_column_text(statement, $0)) })
      }
      return rows
    }
  }

  /// Writes an effect and completes the job, in one transaction; `between` is called before the commit.
  private static func handler(_ path: String, between: @escaping @Sendable () throws -> Void = {}) -> Handler {
    Handler(JobType(name: "pay", maxRetries: 3, retry: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0))) {
      context in
      let database = try Database(path)
      try database.execute("BEGIN IMMEDIATE")
      do {
        try database.execute("INSERT INTO effects VALUES ('\(context.job.id)')")
        let result = RawJSON(["attempt": .integer(Int64(context.attempt))])
        try SQLiteStore.complete(context.job, result: result, in: database.handle, at: context.time.now())
        try between()
        try database.execute("COMMIT")
      } catch {
        try database.execute("ROLLBACK")
        throw error
      }
      return nil
    }
  }

  private static func configuration() -> EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.slots = 4
    configuration.aheadLimit = 0
    configuration.lease = .seconds(1)
    configuration.heartbeat = .milliseconds(300)
    configuration.poll = .milliseconds(100)
    configuration.maxLosses = 1_000
    return configuration
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-pay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.appendingPathComponent("stint.db").path)
  }

  private struct Refused: Error {}

  @Test func theEffectAndTheEndAreOne() async throws {
    try await withFolder { path in
      let store = try await SQLiteStore.open(path: path)
      let database = try Database(path)
      try database.execute("CREATE TABLE effects (job TEXT NOT NULL)")
      let tries = Log<Int>()
      let handler = Self.handler(path) {
        tries.add(1)
        if tries.all.count == 1 { throw Refused() }  // rolled back: neither the effect nor the end stays
      }
      let engine = Engine(store: store, handlers: [handler], configuration: Self.configuration(), logger: quietLogger)
      let job = try await engine.client.submit(NewJob("pay"))
      let ended = try await engine.execute(job.id)
      #expect(ended.status == .completed && ended.state.attempt == 2 && ended.state.retryCount == 1)
      #expect(ended.result == RawJSON(["attempt": 2]), "the transaction's result, not the handler's")
      #expect(try database.rows("SELECT job FROM effects") == [[job.id.text]])
      let kinds = try await engine.client.history(job.id).map(\.kind)
      #expect(kinds == [.submitted, .failed, .succeeded])
      #expect(try await engine.client.stats().counts[.completed] == 1)
      // A late writer, and one without a transaction, change nothing.
      let late = #expect(throws: StintError.self) {
        try database.execute("BEGIN IMMEDIATE")
        defer { try? database.execute("ROLLBACK") }
        try SQLiteStore.complete(job, in: database.handle, at: SystemTime().now())
      }
      #expect(late?.type == .superseded)
      let outside = #expect(throws: StintError.self) {
        try SQLiteStore.complete(ended, in: database.handle, at: SystemTime().now())
      }
      #expect(outside?.message.contains("open transaction") == true)
      await store.close()
    }
  }

  private static let child = "STINT_TEST_PAY"

  /// Runs in the process that the test below starts, and is killed there.
  @Test(.enabled(if: ProcessInfo.processInfo.environment[child] != nil)) func paysUntilItIsKilled() async throws {
    let path = try #require(ProcessInfo.processInfo.environment[Self.child])
    let store = try await SQLiteStore.open(path: path)
    let handler = Self.handler(path) { FileHandle.standardError.write(Data("@".utf8)) }
    await Engine(store: store, handlers: [handler], configuration: Self.configuration(), logger: quietLogger).run()
  }

  @Test func aKillBetweenEffectAndCommitDoublesNothing() async throws {
    try await withFolder { path in
      let store = try await SQLiteStore.open(path: path)
      let database = try Database(path)
      try database.execute("CREATE TABLE effects (job TEXT NOT NULL)")
      let client = LocalClient(store: store, types: [JobType(name: "pay")])
      let jobs = try await client.submit([NewJob](repeating: NewJob("pay"), count: 300), by: .system)
      var random = SystemRandomNumberGenerator()
      var kills = 0
      while kills < 12 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--filter", "paysUntilItIsKilled"]
        process.environment = ProcessInfo.processInfo.environment.merging([Self.child: path]) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        // Each sign is an attempt between its effect and its commit; the kill comes at one of them.
        var signs = Int.random(in: 1...15, using: &random)
        while signs > 0 {
          let bytes = pipe.fileHandleForReading.availableData
          if bytes.isEmpty { break }
          signs -= bytes.count { $0 == UInt8(ascii: "@") }
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        kills += 1
      }
      let handler = Self.handler(path)
      let engine = Engine(store: store, handlers: [handler], configuration: Self.configuration(), logger: quietLogger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await engine.run() }
        for job in jobs { for try await _ in try await engine.client.watch(job.id) {} }
        group.cancelAll()
      }
      let counts = try database.rows("SELECT job, count(*) FROM effects GROUP BY job")
      #expect(counts.count == jobs.count && counts.allSatisfy { $0[1] == "1" }, "exactly one effect a job")
      #expect(try await engine.client.stats().counts[.completed] == jobs.count)
      let ended = try await engine.client.jobs(jobs.map(\.id)).compactMap { $0 }
      #expect(ended.contains { $0.state.losses > 0 }, "no attempt was killed: nothing was tried")
      await store.close()
    }
  }
}
