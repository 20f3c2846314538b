import StintCore
import StintSQLite
import StintStore

/// Where a store is, as its URL names it.
enum StoreLocation: Sendable, Hashable {
  case memory
  case sqlite(path: String)

  /// A location from `sqlite:PATH` or `memory:`.
  init(_ text: String) throws(StintError) {
    if text == "memory:" || text == "memory" {
      self = .memory
      return
    }
    let later = ["postgres:", "postgresql:", "redis:", "rediss:", "sqs:"]
    if let scheme = later.first(where: text.hasPrefix) {
      throw StintError(
        .invalidParams, "store: \(scheme) is not available in this version of Stint; allowed: sqlite:PATH, memory:")
    }
    guard text.hasPrefix("sqlite:") else {
      throw StintError(
        .invalidParams, "store: \(JSONValue.string(text).excerpt()) is no store; allowed: sqlite:PATH, memory:")
    }
    var path = text.dropFirst("sqlite:".count)
    // `sqlite:///var/lib/x.db` as other programs write it.
    if path.hasPrefix("//") { path = path.dropFirst(2) }
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw StintError(.invalidParams, "store: \(JSONValue.string(text).excerpt()) names no file; give sqlite:PATH")
    }
    self = .sqlite(path: String(path))
  }

  /// Opens the store.
  func open(_ need: StoreNeed) async throws(StintError) -> any Store {
    switch self {
    case .memory:
      guard need == .running || need == .examining else {
        throw StintError(
          .invalidParams,
          "store: memory: ends with the process, so this command would find nothing in it; allowed: sqlite:PATH")
      }
      return MemoryStore()
    case .sqlite(let path):
      let isMade = need == .creating || need == .running
      do throws(StoreError) {
        return try await SQLiteStore.open(path: path, creation: isMade ? .createIfMissing : .mustExist)
      } catch {
        guard case .missing = error else { throw error.stintError }
        throw StintError(
          .storeUnavailable,
          "\(error). `stint serve` or `stint submit` makes one there; --store sqlite:PATH names another.")
      }
    }
  }
}
