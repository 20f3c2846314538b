/// A move as a value: what the store does if, and only if, the job is still as the decision knew it.
public struct Change: Sendable, Hashable {
  /// The job.
  public let id: JobID
  /// Where the store keeps the job, as its reader was told.
  public let place: StorePlace
  /// The job must still have this revision.
  public let expectedRevision: Int64
  /// The job's cancel mark must still be this one: so a cancel can not be overrun by a settlement.
  public let expectedCancelMark: Timestamp?
  /// For a rescue: the lease must be over at the moment of the write, by the store's clock. A renewal does not raise
  /// the revision; without this a rescue would rob a live worker.
  public let requiresLeaseOver: Bool
  /// The status it leaves.
  public let from: JobStatus
  /// How the job stands afterwards.
  public let state: JobState
  /// What becomes of its result and error.
  public let outcome: OutcomeChange
  /// What is written to the history with it; nil where the move leaves no durable trace.
  public let event: Event?
  /// The job that takes over, where this failure escalates: stored with the change, or not at all.
  public let spawn: Job?

  /// What a move does to a job's result and error.
  public enum OutcomeChange: Sendable, Hashable {
    /// Nothing.
    case keep
    /// Both become nil, and so does progress.
    case clear
    /// The error becomes this one.
    case error(JobError)
    /// The result becomes this one, the error nil.
    case result(RawJSON?)
  }

  /// Whether it only marks a running job (a cancel was requested): lease, progress and revision stay as the store has
  /// them.
  public var isMark: Bool { from == .running && state.status == .running }

  /// The job after the change.
  public func applied(to job: Job) -> Job {
    var job = job
    if isMark {
      job.state.cancelRequestedAt = state.cancelRequestedAt
      job.state.cancelledBy = state.cancelledBy
      return job
    }
    // Progress is the attempt's, not the job's.
    if state.attempt != job.state.attempt { job.progress = nil }
    job.state = state
    switch outcome {
    case .keep: break
    case .clear: (job.result, job.error, job.progress) = (nil, nil, nil)
    case .error(let error): job.error = error
    case .result(let result): (job.result, job.error) = (result, nil)
    }
    return job
  }
}
