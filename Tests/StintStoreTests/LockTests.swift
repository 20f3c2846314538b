import StintCore
import StintStore
import Testing

@testable import StintSQLite

/// A database that another connection keeps locked for writing.
@Suite(.timeLimit(.minutes(5))) struct LockTests {
  /// A connection that holds the lock.
  private func lock(_ path: String) throws -> SQLiteConnection {
    let connection = try SQLiteConnection(path: path, flags: 2)
    try connection.execute("BEGIN IMMEDIATE")
    return connection
  }

  @Test func whoComesWhileOthersWaitForALockWaitsWithThem() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      try await withStore(try await SQLiteStore.open(path: path, lockWait: .seconds(4))) { store in
        let holder = try lock(path)
        let begin = ContinuousClock.now
        let refused = await withTaskGroup(of: Bool.self) { group in
          // The first waits alone; those that come then do not wait for as long once more when it has given up.
          for _ in 0..<20 {
            group.addTask {
              do throws(StoreError) { try await store.check() } catch {
                if case .unavailable(_, effect: .notApplied) = error { return true }
              }
              return false
            }
            await Task.yield()
          }
          return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(refused == 20)
        let took = ContinuousClock.now - begin
        #expect(took >= .seconds(4) && took < .milliseconds(7_500), "\(took)")
        try holder.execute("ROLLBACK")
        try await store.check()
      }
    }
  }
}
