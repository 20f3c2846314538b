import Logging
import StintCore
import StintStore
import Synchronization

/// Moves what no worker moves: promotes what is due, rescues what lost its lease, ends what waited too long.
///
/// There is no leader. Every move is guarded by revision, so every process may run this.
final class Maintenance: Sendable {
  private let store: any Store
  private let hub: EventHub
  private let configuration: EngineConfiguration
  private let time: any TimeSource
  private let random: RandomSource
  private let logger: Logger
  private let signal = Signal()
  private let due = Mutex<Timestamp?>(nil)

  init(
    store: any Store, hub: EventHub, configuration: EngineConfiguration, time: any TimeSource, random: RandomSource,
    logger: Logger
  ) {
    self.store = store
    self.hub = hub
    self.configuration = configuration
    self.time = time
    self.random = random
    self.logger = logger
  }

  /// Works until the task is cancelled.
  func run() async {
    let hints = hub.attach { [self] in hear($0) }
    defer { hub.detach(hints) }
    // After an outage nobody rescues until the store has answered long enough for every worker to have renewed.
    var rescueFrom = time.uptime()
    var nextSweep = time.uptime()
    while !Task.isCancelled {
      var wait = configuration.poll
      do throws(StoreError) {
        let nextDue = try await promote()
        if time.uptime() >= nextSweep {
          if time.uptime() >= rescueFrom { try await rescue() }
          try await expire()
          try await forgetWorkers()
          // Jitter keeps many processes from sweeping in step.
          nextSweep = time.uptime() + configuration.poll * (0.75 + random.unit() / 2)
        }
        if let nextDue { wait = min(wait, max(.zero, nextDue - time.now())) }
      } catch {
        logger.warning("maintenance failed", metadata: ["error": "\(error)"])
        rescueFrom = time.uptime() + configuration.heartbeat + .seconds(1)
      }
      await signal.wait(untilUptime: time.uptime() + wait, time: time)
    }
  }

  private func hear(_ hint: WorkerSignal) {
    guard case .due(let at) = hint else { return }
    let isSooner = due.withLock { due in
      if let known = due, known <= at { return false }
      due = at
      return true
    }
    if isSooner { signal.notify() }
  }

  private func promote() async throws(StoreError) -> Timestamp? {
    due.withLock { $0 = nil }
    while true {
      let promotion = try await store.promote(limit: 1_000, at: time.now())
      if !promotion.promoted.isEmpty {
        // One that a worker took and finished meanwhile was told of by that.
        let jobs = try await store.jobs(promotion.promoted).compactMap { $0 }.filter { $0.status == .pending }
        hub.publish(jobs.map { .moved($0) }, at: time.now())
        hub.hint(.ready(jobs.map(\.spec.priority).max() ?? .normal))
      }
      if promotion.promoted.count < 1_000 {
        due.withLock { $0 = promotion.nextDue }
        return promotion.nextDue
      }
    }
  }

  private func rescue() async throws(StoreError) {
    let lost = try await store.expired(limit: 1_000)
    guard !lost.isEmpty else { return }
    let moved = try await move(lost) { job in
      .lost(
        message: "The worker \(job.state.workerID ?? "?") lost its lease",
        alone: job.runsAlone(maxLosses: configuration.maxLosses))
    }
    for job in moved { logger.warning("worker lost", metadata: job.logMetadata) }
    if moved.contains(where: { $0.status == .retrying }) { hub.hint(.due(time.now())) }
  }

  private func expire() async throws(StoreError) {
    let at = time.now()
    let overdue = try await store.overdue(limit: 1_000, at: at)
    guard !overdue.isEmpty else { return }
    let moved = try await move(overdue) { job in
      if let deadline = job.state.deadlineAt, deadline <= at { return .deadlineExceeded }
      return .startExpired
    }
    for job in moved { logger.warning("dead-lettered", metadata: job.logMetadata) }
  }

  /// How long a worker's entry stays after its last sign of life.
  private static let workerMemory: Duration = .seconds(600)

  /// A worker that was killed can not say that it has gone.
  private func forgetWorkers() async throws(StoreError) {
    let oldest = time.now() - Self.workerMemory
    for worker in try await store.workers() where worker.seenAt < oldest { try await store.remove(worker: worker.id) }
  }

  /// Makes the moves that are still possible; whoever lost a race has nothing to do here.
  private func move(_ jobs: [Job], _ cause: (Job) -> Cause) async throws(StoreError) -> [Job] {
    let at = time.now()
    let decided = jobs.compactMap { job in
      let change = try? Lifecycle.move(
        job, cause(job), at: at, random: random.unit(), maxLosses: configuration.maxLosses,
        escalation: configuration.escalations.escalation(for: job, id: random.jobID(at: at)))
      return change.map { (job, $0) }
    }
    let results = try await store.apply(decided.map(\.1), at: at)
    let moved = zip(decided, results).compactMap { decided, result -> Job? in
      guard case .applied = result else { return nil }
      return decided.1.applied(to: decided.0)
    }
    hub.publish(moved.map { .moved($0) }, at: at)
    let spawned = zip(decided, results).compactMap { decided, result -> Job? in
      if case .applied = result { decided.1.spawn } else { nil }
    }
    hub.publish(spawned.map { .created($0) }, at: at)
    if let urgency = spawned.map(\.spec.priority).max() { hub.hint(.ready(urgency)) }
    return moved
  }
}
