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
  let report: @Sendable (Progress?) -> Void

  /// A context; `report` takes progress, or nil for a mere sign of life.
  public init(
    job: Job, time: any TimeSource = SystemTime(), random: RandomSource = .system,
    logger: Logger = Logger(label: "stint.job"), report: @escaping @Sendable (Progress?) -> Void = { _ in }
  ) {
    self.job = job
    self.time = time
    self.random = random
    self.plainLogger = logger
    self.report = report
  }

  /// The attempt's number, from 1.
  public var attempt: Int { job.state.attempt }

  /// Says how far the work is: 0–100 and a text for people. Cheap; watchers see the newest.
  public func progress(_ percent: Double, _ message: String? = nil) {
    report(Progress(percent: percent, message: message))
  }

  /// A sign of life, for work under a stall timeout that has nothing else to say.
  public func heartbeat() { report(nil) }

  /// Waits, and throws `CancellationError` at once when the job is to stop.
  public func sleep(for duration: Duration) async throws { try await time.sleep(for: duration) }
}
