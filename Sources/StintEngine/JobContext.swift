public import Logging
public import StintCore
import StintStore

/// What a handler knows of its attempt, and how it speaks to those who watch.
public struct JobContext: Sendable {
  /// The job as it was claimed: id, attempt, params, tags.
  public let job: Job
  /// Time, so that handlers can be tested without waiting.
  public let time: any TimeSource
  /// Randomness, so that handlers can be tested.
  public let random: RandomSource
  /// A logger with `job_id`, `worker_id` and `attempt`.
  public var logger: Logger {
    var logger = plainLogger
    logger[metadataKey: "job_id"] = "\(job.id)"
    logger[metadataKey: "attempt"] = "\(job.state.attempt)"
    return logger
  }
  // Made complete only where a handler logs: most attempts never do.
  private let plainLogger: Logger
  let report: @Sendable (AttemptNews) -> Void
  private let saved: @Sendable () async -> RawJSON?
  private let access: @Sendable () async -> AttemptAccess?

  /// A context; `report` takes what the handler says, `savedCheckpoint` gives what an earlier attempt kept,
  /// `serverAccess` the server that the attempt may speak to.
  public init(
    job: Job, time: any TimeSource = SystemTime(), random: RandomSource = .system,
    logger: Logger = Logger(label: "stint.job"), report: @escaping @Sendable (AttemptNews) -> Void = { _ in },
    savedCheckpoint: @escaping @Sendable () async -> RawJSON? = { nil },
    serverAccess: @escaping @Sendable () async -> AttemptAccess? = { nil }
  ) {
    self.job = job
    self.time = time
    self.random = random
    self.plainLogger = logger
    self.saved = savedCheckpoint
    self.access = serverAccess
    self.report = report
  }

  /// The attempt's number, from 1.
  public var attempt: Int { job.state.attempt }

  /// Says how far the work is: 0–100 and a text for people. Cheap; watchers see the newest.
  public func progress(_ percent: Double, _ message: String? = nil) {
    report(.progress(Progress(percent: percent, message: message)))
    KillPoint.reached(.progressReported)
  }

  /// A sign of life, for work under a stall timeout that has nothing else to say.
  public func heartbeat() { report(.alive) }

  /// Says something: kept with the job in order, and shown live. Give whole lines with their ends; an attempt's output
  /// is cut at ``StintCore/Limits/outputBytes``.
  public func output(_ text: String, _ stream: OutputChunk.Stream = .stdout) {
    if !text.isEmpty { report(.output(stream, text)) }
  }

  /// Keeps a value for the next attempt, in case this one does not end well. The last one counts.
  public func checkpoint(_ value: RawJSON) { report(.checkpoint(value)) }

  /// What an earlier attempt kept; nil where none did, or where the store does not answer.
  public func savedCheckpoint() async -> RawJSON? { await saved() }

  /// Where a program that this attempt starts may report for it; nil where no server runs.
  public func serverAccess() async -> AttemptAccess? { await access() }

  /// Waits, and throws `CancellationError` at once when the job is to stop.
  public func sleep(for duration: Duration) async throws { try await time.sleep(for: duration) }
}
