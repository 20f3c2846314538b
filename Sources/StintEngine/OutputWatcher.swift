public import StintCore
import StintStore

/// What is told of a job's output.
public enum OutputUpdate: Sendable, Hashable {
  /// A new attempt takes over; what follows is its output. `job` differs from the one before where that escalated.
  case attempt(Int, of: JobID)
  /// A piece of output.
  case chunk(OutputChunk)
  /// Pieces are missing: the first that is there comes after the place that was asked for.
  case gap
  /// The job is over; nothing follows.
  case ended(Job)
}

/// The output of one job as it comes; ends after ``OutputUpdate/ended(_:)``.
public typealias OutputUpdates = AsyncThrowingStream<OutputUpdate, any Error>

/// Reads a job's output from the store, waits for more, and goes on with the job that takes over.
actor OutputWatcher {
  private var id: JobID
  private var place: OutputPlace?
  private var attempt: Int
  private let store: any Store
  private let hub: EventHub
  private var subscription: Subscription
  private let time: any TimeSource
  private let poll: Duration?
  /// Whether it waits for what is still to come.
  private let follows: Bool
  private var updates: [OutputUpdate] = []
  private var position = 0
  private var hasEnded = false

  /// Pieces that are read at once.
  private static let page = 256

  init(
    id: JobID, after place: OutputPlace?, follows: Bool, store: any Store, hub: EventHub, time: any TimeSource,
    poll: Duration?
  ) {
    self.follows = follows
    self.id = id
    self.place = place
    self.attempt = place?.attempt ?? 0
    self.store = store
    self.hub = hub
    self.subscription = hub.subscribe(to: id, buffer: 32)
    self.time = time
    self.poll = poll
  }

  /// Reads what is there. Throws `not_found`.
  func start() async throws(StintError) {
    do { try await read(mustExist: true) } catch {
      throw (error as? StoreError)?.stintError ?? error as? StintError ?? StintError(.storeUnavailable, "\(error)")
    }
  }

  /// The next update; nil after the end and when the task is cancelled.
  func next() async throws -> OutputUpdate? {
    while true {
      if position < updates.count {
        defer { position += 1 }
        return updates[position]
      }
      updates.removeAll(keepingCapacity: true)
      position = 0
      if hasEnded || Task.isCancelled { return nil }
      if isBehind {
        try await read(mustExist: false)
        continue
      }
      guard follows else { return nil }
      _ = await subscription.next(untilUptime: poll.map { time.uptime() + $0 }, time: time)
      if Task.isCancelled { return nil }
      try await read(mustExist: false)
    }
  }

  /// Whether there is more in the store than was read at once.
  private var isBehind = false

  /// The job first, its output after that: a job that is over says nothing more.
  private func read(mustExist: Bool) async throws {
    guard let job = try await store.jobs([id])[0] else {
      if mustExist { throw StintError.notFound(id.text) }
      hasEnded = true
      return
    }
    let chunks = try await store.output(id, after: place, limit: Self.page)
    isBehind = chunks.count == Self.page
    for chunk in chunks {
      if chunk.attempt != attempt { announce(chunk.attempt) }
      if let place, chunk.attempt == place.attempt, chunk.number != place.number + 1 { updates.append(.gap) }
      updates.append(.chunk(chunk))
      place = chunk.place
    }
    guard !isBehind else { return }
    if job.status == .running, job.state.attempt > attempt { announce(job.state.attempt) }
    guard job.status.isTerminal else { return }
    guard let next = job.status == .failed ? job.state.escalatedTo : nil, try await store.jobs([next])[0] != nil else {
      updates.append(.ended(job))
      hasEnded = true
      return
    }
    id = next
    place = nil
    attempt = 0
    subscription = hub.subscribe(to: next, buffer: 32)
    isBehind = true
  }

  private func announce(_ number: Int) {
    attempt = number
    updates.append(.attempt(number, of: id))
  }
}
