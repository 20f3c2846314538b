import StintCore
import StintStore
import Testing

@testable import StintSQLite

/// A database that another connection keeps locked for writing.
@Suite(.timeLimit(.minutes(5))) struct LockTests {
  @Test func whoComesWhileOthersWaitForALockWaitsWithThem() {
    var patience = LockPatience(limit: 2_000)
    #expect(patience.deadlines(cameAt: [100, 900], now: 1_000) == [3_000, 3_000], "what kept them was no lock")
    patience.tried(isLocked: true, begun: 1_000)
    // Behind them came two, who are tried when they have given up.
    #expect(patience.deadlines(cameAt: [1_500, 2_900], now: 3_000) == [3_500, 4_900])
    patience.tried(isLocked: true, begun: 3_000)
    #expect(patience.deadlines(cameAt: [2_900], now: 3_500) == [4_900], "one who was tried with another goes on")
    patience.tried(isLocked: false, begun: 3_500)
    #expect(patience.deadlines(cameAt: [2_900], now: 4_000) == [6_000])
  }

  @Test func allAreAnsweredAndTheNextOnesGetTheLock() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/a.db"
      try await withStore(try await SQLiteStore.open(path: path, lockWait: .milliseconds(300))) { store in
        let holder = try SQLiteConnection(path: path, flags: 2)
        try holder.execute("BEGIN IMMEDIATE")
        let refused = await withTaskGroup(of: Bool.self) { group in
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
        try holder.execute("ROLLBACK")
        try await store.check()
      }
    }
  }
}
