import StintLaws
import StintSQLite
import StintStore
import StintTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct StoreLawTests {
  @Test(arguments: StoreLaw.all) func holdsInMemory(_ law: StoreLaw) async throws {
    let time = ManualTime()
    let store = MemoryStore(leaseClock: time.leaseClock)
    try await law.check(StoreUnderTest(store: store, advance: { time.advance(by: $0) }))
  }

  @Test(arguments: StoreLaw.all) func holdsInSQLite(_ law: StoreLaw) async throws {
    try await withTemporaryFolder { folder in
      let time = ManualTime()
      let open: @Sendable () async throws -> SQLiteStore = {
        try await SQLiteStore.open(path: folder + "/stint.db", leaseClock: time.leaseClock)
      }
      try await withStore(try await open()) { store in
        try await law.check(StoreUnderTest(store: store, advance: { time.advance(by: $0) }, reopen: open))
      }
    }
  }
}
