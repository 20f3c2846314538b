import Logging
import StintCore
import StintStore

/// Moves what no worker moves: promotes what is due, rescues what lost its lease, ends what waited too long.
///
/// There is no leader. Every move is guarded by revision, so every process may run this.
final class Maintenance: Sendable {
  private let store: any Store
  private let hub: EventHub
  private let time: any TimeSource
  private let random: RandomSource
  private let logger: Logger
  private let machine: Locked<MaintenanceMachine>
  private let signal = Signal()
  private let troubles: TroubleLog

  init(
    store: any Store, hub: EventHub, configuration: EngineConfiguration, time: any TimeSource, random: RandomSource,
    logger: Logger
  ) {
    self.store = store
    self.hub = hub
    self.time = time
    self.random = random
    self.logger = logger
    self.troubles = TroubleLog(logger: logger, time: time)
    self.machine = Locked(MaintenanceMachine(configuration: configuration, uptime: time.uptime()))
  }

  /// Works until the task is cancelled.
  func run() async {
    let hints = hub.attach { [self] in hear($0) }
    defer { hub.detach(hints) }
    while !Task.isCancelled {
      do throws(StoreError) {
        try await round()
        troubles.worked("maintenance", wrote: false)
      } catch {
        troubles.failed("maintenance", error)
        machine.withLock { $0.failed(uptime: time.uptime()) }
      }
      await signal.wait(untilUptime: machine.withLock { $0.wakeAt }, time: time)
    }
  }

  private func hear(_ hint: WorkerSignal) {
    guard case .due(let at) = hint else { return }
    if machine.withLock({ $0.hear(due: at) }) { signal.notify() }
  }

  /// Promotes and, where it is time for that, sweeps.
  private func round() async throws(StoreError) {
    while let question = machine.withLock({ $0.next(at: time.now(), uptime: time.uptime(), random: random) }) {
      let answer = try await ask(question)
      if let news = machine.withLock({ $0.take(answer, at: time.now()) }) { tell(news) }
    }
  }

  private func ask(_ question: MaintenanceMachine.Question) async throws(StoreError) -> MaintenanceMachine.Answer {
    switch question {
    case .promote(let limit, let at): return .promoted(try await store.promote(limit: limit, at: at))
    case .jobs(let ids): return .jobs(try await store.jobs(ids))
    case .expired(let limit): return .found(try await store.expired(limit: limit))
    case .overdue(let limit, let at): return .found(try await store.overdue(limit: limit, at: at))
    case .apply(let changes, let at): return .applied(try await store.apply(changes, at: at))
    case .clockWasSet(let step, let at):
      try await store.wallClockWasSet(by: step, at: at)
      if step != .zero { logger.warning("the wall clock was set", metadata: ["by": "\(step.text)"]) }
      return .done
    case .workers: return .workers(try await store.workers())
    case .remove(let worker):
      try await store.remove(worker: worker)
      return .done
    }
  }

  private func tell(_ news: MaintenanceMachine.News) {
    hub.publish(news.moved.map { .moved($0) } + news.spawned.map { .created($0) }, at: time.now())
    if let urgency = news.spawned.map(\.spec.priority).max() { hub.hint(.ready(urgency)) }
    switch news.reason {
    case .promoted:
      KillPoint.reached(.promotionCommitted)
      hub.hint(.ready(news.moved.map(\.spec.priority).max() ?? .normal))
    case .rescued:
      if !news.moved.isEmpty { KillPoint.reached(.rescueCommitted) }
      for job in news.moved { logger.warning("worker lost", metadata: job.logMetadata) }
      if news.moved.contains(where: { $0.status == .retrying }) { hub.hint(.due(time.now())) }
    case .expired: for job in news.moved { logger.warning("dead-lettered", metadata: job.logMetadata) }
    }
  }
}
