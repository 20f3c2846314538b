import StintCore
import StintStore
import Testing

@testable import StintEngine

/// A machine, a store of bare numbers and random events, audited at every step.
private struct MachineWorld {
  enum Fate { case held, running, settled, lost }

  struct Runner: Hashable {
    let slot: Int
    let id: UInt64
    var job: Job
    let isDeaf: Bool
  }

  struct Violation: Error, CustomStringConvertible { let description: String }

  let random: RandomSource
  let slots: Int
  var script: MachineScript
  var pending: [Job] = []
  var fates: [AttemptKey: Fate] = [:]
  var starts: [(slot: Int, runner: UInt64)] = []
  var runners: [Runner] = []
  var inFlight: ClaimRequest?
  var renewing: (keys: [AttemptKey], asked: Duration)?
  var completed = 0

  init(seed: UInt64) {
    random = .seeded(seed)
    slots = 1 + Int(seed % 7)
    script = MachineScript(slots: slots) { $0.aheadLimit = 20 }
  }

  func roll(_ sides: Int) -> Int { Int(random.next() % UInt64(sides)) }

  func demand(_ holds: Bool, _ message: @autoclosure () -> String) throws {
    if !holds { throw Violation(description: message()) }
  }

  // MARK: What the world does

  mutating func submit() {
    let quick = roll(3) > 0
    let priority = Priority.allCases[roll(Priority.allCases.count)]
    let timeout: Duration? = quick || roll(3) > 0 ? nil : .seconds(1 + roll(9))
    pending.append(script.job(quick ? "quick" : "slow", priority: priority, ahead: true, timeout: timeout))
    if roll(4) > 0 { perform(script.machine.wake(priority, at: script.at)) }
  }

  mutating func perform(_ actions: [WorkerMachine.Action]) {
    for action in actions {
      switch action {
      case .startRunner(let slot, let runner): starts.append((slot, runner))
      case .cancelRunner, .settle, .claim, .reschedule: break
      }
    }
  }

  mutating func claim(answer: Bool) throws {
    if let request = inFlight {
      inFlight = nil
      guard answer else { return script.machine.claimFailed(uptime: script.uptime) }
      pending.sort { ($0.spec.priority, $0.state.dueAt) > ($1.spec.priority, $1.state.dueAt) }
      var jobs: [Job] = []
      while let first = pending.first, jobs.count < request.count + request.ahead {
        let begins = jobs.count < request.count
        guard begins || request.aheadTypes.contains(first.spec.type) else { break }
        var job = pending.removeFirst()
        job.state.startedAt = begins ? script.at : nil
        job.state.revision += 1
        try demand(fates.updateValue(.held, forKey: job.key) == nil, "\(job.key) was claimed twice")
        jobs.append(job)
      }
      perform(script.machine.claimed(jobs, for: request, at: script.at, uptime: script.uptime))
    } else {
      inFlight = script.machine.claimRequest(uptime: script.uptime)
      try demand(inFlight?.count ?? 0 <= slots, "asked for more than the slots")
    }
  }

  mutating func startRunners() throws {
    while !starts.isEmpty {
      let start = starts.remove(at: roll(starts.count))
      try begin(start.slot, start.runner, isDeaf: roll(10) == 0)
    }
  }

  mutating func begin(_ slot: Int, _ runner: UInt64, isDeaf: Bool) throws {
    guard let job = script.machine.begin(slot: slot, runner: runner, at: script.at, uptime: script.uptime)
    else { return }
    try demand(fates[job.key] == .held, "\(job.key) began as \(String(describing: fates[job.key]))")
    fates[job.key] = .running
    runners.append(Runner(slot: slot, id: runner, job: job, isDeaf: isDeaf))
  }

  mutating func endOne() throws {
    let can = runners.indices.filter { !runners[$0].isDeaf || roll(20) == 0 }
    guard !can.isEmpty else { return }
    let runner = runners.remove(at: can[roll(can.count)])
    let causes: [Cause] = [.succeeded(nil), .failed(message: "x"), .snoozed(until: script.at), .gaveUp(message: "x")]
    perform(
      script.machine.end(
        slot: runner.slot, runner: runner.id, cause: causes[roll(4)], at: script.at, uptime: script.uptime))
    try begin(runner.slot, runner.id, isDeaf: runner.isDeaf)
  }

  mutating func tick() {
    script.uptime += .milliseconds(roll(6) == 0 ? roll(4_000) : roll(60))
    let due = script.machine.tick(at: script.at, uptime: script.uptime)
    perform(due.actions)
    if !due.renew.isEmpty { renewing = (due.renew, script.uptime) }
  }

  mutating func answerRenewal() {
    guard let (keys, asked) = renewing else { return }
    renewing = nil
    guard roll(6) > 0 else { return script.machine.renewalFailed(uptime: script.uptime) }
    let results = keys.map { key -> RenewResult in
      switch roll(30) {
      case 0:
        if fates[key] == .held || fates[key] == .running { fates[key] = .lost }
        return .lost
      case 1: return .renewed(cancelledBy: "someone")
      default: return .renewed(cancelledBy: nil)
      }
    }
    perform(script.machine.renewed(keys, results, asked: asked, at: script.at, uptime: script.uptime))
  }

  mutating func settle(answer: Bool) throws {
    let taken = script.machine.takeEnded()
    guard answer else { return script.machine.giveBack(taken.reports, taken.settlements) }
    for settlement in taken.settlements {
      let key = settlement.job.key
      switch fates[key] {
      case .held, .running: fates[key] = .settled
      case .lost: break  // It ended before it heard of the loss: the store fences it.
      case .settled, nil: throw Violation(description: "\(key) was settled twice: \(settlement.cause)")
      }
      completed += 1
      guard settlement.cause == .released, roll(2) == 0 else { continue }
      pending.append(settlement.job)
    }
  }

  mutating func cancel() {
    let ids = runners.map(\.job.id) + script.machine.ready.map(\.job.id)
    guard !ids.isEmpty else { return }
    perform(script.machine.cancel(ids[roll(ids.count)], at: script.at, uptime: script.uptime))
  }

  mutating func step() throws {
    switch roll(12) {
    case 0, 1: submit()
    case 2, 3: try claim(answer: roll(8) > 0)
    case 4: try startRunners()
    case 5, 6, 7: try endOne()
    case 8: tick()
    case 9: answerRenewal()
    case 10: try settle(answer: roll(4) > 0)
    default: if roll(3) == 0 { cancel() }
    }
    try audit()
  }

  func audit() throws {
    try demand(script.machine.busy <= slots, "\(script.machine.busy) attempts in \(slots) slots")
    let begun = script.machine.ready.count { $0.job.state.startedAt != nil }
    try demand(begun + script.machine.busy <= slots, "\(begun) jobs are said to have begun, but have no slot")
    let working = runners.count - script.machine.abandoned
    try demand(working == script.machine.busy, "\(working) runners work, \(script.machine.busy) slots are taken")
  }

  /// The store answers and the poll's time comes: every slot must be taken while work waits.
  mutating func expectFull() throws {
    script.uptime += .seconds(1)
    for _ in 0..<4 {
      if inFlight == nil { try claim(answer: true) }
      if inFlight != nil { try claim(answer: true) }
      try startRunners()
    }
    try audit()
    let busy = script.machine.busy
    try demand(pending.isEmpty || busy == slots, "\(busy) of \(slots) slots are taken while \(pending.count) jobs wait")
  }

  /// Stops, and lets everything come to its end.
  mutating func finish() throws {
    perform(
      roll(2) == 0
        ? script.machine.drain(at: script.at, uptime: script.uptime)
        : script.machine.stop(grace: .milliseconds(200), at: script.at, uptime: script.uptime))
    try demand(script.machine.claimRequest(uptime: script.uptime) == nil, "it claims although it drains")
    var rounds = 0
    while !script.machine.isDone {
      if inFlight != nil { try claim(answer: roll(2) == 0) }
      try startRunners()
      try endOne()
      tick()
      answerRenewal()
      try settle(answer: roll(3) > 0)
      try audit()
      rounds += 1
      try demand(rounds < 5_000, "it does not end")
    }
    try demand(script.machine.ready.isEmpty, "it ended and holds jobs")
    let open = fates.filter { $0.value == .held || $0.value == .running }
    try demand(open.isEmpty, "without outcome: \(open)")
  }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerMachinePropertyTests {
  @Test(arguments: 1...60) func neverTooManyNothingLostNothingTwice(seed: Int) throws {
    var world = MachineWorld(seed: UInt64(seed))
    for step in 1...2_000 {
      try world.step()
      if step % 100 == 0 { try world.expectFull() }
    }
    try world.finish()
    #expect(world.completed > 50)
  }
}
