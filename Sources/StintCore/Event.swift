/// Something durable that happened to a job: its submission, the end of an attempt, the act of a person.
///
/// Written in the move's own transaction: the events are history, audit and resumable feed in one.
public struct Event: Sendable, Hashable {
  /// Its place in the store's feed; rises with time.
  public var sequence: Int64 = 0
  /// The job.
  public let jobID: JobID
  /// What happened.
  public let kind: Cause.Kind
  /// The status the job had afterwards.
  public let status: JobStatus
  /// The job's revision afterwards.
  public let revision: Int64
  /// The attempt that ended or was under way; 0 before the first.
  public let attempt: Int
  /// When it happened.
  public let at: Timestamp
  /// When the attempt's handler began, where an attempt ended.
  public var startedAt: Timestamp?
  /// The worker, where an attempt ended.
  public var workerID: String?
  /// The failure, where it was one.
  public var error: JobError?
  /// The result, where there is one.
  public var result: RawJSON?
  /// Who did it, where a person did.
  public var actor: Actor?

  /// An event from its parts.
  public init(
    sequence: Int64 = 0, jobID: JobID, kind: Cause.Kind, status: JobStatus, revision: Int64, attempt: Int,
    at: Timestamp, startedAt: Timestamp? = nil, workerID: String? = nil, error: JobError? = nil,
    result: RawJSON? = nil, actor: Actor? = nil
  ) {
    self.sequence = sequence
    self.jobID = jobID
    self.kind = kind
    self.status = status
    self.revision = revision
    self.attempt = attempt
    self.at = at
    self.startedAt = startedAt
    self.workerID = workerID
    self.error = error
    self.result = result
    self.actor = actor
  }

  /// How long the attempt took; nil where no attempt ended or it never began.
  public var duration: Duration? { kind.endsAttempt ? startedAt.map { at.elapsed(since: $0) } : nil }
}
