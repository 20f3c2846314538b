import StintLaws
import StintSQLite
import StintStore
import StintTesting
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct ClientLawTests {
  @Test(arguments: ClientLaw.all) func holdsOnTheStoreInMemory(_ law: ClientLaw) async throws {
    try await withEngine(ClientLaw.handlers) { engine, _ in try await law.check(engine.client) }
  }

  @Test(arguments: ClientLaw.all) func holdsOnSQLite(_ law: ClientLaw) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "stint-laws-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let time = ManualTime()
    let store = try await SQLiteStore.open(
      path: folder.appending(path: "stint.db").path, leaseClock: time.leaseClock)
    let result: Result<Void, any Error>
    do {
      try await withEngine(ClientLaw.handlers, store: store, time: time) { engine, _ in
        try await law.check(engine.client)
      }
      result = .success(())
    } catch { result = .failure(error) }
    await store.close()
    try result.get()
  }
}
