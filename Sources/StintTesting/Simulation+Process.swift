internal import StintCore
internal import StintEngine
internal import StintStore

/// A process with a worker and maintenance: the shell around the shipped machines, as `Worker` and `Maintenance` are.
struct SimulatedProcess {
  /// What runs side by side in a process; each waits for its signal, its time or an answer.
  enum Loop: Int, CaseIterable { case claim, settle, clock, maintain, presence }

  struct LoopState {
    /// Whether an answer is awaited.
    var isBusy = false
    var isSignalled = false
    var version = 0
    var wakesAt: Int64?
  }

  /// A runner's task.
  struct Runner {
    let slot: Int
    var job: Job?
    var isDeaf = false
    var isCancelled = false
    /// Rises with every attempt and cancellation; steps of an older one are void.
    var token = 0
  }

  var machine: WorkerMachine
  var maintenance: MaintenanceMachine
  /// Rises when the process ends: what is on its way to the old one does not reach the new one.
  var generation = 0
  var isAlive = false
  var isPaused = false
  /// What came while it was paused.
  var held: [Message] = []
  var wallOffset: Int64
  let bootOffset: Int64
  var loops = [LoopState](repeating: LoopState(), count: Loop.allCases.count)
  var runners: [UInt64: Runner] = [:]
  var settling = Settling([], configuration: EngineConfiguration())
  var batch: (reports: [AttemptReport], settlements: [Settlement]) = ([], [])
  var hasWakeup = false

  /// The jobs whose handlers run; not those that do not listen and were left behind.
  var running: [JobID] { runners.values.compactMap { $0.isCancelled ? nil : $0.job?.id } }

  /// The jobs that it has given back, and the store does not know that yet.
  var givenBack: [JobID] {
    var copy = machine
    return (batch.settlements + copy.takeEnded().settlements).filter { $0.cause == .released }.map(\.job.id)
  }
}

extension Simulation {
  static let types: Set<String> = ["quick", "slow", "last-resort"]

  func makeProcess(_ number: Int) -> SimulatedProcess {
    let bootOffset = random.between(0, 1_000_000_000)
    let (machine, maintenance) = makeMachines(number, generation: 0, uptime: .microseconds(now + bootOffset))
    return SimulatedProcess(
      machine: machine, maintenance: maintenance, wallOffset: random.between(-plan.skew, plan.skew + 1),
      bootOffset: bootOffset)
  }

  private func makeMachines(
    _ number: Int, generation: Int, uptime: Duration
  ) -> (WorkerMachine, MaintenanceMachine) {
    (
      WorkerMachine(id: "w\(number)-\(generation)", configuration: plan.configuration, types: Self.types),
      MaintenanceMachine(configuration: plan.configuration, uptime: uptime)
    )
  }

  func wall(_ process: Int) -> Timestamp {
    Self.start + .microseconds(now + processes[process].wallOffset)
  }

  func uptime(_ process: Int) -> Duration { .microseconds(now + processes[process].bootOffset) }

  /// The true time of a process's uptime; never sooner than it.
  private func time(_ uptime: Duration, _ process: Int) -> Int64 {
    uptime.wholeMicroseconds + 1 - processes[process].bootOffset
  }

  // MARK: Beginning and ending

  mutating func restart(_ process: Int) {
    guard !processes[process].isAlive, !isEnding else { return }
    let generation = processes[process].generation
    let (machine, maintenance) = makeMachines(process, generation: generation, uptime: uptime(process))
    processes[process].machine = machine
    processes[process].maintenance = maintenance
    processes[process].isAlive = true
    note("started", process: process)
    for loop in SimulatedProcess.Loop.allCases { signal(loop, process) }
  }

  /// The process is gone, with all that it knew.
  mutating func end(_ process: Int, _ what: String, restartAfter delay: Int64) {
    note(what, process: process)
    lastJobs[processes[process].machine.id] = (processes[process].running, processes[process].givenBack)
    processes[process].batch = ([], [])
    processes[process].generation += 1
    processes[process].isAlive = false
    processes[process].isPaused = false
    processes[process].held = []
    processes[process].loops = .init(repeating: .init(), count: SimulatedProcess.Loop.allCases.count)
    processes[process].runners = [:]
    processes[process].hasWakeup = false
    for act in acts.indices where acts[act].process == process && acts[act].isOpen { close(act, "forgotten") }
    schedule(.restart(process: process), after: delay)
  }

  mutating func drainAll() {
    isEnding = true
    auditAll(isOver: true)
    for process in processes.indices where processes[process].isAlive { drain(process) }
  }

  mutating func drain(_ process: Int) {
    note("draining", process: process)
    perform(processes[process].machine.drain(at: wall(process), uptime: uptime(process)), process)
  }

  // MARK: Loops

  /// Lets a loop go on at once, or after the answer it waits for.
  mutating func signal(_ loop: SimulatedProcess.Loop, _ process: Int) {
    if processes[process].loops[loop.rawValue].isBusy {
      processes[process].loops[loop.rawValue].isSignalled = true
    } else {
      wake(loop, process, at: now + random.between(0, 300))
    }
  }

  private mutating func wake(_ loop: SimulatedProcess.Loop, _ process: Int, at time: Int64) {
    if let known = processes[process].loops[loop.rawValue].wakesAt, known >= now, known <= time { return }
    processes[process].loops[loop.rawValue].version += 1
    processes[process].loops[loop.rawValue].wakesAt = time
    let version = processes[process].loops[loop.rawValue].version
    schedule(
      .to(process: process, generation: processes[process].generation, .timer(loop, version: version)), at: time)
  }

  /// The loop waits for a signal, or for this uptime.
  private mutating func wait(_ loop: SimulatedProcess.Loop, _ process: Int, until uptime: Duration?) {
    processes[process].loops[loop.rawValue].isBusy = false
    if processes[process].loops[loop.rawValue].isSignalled {
      processes[process].loops[loop.rawValue].isSignalled = false
      wake(loop, process, at: now)
    } else if let uptime {
      wake(loop, process, at: max(now, time(uptime, process)))
    }
  }

  private mutating func ask(
    _ operation: Call.Operation, _ purpose: Call.Purpose, _ loop: SimulatedProcess.Loop, _ process: Int
  ) {
    processes[process].loops[loop.rawValue].isBusy = true
    call(operation, purpose, from: process)
  }

  mutating func go(_ loop: SimulatedProcess.Loop, _ process: Int) {
    processes[process].loops[loop.rawValue].wakesAt = nil
    guard !processes[process].loops[loop.rawValue].isBusy else { return }
    switch loop {
    case .claim: goClaim(process)
    case .settle: goSettle(process)
    case .clock: goClock(process)
    case .maintain: goMaintain(process)
    case .presence: goPresence(process)
    }
  }

  private mutating func goClaim(_ process: Int) {
    if let request = processes[process].machine.claimRequest(uptime: uptime(process)) {
      ask(.claim(request, at: wall(process)), .claim(request), .claim, process)
    } else {
      wait(.claim, process, until: processes[process].machine.nextClaim())
    }
  }

  private mutating func goSettle(_ process: Int) {
    let batch = processes[process].machine.takeEnded(at: wall(process), uptime: uptime(process))
    guard !batch.reports.isEmpty || !batch.settlements.isEmpty else {
      if processes[process].machine.isDone { leave(process) } else { wait(.settle, process, until: nil) }
      return
    }
    processes[process].batch = batch
    if batch.reports.isEmpty { beginSettling(process) } else { ask(.record(batch.reports), .record, .settle, process) }
  }

  private mutating func leave(_ process: Int) {
    call(.remove(worker: processes[process].machine.id), .leave, from: process)
    end(process, "stopped", restartAfter: random.between(10_000, 3_000_000))
  }

  private mutating func beginSettling(_ process: Int) {
    processes[process].settling = Settling(
      processes[process].batch.settlements, configuration: plan.configuration)
    settleOn(process)
  }

  private mutating func settleOn(_ process: Int) {
    switch processes[process].settling.next(random: random) {
    case .jobs(let ids): ask(.jobs(ids), .settle, .settle, process)
    case .failures(let type, let within, let limit):
      ask(.failures(type: type, since: wall(process) - within, limit: limit), .settle, .settle, process)
    case .apply(let changes): ask(.apply(changes, at: wall(process)), .settle, .settle, process)
    case .histories(let ids): ask(.histories(ids), .settle, .settle, process)
    case nil:
      let settling = processes[process].settling
      perform(processes[process].machine.settled(processes[process].batch.settlements), process)
      for (settlement, result) in zip(processes[process].batch.settlements, settling.results) {
        if result == .superseded { note("superseded", process: process, job: settlement.job.id) }
      }
      processes[process].batch = ([], [])
      if let due = settling.dueAt { hint(.due(due), process) }
      if let urgency = settling.urgency { hint(.ready(urgency), process) }
      processes[process].loops[SimulatedProcess.Loop.settle.rawValue].isBusy = false
      goSettle(process)
    }
  }

  private mutating func goClock(_ process: Int) {
    let asked = uptime(process)
    let due = processes[process].machine.tick(at: wall(process), uptime: asked)
    perform(due.actions, process)
    if !due.renew.isEmpty {
      // Beside it, as in the shell: a renewal that hangs does not hold up the other clocks.
      call(.renew(due.renew, plan.configuration.lease), .renew(due.renew, asked: asked), from: process)
    }
    waitForClock(process)
  }

  private mutating func waitForClock(_ process: Int) {
    let next = processes[process].machine.nextTick(at: wall(process), uptime: uptime(process))
    wait(.clock, process, until: next)
  }

  private mutating func goMaintain(_ process: Int) {
    let question = processes[process].maintenance.next(at: wall(process), uptime: uptime(process), random: random)
    guard let question else { return wait(.maintain, process, until: processes[process].maintenance.wakeAt) }
    let operation: Call.Operation =
      switch question {
      case .clockWasSet(let step, let at): .clockWasSet(by: step, at: at)
      case .promote(let limit, let at): .promote(limit: limit, at: at)
      case .jobs(let ids): .jobs(ids)
      case .expired(let limit): .expired(limit: limit)
      case .overdue(let limit, let at): .overdue(limit: limit, at: at)
      case .apply(let changes, let at): .apply(changes, at: at)
      case .workers: .workers
      case .remove(let worker): .remove(worker: worker)
      }
    ask(operation, .maintain, .maintain, process)
  }

  private mutating func goPresence(_ process: Int) {
    let machine = processes[process].machine
    let state: WorkerRecord.State = machine.isDraining ? .draining : machine.busy > 0 ? .busy : .idle
    let record = WorkerRecord(
      id: machine.id, host: "host", pid: Int32(process), state: state, slots: plan.configuration.slots,
      processed: machine.processed, startedAt: Self.start, seenAt: wall(process))
    ask(.put(record), .presence, .presence, process)
  }

  // MARK: Answers

  mutating func take(_ reply: Reply, to call: Call) {
    let process = call.process
    let (at, uptime) = (wall(process), uptime(process))
    switch (call.purpose, reply) {
    case (.act(let act), _): answer(act, reply)
    case (.claim(let request), .jobs(let jobs)):
      perform(processes[process].machine.claimed(jobs, for: request, at: at, uptime: uptime), process)
      processes[process].loops[SimulatedProcess.Loop.claim.rawValue].isBusy = false
      goClaim(process)
    case (.claim, let reply):
      var isInDoubt = true
      if case .failed(.unavailable(_, effect: .notApplied)) = reply { isInDoubt = false }
      processes[process].machine.claimFailed(isInDoubt: isInDoubt, uptime: uptime)
      signal(.settle, process)
      processes[process].loops[SimulatedProcess.Loop.claim.rawValue].isBusy = false
      goClaim(process)
    case (.renew(let keys, let asked), .renewed(let results)):
      perform(processes[process].machine.renewed(keys, results, asked: asked, at: at, uptime: uptime), process)
      signal(.clock, process)
    case (.renew, _):
      processes[process].machine.renewalFailed(uptime: uptime)
      signal(.clock, process)
    case (.record, .done):
      perform(processes[process].machine.recorded(processes[process].batch.reports), process)
      beginSettling(process)
    case (.settle, .found(let jobs)):
      processes[process].settling.take(jobs: jobs)
      settleOn(process)
    case (.settle, .count(let failures)):
      processes[process].settling.take(failures: failures)
      settleOn(process)
    case (.settle, .applied(let results)):
      processes[process].settling.take(applied: results)
      settleOn(process)
    case (.settle, .histories(let histories)):
      processes[process].settling.take(histories: histories)
      settleOn(process)
    case (.record, _), (.settle, _): settlingFailed(process)
    case (.maintain, _): maintain(reply, process)
    case (.presence, _): wait(.presence, process, until: uptime + plan.configuration.heartbeat)
    case (.follow(let keys), .found(let jobs)):
      for (key, job) in zip(keys, jobs) {
        guard let job, job.state.revision == key.revision, job.state.isCancelRequested else { continue }
        hint(.cancel(key.id), process)
      }
    case (.follow, _), (.leave, _): break
    }
  }

  private mutating func settlingFailed(_ process: Int) {
    let batch = processes[process].batch
    processes[process].machine.giveBack(batch.reports, batch.settlements)
    processes[process].batch = ([], [])
    if processes[process].machine.mayGiveUp(uptime: uptime(process)) {
      return end(process, "stopped without the store", restartAfter: random.between(10_000, 3_000_000))
    }
    wait(.settle, process, until: uptime(process) + .seconds(1))
  }

  private mutating func maintain(_ reply: Reply, _ process: Int) {
    let answer: MaintenanceMachine.Answer
    switch reply {
    case .promoted(let promotion): answer = .promoted(promotion)
    case .found(let jobs): answer = .jobs(jobs)
    case .jobs(let jobs): answer = .found(jobs)
    case .applied(let results): answer = .applied(results)
    case .workers(let workers): answer = .workers(workers)
    case .done: answer = .done
    default:
      processes[process].maintenance.failed(uptime: uptime(process))
      return wait(.maintain, process, until: processes[process].maintenance.wakeAt)
    }
    if let news = processes[process].maintenance.take(answer, at: wall(process)) {
      switch news.reason {
      case .promoted: hint(.ready(news.moved.map(\.spec.priority).max() ?? .normal), process)
      case .rescued: hint(.due(wall(process)), process)
      case .expired: break
      }
      if let urgency = news.spawned.map(\.spec.priority).max() { hint(.ready(urgency), process) }
    }
    processes[process].loops[SimulatedProcess.Loop.maintain.rawValue].isBusy = false
    goMaintain(process)
  }

  // MARK: Hints

  /// Tells the process's own worker and maintenance; it may be lost or doubled.
  mutating func hint(_ hint: SimulatedHint, _ process: Int) {
    if random.chance(plan.hintLoss), !isHealed { return }
    let generation = processes[process].generation
    schedule(.to(process: process, generation: generation, .hint(hint)), after: random.between(0, 500))
    guard random.chance(plan.hintDoubling) else { return }
    schedule(.to(process: process, generation: generation, .hint(hint)), after: random.skewed(0, 2_000_000))
  }

  mutating func hear(_ hint: SimulatedHint, _ process: Int) {
    let (at, uptime) = (wall(process), uptime(process))
    switch hint {
    case .ready(let priority): perform(processes[process].machine.wake(priority, at: at), process)
    case .cancel(let id): perform(processes[process].machine.cancel(id, at: at, uptime: uptime), process)
    case .due(let due): if processes[process].maintenance.hear(due: due) { signal(.maintain, process) }
    }
  }

  /// Another process changed the store.
  mutating func hearWakeup(_ process: Int) {
    processes[process].hasWakeup = false
    perform(processes[process].machine.wake(.low, at: wall(process)), process)
    let attempts = processes[process].machine.listening
    if !attempts.isEmpty { call(.jobs(attempts.map(\.id)), .follow(attempts), from: process) }
  }
}
