import StintCore
import StintEngine

/// Counts seconds down.
struct Countdown: JobHandler {
  static let jobType = "countdown"
  static let summary = "Counts seconds down and reports each one."
  static let paramRules: [String: ParamRule] = [
    "seconds": ParamRule("How long to count, in seconds.", default: 10, min: 1, max: 60)
  ]

  var seconds: Int

  func run(_ context: JobContext) async throws -> Message {
    try await context.countDown(seconds)
    return Message(message: "Countdown complete!")
  }

  struct Message: Codable, Sendable {
    var message: String
  }
}

/// Gives a message back after a while.
struct Echo: JobHandler {
  static let jobType = "echo"
  static let summary = "Waits, then gives the message back."
  static let paramRules: [String: ParamRule] = [
    "message": ParamRule("What to give back."),
    "delay": ParamRule("How long to wait, in seconds.", min: 1, max: 30),
  ]

  var message: String
  var delay: Int

  func run(_ context: JobContext) async throws -> Echoed {
    try await context.countDown(delay)
    return Echoed(message: message, echoedAt: context.time.now().seconds)
  }

  struct Echoed: Codable, Sendable {
    var message: String
    var echoedAt: Double

    enum CodingKeys: String, CodingKey {
      case message
      case echoedAt = "echoed_at"
    }
  }
}

extension JobContext {
  /// Waits `seconds`, and says at the beginning of each one, and at the end, how many are left; in whole percent.
  func countDown(_ seconds: Int) async throws {
    let start = time.uptime()
    for passed in stride(from: 0, to: seconds, by: 1) {
      let left = seconds - passed
      progress(Double(passed * 100 / seconds), "\(left) second\(left == 1 ? "" : "s") remaining...")
      // To a fixed instant, so that late wake-ups do not add up.
      try await sleep(for: start + .seconds(passed + 1) - time.uptime())
      try Task.checkCancellation()
    }
    progress(100, "0 seconds remaining...")
  }

  /// Seconds from `start`, an uptime, to now.
  func seconds(since start: Duration) -> Double { (time.uptime() - start).seconds }
}
