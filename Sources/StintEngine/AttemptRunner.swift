import Logging
import StintCore

/// Runs one attempt's handler and says what came of it. Timeouts and cancellation come from outside, as the
/// cancellation of the task.
struct AttemptRunner: Sendable {
  let handler: Handler?
  let time: any TimeSource
  let random: RandomSource
  let logger: Logger
  /// Where it asks for what an earlier attempt kept, and for access to a server.
  var gateway: (any WorkerGateway)?

  /// The longest error message that is kept, in characters.
  static let messageLimit = 4_096

  func run(_ job: Job, limits: Limits, report: @escaping @Sendable (AttemptNews) -> Void) async -> Cause {
    guard let handler else { return .undecodable(message: "This worker has no handler for \(job.spec.type)") }
    let context = JobContext(
      job: job, time: time, random: random, logger: logger, report: report,
      savedCheckpoint: { try? await gateway?.checkpoint(job.id) }, serverAccess: { await gateway?.access(job) })
    do {
      let result = try await handler.run(context)
      if let size = result?.bytes.count, size > limits.resultBytes {
        return .gaveUp(message: "The result is \(size) bytes; allowed are \(limits.resultBytes)")
      }
      return .succeeded(result)
    } catch let control as JobControl {
      switch control {
      case .retryAfter(let delay, let message):
        return .failed(message: Self.cut(message), retryAfter: max(.zero, delay))
      case .snooze(let delay): return .snoozed(until: time.now() + max(.zero, delay))
      case .giveUp(let message): return .gaveUp(message: Self.cut(message))
      }
    } catch let error as UndecodableParams {
      return .undecodable(message: Self.cut(error.reason))
    } catch is CancellationError {
      return .failed(message: "The handler ended as cancelled, although nobody had asked for that")
    } catch {
      return .failed(message: Self.cut("\(error)"))
    }
  }

  private static func cut(_ message: String) -> String {
    message.count <= messageLimit ? message : String(message.prefix(messageLimit)) + "…"
  }
}
