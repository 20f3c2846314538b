import Dispatch
import StintCore
import StintTesting
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@testable import StintSQLite
@testable import StintStore

/// What only SQLite promises: files, durability, several processes on one file.
@Suite(.timeLimit(.minutes(5))) struct SQLiteTests {
  private let start = Timestamp(microseconds: 1_764_230_400_000_000)

  private func job(_ id: String, type: String = "work") -> Job {
    let spec = JobSpec(id: JobID(known: id), type: type, createdAt: start)
    return Job(spec: spec, state: JobState(status: .pending, revision: 0, runAt: start))
  }

  private func claim(_ count: Int, by worker: String = "w") -> ClaimRequest {
    ClaimRequest(worker: worker, count: count, lease: .seconds(30))
  }

  /// Opens a store that must be refused; the error.
  private func refusal(_ path: String, creation: SQLiteStore.Creation = .createIfMissing) async -> StoreError? {
    do throws(StoreError) {
      await (try await SQLiteStore.open(path: path, creation: creation)).close()
      return nil
    } catch { return error }
  }

  // MARK: Files

  @Test func theWritersOpenConnectionIsSetToFullDurability() async throws {
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { store in
        try await store.check()
        let settings = try await store.settings()
        #expect(settings.journalMode == "wal")
        #expect(settings.synchronous == 2)
        #expect(settings.version == Schema.version)
        for reader in store.readers {
          #expect(try await reader.read { try $0.integer("PRAGMA query_only") } == 1)
        }
      }
    }
  }

  @Test func filesBelongToTheirOwnerAlone() async throws {
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { store in
        _ = try await store.insert([[job("one")]], at: start)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
          let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
          #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
      }
    }
  }

  @Test func aMissingFileIsNotMadeUnlessWanted() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/none.db"
      #expect(await refusal(path, creation: .mustExist) == .missing(location: path))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(names.isEmpty)
    }
  }

  @Test func whatIsNoStoreIsRefusedAndLeftAlone() async throws {
    try await withTemporaryFolder { folder in
      let text = folder + "/text.db"
      try String(repeating: "This is a letter, not a database. ", count: 200)
        .write(toFile: text, atomically: true, encoding: .utf8)
      let before = FileManager.default.contents(atPath: text)
      for (path, part) in [
        (folder, "is a folder"), (text, "not a SQLite database"), (folder + "/no/such/folder.db", "can not be created"),
        (text + "/beneath", "can not be created"),
      ] {
        guard case .unavailable(let reason, .notApplied)? = await refusal(path) else {
          Issue.record("\(path) was opened")
          continue
        }
        #expect(reason.contains(part) && reason.contains(path))
      }
      #expect(FileManager.default.contents(atPath: text) == before)
    }
  }

  @Test func aDatabaseOfAnotherProgramIsRefusedAndLeftAlone() async throws {
    try await withTemporaryFolder { folder in
      for (index, sql) in ["CREATE TABLE mine (x)", "PRAGMA application_id = 77"].enumerated() {
        let path = "\(folder)/foreign-\(index).db"
        try SQLiteConnection(path: path, flags: Self.create).execute(sql)
        let reason = try #require(await refusal(path)?.description)
        #expect(reason.contains("another program") && reason.contains(path))
        let connection = try SQLiteConnection(path: path, flags: Self.create)
        #expect(try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'jobs'") == 0)
        #expect(try connection.integer("PRAGMA user_version") == 0)
      }
    }
  }

  private static let create: Int32 = 0x2 | 0x4  // SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE

  @Test func aNewerStoreIsRefusedAndLeftAlone() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      await (try await SQLiteStore.open(path: path)).close()
      try SQLiteConnection(path: path, flags: Self.create).execute("PRAGMA user_version = \(Schema.version + 1)")
      let error = await refusal(path)
      #expect(error == .tooNew(found: Schema.version + 1, supported: Schema.version, location: path))
      let found = try SQLiteConnection(path: path, flags: Self.create).integer("PRAGMA user_version")
      #expect(found == Int64(Schema.version + 1))
    }
  }

  // MARK: Several on one file

  @Test func twoStoresOnOneFileSeeEachOthersJobsAndClaimEachOnce() async throws {
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { first in
        try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { second in
          let stores = [first, second]
          for index in 0..<100 {
            let group = [job("j\(index)", type: "t\(index % 7)")]
            _ = try await stores[index % 2].insert([group], at: start)
          }
          #expect(try await first.counts()[.pending] == 100)
          #expect(try await second.list(JobQuery(limit: 1_000)).jobs.count == 100)
          let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
            for (index, store) in (stores + stores).enumerated() {
              let start = start
              group.addTask {
                var mine: [JobID] = []
                while true {
                  let request = ClaimRequest(worker: "w-\(index)", count: 3, lease: .seconds(30))
                  let jobs = try await store.claim(request, at: start)
                  if jobs.isEmpty { return mine }
                  mine += jobs.map(\.id)
                  let changes = try jobs.map { try Lifecycle.move($0, .succeeded(nil), at: start) }
                  for case .stale in try await store.apply(changes, at: start) { Issue.record("a settlement was lost") }
                }
              }
            }
            return try await group.reduce(into: []) { $0 += $1 }
          }
          #expect(claimed.count == 100)
          #expect(Set(claimed).count == 100)
          for store in stores { #expect(try await store.counts()[.completed] == 100) }
          let feeds = (
            try await first.events(after: 0, limit: 1_000), try await second.events(after: 0, limit: 1_000)
          )
          #expect(feeds.0.count == 200)
          #expect(feeds.0 == feeds.1)
        }
      }
    }
  }

  @Test func aRescueInOneStoreMakesTheOthersWorkerStale() async throws {
    try await withTemporaryFolder { folder in
      let time = ManualTime()
      let open = { try await SQLiteStore.open(path: folder + "/a.db", leaseClock: time.leaseClock) }
      try await withStore(try await open()) { first in
        try await withStore(try await open()) { second in
          _ = try await first.insert([[job("one")]], at: start)
          let claimed = try #require(try await first.claim(claim(1), at: start).first)
          time.advance(by: .seconds(31))
          let seen = try #require(try await second.expired(limit: 9).first)
          let rescue = try Lifecycle.move(seen, .lost(message: "gone", alone: false), at: start)
          #expect(try await second.apply([rescue], at: start) != [.missing])
          // Purged and submitted anew by the other, while this one still knows where the job once was.
          let retrying = try #require(try await second.jobs([claimed.id])[0])
          let cancel = try Lifecycle.move(retrying, .cancelRequested(by: .system), at: start)
          _ = try await second.apply([cancel], at: start)
          #expect(try await second.purge(.all, limit: 1) == [claimed.id])
          _ = try await second.insert([[job("one")]], at: start)
          let late = try Lifecycle.move(claimed, .succeeded(nil), at: start)
          guard case .stale(let current)? = try await first.apply([late], at: start).first else {
            Issue.record("The late settlement was not stale")
            return
          }
          #expect(try await first.jobs([claimed.id]) == [current])
        }
      }
    }
  }

  @Test func anotherBootEndsEveryLease() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      let clock: @Sendable (String) -> @Sendable () -> LeaseInstant = { boot in
        { LeaseInstant(boot: boot, microseconds: 5_000_000) }
      }
      try await withStore(try await SQLiteStore.open(path: path, leaseClock: clock("first"))) { store in
        _ = try await store.insert([[job("one")]], at: start)
        #expect(try await store.claim(claim(1), at: start).count == 1)
        #expect(try await store.expired(limit: 1).isEmpty)
      }
      try await withStore(try await SQLiteStore.open(path: path, leaseClock: clock("second"))) { store in
        let lost = try await store.expired(limit: 1)
        #expect(lost.map(\.id.text) == ["one"])
        let rescue = try Lifecycle.move(try #require(lost.first), .lost(message: "reboot", alone: false), at: start)
        guard case .applied? = try await store.apply([rescue], at: start).first else {
          Issue.record("The rescue did not win")
          return
        }
      }
    }
  }

  private func isForeignChange(_ store: SQLiteStore) async throws -> Bool {
    try await store.writer.write { session in session.takeForeignChange() }
  }

  @Test func aForeignWriteIsHintedAt() async throws {
    try await withTemporaryFolder { folder in
      let open = { try await SQLiteStore.open(path: folder + "/a.db", wakeupPoll: .milliseconds(5)) }
      try await withStore(try await open()) { first in
        try await withStore(try await open()) { second in
          // Its own write is no hint.
          _ = try await first.insert([[job("own")]], at: start)
          #expect(try await isForeignChange(first) == false)
          var wakeups = first.wakeups().makeAsyncIterator()
          _ = try await second.insert([[job("foreign")]], at: start)
          #expect(await wakeups.next() != nil)
          // Told once, whether the store then writes itself or not.
          #expect(try await isForeignChange(first) == false)
          _ = try await first.insert([[job("own-again")]], at: start)
          #expect(try await isForeignChange(first) == false)
        }
      }
    }
  }

  // MARK: What is left

  @Test func nothingIsLeftOfAPurgedJob() async throws {
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { store in
        let spec = JobSpec(id: JobID(known: "one"), type: "work", tags: ["a": "b", "c": "d"], createdAt: start)
        let new = Job(spec: spec, state: JobState(status: .pending, revision: 0, runAt: start))
        _ = try await store.insert([[new]], at: start)
        for cause in [Cause.released, .gaveUp(message: "no use")] {
          let claimed = try #require(try await store.claim(claim(1), at: start).first)
          let key = AttemptKey(id: claimed.id, revision: claimed.state.revision)
          _ = try await store.record([AttemptReport(attempt: key, progress: Progress(percent: 5))])
          _ = try await store.apply([try Lifecycle.move(claimed, cause, at: start)], at: start)
        }
        #expect(try await store.purge(.all, limit: 9) == [spec.id])
        for table in ["jobs", "states", "events", "progress", "tags"] {
          let rows = try await store.readers[0].read { try $0.integer("SELECT count(*) FROM \(table)") }
          #expect(rows == 0, "\(table)")
        }
      }
    }
  }

  // MARK: Undone transactions

  @Test func nothingIsRememberedOfATransactionThatWasUndone() async throws {
    struct Undone: Error {}
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { store in
        let (ghost, other, request, start) = (job("ghost"), job("other"), claim(1), start)
        await #expect(throws: StoreError.self) {
          try await store.writer.write { session in
            _ = try session.insert([ghost])
            _ = try session.claim(request, at: start)
            throw Undone()
          }
        }
        #expect(try await store.jobs([ghost.id]) == [nil])
        // Another job now has the sequence that the undone one had.
        _ = try await store.insert([[other]], at: start)
        var claimed = ghost
        Lifecycle.claim(
          &claimed.state, worker: "w", lease: LeaseInstant(boot: "x", microseconds: 1), at: start, begins: true)
        let change = try Lifecycle.move(claimed, .succeeded(nil), at: start)
        #expect(try await store.apply([change], at: start) == [.missing])
        #expect(try await store.counts()[.pending] == 1)
        #expect(try await store.claim(request, at: start).map(\.id) == [other.id])
      }
    }
  }

  // MARK: A disk that hangs

  @Test func whoWaitsForADiskThatHangsIsToldAndTheRestGoesOn() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      let store = try await SQLiteStore.open(path: path, patience: .seconds(1))
      let gate = DispatchSemaphore(value: 0)
      let told = await #expect(throws: StoreError.self) {
        try await store.writer.write { _ in gate.wait() }
      }
      guard case .unavailable(let reason, effect: .unknown) = told else {
        Issue.record("\(String(describing: told))")
        return
      }
      #expect(reason.contains("has not answered for"), "\(reason)")
      // Behind it nothing is tried; reads go on.
      let refused = await #expect(throws: StoreError.self) { try await store.check() }
      guard case .unavailable(_, effect: .notApplied) = refused else {
        Issue.record("\(String(describing: refused))")
        return
      }
      #expect(try await store.jobs([JobID(known: "none")]) == [nil])
      gate.signal()
      // No event tells that it goes on.
      var isBack = false
      while !isBack { isBack = (try? await store.check()) != nil }
      let slow = await #expect(throws: StoreError.self) {
        try await store.readers[0].read { _ in gate.wait() }
      }
      #expect(slow?.description.contains("has not answered for") ?? false)
      for _ in 0..<4 { #expect(try await store.jobs([JobID(known: "none")]) == [nil], "the other reader answers") }
      gate.signal()
      await store.close()
    }
  }

  @Test func aQuestionThatTakesLongIsNoDiskThatHangs() async throws {
    try await withTemporaryFolder { folder in
      try await withStore(try await SQLiteStore.open(path: folder + "/a.db", patience: .seconds(1))) { store in
        let count = try await store.read { connection in
          try connection.integer(
            """
            WITH RECURSIVE numbers(number) AS
              (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 12000000)
            SELECT count(*) FROM numbers
            """)
        }
        #expect(count == 12_000_000)
      }
    }
  }

  @Test func closingDoesNotWaitForADiskThatHangs() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      let store = try await SQLiteStore.open(path: path, patience: .milliseconds(50))
      let gate = DispatchSemaphore(value: 0)
      _ = try? await store.writer.write { _ in gate.wait() }
      await store.close()
      gate.signal()
    }
  }

  @Test func openingWaitsForNobodyWhoWrites() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      let store = try await SQLiteStore.open(path: path)
      let other = try SQLiteConnection(path: path, flags: Self.create)
      try other.execute("BEGIN IMMEDIATE")
      let reading = try await SQLiteStore.open(path: path, creation: .mustExist)
      #expect(try await reading.counts()[.pending] == 0)
      await reading.close()
      try other.execute("ROLLBACK")
      await store.close()
    }
  }
}
