import StintCore
public import StintEngine

extension ClientLaw {
  /// The job types that the engine behind the client must run. All of them are harmless.
  public static let handlers: [Handler] = [succeeding, failing, recovering, holding]

  /// `law.ok`: says that it is half way, and gives its params back.
  private static let succeeding = Handler(
    JobType(
      name: "law.ok", description: "Gives its params back",
      params: [
        Param("text", .string, required: true, max: 200_000, description: "Anything"),
        Param("count", .integer, default: 1, min: 1, max: 10, description: "Any small number"),
      ])
  ) { context in
    context.progress(50, "half way")
    return context.job.spec.params
  }

  /// `law.fail`: fails, and is not retried unless the submission says so.
  private static let failing = Handler(
    JobType(name: "law.fail", description: "Fails", maxRetries: 0)
  ) { _ in throw LawFailure(description: "it was meant to fail") }

  /// `law.flaky`: fails at its first attempt and is retried at once.
  private static let recovering = Handler(
    JobType(
      name: "law.flaky", description: "Fails once", maxRetries: 1,
      retry: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0))
  ) { context in
    guard context.attempt > 1 else { throw LawFailure(description: "not yet") }
    return RawJSON(.integer(Int64(context.attempt)))
  }

  /// `law.hold`: runs until it is cancelled; then stops, or succeeds or fails all the same.
  private static let holding = Handler(
    JobType(
      name: "law.hold", description: "Runs until it is cancelled",
      params: [
        Param(
          "then", .string, default: "stop", choices: ["stop", "succeed", "fail"],
          description: "What it does when it is cancelled")
      ], maxRetries: 3)
  ) { context in
    do {
      while true { try await context.sleep(for: .seconds(3_600)) }
    } catch {
      switch try context.job.spec.params.parsed()["then"]?.string {
      case "succeed": return RawJSON(.string("finished all the same"))
      case "fail": throw LawFailure(description: "failed all the same")
      default: throw error
      }
    }
  }
}

/// What the laws' handlers throw.
struct LawFailure: Error, CustomStringConvertible {
  let description: String
}
