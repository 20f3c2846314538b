/// Why a job moves. Each case is one row or more of ``Lifecycle/moves``.
public enum Cause: Sendable, Hashable {
  /// A worker took it. The lease ends at `lease`; `begins` tells whether the handler starts now or the job was
  /// claimed ahead of a free slot.
  case claimed(worker: String, lease: LeaseInstant, begins: Bool)
  /// Its time has come.
  case promoted
  /// The jobs it waits for are done.
  case unblocked
  /// The handler returned.
  case succeeded(RawJSON?)
  /// The handler threw; `retryAfter` replaces the policy's delay.
  case failed(message: String, retryAfter: Duration? = nil)
  /// The attempt took longer than its timeout.
  case timedOut
  /// The attempt showed no sign of life for its stall timeout.
  case stalled
  /// The handler threw "give up".
  case gaveUp(message: String)
  /// The params do not decode, or no handler is left for the type.
  case undecodable(message: String)
  /// The handler asked for another time: not counted.
  case snoozed(until: Timestamp)
  /// The worker gives it back unharmed: not counted.
  case released
  /// The attempt stopped because its cancellation was asked for, or the grace for that is over.
  case stopped
  /// The worker or its lease was lost. `alone`: no other job ran in the lost process, so the loss is this job's own.
  /// `seen`: a supervisor saw the process end, so nobody waits for the lease. `counts`: it was not the supervisor's own
  /// end that took the worker along.
  case lost(message: String, alone: Bool, seen: Bool = false, counts: Bool = true)
  /// It waited too long.
  case startExpired
  /// It was not over at its deadline.
  case deadlineExceeded
  /// Someone asked for its end.
  case cancelRequested(by: Actor)
  /// A job it needs did not complete.
  case dependencyFailed(JobID)
  /// A person wants it to run again; `blocked` where it waits for other jobs.
  case retried(by: Actor, blocked: Bool = false)

  /// The cause without its particulars: the key of the table, and the word in history.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The job came into being. Never a move: it is the first event of every job.
    case submitted
    /// See ``Cause/claimed(worker:lease:begins:)``.
    case claimed
    /// See ``Cause/promoted``.
    case promoted
    /// See ``Cause/unblocked``.
    case unblocked
    /// See ``Cause/succeeded(_:)``.
    case succeeded
    /// See ``Cause/failed(message:retryAfter:)``.
    case failed
    /// See ``Cause/timedOut``.
    case timedOut = "timed_out"
    /// See ``Cause/stalled``.
    case stalled
    /// See ``Cause/gaveUp(message:)``.
    case gaveUp = "gave_up"
    /// See ``Cause/undecodable(message:)``.
    case undecodable
    /// See ``Cause/snoozed(until:)``.
    case snoozed
    /// See ``Cause/released``.
    case released
    /// See ``Cause/stopped``.
    case stopped
    /// See ``Cause/lost(message:alone:seen:counts:)``.
    case lost = "worker_lost"
    /// See ``Cause/startExpired``.
    case startExpired = "start_expired"
    /// See ``Cause/deadlineExceeded``.
    case deadlineExceeded = "deadline_exceeded"
    /// See ``Cause/cancelRequested(by:)``.
    case cancelRequested = "cancel_requested"
    /// See ``Cause/dependencyFailed(_:)``.
    case dependencyFailed = "dependency_failed"
    /// See ``Cause/retried(by:blocked:)``.
    case retried

    /// A small number for stores, stable for ever.
    public var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The kind of a ``code``, or nil.
    public init?(code: Int) {
      guard Self.allCases.indices.contains(code) else { return nil }
      self = Self.allCases[code]
    }

    /// Whether it ends an attempt.
    public var endsAttempt: Bool {
      switch self {
      case .succeeded, .failed, .timedOut, .stalled, .gaveUp, .undecodable, .snoozed, .released, .stopped, .lost,
        .deadlineExceeded:
        true
      default: false
      }
    }
  }

  /// The cause without its particulars.
  public var kind: Kind {
    switch self {
    case .claimed: .claimed
    case .promoted: .promoted
    case .unblocked: .unblocked
    case .succeeded: .succeeded
    case .failed: .failed
    case .timedOut: .timedOut
    case .stalled: .stalled
    case .gaveUp: .gaveUp
    case .undecodable: .undecodable
    case .snoozed: .snoozed
    case .released: .released
    case .stopped: .stopped
    case .lost: .lost
    case .startExpired: .startExpired
    case .deadlineExceeded: .deadlineExceeded
    case .cancelRequested: .cancelRequested
    case .dependencyFailed: .dependencyFailed
    case .retried: .retried
    }
  }
}

/// Who did something, and from where.
public struct Actor: Sendable, Hashable {
  /// The person or program: a token's owner, a user's name.
  public let name: String
  /// The door they used: `http 127.0.0.1`, `command host`, `library`.
  public let origin: String

  /// An actor from a name and a door.
  public init(name: String, origin: String) {
    self.name = name
    self.origin = origin
  }

  /// Whether they came from outside, over HTTP or a WebSocket: not every type may be run for them.
  public var isRemote: Bool { origin == "http" || origin.hasPrefix("http ") }

  /// Stint itself.
  public static let system = Actor(name: "stint", origin: "maintenance")
}
