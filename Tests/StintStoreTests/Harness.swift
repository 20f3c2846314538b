import StintStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A new folder that goes away again; in memory where the machine has such a place, because most tests want speed and
/// not a disk.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
  let shared = "/dev/shm"
  let base =
    FileManager.default.isWritableFile(atPath: shared) ? shared : FileManager.default.temporaryDirectory.path
  let folder = "\(base)/stint-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

/// Closes the store when `body` is through, however it ends.
func withStore<Opened: Store, Value>(_ store: Opened, _ body: (Opened) async throws -> Value) async throws -> Value {
  do {
    let value = try await body(store)
    await store.close()
    return value
  } catch {
    await store.close()
    throw error
  }
}
