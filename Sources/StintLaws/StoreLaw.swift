public import StintStore

/// A fresh, empty store for one law, and the hands it needs.
public struct StoreUnderTest: Sendable {
  /// The store.
  public let store: any Store
  /// Moves the clock that judges leases on.
  public let advance: @Sendable (Duration) -> Void
  /// Opens the same data again after the store was closed; nil where nothing survives that.
  public let reopen: (@Sendable () async throws -> any Store)?

  /// A store with its lease clock, and the way to open it again.
  public init(
    store: any Store, advance: @escaping @Sendable (Duration) -> Void,
    reopen: (@Sendable () async throws -> any Store)? = nil
  ) {
    self.store = store
    self.advance = advance
    self.reopen = reopen
  }
}

/// A promise of the ``StintStore/Store`` port, checked on any store.
///
/// Each law wants an empty store of its own and leaves it in any condition, even closed. Laws wait for nothing: time
/// is what they pass to the store, and lease time what they move by ``StoreUnderTest/advance``.
public struct StoreLaw: Sendable, CustomStringConvertible {
  /// The promise in words.
  public let name: String
  /// Checks it. Throws ``LawViolation`` where it does not hold, and whatever the store throws.
  public let check: @Sendable (StoreUnderTest) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (StoreProbe) async throws -> Void) {
    self.name = name
    self.check = { try await body(StoreProbe(law: name, under: $0)) }
  }

  /// The name.
  public var description: String { name }

  /// Every law of the port.
  public static let all: [StoreLaw] = inserting + claiming + leases + moving + failing + reading + living
}
