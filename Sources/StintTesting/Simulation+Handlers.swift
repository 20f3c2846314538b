internal import StintCore
internal import StintEngine

/// What a handler does next.
enum HandlerStep {
  case say(AttemptNews)
  case end(Cause)
  /// It takes its process down.
  case kill
}

extension Simulation {
  mutating func perform(_ actions: [WorkerMachine.Action], _ process: Int) {
    for action in actions {
      switch action {
      case .settle: signal(.settle, process)
      case .claim: signal(.claim, process)
      case .reschedule: signal(.clock, process)
      case .cancelRunner(let runner): cancelRunner(runner, process)
      case .startRunner(let slot, let runner):
        processes[process].runners[runner] = .init(slot: slot)
        send(.begin(runner: runner), process, after: random.between(0, 300))
      }
    }
  }

  private mutating func send(_ message: Message, _ process: Int, after delay: Int64) {
    schedule(.to(process: process, generation: processes[process].generation, message), after: delay)
  }

  /// A runner takes its next job, or ends.
  mutating func begin(_ runner: UInt64, _ process: Int) {
    guard var known = processes[process].runners[runner] else { return }
    let job = processes[process].machine.begin(
      slot: known.slot, runner: runner, at: wall(process), uptime: uptime(process))
    guard let job else {
      processes[process].runners[runner] = nil
      return
    }
    note("begins", process: process, job: job.id, a: job.attemptNumber, b: job.shortRevision)
    if job.spec.timeout != nil || job.spec.stallTimeout != nil || job.state.deadlineAt != nil {
      signal(.clock, process)
    }
    known.job = job
    known.token += 1
    known.isDeaf = random.chance(plan.deaf)
    processes[process].runners[runner] = known
    planAttempt(job, runner, known.token, process)
  }

  private mutating func planAttempt(_ job: Job, _ runner: UInt64, _ token: Int, _ process: Int) {
    func step(_ step: HandlerStep, after delay: Int64) {
      send(.handler(runner: runner, token: token, step), process, after: delay)
    }
    var length = job.spec.type == "quick" ? random.between(100, 40_000) : random.skewed(50_000, 5_000_000)
    if !isHealed, job.spec.type == "slow", random.chance(0.05) { length = random.between(5_000_000, 40_000_000) }
    for number in 0..<random.below(4) {
      let news: AttemptNews =
        switch random.below(4) {
        case 0: .alive
        case 1: .output(.stdout, "line \(number)\n")
        case 2: .checkpoint(RawJSON(.integer(Int64(number))))
        default: .progress(Progress(percent: random.unit() * 100))
        }
      step(.say(news), after: random.between(0, length))
    }
    if job.spec.tags["kills"] != nil || !isHealed && random.chance(plan.kills) { return step(.kill, after: length) }
    let canHang = job.spec.timeout != nil || job.spec.stallTimeout != nil || job.state.deadlineAt != nil
    let cause: Cause
    switch random.below(100) {
    case 0..<60: cause = .succeeded(job.state.attempt % 2 == 0 ? nil : .emptyObject)
    case 60..<75: cause = .failed(message: "it failed")
    case 75..<79: cause = .failed(message: "busy", retryAfter: .microseconds(random.between(0, 3_000_000)))
    case 79..<83: cause = .gaveUp(message: "hopeless")
    case 83..<85: cause = .undecodable(message: "no such param")
    case 85..<92: cause = .snoozed(until: wall(process) + .microseconds(random.between(0, 4_000_000)))
    default:
      // Hangs until one of its clocks stops it.
      if canHang { return }
      cause = .succeeded(nil)
    }
    step(.end(cause), after: length)
  }

  mutating func handlerDoes(_ step: HandlerStep, _ runner: UInt64, _ token: Int, _ process: Int) {
    guard var known = processes[process].runners[runner], known.token == token, let job = known.job else { return }
    switch step {
    case .say(let news):
      perform(
        processes[process].machine.hear(
          news, slot: known.slot, runner: runner, at: wall(process), uptime: uptime(process)), process)
    case .end(let cause):
      note("ends", process: process, job: job.id, word: cause.kind.rawValue, a: job.attemptNumber, b: job.shortRevision)
      known.job = nil
      known.token += 1
      processes[process].runners[runner] = known
      let actions = processes[process].machine.end(
        slot: known.slot, runner: runner, cause: cause, at: wall(process), uptime: uptime(process))
      perform(actions, process)
      begin(runner, process)
    case .kill: end(process, "killed by a handler", restartAfter: random.between(10_000, 3_000_000))
    }
  }

  /// A runner's task is cancelled: its handler ends soon, if it listens.
  private mutating func cancelRunner(_ runner: UInt64, _ process: Int) {
    guard var known = processes[process].runners[runner], let job = known.job, !known.isCancelled else { return }
    note("asked to stop", process: process, job: job.id, a: job.attemptNumber)
    known.isCancelled = true
    defer { processes[process].runners[runner] = known }
    if known.isDeaf { return }
    known.token += 1
    let cause: Cause = random.below(8) == 0 ? .succeeded(nil) : .failed(message: "cancelled")
    send(.handler(runner: runner, token: known.token, .end(cause)), process, after: random.between(0, 50_000))
  }
}
