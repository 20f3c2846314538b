import Foundation
import StintCore
import StintEngine
import StintTesting
import Testing

/// `kill -9` of the real binary's server, its worker processes, or both, while clients submit, cancel and retry jobs
/// over HTTP: at random moments, and at the named ones of ``KillPoint``. After every round the auditor reads the file:
/// what counts is what the clients saw acknowledged.
@Suite(.serialized, .timeLimit(.minutes(60))) struct KillTests {
  private static func text(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
  private static let rounds = text("STINT_KILL_ROUNDS").flatMap(Int.init) ?? 10
  private static let firstSeed = text("STINT_KILL_SEED").flatMap(Int.init) ?? 1
  /// The only point of all rounds, for those who look for something.
  private static let onlyPoint = text("STINT_KILL_POINT").flatMap { name in
    KillPoint.allCases.first { "\($0)" == name }
  }
  /// After so many rounds a new file begins: an audit reads all of it.
  private static let roundsOfAFile = 20

  private static let environment = [
    "STINT_WORKERS_LEASE_SECONDS": "4", "STINT_WORKERS_HEARTBEAT_SECONDS": "1", "STINT_WORKERS_POLL_SECONDS": "0.2",
    // This is not about restart intensity and poison: nobody but the test takes processes down.
    "STINT_WORKERS_MAX_RESTARTS": "1000", "STINT_WORKERS_MAX_LOSSES": "1000",
    "STINT_HTTP_ALLOW_EXEC": "true", KillPoint.variable: trap,
  ]
  /// The file of the points, in the server's folder.
  private static let trap = "kill-points"

  @Test func nothingAcknowledgedIsLostAndEveryJobHasOneOutcome() async throws {
    var all = KillFigures()
    var next = Self.firstSeed
    let end = next + max(1, Self.rounds)
    while next < end {
      let seeds = next..<min(end, next + Self.roundsOfAFile)
      next = seeds.upperBound
      try await Program.with(environment: Self.environment) { program in
        let trap = try #require(KillPoint.Trap(path: program.path(Self.trap)))
        var server = try await Server.start(program, KillRound.arguments)
        var history = KillHistory()
        for seed in seeds {
          let plan = KillPlan(seed: seed, only: Self.onlyPoint)
          let round = KillRound(plan: plan, program: program, trap: trap, server: server, history: history)
          do {
            try await round.run()
            (server, history) = (round.server, round.history)
            all.add(round.figures)
          } catch {
            round.server.child.send(SIGKILL)
            Issue.record("\(error); \(plan.again)")
            throw error
          }
        }
        server.child.send(SIGTERM)
        #expect(try await server.child.exit() == 0, "\(server.child.err)")
      }
    }
    print("Kill rounds: \(all)")
    for (point, planned) in all.planned where planned >= 3 {
      #expect(all.points[point, default: 0] > 0, "Nothing was killed at \(point), planned \(planned) times")
    }
  }
}

/// What is killed in a round, and when: every other round at random, the others at two named points.
struct KillPlan {
  enum Moment: Equatable { case random, point(KillPoint) }

  enum Target: CaseIterable { case server, worker, both }

  struct Strike {
    let moment: Moment
    let target: Target
  }

  let seed: Int
  let strikes: [Strike]

  var again: String { "again with STINT_KILL_SEED=\(seed) STINT_KILL_ROUNDS=1" }

  /// Points of a worker process, in the order in which rounds take them.
  fileprivate static let workerPoints: [KillPoint] = [
    .claimReceived, .outcomesTaken, .progressReported, .outcomesSent, .handlerEnded, .attemptBegun, .attemptEnded,
    .workerDraining,
  ]
  private static let serverPoints = KillPoint.allCases.filter { !workerPoints.contains($0) }

  init(seed: Int, only: KillPoint?) {
    self.seed = seed
    let random = RandomSource.seeded(UInt64(seed))
    let any = Target.allCases[Int(random.next() % 3)]
    let isWide = random.next() % 3 == 0
    guard seed % 2 == 0 || only != nil else {
      strikes = [Strike(moment: .random, target: any)]
      return
    }
    if let only, Self.workerPoints.contains(only) {
      strikes = [Strike(moment: .point(only), target: isWide ? .both : .worker)]
      return
    }
    let turn = seed / 2
    let inWorker = Self.workerPoints[turn % Self.workerPoints.count]
    // Neighbours in the list are alike: steps that meet all of them, and different ones soon.
    let inServer = only ?? Self.serverPoints[turn * 5 % Self.serverPoints.count]
    let isAfterServer = inServer == .rescueCommitted
    strikes = [
      Strike(moment: .point(inWorker), target: isAfterServer || isWide ? .both : .worker),
      Strike(moment: .point(inServer), target: inServer.isOfTheStop || !isWide ? .server : .both),
    ]
  }
}

extension KillPoint {
  /// Reached when a graceful stop is asked for.
  var isOfTheStop: Bool { self == .shutdownBegun || self == .processesDraining }

  /// Reached in a worker process.
  var isOfAWorker: Bool { KillPlan.workerPoints.contains(self) }

  /// Not reached again unless it is brought about again.
  var isRepeated: Bool { isOfALoss || self == .workerDraining }

  /// Reached when a worker process has ended.
  var isOfALoss: Bool { self == .lossesDecided || self == .lossesCommitted || self == .processSpawned }

  /// Reached seldom: the first pass counts.
  var isRare: Bool {
    switch self {
    case .rescueCommitted, .checkpointBegun, .checkpointHalfDone, .workerDraining: true
    default: isOfTheStop || isOfALoss
    }
  }
}

/// What is known of a file from the rounds before.
struct KillHistory {
  /// What clients were told.
  var told = Auditor.Acknowledged()
  /// Attempts that had no outcome when the process that held them was killed.
  var held: [KillAttempt: KillScene.Held] = [:]
  /// How many of them came to none later on.
  var unsettled = 0
  /// The processes for which something may have been claimed that they never heard of: the kill hit their server in the
  /// middle of a write, or the server went on without them.
  var unheard: Set<Int32> = []
  /// The processes that were killed, and those that went with their server.
  var victims: Set<Int32> = []
  /// Executions that were lost.
  var lost: Set<KillLoss> = []
  /// How many executions were noted by their jobs.
  var noted = 0
  /// Those of them that were in vain.
  var vain: Set<KillAttempt> = []
}

/// An attempt that was lost after it had begun, by its history.
struct KillLoss: Hashable, CustomStringConvertible {
  let attempt: KillAttempt
  /// The process of its worker.
  let pid: Int32?
  /// Whether its supervisor saw the process end.
  let isSeen: Bool
  let description: String

  /// Nil for any other event, and where nothing had begun.
  init?(_ event: Event) {
    guard event.kind == .lost, let startedAt = event.startedAt else { return nil }
    attempt = KillAttempt(job: event.jobID, number: event.attempt)
    pid = event.workerID.flatMap(KillScene.process)
    isSeen = event.error?.message.contains("was killed by signal") == true
    description = "\(attempt) \(startedAt) to \(event.at): \(event.error?.message ?? "")"
  }
}

/// What happened.
struct KillFigures: CustomStringConvertible {
  var rounds = 0
  var random: [KillPlan.Target: Int] = [:]
  var named: [KillPlan.Target: Int] = [:]
  /// Kills at each point, and how often one was planned.
  var points: [KillPoint: Int] = [:]
  var planned: [KillPoint: Int] = [:]
  var acknowledged = 0
  var unanswered = 0
  var cancels = 0
  var retries = 0
  /// Attempts that killed processes held.
  var held = 0
  /// The most that one of them held.
  var mostHeld = 0
  /// Attempts that count as lost: each execution among them is one above the one that a job should have.
  var losses = 0
  /// The most that one process lost.
  var mostLost = 0
  /// Those of them that ran at the moment of the kill.
  var lostRunning = 0
  /// Those of them that their process never heard of: nobody ran them.
  var unheard = 0
  /// Attempts that were given back: those of them that had ended make one execution more each too.
  var givenBack = 0
  /// Lost by a worker process that nobody killed: its lease ran out.
  var lostAlive = 0
  /// Jobs that noted that they run, and those that did so in vain.
  var noted = 0
  var vain = 0
  var fewestRunning = Int.max
  var fewestOpen = Int.max

  mutating func add(_ other: KillFigures) {
    rounds += other.rounds
    random.merge(other.random, uniquingKeysWith: +)
    named.merge(other.named, uniquingKeysWith: +)
    points.merge(other.points, uniquingKeysWith: +)
    planned.merge(other.planned, uniquingKeysWith: +)
    acknowledged += other.acknowledged
    unanswered += other.unanswered
    cancels += other.cancels
    retries += other.retries
    held += other.held
    mostHeld = max(mostHeld, other.mostHeld)
    losses += other.losses
    mostLost = max(mostLost, other.mostLost)
    lostRunning += other.lostRunning
    unheard += other.unheard
    givenBack += other.givenBack
    lostAlive += other.lostAlive
    noted += other.noted
    vain += other.vain
    fewestRunning = min(fewestRunning, other.fewestRunning)
    fewestOpen = min(fewestOpen, other.fewestOpen)
  }

  private static func text(_ kills: [KillPlan.Target: Int]) -> String {
    KillPlan.Target.allCases.map { "\(kills[$0] ?? 0) of \($0)" }.joined(separator: ", ")
  }

  var description: String {
    let there = KillPoint.allCases.filter { points[$0] != nil }.map { "\($0) \(points[$0] ?? 0)" }
    let missed = KillPoint.allCases.compactMap { point in
      let missed = (planned[point] ?? 0) - (points[point] ?? 0)
      return missed > 0 ? "\(point) \(missed)" : nil
    }
    return """
      \(rounds) rounds
        kills at random: \(Self.text(random)); at named points: \(Self.text(named))
        at each kill at least \(fewestRunning) jobs ran and \(fewestOpen) requests were unanswered
        points: \(there.joined(separator: ", "))
        not reached in time: \(missed.isEmpty ? "none" : missed.joined(separator: ", "))
        acknowledged: \(acknowledged) jobs, \(cancels) cancels, \(retries) retries; \(unanswered) requests unanswered
        attempts that killed processes held: \(held), \(mostHeld) in one at most
        executions above one, at most: \(losses) lost (\(mostLost) in one process at most; \(lostRunning) ran, \(unheard) surely did not), \
      \(givenBack) given back; and \(lostAlive) lost by workers that were not killed
        executions that were noted: \(noted), \(vain) in vain
      """
  }
}
