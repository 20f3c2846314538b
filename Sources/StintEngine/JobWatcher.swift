import StintCore
import StintStore

/// Turns one job's events into what a watcher sees: first the state, then what changes, once each, until the end.
actor JobWatcher {
  private let id: JobID
  private let store: any Store
  private let subscription: Subscription
  private let time: any TimeSource
  /// How often to look at the state without any hint: another process may change it.
  private let poll: Duration?
  private var updates: [JobUpdate] = []
  private var position = 0
  private var seen: Seen?
  private var hasEnded = false

  /// What the watcher was told last.
  private struct Seen {
    var revision: Int64
    var startedAt: Timestamp?
    var progress: Progress?
  }

  init(id: JobID, store: any Store, subscription: Subscription, time: any TimeSource, poll: Duration?) {
    self.id = id
    self.store = store
    self.subscription = subscription
    self.time = time
    self.poll = poll
  }

  /// Reads the present state. Throws `not_found`.
  func start() async throws(StintError) {
    let present: Job?
    do throws(StoreError) { present = try await store.jobs([id])[0] } catch { throw error.stintError }
    guard let present else { throw .notFound(id.text) }
    tell(present)
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
      case .event(.removed): hasEnded = true
      }
    }
    guard mustRead, !hasEnded else { return }
    let present: Job?
    do throws(StoreError) { present = try await store.jobs([id])[0] } catch { throw error.stintError }
    if let present { tell(present) } else { hasEnded = true }
  }

  private func tell(_ progress: Progress) {
    guard !hasEnded, progress != seen?.progress else { return }
    seen?.progress = progress
    updates.append(.progress(progress))
  }

  private func tell(_ job: Job) {
    guard !hasEnded, job.state.revision >= seen?.revision ?? .min else { return }
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
