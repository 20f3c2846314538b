public import StintCore
public import StintStore

/// The door through which every worker, local or remote, gets jobs and gives back outcomes.
public protocol WorkerGateway: Sendable {
  /// Makes the worker and its types known, or brings its entry up to date.
  func announce(_ worker: WorkerRecord) async throws(StoreError)
  /// The worker has gone.
  func leave(_ worker: String) async throws(StoreError)
  /// Jobs to run.
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job]
  /// Extends leases, and brings requests to cancel.
  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult]
  /// Keeps the beginning, progress, output and checkpoints of attempts, and shows them to watchers.
  func record(_ reports: [AttemptReport]) async throws(StoreError)
  /// What the job's attempts kept for the next one; nil where they kept nothing.
  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON?
  /// Gives outcomes back: in order, whether each was kept.
  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult]
}

/// An attempt and its outcome.
public struct Settlement: Sendable, Hashable {
  /// The job as it was claimed, with the instant its handler began.
  public var job: Job
  /// What came of it.
  public let cause: Cause
  /// When.
  public let at: Timestamp

  /// A settlement.
  public init(job: Job, cause: Cause, at: Timestamp) {
    self.job = job
    self.cause = cause
    self.at = at
  }
}

/// What became of an outcome.
public enum SettleResult: Sendable, Hashable {
  /// It is stored; the job has this status now.
  case settled(JobStatus)
  /// The lease was lost before: nothing was changed.
  case superseded
}
