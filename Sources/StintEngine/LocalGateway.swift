import Logging
import StintCore
import StintStore

/// The gateway of this process's own store: asks ``Lifecycle``, applies, publishes.
final class LocalGateway: ServingGateway {
  private let store: any Store
  private let hub: EventHub
  private let configuration: EngineConfiguration
  private let time: any TimeSource
  private let random: RandomSource
  private let logger: Logger
  private let offered = Locked<(@Sendable (Job) async -> AttemptAccess?)?>(nil)

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

  func announce(_ worker: WorkerRecord) async throws(StoreError) { try await store.put(worker) }

  func leave(_ worker: String) async throws(StoreError) { try await store.remove(worker: worker) }

  func listen(_ receive: @escaping @Sendable (WorkerSignal) -> Void) -> Listening {
    let id = hub.attach(receive)
    return Listening { [hub] in hub.detach(id) }
  }

  func heard(from attempt: AttemptKey) { hub.hint(.alive(attempt)) }

  func offer(_ access: (@Sendable (Job) async -> AttemptAccess?)?) { offered.withLock { $0 = access } }

  func access(_ job: Job) async -> AttemptAccess? { await offered.withLock { $0 }?(job) }

  func secret() async throws(StoreError) -> [UInt8] { try await store.secret() }

  func output(_ id: JobID, after place: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk] {
    try await store.output(id, after: place, limit: limit)
  }

  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    let at = time.now()
    let jobs = try await store.claim(request, at: at)
    // That claim was for nothing; but the one whose answer was lost is over by now, whatever became of it.
    if request.isRecovering { return try await running(under: request.worker) }
    hub.publish(jobs.compactMap { $0.state.startedAt == nil ? nil : .started($0) }, at: at)
    if logger.logLevel <= .debug { for job in jobs { logger.debug("claimed", metadata: job.logMetadata) } }
    return jobs
  }

  private func running(under worker: String) async throws(StoreError) -> [Job] {
    var found: [Job] = []
    var query = JobQuery(filter: .statuses([.running]), limit: 1_000)
    while true {
      let page = try await store.list(query)
      found += page.jobs.filter { $0.state.workerID == worker }
      guard let next = page.next else { return found }
      query.before = next
    }
  }

  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    try await store.renew(attempts, lease: lease)
  }

  func record(_ reports: [AttemptReport]) async throws(StoreError) {
    let kept = try await store.record(reports)
    let spoke = zip(reports, kept).compactMap { report, kept in
      kept && !report.output.isEmpty ? report.attempt.id : nil
    }
    if !spoke.isEmpty { hub.spoke(spoke) }
    var events: [LiveEvent] = []
    let begun = zip(reports, kept).filter { $1 && $0.startedAt != nil }.map(\.0.attempt.id)
    if !begun.isEmpty {
      for case let job? in try await store.jobs(begun) where job.status == .running { events.append(.started(job)) }
    }
    for (report, kept) in zip(reports, kept) {
      guard kept, let progress = report.progress else { continue }
      events.append(.progressed(report.attempt.id, revision: report.attempt.revision, progress))
    }
    hub.publish(events, at: time.now())
  }

  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? { try await store.checkpoint(id) }

  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
    var settling = Settling(settlements, configuration: configuration)
    while let question = settling.next(random: random) {
      switch question {
      case .jobs(let ids): settling.take(jobs: try await store.jobs(ids))
      case .failures(let type, let within, let limit):
        settling.take(failures: try await store.failures(ofType: type, since: time.now() - within, limit: limit))
      case .apply(let changes): settling.take(applied: try await store.apply(changes, at: time.now()))
      case .histories(let ids): settling.take(histories: try await store.history(ids))
      }
    }
    hub.publish(settling.events, at: time.now())
    if let dueAt = settling.dueAt { hub.hint(.due(dueAt)) }
    if let urgency = settling.urgency { hub.hint(.ready(urgency)) }
    log(settling.events)
    return settling.results
  }

  private func log(_ events: [LiveEvent]) {
    for case .moved(let job) in events {
      switch job.status {
      case .failed: logger.warning("dead-lettered", metadata: job.logMetadata)
      case .retrying: logger.info("retrying", metadata: job.logMetadata)
      default:
        if logger.logLevel <= .debug { logger.debug("\(job.status.rawValue)", metadata: job.logMetadata) }
      }
    }
  }
}

extension Job {
  var logMetadata: Logger.Metadata {
    var metadata: Logger.Metadata = [
      "job_id": "\(id)", "type": "\(spec.type)", "attempt": "\(state.attempt)",
    ]
    if let worker = state.workerID { metadata["worker_id"] = "\(worker)" }
    if let error { metadata["error"] = "\(error.type.rawValue): \(error.message)" }
    if let next = nextRetryAt { metadata["next_retry_at"] = "\(next.iso8601)" }
    return metadata
  }
}
