import StintCore
import StintStore
import Testing

@testable import StintEngine

/// A worker machine, a clock, and short words for what a script does with them.
struct MachineScript {
  var machine: WorkerMachine
  var uptime: Duration = .zero
  let start = Timestamp(microseconds: 1_764_230_400_000_000)
  private var jobNumber = 0

  init(slots: Int = 2, _ change: (inout EngineConfiguration) -> Void = { _ in }) {
    var configuration = EngineConfiguration()
    configuration.slots = slots
    change(&configuration)
    machine = WorkerMachine(id: "w", configuration: configuration, types: ["quick", "slow"])
  }

  var at: Timestamp { start + uptime }

  /// A job as a claim gives it: with a start if it begins at once, without one if it is held ready.
  mutating func job(
    _ type: String = "slow", priority: Priority = .normal, ahead: Bool = false, timeout: Duration? = nil,
    stall: Duration? = nil, deadline: Timestamp? = nil
  ) -> Job {
    jobNumber += 1
    let id = JobID(known: "job-\(jobNumber)")
    let spec = JobSpec(
      id: id, type: type, priority: priority, timeout: timeout, stallTimeout: stall, createdAt: at)
    var state = JobState(status: .running, revision: 1, runAt: at)
    state.attempt = 1
    state.startedAt = ahead ? nil : at
    state.deadlineAt = deadline
    return Job(spec: spec, state: state)
  }

  /// The claim that it makes now.
  mutating func request() throws -> ClaimRequest {
    let request = machine.claimRequest(uptime: uptime)
    return try #require(request)
  }

  /// Answers a claim with these jobs; what is to be done.
  mutating func claim(_ jobs: [Job]) -> [WorkerMachine.Action] {
    guard let request = machine.claimRequest(uptime: uptime) else { return [] }
    return machine.claimed(jobs, for: request, at: at, uptime: uptime)
  }

  /// Starts these runners' next jobs.
  @discardableResult
  mutating func begin(_ actions: [WorkerMachine.Action]) -> [Running] {
    var running: [Running] = []
    for case .startRunner(let slot, let runner) in actions {
      if let job = machine.begin(slot: slot, runner: runner, at: at, uptime: uptime) {
        running.append(Running(slot: slot, runner: runner, job: job))
      }
    }
    return running
  }

  mutating func end(_ running: Running, _ cause: Cause = .succeeded(nil)) -> [WorkerMachine.Action] {
    machine.end(slot: running.slot, runner: running.runner, cause: cause, at: at, uptime: uptime)
  }

  mutating func progress(_ running: Running, _ percent: Double?) -> [WorkerMachine.Action] {
    hear(running, percent.map { .progress(Progress(percent: $0)) } ?? .alive)
  }

  mutating func hear(_ running: Running, _ news: AttemptNews) -> [WorkerMachine.Action] {
    machine.hear(news, slot: running.slot, runner: running.runner, at: at, uptime: uptime)
  }

  mutating func tick(after duration: Duration = .zero) -> WorkerMachine.Due {
    uptime += duration
    return machine.tick(at: at, uptime: uptime)
  }

  /// Claims these and begins them.
  mutating func run(_ jobs: [Job]) -> [Running] {
    let actions = claim(jobs)
    return begin(actions)
  }

  /// Makes `quick` known as a type that takes no time; nothing is left of it.
  mutating func learnQuick() {
    for running in run([job("quick")]) {
      _ = end(running)
      _ = machine.begin(slot: running.slot, runner: running.runner, at: at, uptime: uptime)
    }
    _ = machine.takeEnded()
    _ = machine.wake(.low, at: at)
  }

  mutating func settled() -> [(JobID, Cause)] { machine.takeEnded().settlements.map { ($0.job.id, $0.cause) } }

  /// An attempt under way.
  struct Running: Hashable {
    let slot: Int
    let runner: UInt64
    let job: Job
  }
}

extension WorkerMachine.Action {
  var isStart: Bool { if case .startRunner = self { true } else { false } }
}
