import Foundation
import StintCore
import StintEngine
import StintRemote
import StintSQLite
import StintStore
import StintTesting
import Testing

/// A round: clients at work, one kill or two, a restart, more work, everything drained, the audit.
final class KillRound {
  static let processes = 2
  /// So many that enough runs in one process when the other has gone.
  static let slots = 8
  static let arguments = ["--processes", "\(processes)", "--workers", "\(slots)", "--log-level", "error"]

  let plan: KillPlan
  private let program: Program
  private let trap: KillPoint.Trap
  private(set) var server: Server
  private(set) var history: KillHistory
  private(set) var figures = KillFigures()
  /// The kills so far, in words.
  private var kills: [String] = []
  private let random: RandomSource
  private let workload: KillWorkload
  /// Asks the server that is there, for the test itself.
  private var client: RemoteClient?

  init(plan: KillPlan, program: Program, trap: KillPoint.Trap, server: Server, history: KillHistory) {
    (self.plan, self.program, self.trap, self.server, self.history) = (plan, program, trap, server, history)
    random = .seeded(UInt64(plan.seed))
    workload = KillWorkload(told: history.told)
  }

  func run() async throws {
    var left = plan.strikes[...]
    while !left.isEmpty {
      let count = try await session(left)
      left = left.dropFirst(count)
      if !server.child.isRunning || KillProcess(pid: server.child.pid).parent == nil {
        _ = try await server.child.exit()
        server = try await Server.start(program, Self.arguments)
      }
    }
    let remote = try RemoteClient(baseURL: server.url)
    workload.begin()
    await workload.run(on: remote, rounds: 4, sources)
    await remote.shutdown()
    let wait = try await program.run("wait", "--all", "--url", server.url)
    #expect([0, 2].contains(wait.code), "\(wait.err) \(plan.again)")
    try await judge()
  }

  private var sources: [RandomSource] { (0..<KillWorkload.clients).map { _ in .seeded(random.next()) } }

  // MARK: Kills

  /// Does what was planned, until the server has gone or nothing is left; how much of it.
  private func session(_ strikes: ArraySlice<KillPlan.Strike>) async throws -> Int {
    let remote = try RemoteClient(baseURL: server.url)
    client = remote
    workload.begin()
    // So that enough runs: the slots are filled.
    let slots = Self.processes * Self.slots
    await workload.submit((0..<slots).map { _ in KillWorkload.long }, to: remote)
    let (workload, sources) = (workload, sources)
    let clients = Task { await workload.run(on: remote, running: slots - 2, sources) }  // awaited below
    var done = 0
    let result: Result<Void, any Error>
    do {
      for strike in strikes {
        done += 1
        try await perform(strike)
        if KillProcess(pid: server.child.pid).parent == nil { break }
      }
      result = .success(())
    } catch { result = .failure(error) }
    trap.release()
    // Whoever stands still would not even see that its server has gone.
    for pid in KillProcess.children(of: server.child.pid) + [server.child.pid] { kill(pid, SIGCONT) }
    workload.stop()
    await clients.value
    await remote.shutdown()
    try result.get()
    return done
  }

  private func perform(_ strike: KillPlan.Strike) async throws {
    switch strike.moment {
    case .random:
      // After so many answers, as soon as enough is under way.
      let answers = workload.answered + 10 + Int(random.next() % 60)
      let isDone = try await killAtRandom(strike.target) { self.workload.answered >= answers }
      #expect(isDone, "There was no moment to kill \(strike.target); \(plan.again)")
      if isDone { figures.random[strike.target, default: 0] += 1 }
    case .point(let point):
      figures.planned[point, default: 0] += 1
      if try await kills(at: point, strike.target) {
        figures.points[point, default: 0] += 1
        figures.named[strike.target, default: 0] += 1
      } else {
        print("Seed \(plan.seed): \(point) was not reached in time")
      }
    }
  }

  /// The worker processes that are there and announced, once there are as many as should be.
  private func workers() async throws -> [Int32]? {
    let known = try await client?.workers().map(\.record.pid) ?? []
    // Those of earlier rounds are still listed.
    let pids = Set(known).filter { KillProcess(pid: $0).parent == server.child.pid }
    return pids.count == Self.processes ? pids.sorted() : nil
  }

  private static let patience = Duration.seconds(10)

  /// Kills as soon as it may; false where that was not possible in time.
  private func killAtRandom(_ target: KillPlan.Target, when isTime: () -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + Self.patience * 3
    while ContinuousClock.now < deadline {
      guard isTime(), let workers = try await workers() else {
        try await Task.sleep(for: .milliseconds(1))
        continue
      }
      if try await killIfAllIsThere(pids(target, of: workers, first: nil)) { return true }
    }
    return false
  }

  /// Whom to kill, in this order.
  private func pids(_ target: KillPlan.Target, of workers: [Int32], first: Int32?) -> [Int32] {
    let choice = random.next()
    let worker = first ?? workers[Int(choice / 2 % UInt64(workers.count))]
    return switch target {
    case .server: [server.child.pid]
    case .worker: [worker]
    case .both: choice % 2 == 0 ? [worker, server.child.pid] : [server.child.pid, worker]
    }
  }

  /// Kills when the process that passes there has reached the point; false where it did not in time.
  private func kills(at point: KillPoint, _ target: KillPlan.Target) async throws -> Bool {
    let deadline = ContinuousClock.now + Self.patience
    defer { trap.release() }
    var pid: Int32 = 0
    while ContinuousClock.now < deadline {
      if pid == 0 || point.isRepeated || KillProcess(pid: pid).parent == nil {
        pid = server.child.pid
        // Leases end soon after a server's start; all else waits until there is enough to kill.
        if point != .rescueCommitted {
          guard let workers = try await workers() else {
            pid = 0
            try await Task.sleep(for: .milliseconds(1))
            continue
          }
          if point.isOfAWorker { pid = workers[Int(random.next() % UInt64(workers.count))] }
        }
        trap.set(point, in: pid, pass: point.isRare ? 1 : 1 + random.next() % 4)
        guard try await provoke(point, pid) else { return false }
      }
      guard try await isReached(by: pid, deadline) else { continue }
      if point == .checkpointBegun, try await !goOnIntoCheckpoint(pid) { continue }
      // So that there is a next time if this is none.
      trap.set(point, in: pid)
      let victims = pids(target, of: KillProcess.children(of: server.child.pid), first: point.isOfAWorker ? pid : nil)
      if try await killIfAllIsThere(victims, needsRequests: point != .processesDraining) { return true }
      if point.isOfTheStop { break }
    }
    if point.isOfTheStop { _ = try await server.child.exit() }
    return false
  }

  /// Brings about what leads to the point, where clients alone do not.
  private func provoke(_ point: KillPoint, _ pid: Int32) async throws -> Bool {
    if point.isOfALoss {
      guard try await killAtRandom(.worker, when: { true }) else { return false }
      figures.random[.worker, default: 0] += 1
    }
    guard point.isOfTheStop || point == .workerDraining else { return true }
    if point.isOfTheStop { workload.leave() }
    kill(pid, SIGTERM)
    return true
  }

  /// Waits until the process stands still at the point; false where it has gone or the time is over.
  private func isReached(by pid: Int32, _ deadline: ContinuousClock.Instant) async throws -> Bool {
    let process = KillProcess(pid: pid)
    // No event tells of this; looked at with a pause, bounded.
    while trap.stoppedProcess != pid {
      if ContinuousClock.now >= deadline || process.parent == nil { return false }
      try await Task.sleep(for: .milliseconds(1))
    }
    return try await process.waitUntilStopped()
  }

  /// Lets the process go on for a moment, into the copying that it is about to begin; false where it is not in there.
  private func goOnIntoCheckpoint(_ pid: Int32) async throws -> Bool {
    kill(pid, SIGCONT)
    usleep(UInt32(random.next() % 2_000))
    guard try await KillProcess(pid: pid).stop() else { return false }
    if KillProcess(pid: pid).holds(.checkpointing, of: program.path("stint.db")) { return true }
    trap.set(.checkpointBegun, in: pid)
    kill(pid, SIGCONT)
    return false
  }

  /// Stops the server and those who are to be killed, looks whether enough is under way, and kills them, or lets them
  /// go on.
  private func killIfAllIsThere(_ pids: [Int32], needsRequests: Bool = true) async throws -> Bool {
    let requests = workload.open
    let server = server.child.pid
    // Each once: told twice to go on, one that has reached the point again in between would go on from there too.
    let all = pids.contains(server) ? pids : [server] + pids
    for pid in all where !KillProcess(pid: pid).isStopped {
      guard try await KillProcess(pid: pid).stop() else {
        for pid in all { kill(pid, SIGCONT) }
        return false
      }
    }
    let workers = KillProcess.children(of: server)
    let scene = try? KillScene(path: program.path("stint.db"))
    let running = scene?.held.values.count { $0.hasBegun && workers.contains($0.pid) } ?? 0
    let open = workload.open.intersection(requests).count
    guard let scene, running >= 5, open >= 2 || !needsRequests else {
      for pid in all { kill(pid, SIGCONT) }
      return false
    }
    let isServerKilled = pids.contains(server)
    let isWriting = isServerKilled && KillProcess(pid: server).holds(.writing, of: program.path("stint.db"))
    if isServerKilled { workload.stop() }
    for pid in pids { kill(pid, SIGKILL) }
    for pid in pids { try await KillProcess(pid: pid).waitUntilGone() }
    if !isServerKilled { kill(server, SIGCONT) }
    figures.fewestRunning = min(figures.fewestRunning, running)
    if needsRequests { figures.fewestOpen = min(figures.fewestOpen, open) }
    // The workers of a server that was killed go with it.
    let gone = isServerKilled ? workers : pids
    let held = scene.held.filter { gone.contains($0.value.pid) }
    history.victims.formUnion(gone)
    kills.append("\(pids) of server \(server)\(isWriting ? ", writing," : "") with \(gone) at \(SystemTime().now())")
    history.held.merge(held) { $1 }
    if isWriting || !isServerKilled { history.unheard.formUnion(gone) }
    figures.held += held.count
    figures.mostHeld = max(figures.mostHeld, gone.map { pid in held.values.count { $0.pid == pid } }.max() ?? 0)
    return true
  }

  // MARK: Judging

  /// Everything in the file against what clients were told, and the executions that were lost against those that kills
  /// can have cost.
  ///
  /// An execution is lost where its process dies before its outcome is on disk. All that a process runs was claimed for
  /// it before, and the claim was on disk before the process heard of it. So what a kill can cost is what the file says
  /// at that moment to run in the process, each attempt once: ``KillHistory/held``. While the file is read nobody writes
  /// to it, because the server stands still. Three sorts of attempts are in there: those that run, one a slot at most;
  /// those that have ended, with an outcome that is not stored yet; those that have not begun. The last cost nothing.
  /// Of the second sort there may be any number: quick jobs are held ready and end faster than a disk keeps up with.
  /// So no multiple of the slots is a bound.
  ///
  /// A supervisor that goes on counts as lost what its process noted as running: one a slot. What has ended and what has
  /// not begun it gives back. Where the supervisor died too, leases end, and all that the file takes for begun is lost.
  private func judge() async throws {
    let outcome = workload.outcome
    let store = try await SQLiteStore.open(path: program.path("stint.db"), creation: .mustExist)
    let findings = try await Auditor.audit(store, told: outcome.told, isOver: true)
    #expect(findings == [], "\(plan.again)")
    #expect(outcome.strange == [], "\(plan.again)")
    let (lost, ended) = try await losses(store)
    await store.close()
    let fresh = lost.subtracting(history.lost)
    let killed = fresh.filter { $0.pid.map(history.victims.contains) == true }
    for loss in killed {
      let held = history.held[loss.attempt]
      // A commit that the kill hit may turn out to be whole, and a server that goes on may have claimed for a process
      // that is gone: it never heard of those.
      let isUnheard = held == nil && loss.pid.map(history.unheard.contains) == true
      #expect(
        held != nil || isUnheard,
        "Nobody who was killed held \(loss); kills: \(kills); \(plan.again)")
      #expect(!loss.isSeen || held?.runs == true, "It did not run: \(loss); \(plan.again)")
      if held?.runs == true { figures.lostRunning += 1 }
      if isUnheard { figures.unheard += 1 }
    }
    try judgeNotes(ended)
    figures.rounds = 1
    (figures.losses, figures.lostAlive) = (killed.count, fresh.count - killed.count)
    for (pid, lost) in Dictionary(grouping: killed, by: \.pid) {
      figures.mostLost = max(figures.mostLost, lost.count)
      guard lost.count > 2 * Self.slots else { continue }
      let held = lost.compactMap { history.held[$0.attempt] }
      print(
        "Seed \(plan.seed): \(pid ?? 0) lost \(lost.count) in \(Self.slots) slots;"
          + " it held \(held.count) of them, and \(held.count(where: \.runs)) ran; kills: \(kills)")
    }
    figures.givenBack = history.held.keys.count { !ended.contains($0) } - history.unsettled - killed.count
    figures.givenBack += figures.unheard
    history.unsettled = history.held.keys.count { !ended.contains($0) }
    figures.acknowledged = outcome.told.submitted.count - history.told.submitted.count
    figures.cancels = outcome.told.cancelled.count - history.told.cancelled.count
    figures.retries = outcome.told.retried.count - history.told.retried.count
    figures.unanswered = outcome.unanswered
    (history.told, history.lost) = (outcome.told, lost)
  }

  /// The executions that were lost since the file began, and the attempts that came to an outcome.
  private func losses(_ store: SQLiteStore) async throws -> (lost: Set<KillLoss>, ended: Set<KillAttempt>) {
    var lost: Set<KillLoss> = []
    var ended: Set<KillAttempt> = []
    var query = JobQuery(limit: 1_000)
    while true {
      let page = try await store.list(query)
      for job in page.jobs {
        #expect(job.status != .failed, "\(job.id): \(job.error?.message ?? ""); \(plan.again)")
      }
      for event in try await store.history(page.jobs.map(\.id)).joined() where event.kind.endsAttempt {
        lost.formUnion(KillLoss(event).map { [$0] } ?? [])
        if event.kind != .lost, event.kind != .released {
          ended.insert(KillAttempt(job: event.jobID, number: event.attempt))
        }
      }
      guard let next = page.next else { return (lost, ended) }
      query.before = next
    }
  }

  /// What jobs noted of their executions: an attempt runs once, and in vain only where its process was killed.
  private func judgeNotes(_ ended: Set<KillAttempt>) throws {
    let path = program.path(KillWorkload.executions)
    guard FileManager.default.fileExists(atPath: path) else { return }
    let noted = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return KillAttempt(job: JobID(known: String(words[0])), number: words.count > 1 ? Int(words[1]) ?? 0 : 0)
    }
    let attempts = Set(noted)
    #expect(attempts.count == noted.count, "An attempt ran twice; \(plan.again)")
    let vain = attempts.subtracting(ended)
    #expect(
      vain.allSatisfy { history.held[$0] != nil }, "Ran in vain, and not in a process that was killed; \(plan.again)")
    figures.noted = noted.count - history.noted
    figures.vain = vain.count - history.vain.count
    (history.noted, history.vain) = (noted.count, vain)
  }
}
