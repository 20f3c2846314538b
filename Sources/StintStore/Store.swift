public import StintCore

/// Where jobs live: the port that every driver implements.
///
/// The core decides, the store compares and sets. Batches go in, one result per item comes out, in order; one bad
/// item never fails the rest. `at` is the wall clock's instant for created, run and due times; *lease* time is the
/// store's own (``Store/leaseClock``).
public protocol Store: Sendable {
  /// What this store can do, and how it is called.
  var capabilities: StoreCapabilities { get }

  // MARK: Moves

  /// Stores new jobs. A group is all or nothing; groups are independent of each other. A group that would bring a queue
  /// over its ``QueueRecord/maxPending`` is refused, exactly, whoever else submits meanwhile. When this returns, the
  /// jobs of each `.inserted` group are as durable as the store makes anything.
  func insert(_ groups: [[Job]], at: Timestamp) async throws(StoreError) -> [InsertResult]

  /// Gives up to `request.count` pending jobs to a worker, in the order of claiming (SPEC §3), and after them up to
  /// `request.ahead` more, as long as their types are among `request.aheadTypes`. Each is then running under a lease.
  func claim(_ request: ClaimRequest, at: Timestamp) async throws(StoreError) -> [Job]

  /// Extends the leases of attempts that still run under their revision, and says whether a cancel was requested.
  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult]

  /// Makes the moves whose jobs are still as the decisions knew them.
  func apply(_ changes: [Change], at: Timestamp) async throws(StoreError) -> [ApplyResult]

  /// Moves up to `limit` due jobs from scheduled and retrying to pending.
  func promote(limit: Int, at: Timestamp) async throws(StoreError) -> Promotion

  /// The wall clock of this process was set by `step`, and stands at `at` now. What waits for as long as a duration
  /// says (retries, and ``JobState/startWithin``) waits as long as before; instants that people named stay as they are.
  ///
  /// Where several processes share the clock, the first to tell of a step counts: one that does not lead from how the
  /// clock was known to stand to how it stands now moves nothing. How it stands is noted in any case, so that a step
  /// that nobody told of is lost alone, and the next one counts. A step of zero only notes that: each process tells of
  /// it when it begins.
  func wallClockWasSet(by step: Duration, at: Timestamp) async throws(StoreError)

  /// Keeps what running attempts report: the beginning of the handler, progress, output, a checkpoint. Of progress and
  /// checkpoints the last one stays; a piece of output that is there already is left as it is. A report of an attempt
  /// that no longer runs changes nothing and is answered false.
  func record(_ reports: [AttemptReport]) async throws(StoreError) -> [Bool]

  /// Removes up to `limit` terminal jobs that match, with their history, oldest first; the ids that went.
  func purge(_ filter: JobFilter, limit: Int) async throws(StoreError) -> [JobID]

  /// Makes a worker known, or brings its entry up to date.
  func put(_ worker: WorkerRecord) async throws(StoreError)

  /// Forgets a worker that has gone; its name stays in the histories.
  func remove(worker id: String) async throws(StoreError)

  /// Makes a queue's rules known to all who use the store.
  func put(_ queue: QueueRecord) async throws(StoreError)

  // MARK: Reads

  /// The jobs of these ids, in order; nil where there is none.
  func jobs(_ ids: [JobID]) async throws(StoreError) -> [Job?]

  /// A page of jobs, newest first.
  func list(_ query: JobQuery) async throws(StoreError) -> JobPage

  /// How many jobs are in each status: kept, not counted anew.
  func counts() async throws(StoreError) -> Counts

  /// How many jobs run under each worker that has any: those that it holds ready included.
  func runningByWorker() async throws(StoreError) -> [String: Int]

  /// Running jobs whose lease is over by the store's clock.
  func expired(limit: Int) async throws(StoreError) -> [Job]

  /// Waiting jobs that waited too long or whose deadline has passed (``JobState/expiresAt``).
  func overdue(limit: Int, at: Timestamp) async throws(StoreError) -> [Job]

  /// The durable events of each of these jobs, oldest first.
  func history(_ ids: [JobID]) async throws(StoreError) -> [[Event]]

  /// Durable events of all jobs with a sequence greater than `sequence`, in order.
  func events(after sequence: Int64, limit: Int) async throws(StoreError) -> [Event]

  /// The sequence that the newest durable event was given; 0 where there was none.
  func lastEvent() async throws(StoreError) -> Int64

  /// The workers that are known, by id.
  func workers() async throws(StoreError) -> [WorkerRecord]

  /// The queues that have rules, by name.
  func queues() async throws(StoreError) -> [QueueRecord]

  /// Up to `limit` pieces of a job's output, in order, from the first one after a place (nil: from the beginning).
  func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk]

  /// What the job's attempts kept for the next one; nil where they kept nothing.
  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON?

  /// How many attempts of this type failed at `since` or later: up to `limit`.
  func failures(ofType type: String, since: Timestamp, limit: Int) async throws(StoreError) -> Int

  /// The dead letters that match, by job type and kind of error: the largest groups first.
  func deadLetters(_ filter: JobFilter) async throws(StoreError) -> [DeadLetterGroup]

  /// 32 random bytes, made once and shared by all who use the store: what its tokens are sealed with.
  func secret() async throws(StoreError) -> [UInt8]

  /// Now, by the clock that judges leases.
  func leaseClock() async throws(StoreError) -> LeaseInstant

  // MARK: Hints and care

  /// Hints that another process changed the store. They may be lost, doubled or absent: polling is the truth.
  func wakeups() -> AsyncStream<Void>

  /// A real write and read: throws what stands in the way.
  func check() async throws(StoreError)

  /// Finishes what is under way and lets go of files and connections. Later calls throw ``StoreError/closed``.
  func close() async
}

/// What a store can do; shown by `stint doctor`.
public struct StoreCapabilities: Sendable, Hashable {
  /// `memory`, `sqlite`, …
  public let name: String
  /// Where it is: a path or an address without secrets.
  public let location: String
  /// Whether a job survives the end of the process.
  public let isDurable: Bool
  /// Whether several processes may share it.
  public let isShared: Bool

  /// Capabilities from their parts.
  public init(name: String, location: String, isDurable: Bool, isShared: Bool) {
    self.name = name
    self.location = location
    self.isDurable = isDurable
    self.isShared = isShared
  }
}

/// Why a store did not answer.
public enum StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whether a write may have happened although it was not confirmed.
  public enum Effect: String, Sendable, Hashable {
    /// It did not happen.
    case notApplied
    /// Nobody knows.
    case unknown
  }

  /// It can not be opened, read or written at present.
  case unavailable(String, effect: Effect)
  /// Its data are of a newer version than this program knows.
  case tooNew(found: Int, supported: Int, location: String)
  /// It does not exist, and was not to be created.
  case missing(location: String)
  /// It was closed.
  case closed

  /// What is wrong, for people.
  public var description: String {
    switch self {
    case .unavailable(let reason, _): reason
    case .tooNew(let found, let supported, let location):
      "The store \(location) has version \(found); this program knows versions up to \(supported). Use a newer stint."
    case .missing(let location): "There is no store at \(location)"
    case .closed: "The store is closed"
    }
  }

  /// As users see it.
  public var stintError: StintError { StintError(.storeUnavailable, description) }
}

/// What became of a group of new jobs.
public enum InsertResult: Sendable, Hashable {
  /// All of it is stored; the jobs as they stand, with their revisions.
  case inserted([Job])
  /// Nothing of it is stored: a job of this id exists, or an earlier job of the group has the same id.
  case duplicate(index: Int, existing: Job)
  /// Nothing of it is stored: the queue takes `limit` waiting jobs, and has `waiting` without this group.
  case queueFull(queue: String, limit: Int, waiting: Int)
}

/// A queue's rules.
public struct QueueRecord: Sendable, Hashable {
  /// The queue's name.
  public let name: String
  /// How many jobs may wait in it (pending, scheduled, retrying, blocked); nil for any number.
  public var maxPending: Int?

  /// A queue with its rules.
  public init(name: String, maxPending: Int? = nil) {
    self.name = name
    self.maxPending = maxPending
  }
}

/// Dead letters of one job type that ended with one kind of error.
public struct DeadLetterGroup: Sendable, Hashable {
  /// The job type.
  public let type: String
  /// The kind of the last failure.
  public let error: JobError.Kind
  /// How many.
  public var count: Int
  /// When the first of them ended.
  public var oldest: Timestamp
  /// When the last of them ended.
  public var newest: Timestamp
  /// What the last one's error says.
  public var message: String

  /// A group from its parts.
  public init(
    type: String, error: JobError.Kind, count: Int, oldest: Timestamp, newest: Timestamp, message: String
  ) {
    self.type = type
    self.error = error
    self.count = count
    self.oldest = oldest
    self.newest = newest
    self.message = message
  }
}

/// Which jobs a worker wants.
public struct ClaimRequest: Sendable, Hashable {
  /// The worker's id.
  public var worker: String
  /// How many jobs begin at once.
  public var count: Int
  /// How many more may be held ready.
  public var ahead: Int
  /// The types of which jobs may be held ready.
  public var aheadTypes: Set<String>
  /// The queues to claim from; nil is all of them.
  public var queues: Set<String>?
  /// The types the worker knows, aliases among them; nil is all of them.
  public var types: Set<String>?
  /// Only this job, where it is named.
  public var only: JobID?
  /// How long the lease lasts unless it is renewed.
  public var lease: Duration
  /// Gives no new jobs, but all that run under this worker's id: the answer of an earlier claim was lost.
  public var isRecovering = false

  /// A wish for `count` jobs.
  public init(
    worker: String, count: Int, ahead: Int = 0, aheadTypes: Set<String> = [], queues: Set<String>? = nil,
    types: Set<String>? = nil, only: JobID? = nil, lease: Duration
  ) {
    self.worker = worker
    self.count = count
    self.ahead = ahead
    self.aheadTypes = aheadTypes
    self.queues = queues
    self.types = types
    self.only = only
    self.lease = lease
  }
}

/// Names one attempt: the job, and the revision its claim gave it.
public struct AttemptKey: Sendable, Hashable {
  /// The job.
  public let id: JobID
  /// The job's revision since the claim.
  public let revision: Int64

  /// The attempt of `id` that was claimed with `revision`.
  public init(id: JobID, revision: Int64) {
    self.id = id
    self.revision = revision
  }
}

/// What became of a lease.
public enum RenewResult: Sendable, Hashable {
  /// It lasts on; whether a cancel was requested, and by whom.
  case renewed(cancelledBy: String?)
  /// The attempt no longer holds it.
  case lost
}

/// What became of a change.
public enum ApplyResult: Sendable, Hashable {
  /// It is stored; the event's sequence, where it has one.
  case applied(sequence: Int64?)
  /// The job is not as the decision knew it, or its lease is not over: this is how it stands.
  case stale(Job)
  /// There is no such job.
  case missing
}

/// What became due.
public struct Promotion: Sendable, Hashable {
  /// The jobs that are pending now.
  public var promoted: [JobID]
  /// When the next one will be due; nil if none waits for a time.
  public var nextDue: Timestamp?

  /// A promotion.
  public init(promoted: [JobID] = [], nextDue: Timestamp? = nil) {
    self.promoted = promoted
    self.nextDue = nextDue
  }
}

/// What a running attempt says of itself.
public struct AttemptReport: Sendable, Hashable {
  /// The attempt.
  public let attempt: AttemptKey
  /// When its handler began, if that is news.
  public var startedAt: Timestamp?
  /// How far it is, if that is news.
  public var progress: Progress?
  /// What it said since the last report.
  public var output: [OutputChunk]
  /// What it keeps for the next attempt, if that is news.
  public var checkpoint: RawJSON?

  /// A report.
  public init(
    attempt: AttemptKey, startedAt: Timestamp? = nil, progress: Progress? = nil, output: [OutputChunk] = [],
    checkpoint: RawJSON? = nil
  ) {
    self.attempt = attempt
    self.startedAt = startedAt
    self.progress = progress
    self.output = output
    self.checkpoint = checkpoint
  }
}

/// A worker as the store knows it.
public struct WorkerRecord: Sendable, Hashable {
  /// What it is doing.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// Nothing runs.
    case idle
    /// Something runs.
    case busy
    /// It takes nothing new and finishes what runs.
    case draining
  }

  /// `host-pid-` and eight random characters.
  public let id: String
  /// The machine's name.
  public let host: String
  /// The process.
  public let pid: Int32
  /// What it is doing.
  public var state: State
  /// Jobs at once.
  public var slots: Int
  /// The types it knows, as it publishes them.
  public var types: [JobType]
  /// Attempts it has ended since its start.
  public var processed: Int
  /// Attempts that were asked to stop and did not: their slots are given back, and its process still carries them.
  public var abandoned: Int
  /// When it started.
  public let startedAt: Timestamp
  /// When it last said so, by its own clock.
  public var seenAt: Timestamp
  /// How long ago that was, by the clock of the store that gave this record: setting a wall clock changes nothing here.
  public var silence: Duration = .zero
  /// The supervisor that would see its process end; nil where there is none.
  public var supervisor: String?

  /// A worker's entry.
  public init(
    id: String, host: String, pid: Int32, state: State = .idle, slots: Int, types: [JobType] = [], processed: Int = 0,
    abandoned: Int = 0, startedAt: Timestamp, seenAt: Timestamp, supervisor: String? = nil
  ) {
    self.id = id
    self.host = host
    self.pid = pid
    self.state = state
    self.slots = slots
    self.types = types
    self.processed = processed
    self.abandoned = abandoned
    self.startedAt = startedAt
    self.seenAt = seenAt
    self.supervisor = supervisor
  }
}

extension LeaseInstant {
  /// How long nothing was heard since `last`; very long where the machine has started anew since, or nobody knows.
  package func silence(since last: LeaseInstant?) -> Duration {
    guard let last, last.boot == boot else { return .seconds(1_000_000_000) }
    return .microseconds(max(0, microseconds - last.microseconds))
  }
}

/// How a wall clock stands beside the clock that judges leases.
package struct ClockStanding: Sendable, Hashable {
  /// The run of the lease clock.
  package let boot: String
  /// How far the wall clock is ahead of it, in microseconds.
  package let ahead: Int64

  package init(boot: String, ahead: Int64) {
    self.boot = boot
    self.ahead = ahead
  }

  package init(at: Timestamp, clock: LeaseInstant) {
    self.init(boot: clock.boot, ahead: at.microseconds - clock.microseconds)
  }

  /// What is less is no step: clocks are trimmed all the time.
  package static let tolerance: Duration = .seconds(2)

  /// The instants that the clock has shown since it was set by `step`, as far as can be told: what carries one of them
  /// was stamped before the step was noticed, and is right as it is.
  package static func since(_ step: Duration, at: Timestamp) -> ClosedRange<Timestamp> {
    let notice = min(.seconds(10), step < .zero ? .zero - step : step)
    return (at - notice)...(at + .seconds(1))
  }

  /// Whether this is how the clock stood before it was set by `step` to stand as `now`.
  package func wasBefore(_ step: Duration, now: ClockStanding) -> Bool {
    boot == now.boot && abs(now.ahead - ahead - step.microseconds) <= Self.tolerance.microseconds
  }
}
