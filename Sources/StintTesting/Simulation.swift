import HeapModule
package import StintCore
internal import StintEngine
internal import StintStore

/// A whole Stint in one thread and no time at all: processes with the shipped `WorkerMachine`, `Settling` and
/// `MaintenanceMachine`, and people, on one `MemoryStore.State`, with everything going wrong that the seed has drawn.
///
/// A heap of (time, input) is all that moves it; the seed decides order, latency and faults, so that the same seed
/// gives the same run, step by step. The ``Auditor`` watches every change. After a while everything is healed, and
/// then all work has to end.
package struct Simulation {
  /// What a run showed.
  package struct Report: Sendable {
    /// The run's seed.
    package let seed: UInt64
    /// Broken promises; the run ended at the first.
    package let findings: [Auditor.Finding]
    /// What happened.
    package let trace: SimulationTrace
    /// How many inputs were handled.
    package let steps: Int
    /// The simulated time, in microseconds.
    package let duration: Int64
    /// The jobs in the end.
    package let counts: Counts
    /// Attempts that were claimed.
    package let claims: Int

    /// What to tell whoever looks after it: how to see it again, and the trace of the jobs in question.
    package var explanation: String {
      guard !findings.isEmpty else { return "seed \(seed): nothing found" }
      var lines = ["make simulate SEED=\(seed)"] + findings.prefix(5).map(\.description)
      let jobs = findings.compactMap(\.job)
      lines += trace.lines(about: jobs.first, limit: jobs.isEmpty ? 60 : 200).map { "  \($0)" }
      return lines.joined(separator: "\n")
    }
  }

  /// Something that happens at a time. Of two at one time the seed chooses.
  private struct Entry: Comparable {
    let time: Int64
    let tie: UInt64
    let number: Int
    let input: Input

    static func < (a: Entry, b: Entry) -> Bool { (a.time, a.tie, a.number) < (b.time, b.tie, b.number) }
    static func == (a: Entry, b: Entry) -> Bool { a.number == b.number }
  }

  let seed: UInt64
  let random: RandomSource
  let plan: SimulationPlan
  /// The true time, in microseconds from the start; the store's lease clock.
  var now: Int64 = 0
  private var heap = Heap<Entry>()
  private var scheduled = 0
  private var steps = 0
  var store = MemoryStore.State()
  var auditor = Auditor()
  var told = Auditor.Acknowledged()
  var processes: [SimulatedProcess] = []
  var acts: [SimulatedAct] = []
  var openActs = 0
  /// Calls of people that have not reached the store; those of a process that has died may still do.
  var actsOnTheWay = 0
  /// Every job that was asked for, in order.
  var submitted: [JobID] = []
  var trace = SimulationTrace()
  var isHealed = false
  var isEnding = false
  var awayUntil: Int64 = 0
  var isAwayAfterEffect = false
  var claims = 0
  /// What ran in the process of each worker when that ended.
  var lastJobs: [String: (running: [JobID], givenBack: [JobID])] = [:]

  /// The wall clock's start.
  static let start = Timestamp(microseconds: 1_764_230_400_000_000)
  /// How long all work may take once everything is healed.
  static let patience: Int64 = 600_000_000
  /// A run that takes more steps goes in circles.
  static let stepLimit = 400_000

  init(seed: UInt64) {
    self.seed = seed
    random = .seeded(seed)
    plan = SimulationPlan(random)
  }

  /// Runs the world of a seed until all work has ended, or a promise is broken.
  package static func run(seed: UInt64) -> Report {
    var simulation = Simulation(seed: seed)
    simulation.run()
    return Report(
      seed: seed, findings: simulation.auditor.findings, trace: simulation.trace, steps: simulation.steps,
      duration: simulation.now, counts: simulation.store.counts, claims: simulation.claims)
  }

  // MARK: Time

  /// The lease clock.
  var clock: LeaseInstant { LeaseInstant(boot: "simulated", microseconds: now) }

  mutating func schedule(_ input: Input, at time: Int64) {
    scheduled += 1
    heap.insert(Entry(time: max(time, now), tie: random.next(), number: scheduled, input: input))
  }

  mutating func schedule(_ input: Input, after delay: Int64) { schedule(input, at: now + delay) }

  mutating func note(
    _ what: String, process: Int = -1, job: JobID? = nil, word: String = "", a: Int64 = 0, b: Int64 = 0
  ) {
    trace.note(what, at: now, process: process, job: job, word: word, a: a, b: b)
  }

  // MARK: The run

  private mutating func run() {
    if let limit = plan.queueLimit { store.queues["other"] = QueueRecord(name: "other", maxPending: limit) }
    for number in 0..<plan.processes {
      processes.append(makeProcess(number))
      schedule(.restart(process: number), after: random.between(0, 500_000))
    }
    planActs()
    planFaults()
    schedule(.heal, at: plan.healsAt)
    while let entry = heap.popMin() {
      now = entry.time
      steps += 1
      handle(entry.input)
      guard auditor.findings.isEmpty else { return }
      if isHealed, !isEnding, openActs == 0, actsOnTheWay == 0, openCount == 0 { drainAll() }
      if isEnding, processes.allSatisfy({ !$0.isAlive }) { break }
      if now > plan.healsAt + Self.patience || steps > Self.stepLimit { break }
    }
    auditAll(isOver: true)
    if auditor.findings.isEmpty, processes.contains(where: \.isAlive) {
      auditor.find(.stuck, nil, "a process does not end although it was asked to")
    }
  }

  private var openCount: Int {
    JobStatus.allCases.reduce(0) { $0 + ($1.isTerminal ? 0 : store.counts[$1]) }
  }

  private mutating func handle(_ input: Input) {
    switch input {
    case .arrive(let call): arrive(call)
    case .to(let process, let generation, let message):
      guard processes[process].isAlive, processes[process].generation == generation else { return }
      if processes[process].isPaused {
        processes[process].held.append(message)
      } else {
        deliver(message, to: process)
      }
    case .act(let act): beginAct(act)
    case .restart(let process): restart(process)
    case .resume(let process, let generation): resume(process, generation: generation)
    case .fault(let fault): strike(fault)
    case .heal: heal()
    }
  }

  private mutating func deliver(_ message: Message, to process: Int) {
    switch message {
    case .answer(let call, let reply): take(reply, to: call)
    case .timer(let loop, let version):
      if processes[process].loops[loop.rawValue].version == version { go(loop, process) }
    case .hint(let hint): hear(hint, process)
    case .wakeup: hearWakeup(process)
    case .begin(let runner): begin(runner, process)
    case .handler(let runner, let token, let step): handlerDoes(step, runner, token, process)
    case .actAgain(let act): send(act)
    }
  }

  mutating func redeliver(_ process: Int) {
    let held = processes[process].held
    let generation = processes[process].generation
    processes[process].held = []
    for message in held { schedule(.to(process: process, generation: generation, message), after: 0) }
  }

  /// Judges everything that is stored.
  mutating func auditAll(isOver: Bool) {
    let jobs = store.list(JobQuery(limit: .max)).jobs
    for job in jobs {
      auditor.judge(job, history: store.history(job.id), isOver: isOver)
      if auditor.known[job.id]?.job != job { auditor.find(.path, job.id, "it changed without a call") }
    }
    auditor.judge(jobs, counts: store.counts, told: told)
    for id in told.cancelled.subtracting(told.removed).sorted() {
      auditor.judgeAct(.cancelRequested, id, store.history(id))
    }
    for id in told.retried.subtracting(told.removed).sorted() { auditor.judgeAct(.retried, id, store.history(id)) }
  }
}

/// What can happen.
indirect enum Input {
  /// A call reaches the store.
  case arrive(Call)
  /// Something reaches a process, if it still is the one that was meant.
  case to(process: Int, generation: Int, Message)
  /// A person sets about something.
  case act(Int)
  case restart(process: Int)
  case resume(process: Int, generation: Int)
  case fault(SimulatedFault)
  case heal
}

/// What can reach a process.
indirect enum Message {
  case answer(Call, Reply)
  case timer(SimulatedProcess.Loop, version: Int)
  case hint(SimulatedHint)
  case wakeup
  case begin(runner: UInt64)
  case handler(runner: UInt64, token: Int, HandlerStep)
  case actAgain(Int)
}

/// What a process tells its own parts.
enum SimulatedHint {
  case ready(Priority)
  case due(Timestamp)
  case cancel(JobID)
}
