import StintCore
public import StintEngine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// The image job types as `stint serve --demo` has them: for jobs that ``Demo`` submitted they do the work and then go
/// on for the simulated time; some of the attempts fail, some kill their process. Other jobs run as everywhere.
public struct DemoHandlers: Sendable {
  private let folder: ImageFolder
  private let canKill: Bool

  /// - Parameters:
  ///   - folder: where the photos are.
  ///   - canKill: whether an attempt that is drawn to kill its process does so. Only for worker processes with a
  ///     supervisor: without it such an attempt fails and says so.
  public init(in folder: ImageFolder, canKill: Bool) {
    self.folder = folder
    self.canKill = canKill
  }

  /// Where the demo's jobs write, beneath the root.
  static let output = "demo-output"

  /// The handlers, in place of those of ``ImageJobs``.
  public func handlers() throws(StintError) -> [Handler] {
    var simulated = folder
    simulated.output = Self.output
    simulated.workShare = 0.4
    let plain = try ImageJobs.handlers(in: folder)
    let working = try ImageJobs.handlers(in: simulated)
    return zip(plain, working).map { plain, working in
      Handler(plain.type) { context in
        guard let seed = Demo.seed(of: context.job) else { return try await plain.run(context) }
        let plan = AttemptPlan(type: plain.type.name, seed: seed, attempt: context.attempt)
        return try await run(working, plan, context)
      }
    }
  }

  private func run(_ handler: Handler, _ plan: AttemptPlan, _ context: JobContext) async throws -> RawJSON? {
    let start = context.time.uptime()
    let result = try await handler.run(context)
    let worked = context.time.uptime()
    let end = max(worked, start + plan.duration * plan.share)
    // The work is done; the rest of the time passes in steps that can be seen.
    let steps = 6
    for step in 1...steps {
      try await context.time.sleep(untilUptime: worked + (end - worked) * Double(step) / Double(steps))
      let share = plan.share * Double(step) / Double(steps)
      context.progress((40 + 60 * share).rounded(.down), "Simulated work")
    }
    switch plan.fate {
    case .completes: return result
    case .fails: throw DemoFailure(message: "Simulated failure")
    case .kills:
      if canKill { kill(getpid(), SIGKILL) }
      throw DemoFailure(
        message: "Simulated crash; a worker process of its own would have been killed (stint serve --processes N)")
    }
  }
}

/// A failure that the demo was drawn to have.
struct DemoFailure: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}

/// What one attempt of a demo job is drawn to do: the same for the same seed and attempt, in every process.
struct AttemptPlan: Sendable, Equatable {
  enum Fate: Sendable { case completes, fails, kills }

  /// The least it lasts.
  let duration: Duration
  let fate: Fate
  /// The share of ``duration`` after which it fails or kills; 1 where it completes.
  let share: Double

  static let durations: [String: Duration] = [
    "image.resize": .milliseconds(800), "image.thumbnail": .milliseconds(400), "image.watermark": .milliseconds(1200),
    "image.compress": .milliseconds(600),
  ]

  init(type: String, seed: UInt64, attempt: Int) {
    let random = RandomSource.seeded(seed &+ UInt64(attempt) &* 0xD1B5_4A32_D192_ED03)
    let usual = Self.durations[type] ?? .milliseconds(500)
    duration = max(.milliseconds(100), usual * (0.5 + random.unit()))
    let drawn = random.unit()
    fate = drawn < 0.05 ? .kills : drawn < 0.25 ? .fails : .completes
    share = fate == .completes ? 1 : 0.2 + 0.7 * random.unit()
  }
}
