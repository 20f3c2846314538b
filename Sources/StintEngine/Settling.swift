package import StintCore
package import StintStore

/// What becomes of a batch of outcomes, as a pure value: what to ask of the store, and what its answers mean.
/// ``LocalGateway`` is its shell.
package struct Settling {
  /// What the store is to be asked.
  package enum Question {
    /// How these jobs stand; see ``Settling/take(jobs:)``.
    case jobs([JobID])
    /// How many jobs of this type failed within this time, counted up to a limit; see ``Settling/take(failures:)``.
    case failures(type: String, within: Duration, limit: Int)
    /// To make these moves; see ``Settling/take(applied:)``.
    case apply([Change])
    /// What happened to these jobs; see ``Settling/take(histories:)``.
    case histories([JobID])
  }

  private let settlements: [Settlement]
  private let escalations: Escalations
  private let maxLosses: Int
  private var jobs: [Job]
  /// Those that end for a cancel whose mark came after their claim.
  private var unread: [Int]
  /// Types whose rule looks at the failures of a while.
  private var uncounted: [(type: String, window: EscalationRule.Window)] = []
  /// Those whose window is full of failures: the next one escalates at once.
  private var crowded: Set<String> = []
  private var open: [Int]
  private var changes: [Change] = []
  /// Refused; but an earlier call whose answer was lost may have stored them.
  private var doubtful: [(index: Int, change: Change, now: Job)] = []
  /// Whether each outcome was kept, in order.
  package private(set) var results: [SettleResult]
  /// What watchers are to be told.
  private(set) var events: [LiveEvent] = []
  /// When the first of them is due again.
  package private(set) var dueAt: Timestamp?
  /// The most urgent of those that are pending again.
  package private(set) var urgency: Priority?

  package init(_ settlements: [Settlement], configuration: EngineConfiguration) {
    self.settlements = settlements
    escalations = configuration.escalations
    maxLosses = configuration.maxLosses
    jobs = settlements.map(\.job)
    results = [SettleResult](repeating: .superseded, count: settlements.count)
    open = Array(settlements.indices)
    unread = settlements.indices.filter {
      settlements[$0].cause == .stopped && !settlements[$0].job.state.isCancelRequested
    }
    events.reserveCapacity(settlements.count)
    guard !escalations.rules.isEmpty else { return }
    var seen: Set<String> = []
    for settlement in settlements where seen.insert(settlement.job.spec.type).inserted {
      let type = settlement.job.spec.type
      if let window = escalations.rule(for: type)?.window { uncounted.append((type, window)) }
    }
  }

  /// What to ask next; nil once every outcome has its result.
  package mutating func next(random: RandomSource) -> Question? {
    if !unread.isEmpty { return .jobs(unread.map { jobs[$0].id }) }
    if let (type, window) = uncounted.last {
      return .failures(type: type, within: window.within, limit: window.failures)
    }
    if !doubtful.isEmpty { return .histories(doubtful.map(\.change.id)) }
    guard !open.isEmpty else { return nil }
    changes.removeAll(keepingCapacity: true)
    changes.reserveCapacity(open.count)
    open.removeAll { index in
      let settlement = settlements[index]
      var cause = settlement.cause
      // Asked to stop by a hint that was meant for an earlier attempt: nobody wants this one's end.
      if cause == .stopped, !jobs[index].state.isCancelRequested { cause = .released }
      let escalation = escalations.escalation(
        for: jobs[index], id: random.jobID(at: settlement.at), isAtOnce: crowded.contains(jobs[index].spec.type))
      let change = try? Lifecycle.move(
        jobs[index], cause, at: settlement.at, random: random.unit(), maxLosses: maxLosses, escalation: escalation,
        message: settlement.message)
      guard let change else { return true }
      changes.append(change)
      return false
    }
    return changes.isEmpty ? nil : .apply(changes)
  }

  /// The jobs as they stand now, in the order in which they were asked for.
  package mutating func take(jobs found: [Job?]) {
    for (index, found) in zip(unread, found) {
      guard var found, found.state.revision == jobs[index].state.revision else { continue }
      found.state.startedAt = jobs[index].state.startedAt
      jobs[index] = found
    }
    unread = []
  }

  /// How many failures were counted.
  package mutating func take(failures: Int) {
    guard let (type, window) = uncounted.popLast() else { return }
    if failures >= window.failures { crowded.insert(type) }
  }

  /// What became of the changes, in their order.
  package mutating func take(applied: [ApplyResult]) {
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
          if changes[position].event != nil { doubtful.append((index, changes[position], now)) }
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

  /// The histories of the jobs, in the order in which they were asked for.
  package mutating func take(histories: [[Event]]) {
    for (doubt, history) in zip(doubtful, histories) {
      guard let status = doubt.change.status(in: history) else { continue }
      results[doubt.index] = .settled(status)
      events.append(.moved(doubt.now))
    }
    doubtful = []
  }
}

extension Change {
  /// What became of the job, if its history has this change, or if the attempt has completed the job itself, in a
  /// transaction of its own; else nil.
  package func status(in history: [Event]) -> JobStatus? {
    guard let ours = event else { return nil }
    let stored = history.last { event in
      event.attempt == ours.attempt && event.workerID == ours.workerID
        && (event.kind == .succeeded || event.kind == ours.kind && event.at == ours.at)
    }
    return stored?.status
  }
}
