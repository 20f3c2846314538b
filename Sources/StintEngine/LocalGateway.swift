import Logging
import StintCore
import StintStore

/// The gateway of this process's own store: asks ``Lifecycle``, applies, publishes.
final class LocalGateway: WorkerGateway {
  private let store: any Store
  private let hub: EventHub
  private let configuration: EngineConfiguration
  private let time: any TimeSource
  private let random: RandomSource
  private let logger: Logger

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

  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    let at = time.now()
    let jobs = try await store.claim(request, at: at)
    hub.publish(jobs.compactMap { $0.state.startedAt == nil ? nil : .started($0) }, at: at)
    if logger.logLevel <= .debug { for job in jobs { logger.debug("claimed", metadata: job.logMetadata) } }
    return jobs
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
    var results = [SettleResult](repeating: .superseded, count: settlements.count)
    var events: [LiveEvent] = []
    events.reserveCapacity(settlements.count)
    var dueAt: Timestamp?
    var urgency: Priority?
    var jobs = try await current(settlements)
    let crowded = try await crowdedTypes(settlements)
    var open = Array(settlements.indices)
    while !open.isEmpty {
      var changes: [Change] = []
      changes.reserveCapacity(open.count)
      open.removeAll { index in
        let settlement = settlements[index]
        var cause = settlement.cause
        // Asked to stop by a hint that was meant for an earlier attempt: nobody wants this one's end.
        if cause == .stopped, !jobs[index].state.isCancelRequested { cause = .released }
        let escalation = configuration.escalations.escalation(
          for: jobs[index], id: random.jobID(at: settlement.at), isAtOnce: crowded.contains(jobs[index].spec.type))
        let change = try? Lifecycle.move(
          jobs[index], cause, at: settlement.at, random: random.unit(), maxLosses: configuration.maxLosses,
          escalation: escalation)
        guard let change else { return true }
        changes.append(change)
        return false
      }
      let applied = try await store.apply(changes, at: time.now())
      var again: [Int] = []
      for (position, index) in open.enumerated() {
        switch applied[position] {
        case .applied:
          let after = changes[position].applied(to: jobs[index])
          results[index] = .settled(after.status)
          if after.status == .retrying || after.status == .scheduled {
            dueAt = min(dueAt ?? after.state.dueAt, after.state.dueAt)
          }
          if after.status == .pending { urgency = max(urgency ?? .low, after.spec.priority) }
          events.append(.moved(after))
          if let spawn = changes[position].spawn {
            events.append(.created(spawn))
            urgency = max(urgency ?? .low, spawn.spec.priority)
          }
        case .stale(var now):
          // Only a mark (a cancel) came between: ask again on what is now true.
          let known = jobs[index].state
          guard now.status == .running, now.state.revision == known.revision,
            now.state.cancelRequestedAt != known.cancelRequestedAt
          else {
            if let status = try await store.earlier(changes[position]) {
              results[index] = .settled(status)
              events.append(.moved(now))
            }
            continue
          }
          now.state.startedAt = known.startedAt
          jobs[index] = now
          again.append(index)
        case .missing: continue
        }
      }
      open = again
    }
    hub.publish(events, at: time.now())
    if let dueAt { hub.hint(.due(dueAt)) }
    if let urgency { hub.hint(.ready(urgency)) }
    log(events)
    return results
  }

  /// Types with a rule whose window is full of failures: the next one escalates at once.
  private func crowdedTypes(_ settlements: [Settlement]) async throws(StoreError) -> Set<String> {
    guard !configuration.escalations.rules.isEmpty else { return [] }
    var crowded: Set<String> = []
    var seen: Set<String> = []
    for settlement in settlements where seen.insert(settlement.job.spec.type).inserted {
      let type = settlement.job.spec.type
      guard let window = configuration.escalations.rule(for: type)?.window else { continue }
      let failures = try await store.failures(
        ofType: type, since: time.now() - window.within, limit: window.failures)
      if failures >= window.failures { crowded.insert(type) }
    }
    return crowded
  }

  /// The jobs as they were claimed; those that end for a cancel as they stand now, because the mark came later.
  private func current(_ settlements: [Settlement]) async throws(StoreError) -> [Job] {
    var jobs = settlements.map(\.job)
    let stopped = settlements.indices.filter { settlements[$0].cause == .stopped && !jobs[$0].state.isCancelRequested }
    guard !stopped.isEmpty else { return jobs }
    for (index, found) in zip(stopped, try await store.jobs(stopped.map { jobs[$0].id })) {
      guard var found, found.state.revision == jobs[index].state.revision else { continue }
      found.state.startedAt = jobs[index].state.startedAt
      jobs[index] = found
    }
    return jobs
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
