/// Where a job is in its life. See ``Lifecycle`` for the moves between these.
public enum JobStatus: String, Sendable, Hashable, CaseIterable, Codable {
  /// Waits for other jobs.
  case blocked
  /// Waits for its time.
  case scheduled
  /// Ready: the next free worker takes it.
  case pending
  /// A worker holds a lease on it.
  case running
  /// Failed, and waits for its next attempt.
  case retrying
  /// Ended well.
  case completed
  /// Ended badly; a dead letter unless it was escalated.
  case failed
  /// Ended because someone asked for it, or because a job it needs did not complete.
  case cancelled

  /// Whether nothing will happen to it any more unless a person retries it.
  public var isTerminal: Bool { self == .completed || self == .failed || self == .cancelled }

  /// Whether it is neither running nor over.
  public var isWaiting: Bool { !isTerminal && self != .running }

  /// The status a person names: `queued` and `in_progress` are accepted for `pending` and `running`.
  public init?(name: String) {
    switch name {
    case "queued": self = .pending
    case "in_progress": self = .running
    default: self.init(rawValue: name)
    }
  }

  /// All names, for messages.
  public static let names = allCases.map(\.rawValue).joined(separator: ", ")

  /// A small number for stores, stable for ever.
  public var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// The status of a ``code``, or nil.
  public init?(code: Int) {
    guard Self.allCases.indices.contains(code) else { return nil }
    self = Self.allCases[code]
  }
}

/// How urgent a job is: a more urgent one is claimed first.
public enum Priority: String, Sendable, Hashable, CaseIterable, Comparable, Codable {
  /// Before all others.
  case critical
  /// Before normal ones.
  case high
  /// The default.
  case normal
  /// After all others.
  case low

  /// 0 for critical to 3 for low: the order of claiming, and what stores keep.
  public var rank: Int {
    switch self {
    case .critical: 0
    case .high: 1
    case .normal: 2
    case .low: 3
    }
  }

  /// The priority of a ``rank``, or nil.
  public init?(rank: Int) {
    guard Self.allCases.indices.contains(rank) else { return nil }
    self = Self.allCases[rank]
  }

  /// The less urgent one is the smaller.
  public static func < (a: Priority, b: Priority) -> Bool { a.rank > b.rank }
}
