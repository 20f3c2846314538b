import StintCore
import StintStore

/// Turns one job's events into what a watcher sees: first the state, then what changes, once each, until the end. Where
/// another job takes over, that one is watched on.
actor JobWatcher {
  private var id: JobID
  private let store: any Store
  private let hub: EventHub
  private var subscription: Subscription
  private let time: any TimeSource
  /// How often to look at the state without any hint: another process may change it.
  private let poll: Duration?
  private var updates: [JobUpdate] = []
  private var position = 0
  private var seen: Seen?
  private var hasEnded = false
  /// The job that was watched, once another took over from it.
  private var handedOn: Job?

  /// What the watcher was told last.
  private struct Seen {
    var revision: Int64
    var startedAt: Timestamp?
    var progress: Progress?
  }

  /// Updates that wait to be read; further ones of one job coalesce.
  private static let buffer = 32

  init(id: JobID, store: any Store, hub: EventHub, time: any TimeSource, poll: Duration?) {
    self.id = id
    self.store = store
    self.hub = hub
    self.subscription = hub.subscribe(to: id, buffer: Self.buffer)
    self.time = time
    self.poll = poll
  }

  /// Reads the present state. Throws `not_found`.
  func start() async throws(StintError) {
    let present: Job?
    do throws(StoreError) { present = try await store.jobs([id])[0] } catch { throw error.stintError }
    guard let present else { throw .notFound(id.text) }
    tell(present)
    do { try await followChain() } catch { throw error as? StintError ?? StintError(.storeUnavailable, "\(error)") }
  }

  /// Goes on with the job that took over, as long as there is one.
  private func followChain() async throws {
    while let failed = handedOn, let next = failed.state.escalatedTo {
      let subscription = hub.subscribe(to: next, buffer: Self.buffer)
      let present: Job?
      do throws(StoreError) { present = try await store.jobs([next])[0] } catch { throw error.stintError }
      handedOn = nil
      guard let present else {
        // The job that took over was removed: the last one that is there is the end.
        updates.append(.ended(failed))
        hasEnded = true
        return
      }
      updates.append(.escalated(failed, to: next))
      id = next
      self.subscription = subscription
      seen = nil
      tell(present)
    }
  }

  /// The next update; nil after the end and when the task is cancelled.
  func next() async throws -> JobUpdate? {
    while true {
      if position < updates.count {
        defer { position += 1 }
        return updates[position]
      }
      updates.removeAll(keepingCapacity: true)
      position = 0
      if hasEnded || Task.isCancelled { return nil }
      let items = await subscription.next(untilUptime: poll.map { time.uptime() + $0 }, time: time)
      if Task.isCancelled { return nil }
      try await take(items)
    }
  }

  private func take(_ items: [FeedItem]) async throws {
    var mustRead = items.isEmpty
    for item in items {
      switch item {
      case .resync: mustRead = true
      case .event(.created(let job)), .event(.started(let job)), .event(.moved(let job)): tell(job)
      case .event(.progressed(_, let revision, let progress)):
        if let seen, seen.revision == revision { tell(progress) } else { mustRead = true }
      case .output: break
      case .event(.removed): hasEnded = true
      }
    }
    if mustRead, !hasEnded, handedOn == nil { try await read() }
    try await followChain()
  }

  private func read() async throws {
    let present: Job?
    do throws(StoreError) { present = try await store.jobs([id])[0] } catch { throw error.stintError }
    if let present { tell(present) } else { hasEnded = true }
  }

  private func tell(_ progress: Progress) {
    guard !hasEnded, handedOn == nil, progress != seen?.progress else { return }
    seen?.progress = progress
    updates.append(.progress(progress))
  }

  private func tell(_ job: Job) {
    guard !hasEnded, handedOn == nil, job.id == id, job.state.revision >= seen?.revision ?? .min else { return }
    if job.status == .failed, job.state.escalatedTo != nil {
      handedOn = job
      return
    }
    if job.status.isTerminal {
      updates.append(.ended(job))
      hasEnded = true
      return
    }
    if seen?.revision != job.state.revision || seen?.startedAt != job.state.startedAt {
      seen = Seen(revision: job.state.revision, startedAt: job.state.startedAt, progress: nil)
      updates.append(
        .status(
          job.status, startedAt: job.state.startedAt, attempt: job.state.attempt, nextRetryAt: job.nextRetryAt,
          error: job.error))
    }
    if let progress = job.progress, job.status == .running { tell(progress) }
  }
}
