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
  /// Where a program that this attempt of a job starts may speak for it; nil where there is no server.
  func access(_ job: Job) async -> AttemptAccess?
  /// Gives outcomes back: in order, whether each was kept.
  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult]
}

extension WorkerGateway {
  /// Nowhere.
  public func access(_ job: Job) async -> AttemptAccess? { nil }
}

/// A server, and a token with which a program may speak to it for one attempt and for nothing else.
public struct AttemptAccess: Sendable, Hashable {
  /// The server.
  public let url: String
  /// The token, as it stands after `Authorization: Bearer`.
  public let token: String

  /// A server and a token.
  public init(url: String, token: String) {
    self.url = url
    self.token = token
  }
}

/// The gateway of a process that has the store, with what it takes to serve workers of other processes there.
public protocol ServingGateway: WorkerGateway {
  /// Up to `limit` pieces of a job's output, in order, from the first one after a place.
  func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk]
  /// Calls `receive`, which must be quick, for every hint until what this gives is dropped.
  func listen(_ receive: @escaping @Sendable (WorkerSignal) -> Void) -> Listening
  /// An attempt gave a sign of life by another way than its worker, who is told of it if it is one of this server's.
  func heard(from attempt: AttemptKey)
  /// From now on attempts are given access by `access`, or by nothing.
  func offer(_ access: (@Sendable (Job) async -> AttemptAccess?)?)
  /// 32 random bytes that are kept with the jobs and known to every process on them: what lease tokens are sealed with.
  func secret() async throws(StoreError) -> [UInt8]
}

/// A hint to the workers and the maintenance of this process. It may be lost: polling is the truth.
public enum WorkerSignal: Sendable {
  /// Jobs are pending; the most urgent of them has this priority.
  case ready(Priority)
  /// Jobs wait for a time: the earliest.
  case due(Timestamp)
  /// A running job was asked to stop.
  case cancel(JobID)
  /// An attempt gave a sign of life by another way than its worker: a program that it started spoke to the server.
  case alive(AttemptKey)
}

/// Someone who hears hints, until the last reference to this goes.
public final class Listening: Sendable {
  private let end: @Sendable () -> Void

  /// `end` is called once, when the last reference goes.
  public init(end: @escaping @Sendable () -> Void) { self.end = end }

  deinit { end() }
}

/// An attempt and its outcome.
public struct Settlement: Sendable, Hashable {
  /// The job as it was claimed, with the instant its handler began.
  public var job: Job
  /// What came of it.
  public let cause: Cause
  /// When.
  public internal(set) var at: Timestamp
  /// The same by the boot clock, where it is to hold although the wall clock is set while this waits for the store.
  package var uptime: Duration?
  /// What is said of a timeout or a stall in place of the usual text.
  package var message: String?

  /// A settlement.
  public init(job: Job, cause: Cause, at: Timestamp) {
    self.init(job: job, cause: cause, at: at, uptime: nil)
  }

  package init(job: Job, cause: Cause, at: Timestamp, uptime: Duration?) {
    self.job = job
    self.cause = cause
    self.at = at
    self.uptime = uptime
  }
}

/// What became of an outcome.
public enum SettleResult: Sendable, Hashable {
  /// It is stored; the job has this status now.
  case settled(JobStatus)
  /// The lease was lost before: nothing was changed.
  case superseded
}
