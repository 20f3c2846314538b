import StintCore
import StintEngine

/// Which params of which job types are secret, read from the client and kept for a second.
actor SecretParams {
  /// The secret params by type.
  struct Known: Sendable {
    fileprivate var byType: [String: Set<String>] = [:]
    static let none = Known()

    /// The secret params of a type; none where the type is unknown.
    subscript(type: String) -> Set<String> { byType[type] ?? [] }
  }

  private let client: any JobClient
  private let time: any TimeSource
  private var known = Known.none
  private var readAt: Duration?

  init(client: any JobClient, time: any TimeSource) {
    self.client = client
    self.time = time
  }

  /// What is secret, at most a second old, and read anew where one of `types` was not known then.
  func read(for types: some Sequence<String> & Sendable) async throws(StintError) -> Known {
    let now = time.uptime()
    if let readAt, now - readAt < .seconds(1), types.allSatisfy({ known.byType[$0] != nil }) { return known }
    var fresh = Known()
    for type in try await client.jobTypes() {
      let secrets = Set(type.params.filter(\.isSecret).map(\.name))
      for name in [type.name] + type.aliases { fresh.byType[name] = secrets }
    }
    // A type that nobody publishes any more keeps its secrets as long as it was once known.
    known.byType.merge(fresh.byType) { $1 }
    readAt = now
    return known
  }
}
