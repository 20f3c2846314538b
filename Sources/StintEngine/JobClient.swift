public import StintCore
public import StintStore

/// Everything a face can do with jobs. ``LocalClient`` does it on a store, `RemoteClient` over HTTP, with the same
/// results; the client laws run on both.
///
/// Every call throws ``StintCore/StintError`` and nothing else.
public protocol JobClient: Sendable {
  /// Submits jobs: all of them, or none and one error. In order; each is durable when this returns.
  func submit(_ jobs: [NewJob], by actor: Actor) async throws(StintError) -> [Job]

  /// The jobs of these ids, in order, nil where there is none.
  func jobs(_ ids: [JobID]) async throws(StintError) -> [Job?]

  /// A page of jobs, newest first.
  func list(_ query: JobQuery) async throws(StintError) -> JobPage

  /// Cancels a job: at once if it waits, by request if it runs. The job as it stands after that.
  /// `not_found`, or `illegal_move` if it is over.
  func cancel(_ id: JobID, by actor: Actor) async throws(StintError) -> Job

  /// Lets a failed or cancelled job run again; where others took over, the last of them. `not_found`, or
  /// `illegal_move`.
  func retry(_ id: JobID, by actor: Actor) async throws(StintError) -> Job

  /// Removes jobs in these terminal statuses with their history; how many went. `invalid_params` for other statuses.
  func remove(_ statuses: Set<JobStatus>, by actor: Actor) async throws(StintError) -> Int

  /// The durable events of a job, oldest first, after those of the jobs it took over from. `not_found`.
  func history(_ id: JobID) async throws(StintError) -> [Event]

  /// The types that may be submitted, by name.
  func jobTypes() async throws(StintError) -> [JobType]

  /// Counts, totals, throughput.
  func stats() async throws(StintError) -> Stats

  /// The workers and what they run.
  func workers() async throws(StintError) -> [WorkerInfo]

  /// What the job's attempts said, in order, from after `place` on (nil: from the beginning), and then of the job that
  /// took over; where it `follows`, as it comes, until the job is over, else up to what is there now. `not_found`.
  func output(_ id: JobID, after place: OutputPlace?, follows: Bool) async throws(StintError) -> OutputUpdates

  /// The dead letters that match, by job type and kind of error: the largest groups first.
  func deadLetters(_ filter: JobFilter) async throws(StintError) -> [DeadLetterGroup]

  /// Lets the dead letters that match run again; how many, or with `dryRun` how many would. Those of types that this
  /// actor may not use are left as they are. Where the filter is ids alone, one of them is `forbidden`, and nothing is
  /// done.
  func requeue(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Requeued

  /// Removes the dead letters that match with their history; how many, or with `dryRun` how many would go.
  func purgeDeadLetters(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Int

  /// Changes how many jobs run at once where the client works: its slots (0 to 1,000), or its worker processes (0 to
  /// 256); how many there are now. What runs goes on. `unsupported` where none run.
  func setWorkers(_ count: Int, by actor: Actor) async throws(StintError) -> Int

  /// What ``setWorkers(_:by:)`` changes, as it stands; nil where no workers run.
  func workerCount() async throws(StintError) -> WorkerCount?

  /// The job's present state, then what happens to it, until it is over. `not_found`.
  ///
  /// A reader that is slow misses intermediate progress, never the end. Cancelling the reading task ends it.
  func watch(_ id: JobID) async throws(StintError) -> JobUpdates

  /// A real write and read: throws `store_unavailable` if they fail.
  func check() async throws(StintError)
}

extension JobClient {
  /// One job. Throws `not_found`.
  public func job(_ id: JobID) async throws(StintError) -> Job {
    guard let job = try await jobs([id])[0] else { throw .notFound(id.text) }
    return job
  }

  /// What the job's attempts said and say, as it comes, until the job is over. See ``output(_:after:follows:)``.
  public func output(_ id: JobID, after place: OutputPlace? = nil) async throws(StintError) -> OutputUpdates {
    try await output(id, after: place, follows: true)
  }

  /// Lets these dead letters run again; those that are none are left alone. `not_found` where there is no such job:
  /// then nothing is done.
  public func requeue(_ ids: [JobID], dryRun: Bool = false, by actor: Actor) async throws(StintError) -> Requeued {
    if let missing = zip(ids, try await jobs(ids)).first(where: { $1 == nil }) { throw .notFound(missing.0.text) }
    return try await requeue(.ids(Set(ids)), dryRun: dryRun, by: actor)
  }

  /// The job a person means: its id, a prefix of at least 6 characters, or the last 8.
  ///
  /// An exact id comes first; throws `not_found`, or `invalid_params` listing the candidates of an ambiguous one.
  public func resolve(_ text: String) async throws(StintError) -> Job {
    guard let id = JobID(text) else {
      throw StintError(.invalidParams, "\(JSONValue.string(text).excerpt()) is no job id: an id is \(Name.rule)")
    }
    if let exact = try await jobs([id])[0] { return exact }
    guard text.count >= 6 else {
      throw StintError(
        .notFound, "Job not found: \(text) (a short id is a prefix of 6 or more, or the last 8 characters)")
    }
    let candidates = try await list(JobQuery(filter: .idFragment(text), limit: 10)).jobs.filter {
      $0.id.text.hasPrefix(text) || (text.count == 8 && $0.id.text.hasSuffix(text))
    }
    guard let first = candidates.first else { throw .notFound(text) }
    guard candidates.count == 1 else {
      let list = candidates.map { "\($0.id) (\($0.spec.type), \($0.status.rawValue))" }.joined(separator: ", ")
      throw StintError(.invalidParams, "\(text) is ambiguous: \(list)")
    }
    return first
  }
}

/// What a requeue did, or would do.
public struct Requeued: Sendable, Hashable {
  /// Dead letters that run again.
  public var count: Int
  /// Dead letters that were left as they are, because their types are closed to who asked.
  public var skipped: Int

  /// What a requeue did.
  public init(count: Int = 0, skipped: Int = 0) {
    self.count = count
    self.skipped = skipped
  }
}

/// A client that can tell everything that happens, to all jobs.
public protocol JobFeed: JobClient {
  /// Everything that happens in this process from now on, with room for `buffer` events until they are read; a change
  /// by another process is a ``FeedItem/resync``. Dropping the subscription ends it.
  func subscribe(buffer: Int) -> Subscription
}

/// What happens to one job, as its watchers see it.
public enum JobUpdate: Sendable, Hashable {
  /// It has this status now; the attempt began at `startedAt`. `error` is the last failure's.
  case status(JobStatus, startedAt: Timestamp?, attempt: Int, nextRetryAt: Timestamp?, error: JobError?)
  /// The present attempt is this far.
  case progress(Progress)
  /// It failed, as it stands here, and another job took over: what follows is that one's.
  case escalated(Job, to: JobID)
  /// It is over, or the last of those that took over is; nothing follows.
  case ended(Job)
}

/// The updates of one job; ends after ``JobUpdate/ended(_:)``.
public typealias JobUpdates = AsyncThrowingStream<JobUpdate, any Error>

/// `GET /api/stats`: counts of jobs present, totals since the process started, the last ten seconds.
public struct Stats: Sendable, Hashable {
  /// Jobs present, by status.
  public var counts = Counts()
  /// Jobs submitted since the start.
  public var enqueued = 0
  /// Jobs completed since the start.
  public var completed = 0
  /// Attempts that failed, crashes among them, since the start.
  public var failed = 0
  /// Attempts that are followed by another, since the start.
  public var retried = 0
  /// Jobs that became dead letters since the start.
  public var deadLettered = 0
  /// Jobs completed a second, over the window.
  public var throughput = 0.0
  /// The mean duration of attempts that ended in the window, in milliseconds; nil if none did.
  public var averageDurationMilliseconds: Double?
  /// The window, in seconds.
  public var windowSeconds = 10
  /// Slots that run something.
  public var workerActive = 0
  /// Slots that run nothing.
  public var workerIdle = 0
  /// All slots.
  public var workerCapacity = 0
  /// Attempts ended by the workers that are alive.
  public var workerProcessed = 0

  /// Nothing yet.
  public init() {}
}

/// How many jobs run at once in one place, whoever else shares the store.
public struct WorkerCount: Sendable, Hashable {
  /// What is counted.
  public enum Unit: String, Sendable, Hashable, CaseIterable {
    /// Jobs at once in one process.
    case slots
    /// Worker processes.
    case processes
  }

  /// How many are wanted: processes that start or end are under way to it.
  public let count: Int
  /// Of what.
  public let unit: Unit

  /// So many of these.
  public init(_ count: Int, _ unit: Unit) {
    self.count = count
    self.unit = unit
  }
}

/// A worker and what it runs.
public struct WorkerInfo: Sendable, Hashable {
  /// A job in one of its slots.
  public struct Running: Sendable, Hashable {
    /// The job.
    public let id: JobID
    /// Its type.
    public let type: String
    /// What it is about, for people: its progress message.
    public let label: String?
    /// When the attempt began.
    public let startedAt: Timestamp?
    /// For how long it has run.
    public let elapsed: Duration
    /// How long attempts of this type took lately, if that is known.
    public let estimated: Duration?
    /// How far it is.
    public let percent: Double?

    /// A running job.
    public init(
      id: JobID, type: String, label: String?, startedAt: Timestamp?, elapsed: Duration, estimated: Duration?,
      percent: Double?
    ) {
      self.id = id
      self.type = type
      self.label = label
      self.startedAt = startedAt
      self.elapsed = elapsed
      self.estimated = estimated
      self.percent = percent
    }
  }

  /// The worker's entry.
  public let record: WorkerRecord
  /// What it runs.
  public let jobs: [Running]

  /// A worker and what it runs.
  public init(record: WorkerRecord, jobs: [Running]) {
    self.record = record
    self.jobs = jobs
  }
}
