import Foundation
import StintCore
import StintEngine
import StintRemote
import StintSQLite
import StintStore
import StintTesting
import Testing

/// `kill -9` of the real binary's server, its worker processes, or both, while clients submit, cancel and retry jobs
/// over HTTP. After every round the auditor reads the file: what counts is what the clients saw acknowledged.
@Suite(.serialized, .timeLimit(.minutes(60))) struct KillTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }
  private static let rounds = number("STINT_KILL_ROUNDS") ?? 10
  private static let firstSeed = number("STINT_KILL_SEED") ?? 1
  /// After so many rounds a new file begins: an audit reads all of it.
  private static let roundsOfAFile = 20

  private static let environment = [
    "STINT_WORKERS_LEASE_SECONDS": "2", "STINT_WORKERS_HEARTBEAT_SECONDS": "0.5", "STINT_WORKERS_POLL_SECONDS": "0.2",
    // One kill a round, and rounds are short: this is not about restart intensity.
    "STINT_WORKERS_MAX_RESTARTS": "1000",
  ]

  @Test func nothingAcknowledgedIsLostAndEveryJobHasOneOutcome() async throws {
    var all = KillRound.Figures()
    var next = Self.firstSeed
    let end = next + max(1, Self.rounds)
    while next < end {
      let seeds = next..<min(end, next + Self.roundsOfAFile)
      next = seeds.upperBound
      try await Program.with(environment: Self.environment) { program in
        var server = try await Server.start(program, KillRound.arguments)
        var told = Auditor.Acknowledged()
        var losses: Set<Loss> = []
        for seed in seeds {
          let round = try KillRound(seed: seed, program: program, server: server, told: told)
          do {
            let figures = try await round.run(lossesBefore: losses)
            (server, told) = (round.server, round.told)
            losses.formUnion(figures.lost)
            all.add(figures)
          } catch {
            round.server.child.send(SIGKILL)
            Issue.record("\(error); \(round.again)")
            throw error
          }
        }
        server.child.send(SIGTERM)
        #expect(try await server.child.exit() == 0, "\(server.child.err)")
      }
    }
    print("Kill rounds: \(all)")
  }
}

/// An execution that was lost.
private struct Loss: Hashable, CustomStringConvertible {
  let job: JobID
  let attempt: Int
  /// The process of its worker.
  let pid: Int32?
  let description: String

  /// Nil for any other event, and where nothing had begun.
  init?(_ event: Event) {
    guard event.kind == .lost, let startedAt = event.startedAt else { return nil }
    (job, attempt) = (event.jobID, event.attempt)
    pid = event.workerID?.split(separator: "-").dropLast().last.flatMap { Int32($0) }
    description = "\(job) #\(attempt) \(startedAt) to \(event.at): \(event.error?.message ?? "")"
  }
}

/// A round: clients at work, a kill at a random moment, a restart, more work, everything drained, the audit.
private final class KillRound {
  /// What happened.
  struct Figures: CustomStringConvertible {
    var rounds = 0
    var kills: [Target: Int] = [:]
    var acknowledged = 0
    var unanswered = 0
    var cancels = 0
    var retries = 0
    /// Executions that were lost: each makes one above the one that a job should have.
    var losses = 0
    var lost: Set<Loss> = []
    var bound = 0
    /// Lost by a worker process that nobody killed: its lease ran out.
    var lostAlive = 0
    var fewestRunning = Int.max
    var fewestOpen = Int.max

    mutating func add(_ other: Figures) {
      rounds += other.rounds
      kills.merge(other.kills, uniquingKeysWith: +)
      acknowledged += other.acknowledged
      unanswered += other.unanswered
      cancels += other.cancels
      retries += other.retries
      losses += other.losses
      bound += other.bound
      lostAlive += other.lostAlive
      fewestRunning = min(fewestRunning, other.fewestRunning)
      fewestOpen = min(fewestOpen, other.fewestOpen)
    }

    var description: String {
      let targets = Target.allCases.map { "\(kills[$0] ?? 0) of \($0)" }.joined(separator: ", ")
      return "\(rounds) rounds (kills: \(targets)); \(acknowledged) jobs, \(cancels) cancels and \(retries) retries "
        + "acknowledged; \(unanswered) requests unanswered; \(losses) executions above one, at most \(bound) allowed, "
        + "\(lostAlive) by workers that were not killed; "
        + "at each kill at least \(fewestRunning) jobs ran and \(fewestOpen) requests were under way"
    }
  }

  enum Target: CaseIterable {
    case server, worker, both

    /// Whom to kill, in this order.
    func pids(server: Int32, workers: [Int32], _ choice: UInt64) -> [Int32] {
      guard !workers.isEmpty else { return [] }
      let worker = workers[Int(choice / 2 % UInt64(workers.count))]
      return switch self {
      case .server: [server]
      case .worker: [worker]
      case .both: choice % 2 == 0 ? [worker, server] : [server, worker]
      }
    }
  }

  static let processes = 2
  static let slots = 3
  static let arguments = ["--processes", "\(processes)", "--workers", "\(slots)", "--log-level", "error"]
  private static let clients = 6

  let seed: Int
  private let program: Program
  private(set) var server: Server
  private let random: RandomSource
  private let ledger: Ledger
  private let before: Auditor.Acknowledged

  var again: String { "again with STINT_KILL_SEED=\(seed) STINT_KILL_ROUNDS=1" }
  /// What clients were told in this round and the ones before.
  var told: Auditor.Acknowledged { ledger.state.withLock { $0.told } }

  init(seed: Int, program: Program, server: Server, told: Auditor.Acknowledged) throws {
    (self.seed, self.program, self.server, before) = (seed, program, server, told)
    random = .seeded(UInt64(seed))
    ledger = Ledger(told: told)
  }

  func run(lossesBefore: Set<Loss>) async throws -> Figures {
    var figures = Figures()
    let target = Target.allCases[Int(random.next() % 3)]
    try await workAndKill(target, &figures)
    if target != .worker {
      _ = try await server.child.exit()
      server = try await Server.start(program, Self.arguments)
    }
    try await work(rounds: 4)
    let wait = try await program.run("wait", "--all", "--url", server.url)
    #expect([0, 2].contains(wait.code), "\(wait.err) \(again)")
    figures.lost = try await audit().subtracting(lossesBefore)
    figures.losses = figures.lost.count
    let victims = ledger.state.withLock { $0.victims }
    figures.lostAlive = figures.lost.count { $0.pid.map(victims.contains) != true }
    // An attempt that has ended, with an outcome not stored yet, dies with its process too, and its slot may be taken
    // again by then: twice the slots.
    let slots = victims.count * Self.slots
    figures.bound = 2 * slots
    if figures.losses > slots || figures.lostAlive > 0 {
      print("Seed \(seed), \(target): \(figures.losses) lost by \(victims): \(figures.lost)")
    }
    #expect(figures.losses <= figures.bound, "\(target): \(figures.lost); \(again)")
    #expect(figures.fewestRunning >= 5 && figures.fewestOpen >= 2, "\(again)")
    figures.rounds = 1
    figures.kills = [target: 1]
    ledger.state.withLock { state in
      #expect(state.strange == [], "\(again)")
      figures.acknowledged = state.told.submitted.count - before.submitted.count
      figures.cancels = state.told.cancelled.count - before.cancelled.count
      figures.retries = state.told.retried.count - before.retried.count
      figures.unanswered = state.unanswered
    }
    return figures
  }

  /// Everything in the file against what clients were told; the executions that were lost since the file began.
  private func audit() async throws -> Set<Loss> {
    let store = try await SQLiteStore.open(path: program.path("stint.db"), creation: .mustExist)
    let findings = try await Auditor.audit(store, told: told, isOver: true)
    #expect(findings == [], "\(again)")
    var losses: Set<Loss> = []
    var query = JobQuery(limit: 1_000)
    while true {
      let page = try await store.list(query)
      for job in page.jobs { #expect(job.status != .failed, "\(job.id): \(job.error?.message ?? ""); \(again)") }
      for history in try await store.history(page.jobs.map(\.id)) {
        losses.formUnion(history.compactMap(Loss.init))
      }
      guard let next = page.next else { break }
      query.before = next
    }
    await store.close()
    return losses
  }

  // MARK: Work

  private func workAndKill(_ target: Target, _ figures: inout Figures) async throws {
    let remote = try RemoteClient(baseURL: server.url)
    // So that enough runs: the slots are filled, and a few more wait.
    await ledger.submit(
      (0..<Self.processes * Self.slots + 2).map { _ in NewJob("countdown", params: ["seconds": 1]) }, to: remote)
    let choice = random.next()
    // The random moment: after so many answers, as soon as enough is under way.
    let answers = 10 + Int(random.next() % 60)
    let clients = (0..<Self.clients).map { _ in RandomSource.seeded(random.next()) }
    let (ledger, parent) = (ledger, server.child.pid)
    let running = try await withThrowingTaskGroup(of: Int?.self) { group in
      for source in clients {
        group.addTask {
          while !ledger.isStruck { await ledger.act(on: remote, source) }
          return nil
        }
      }
      group.addTask {
        defer { ledger.stop() }
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
          // Those of earlier rounds are still listed.
          let workers = Set(try await remote.workers().map(\.record.pid)).filter { Self.parent(of: $0) == parent }
          let running = try await remote.stats().counts[.running]
          let pids = target.pids(server: parent, workers: workers.sorted(), choice)
          let victims = target == .worker ? Set(pids) : workers
          if running < 5 {
            await ledger.submit((0..<3).map { _ in NewJob("countdown", params: ["seconds": 1]) }, to: remote)
          }
          guard workers.count == Self.processes, running >= 5 else { continue }
          if ledger.strike(pids, victims: victims, after: answers) { return running }
        }
        return 0
      }
      var found = 0
      for try await running in group { found = max(found, running ?? 0) }
      return found
    }
    figures.fewestRunning = running
    figures.fewestOpen = ledger.state.withLock { $0.openAtKill }
    await remote.shutdown()
  }

  /// Whose child a process is; nil where it is gone.
  private static func parent(of pid: Int32) -> Int32? {
    let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return stat?.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
  }

  /// A little more by every client.
  private func work(rounds: Int) async throws {
    let remote = try RemoteClient(baseURL: server.url)
    let clients = (0..<Self.clients).map { _ in RandomSource.seeded(random.next()) }
    let ledger = ledger
    await withTaskGroup(of: Void.self) { group in
      for source in clients {
        group.addTask { for _ in 0..<rounds { await ledger.act(on: remote, source) } }
      }
    }
    await remote.shutdown()
  }
}

/// What the clients of a round asked for, and what they were told.
private final class Ledger: Sendable {
  struct State {
    var told: Auditor.Acknowledged
    /// Jobs of this round: others are left alone.
    var jobs: [JobID] = []
    /// Requests without an answer yet.
    var open = 0
    var answered = 0
    var openAtKill = 0
    var unanswered = 0
    /// Answers that nobody should get.
    var strange: [String] = []
    var isStruck = false
    /// The worker processes that the kill took along.
    var victims: Set<Int32> = []
  }

  let state: Locked<State>
  private static let actor = Actor(name: "test", origin: "test")

  init(told: Auditor.Acknowledged) { state = Locked(State(told: told)) }

  var isStruck: Bool { state.withLock { $0.isStruck } }

  /// Lets the clients end.
  func stop() { state.withLock { $0.isStruck = true } }

  /// Kills at this very moment if there have been so many answers and two requests are under way.
  func strike(_ pids: [Int32], victims: Set<Int32>, after answers: Int) -> Bool {
    state.withLock { state in
      guard state.answered >= answers, state.open >= 2 else { return false }
      for pid in pids { kill(pid, SIGKILL) }
      state.openAtKill = state.open
      (state.victims, state.isStruck) = (victims, true)
      return true
    }
  }

  /// A request, with what its answer promises.
  private func ask<Value>(
    _ request: () async throws -> Value, promises: (inout State, Value) -> Void
  ) async {
    state.withLock { $0.open += 1 }
    do {
      let value = try await request()
      state.withLock { state in
        promises(&state, value)
        state.answered += 1
        state.open -= 1
      }
    } catch {
      let fault = error as? StintError
      state.withLock { state in
        state.open -= 1
        if fault?.type == .illegalMove {
          state.answered += 1
        } else if state.isStruck, fault?.type == .storeUnavailable, fault?.message.contains("be reached") == true {
          state.unanswered += 1
        } else {
          state.strange.append("\(error)")
        }
      }
    }
  }

  func submit(_ jobs: [NewJob], to client: RemoteClient) async {
    await ask {
      try await client.submit(jobs, by: Self.actor)
    } promises: { state, jobs in
      state.told.submitted.formUnion(jobs.map(\.id))
      state.jobs += jobs.map(\.id)
    }
  }

  /// One request of a kind and on a job that chance picks.
  func act(on client: RemoteClient, _ random: RandomSource) async {
    let choice = random.next() % 100
    let jobs = state.withLock { $0.jobs }
    let job = jobs.randomElement(random)
    // Only jobs that are over are retried; those cancelled are, or will be soon.
    let cancelled = state.withLock { state in state.jobs.filter(state.told.cancelled.contains) }.randomElement(random)
    switch (choice, choice < 20 ? job : cancelled ?? job) {
    case (..<20, let job?):
      await ask {
        try await client.cancel(job, by: Self.actor)
      } promises: { state, _ in
        state.told.cancelled.insert(job)
      }
    case (..<45, let job?):
      await ask {
        try await client.retry(job, by: Self.actor)
      } promises: { state, _ in
        state.told.retried.insert(job)
      }
    case (..<60, _): await submit((0..<4).map { _ in Self.short(random) }, to: client)
    default: await submit([Self.short(random)], to: client)
    }
  }

  private static func short(_ random: RandomSource) -> NewJob {
    switch random.next() % 16 {
    case 0: NewJob("countdown", params: ["seconds": 1])
    case 1...8: NewJob("prime", params: ["limit": 1_000])
    default: NewJob("fibonacci", params: ["count": 20])
    }
  }
}

extension Array {
  fileprivate func randomElement(_ random: RandomSource) -> Element? {
    isEmpty ? nil : self[Int(random.next() % UInt64(count))]
  }
}
