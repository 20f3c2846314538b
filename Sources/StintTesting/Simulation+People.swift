internal import StintCore
internal import StintEngine
internal import StintStore

/// What a person does, through the client of some process, as `LocalClient` does it: five tries, and after an answer
/// that was lost a look at what has become of it.
struct SimulatedAct {
  enum Kind { case submit, cancel, retry, remove }

  let kind: Kind
  var process = 0
  var isOpen = true
  var hasBegun = false
  var operation = Call.Operation.workers
  var triesLeft = 5
  var wait: Int64 = 50_000
  var isRepeated = false
  var jobs: [Job] = []
  var current: Job?
  var change: Change?
}

extension Simulation {
  static let person = Actor(name: "somebody", origin: "simulation")

  mutating func planActs() {
    var kinds = [SimulatedAct.Kind](repeating: .submit, count: plan.submissions)
    kinds += .init(repeating: .cancel, count: plan.cancels)
    kinds += .init(repeating: .retry, count: plan.retries)
    kinds += .init(repeating: .remove, count: plan.removals)
    for kind in kinds {
      acts.append(SimulatedAct(kind: kind))
      schedule(.act(acts.count - 1), at: random.between(0, plan.healsAt * 9 / 10))
    }
    openActs = acts.count
  }

  mutating func beginAct(_ act: Int) {
    let up = processes.indices.filter { processes[$0].isAlive && !processes[$0].isPaused }
    guard !up.isEmpty else { return schedule(.act(act), after: 200_000) }
    acts[act].process = random.pick(up)
    acts[act].hasBegun = true
    switch acts[act].kind {
    case .submit:
      acts[act].jobs = (0...random.below(3)).map { _ in newJob(acts[act].process) }
      submitted += acts[act].jobs.map(\.id)
      send(act, .insert(acts[act].jobs))
    case .cancel, .retry:
      guard let id = target(acts[act].kind) else { return close(act, "") }
      send(act, .jobs([id]))
    case .remove: send(act, .purge([.completed, .cancelled]))
    }
  }

  /// A job worth cancelling or retrying, as a rule.
  private func target(_ kind: SimulatedAct.Kind) -> JobID? {
    guard !submitted.isEmpty else { return nil }
    let fitting = submitted.filter { id in
      guard let status = store.job(id)?.status else { return false }
      return kind == .cancel ? status == .running : status == .failed || status == .cancelled
    }
    return random.pick(fitting.isEmpty || random.chance(0.2) ? submitted : fitting)
  }

  private func newJob(_ process: Int) -> Job {
    let at = wall(process)
    // Now and then somebody uses an id again.
    let isAgain = !submitted.isEmpty && random.chance(0.02)
    let id = isAgain ? random.pick(submitted) : JobID(known: "j\(random.next() % 1_000_000_007)")
    let strategies = RetryPolicy.Strategy.allCases
    let retry = RetryPolicy(
      strategy: random.pick(strategies), base: .microseconds(random.skewed(1_000, 2_000_000)),
      maxDelay: .seconds(8), jitter: random.pick([0, 0.1, 1]))
    func maybe(_ share: Double, _ low: Int64, _ high: Int64) -> Duration? {
      random.chance(share) ? .microseconds(random.between(low, high)) : nil
    }
    let spec = JobSpec(
      id: id, type: random.chance(0.4) ? "quick" : "slow", queue: random.pick(["default", "other"]),
      priority: random.pick(Priority.allCases), maxRetries: random.below(5), retry: retry,
      timeout: maybe(0.3, 100_000, 4_000_000), stallTimeout: maybe(0.15, 100_000, 3_000_000),
      // Some take their process down whenever they run.
      tags: random.chance(plan.kills / 2) ? ["kills": "yes"] : [:], createdAt: at, submittedBy: Self.person)
    let delay = maybe(0.25, 1_000, 6_000_000)
    var state = JobState(status: delay == nil ? .pending : .scheduled, revision: 0, runAt: at + (delay ?? .zero))
    state.startWithin = maybe(0.1, 500_000, 10_000_000)
    state.deadlineAt = maybe(0.1, 1_000_000, 30_000_000).map { at + $0 }
    return Job(spec: spec, state: state)
  }

  // MARK: Asking

  private mutating func send(_ act: Int, _ operation: Call.Operation) {
    acts[act].operation = operation
    acts[act].triesLeft = 5
    acts[act].wait = 50_000
    acts[act].isRepeated = false
    send(act)
  }

  mutating func send(_ act: Int) {
    if acts[act].isOpen { call(acts[act].operation, .act(act), from: acts[act].process) }
  }

  mutating func close(_ act: Int, _ what: String) {
    guard acts[act].isOpen, acts[act].hasBegun else { return }
    acts[act].isOpen = false
    openActs -= 1
    if !what.isEmpty { note(what, process: acts[act].process, job: acts[act].current?.id ?? acts[act].jobs.first?.id) }
  }

  mutating func answer(_ act: Int, _ reply: Reply) {
    guard acts[act].isOpen else { return }
    if case .failed(let error) = reply {
      acts[act].triesLeft -= 1
      guard acts[act].triesLeft > 0, case .unavailable(_, let effect) = error else { return close(act, "refused") }
      if effect == .unknown { acts[act].isRepeated = true }
      let process = acts[act].process
      schedule(
        .to(process: process, generation: processes[process].generation, .actAgain(act)),
        after: acts[act].wait + random.between(0, acts[act].wait / 2))
      acts[act].wait *= 2
      return
    }
    switch acts[act].kind {
    case .submit: answerSubmission(act, reply)
    case .cancel, .retry: answerMove(act, reply)
    case .remove: close(act, "removed")
    }
  }

  private mutating func answerSubmission(_ act: Int, _ reply: Reply) {
    let jobs = acts[act].jobs
    switch reply {
    case .inserted(.inserted): acknowledge(act, jobs)
    case .inserted(.duplicate):
      if acts[act].isRepeated { send(act, .jobs(jobs.map(\.id))) } else { close(act, "duplicate") }
    case .found(let found):
      let stored = found.compactMap { $0 }
      if stored.map(\.spec) == jobs.map(\.spec) { acknowledge(act, jobs) } else { close(act, "duplicate") }
    default: close(act, "duplicate")
    }
  }

  private mutating func acknowledge(_ act: Int, _ jobs: [Job]) {
    for job in jobs {
      note("acknowledged", process: acts[act].process, job: job.id)
      told.submitted.insert(job.id)
    }
    close(act, "")
    let pending = jobs.filter { $0.status == .pending }.map(\.spec.priority).max()
    if let pending { hint(.ready(pending), acts[act].process) }
    if let due = jobs.filter({ $0.status == .scheduled }).map(\.state.dueAt).min() {
      hint(.due(due), acts[act].process)
    }
  }

  private mutating func answerMove(_ act: Int, _ reply: Reply) {
    switch reply {
    case .found(let found):
      if let job = found[0] { decide(act, job) } else { close(act, "not found") }
    case .applied(let results):
      switch results[0] {
      case .applied: acknowledge(act, acts[act].current?.id)
      case .stale(let job):
        acts[act].current = job
        if acts[act].isRepeated { send(act, .histories([job.id])) } else { decide(act, job) }
      case .missing: close(act, "not found")
      }
    case .histories(let histories):
      guard let job = acts[act].current else { return close(act, "") }
      if acts[act].change?.status(in: histories[0]) != nil { acknowledge(act, job.id) } else { decide(act, job) }
    default: close(act, "")
    }
  }

  private mutating func decide(_ act: Int, _ job: Job) {
    let at = wall(acts[act].process)
    acts[act].current = job
    let cause: Cause = acts[act].kind == .cancel ? .cancelRequested(by: Self.person) : .retried(by: Self.person)
    guard let change = try? Lifecycle.move(job, cause, at: at) else { return close(act, "illegal") }
    acts[act].change = change
    send(act, .apply([change], at: at))
  }

  private mutating func acknowledge(_ act: Int, _ id: JobID?) {
    guard let id else { return close(act, "") }
    if acts[act].kind == .cancel {
      note("cancel acknowledged", process: acts[act].process, job: id)
      told.cancelled.insert(id)
      hint(.cancel(id), acts[act].process)
    } else {
      note("retry acknowledged", process: acts[act].process, job: id)
      told.retried.insert(id)
      hint(.ready(.normal), acts[act].process)
    }
    close(act, "")
  }
}
