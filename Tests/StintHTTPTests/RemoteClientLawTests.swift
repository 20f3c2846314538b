import StintCore
import StintEngine
import StintHTTP
import StintLaws
import StintRemote
import StintSQLite
import StintStore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The promises that hold for a local client hold over HTTP.
@Suite(.timeLimit(.minutes(5))) struct RemoteClientLawTests {
  @Test(arguments: ClientLaw.all) func holdsOverHTTP(_ law: ClientLaw) async throws {
    try await withServer(handlers: ClientLaw.handlers) { server in
      try await withRemote(server) { remote in try await law.check(remote) }
    }
  }

  @Test(arguments: ClientLaw.all) func holdsOverHTTPOnSQLite(_ law: ClientLaw) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-remote-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try await SQLiteStore.open(path: folder.appendingPathComponent("jobs.db").path)
    try await withServer(store: store, handlers: ClientLaw.handlers) { server in
      try await withRemote(server) { remote in try await law.check(remote) }
    }
    await store.close()
  }
}

/// A remote client of `server`, shut down after `body`.
func withRemote<Value: Sendable>(
  _ server: TestServer, token: String? = nil, _ body: (RemoteClient) async throws -> Value
) async throws -> Value {
  try await withRemote(try RemoteClient(baseURL: server.url, token: token), body)
}

/// The client, shut down after `body`, also where that throws: dropping one that was not shut down traps.
func withRemote<Value: Sendable>(
  _ remote: RemoteClient, _ body: (RemoteClient) async throws -> Value
) async throws -> Value {
  do {
    let value = try await body(remote)
    await remote.shutdown()
    return value
  } catch {
    await remote.shutdown()
    throw error
  }
}
