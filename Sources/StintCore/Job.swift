/// What was asked for, fixed at submission: shared by every copy of the job.
public final class JobSpec: Sendable, Hashable {
  /// The job's identity.
  public let id: JobID
  /// The job type's name.
  public let type: String
  /// The queue's name.
  public let queue: String
  /// How urgent it is.
  public let priority: Priority
  /// A JSON object, checked against the type's params.
  public let params: RawJSON
  /// How many counted failures are followed by another attempt.
  public let maxRetries: Int
  /// The delays between attempts.
  public let retry: RetryPolicy
  /// The longest an attempt may take, from the handler's start.
  public let timeout: Duration?
  /// The longest an attempt may go without progress, output or heartbeat from its handler.
  public let stallTimeout: Duration?
  /// Labels to filter by.
  public let tags: [String: String]
  /// Anything the submitter wants to keep with the job: a JSON object.
  public let metadata: RawJSON
  /// Whose job it is.
  public let owner: String?
  /// When it was submitted.
  public let createdAt: Timestamp
  /// Who submitted it, and from where.
  public let submittedBy: Actor
  /// The failed job that it took over from.
  public let escalatedFrom: JobID?
  /// The params that its type called secret at submission: they stay hidden when nobody knows the type any more.
  public let secretParams: [String]

  /// A specification from its parts.
  public init(
    id: JobID, type: String, queue: String = "default", priority: Priority = .normal,
    params: RawJSON = .emptyObject, maxRetries: Int = 3, retry: RetryPolicy = .standard, timeout: Duration? = nil,
    stallTimeout: Duration? = nil, tags: [String: String] = [:], metadata: RawJSON = .emptyObject,
    owner: String? = nil, createdAt: Timestamp, submittedBy: Actor = .system, escalatedFrom: JobID? = nil,
    secretParams: [String] = []
  ) {
    self.id = id
    self.type = type
    self.queue = queue
    self.priority = priority
    self.params = params
    self.maxRetries = maxRetries
    self.retry = retry
    self.timeout = timeout
    self.stallTimeout = stallTimeout
    self.tags = tags
    self.metadata = metadata
    self.owner = owner
    self.createdAt = createdAt
    self.submittedBy = submittedBy
    self.escalatedFrom = escalatedFrom
    self.secretParams = secretParams
  }

  /// Whether all parts are equal.
  public static func == (a: JobSpec, b: JobSpec) -> Bool {
    if a === b { return true }
    return a.id == b.id && a.type == b.type && a.queue == b.queue && a.priority == b.priority && a.params == b.params
      && a.maxRetries == b.maxRetries && a.retry == b.retry && a.timeout == b.timeout
      && a.stallTimeout == b.stallTimeout && a.tags == b.tags && a.metadata == b.metadata && a.owner == b.owner
      && a.createdAt == b.createdAt && a.submittedBy == b.submittedBy && a.escalatedFrom == b.escalatedFrom
      && a.secretParams == b.secretParams
  }

  /// By id.
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// What changes in a job's life. ``Lifecycle`` computes it, the store keeps it.
public struct JobState: Sendable, Hashable {
  /// Where the job is in its life.
  public var status: JobStatus
  /// Fencing token and compare-and-set in one: every move adds 1, marks do not.
  public var revision: Int64
  /// When the job was or is to be ready: the submission's `run_at`, or what a snooze made of it.
  public var runAt: Timestamp
  /// When it became or becomes due: orders claiming within a priority. For `retrying`, the time of the next attempt.
  public var dueAt: Timestamp
  /// Rises with every claim and is never reused; 0 before the first.
  public var attempt: Int = 0
  /// Counted failures.
  public var retryCount: Int = 0
  /// Lost workers.
  public var losses: Int = 0
  /// When the handler of the present or last attempt began; nil while it is claimed ahead of a free slot.
  public var startedAt: Timestamp?
  /// When the job ended.
  public var completedAt: Timestamp?
  /// The worker that runs it or ran it last.
  public var workerID: String?
  /// The end of the lease by the store's own clock (see `Store`), while running.
  public var leaseUntil: LeaseInstant?
  /// When someone asked for its end.
  public var cancelRequestedAt: Timestamp?
  /// Who asked for it.
  public var cancelledBy: String?
  /// How long it may wait after becoming due before it fails with `start_expired`.
  public var startWithin: Duration?
  /// The instant at which it fails with `deadline_exceeded` if it is not over.
  public var deadlineAt: Timestamp?
  /// The job that took over when it failed.
  public var escalatedTo: JobID?

  /// The state of a new job.
  public init(status: JobStatus, revision: Int64, runAt: Timestamp) {
    self.status = status
    self.revision = revision
    self.runAt = runAt
    self.dueAt = runAt
  }

  /// When the waiting job fails, for having waited too long or for its deadline; nil where neither can happen.
  public var expiresAt: Timestamp? {
    guard status.isWaiting else { return nil }
    switch (startWithin.map { dueAt + $0 }, deadlineAt) {
    case (let start?, let deadline?): return min(start, deadline)
    case (let start?, nil): return start
    case (nil, let deadline): return deadline
    }
  }
}

/// Where a store keeps a job: numbers that spare it look-ups when the job comes back in a ``Change``. They mean nothing
/// to anyone else, so two places are always equal.
public struct StorePlace: Sendable, Hashable {
  /// The job's own number; 0 where it is not known. Never given to another job.
  public var sequence: Int64 = 0
  /// The number of its lane: queue and type.
  public var lane: Int64 = 0
  /// The newest of the job's events, as long as neither revision nor cancel mark have changed; 0 for none.
  public var lastEvent: Int64 = 0
  /// The event that holds the job's result or last error; 0 for none.
  public var outcome: Int64 = 0

  /// A place that is not known.
  public init() {}

  /// Always: places are no part of a job's meaning.
  public static func == (a: StorePlace, b: StorePlace) -> Bool { true }
  /// Nothing.
  public func hash(into hasher: inout Hasher) {}
}

/// An instant of a store's lease clock: comparable only with others of the same boot of the same clock.
public struct LeaseInstant: Sendable, Hashable {
  /// Which run of the clock this is: a boot id, or the name of a server's clock.
  public let boot: String
  /// Microseconds since that clock began.
  public let microseconds: Int64

  /// An instant of the clock's run `boot`.
  public init(boot: String, microseconds: Int64) {
    self.boot = boot
    self.microseconds = microseconds
  }

  /// Whether this end of a lease has passed at `now`; a lease from another boot has.
  public func isOver(at now: LeaseInstant) -> Bool { boot != now.boot || microseconds <= now.microseconds }
}

/// How far an attempt has come.
public struct Progress: Sendable, Hashable {
  /// 0–100.
  public var percent: Double
  /// What it says to people.
  public var message: String?

  /// Progress, its percentage clamped to 0–100 (what is not a number becomes 0).
  public init(percent: Double, message: String? = nil) {
    self.percent = percent.isNaN ? 0 : min(100, max(0, percent))
    self.message = message
  }
}

/// What made an attempt, or a job, fail.
public struct JobError: Sendable, Hashable {
  /// The kinds of failure, as they stand on the wire.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The handler threw.
    case handler
    /// The attempt took longer than its timeout.
    case timeout
    /// The attempt showed no sign of life for its stall timeout.
    case stalled
    /// The job waited longer than `start_within`.
    case startExpired = "start_expired"
    /// The job was not over at its deadline.
    case deadlineExceeded = "deadline_exceeded"
    /// The worker or its lease was lost.
    case workerLost = "worker_lost"
    /// The params do not decode.
    case undecodable
    /// The job took its worker down too often.
    case poison
  }

  /// What kind of failure.
  public var type: Kind
  /// What happened, for people.
  public var message: String
  /// The attempt that failed; 0 where the job never began.
  public var attempt: Int

  /// An error of an attempt.
  public init(type: Kind, message: String, attempt: Int) {
    self.type = type
    self.message = message
    self.attempt = attempt
  }
}

/// One unit of work: what was asked for, how it stands, and what it said and gave.
///
/// A value; its parts lie behind one reference that is copied when one of several owners changes it, because a job
/// passes through many hands on its way and is rarely changed in them.
public struct Job: Sendable, Hashable, Identifiable {
  private struct Parts: Sendable, Hashable {
    let spec: JobSpec
    var state: JobState
    var progress: Progress?
    var result: RawJSON?
    var error: JobError?
    var place = StorePlace()
  }

  private final class Box: @unchecked Sendable {
    // Safe because `parts` is changed only after `makeUnique`, by the box's only owner.
    var parts: Parts
    init(_ parts: Parts) { self.parts = parts }
  }

  private var box: Box

  private mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&box) { box = Box(box.parts) }
  }

  /// What was asked for.
  public var spec: JobSpec { box.parts.spec }
  /// How it stands.
  public var state: JobState {
    get { box.parts.state }
    _modify {
      makeUnique()
      yield &box.parts.state
    }
  }
  /// The present attempt's last report; nil until the first.
  public var progress: Progress? {
    get { box.parts.progress }
    set {
      makeUnique()
      box.parts.progress = newValue
    }
  }
  /// What the handler gave, once completed.
  public var result: RawJSON? {
    get { box.parts.result }
    set {
      makeUnique()
      box.parts.result = newValue
    }
  }
  /// The last failure; nil once completed.
  public var error: JobError? {
    get { box.parts.error }
    set {
      makeUnique()
      box.parts.error = newValue
    }
  }

  /// Where the store keeps it that it was read from.
  public var place: StorePlace {
    get { box.parts.place }
    set {
      makeUnique()
      box.parts.place = newValue
    }
  }

  /// A job from its parts.
  public init(
    spec: JobSpec, state: JobState, progress: Progress? = nil, result: RawJSON? = nil, error: JobError? = nil
  ) {
    self.box = Box(Parts(spec: spec, state: state, progress: progress, result: result, error: error))
  }

  /// Whether all parts are equal.
  public static func == (a: Job, b: Job) -> Bool { a.box === b.box || a.box.parts == b.box.parts }

  /// By id.
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }

  /// The job's identity.
  public var id: JobID { box.parts.spec.id }
  /// Where the job is in its life.
  public var status: JobStatus { box.parts.state.status }

  /// When the next attempt is due, while `retrying`.
  public var nextRetryAt: Timestamp? { status == .retrying ? state.dueAt : nil }

  /// Whether it has taken its worker down so often that it runs alone in its worker process the next time.
  public func runsAlone(maxLosses: Int = Lifecycle.maxLosses) -> Bool { state.losses >= max(1, maxLosses - 1) }

  /// How long the attempt that ended the job took; nil while it is not over, or where it never began.
  public var duration: Duration? {
    guard let end = state.completedAt, let start = state.startedAt else { return nil }
    // Never less than none: two clocks may have told of these.
    return end.elapsed(since: start)
  }
}
