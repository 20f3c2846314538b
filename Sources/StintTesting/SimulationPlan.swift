internal import StintCore
internal import StintEngine

/// How large a simulated world is, and what goes wrong in it: all of it drawn from the seed. A kind of fault that the
/// seed has not drawn does not occur.
struct SimulationPlan {
  var processes = 1
  var configuration = EngineConfiguration()
  var submissions = 0
  var cancels = 0
  var retries = 0
  var removals = 0
  /// When everything is healed, in microseconds from the start.
  var healsAt: Int64
  /// The share of calls that fail before their effect, and after it.
  var failsBefore = 0.0
  var failsAfter = 0.0
  /// The share of calls that take long.
  var slow = 0.0
  var hintLoss = 0.0
  var hintDoubling = 0.0
  /// The share of attempts that take their process down.
  var kills = 0.0
  /// The share of handlers that do not listen to cancellation.
  var deaf = 0.0
  /// The mean time between these, in microseconds.
  var crashes: Int64?
  var pauses: Int64?
  var outages: Int64?
  var clockJumps: Int64?
  var deploys: Int64?
  /// How far the processes' wall clocks are apart, in microseconds.
  var skew: Int64 = 0

  /// The most jobs that may wait in the queue `other`.
  var queueLimit: Int?

  /// Now and then `slow` is handed on to `last-resort`.
  private static func escalations(_ random: RandomSource) -> Escalations {
    guard random.chance(0.4) else { return .none }
    let types = ["quick", "slow", "last-resort"].map { JobType(name: $0, allowsOtherParams: true) }
    var rule = EscalationRule("last-resort", retriesBefore: random.pick([nil, 0, 1]))
    if random.chance(0.3) { rule.window = .init(failures: 2, within: .seconds(5)) }
    if random.chance(0.3) { rule.errorTypes = [.handler, .poison] }
    return (try? Escalations(["slow": rule], types: JobTypes(types))) ?? .none
  }

  init(_ random: RandomSource) {
    processes = 1 + random.below(4)
    submissions = 4 + random.below(28)
    cancels = random.below(14)
    retries = random.below(9)
    removals = random.below(4) == 0 ? 1 : 0
    healsAt = random.between(10_000_000, 60_000_000)
    configuration.slots = 1 + random.below(4)
    configuration.lease = random.pick([.seconds(3), .seconds(3), .seconds(6), .seconds(10)])
    configuration.heartbeat = configuration.lease / random.pick([4, 4, 6])
    configuration.poll = random.pick([.milliseconds(500), .seconds(1), .seconds(2)])
    configuration.cancelGrace = random.pick([.milliseconds(200), .seconds(1), .seconds(4)])
    configuration.shutdownTimeout = random.pick([.milliseconds(500), .seconds(2), .seconds(8)])
    configuration.aheadLimit = random.pick([0, 3, 20])
    configuration.escalations = Self.escalations(random)
    queueLimit = random.chance(0.3) ? 3 + random.below(15) : nil
    func drawn(_ share: Double, _ low: Double, _ high: Double) -> Double {
      random.chance(share) ? low + (high - low) * random.unit() : 0
    }
    func every(_ share: Double) -> Int64? { random.chance(share) ? random.between(2_000_000, 15_000_000) : nil }
    failsBefore = drawn(0.5, 0.01, 0.15)
    failsAfter = drawn(0.5, 0.01, 0.15)
    slow = drawn(0.5, 0.005, 0.1)
    hintLoss = drawn(0.5, 0.1, 1)
    hintDoubling = drawn(0.3, 0.1, 0.5)
    kills = drawn(0.4, 0.01, 0.1)
    deaf = drawn(0.5, 0.1, 0.5)
    crashes = every(0.5)
    pauses = every(0.5)
    outages = every(0.4)
    clockJumps = every(0.4)
    deploys = every(0.3)
    skew = random.chance(0.5) ? random.between(1_000, 5_000_000) : 0
  }
}

extension RandomSource {
  /// A number in 0..<`limit`.
  func below(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }

  /// A number in `low`..<`high`.
  func between(_ low: Int64, _ high: Int64) -> Int64 { low + Int64(next() % UInt64(max(1, high - low))) }

  /// A number in `low`..<`high`; as often in the first tenth of the way as in the rest.
  func skewed(_ low: Int64, _ high: Int64) -> Int64 {
    between(low, next() & 1 == 0 ? max(low + 1, low + (high - low) / 10) : high)
  }

  /// Yes, this share of times.
  func chance(_ share: Double) -> Bool { share > 0 && unit() < share }

  /// One of these.
  func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
