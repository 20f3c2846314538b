import StintCore
public import StintEngine

extension ClientLaw {
  /// The job types that the engine behind the client must run. All of them are harmless.
  public static let handlers: [Handler] = [succeeding, breaking, recovering, holding, saying]

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
  private static let breaking = Handler(
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

extension ClientLaw {
  /// `law.say`: prints, remarks and tells an event; fails at its first attempts, or runs until it is cancelled.
  private static let saying = Handler(
    JobType(
      name: "law.say", description: "Says something",
      params: [
        Param("lines", .integer, default: 1, min: 0, max: 1_000, description: "How many it prints"),
        Param("failures", .integer, default: 0, min: 0, max: 9, description: "Attempts that fail"),
        Param("holds", .boolean, default: false, description: "Whether it runs until it is cancelled"),
      ], maxRetries: 3, retry: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0))
  ) { context in
    let params = try context.job.spec.params.parsed()
    let lines = Int(params["lines"]?.integer ?? 0)
    for line in 0..<lines { context.output("line \(line + 1)\n") }
    context.output("a remark\n", .stderr)
    context.output(#"{"event":"é\u0000"}"#, .event)
    if params["holds"] == true { while true { try await context.sleep(for: .seconds(3_600)) } }
    guard context.attempt > Int(params["failures"]?.integer ?? 0) else {
      throw LawFailure(description: "it was meant to fail")
    }
    return nil
  }
}

/// What the laws' handlers throw.
struct LawFailure: Error, CustomStringConvertible {
  let description: String
}
