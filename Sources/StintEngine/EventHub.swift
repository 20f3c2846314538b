import DequeModule
public import StintCore

/// Something that happened in this process, for those who watch now.
public enum LiveEvent: Sendable {
  /// A job was submitted.
  case created(Job)
  /// An attempt's handler began.
  case started(Job)
  /// An attempt is this far; the revision is its lease's.
  case progressed(JobID, revision: Int64, Progress)
  /// A job moved, or was asked to stop: as it stands now.
  case moved(Job)
  /// A job was removed.
  case removed(JobID)

  /// The job it is about.
  public var jobID: JobID {
    switch self {
    case .created(let job), .started(let job), .moved(let job): job.id
    case .progressed(let id, _, _), .removed(let id): id
    }
  }
}

/// What a subscriber reads.
public enum FeedItem: Sendable {
  /// It happened.
  case event(LiveEvent)
  /// The job that is watched said something: the store has it.
  case output
  /// Something was missed, or another process changed the store: read the state, the end is in it.
  case resync
}

/// Brings what happens to everyone who watches, and never waits for any of them.
///
/// Each subscriber has a bounded buffer. Progress of one job coalesces; on overflow everything is dropped and the
/// subscriber is told to read the state anew.
public final class EventHub: Sendable {
  private struct State {
    var everything: [ObjectIdentifier: Weak] = [:]
    var byJob: [JobID: [ObjectIdentifier: Weak]] = [:]
    var signals: [UInt64: @Sendable (WorkerSignal) -> Void] = [:]
    var nextSignal: UInt64 = 0
    var totals = Totals()
  }

  private struct Weak {
    weak var subscription: Subscription?
  }

  private let state = Locked(State())

  /// A hub without subscribers.
  public init() {}

  /// Subscribes to one job, or to everything. Dropping the subscription ends it.
  public func subscribe(to job: JobID? = nil, buffer: Int = 1024) -> Subscription {
    let subscription = Subscription(hub: self, job: job, limit: max(2, buffer))
    let weak = Weak(subscription: subscription)
    state.withLock { state in
      if let job {
        state.byJob[job, default: [:]][ObjectIdentifier(subscription)] = weak
      } else {
        state.everything[ObjectIdentifier(subscription)] = weak
      }
    }
    return subscription
  }

  /// The number of live subscriptions.
  public var subscriberCount: Int {
    state.withLock { $0.everything.count + $0.byJob.values.reduce(0) { $0 + $1.count } }
  }

  func drop(_ id: ObjectIdentifier, job: JobID?) {
    state.withLock { state in
      guard let job else {
        state.everything[id] = nil
        return
      }
      state.byJob[job]?[id] = nil
      if state.byJob[job]?.isEmpty ?? false { state.byJob[job] = nil }
    }
  }

  /// Gives events to all who watch. `at` is the wall clock's instant, for the totals' window.
  func publish(_ events: [LiveEvent], at: Timestamp) {
    guard !events.isEmpty else { return }
    let (all, single) = state.withLock { state -> ([Subscription], [(Subscription, LiveEvent)]) in
      for event in events { state.totals.count(event, at: at) }
      let all = state.everything.values.compactMap(\.subscription)
      guard !state.byJob.isEmpty else { return (all, []) }
      var single: [(Subscription, LiveEvent)] = []
      for event in events {
        guard let watchers = state.byJob[event.jobID] else { continue }
        for weak in watchers.values { if let one = weak.subscription { single.append((one, event)) } }
      }
      return (all, single)
    }
    for subscription in all { subscription.append(events) }
    for (subscription, event) in single { subscription.append([event]) }
  }

  /// Tells those who watch these jobs that output has come. Those who watch everything do not look at output.
  func spoke(_ ids: [JobID]) {
    let watchers = state.withLock { state -> [Subscription] in
      guard !state.byJob.isEmpty else { return [] }
      return ids.flatMap { id in (state.byJob[id] ?? [:]).values.compactMap(\.subscription) }
    }
    for subscription in watchers { subscription.hearOutput() }
  }

  /// Tells every subscriber to read the state anew: another process changed the store.
  func resync() {
    let all = state.withLock { state in
      state.everything.values.compactMap(\.subscription)
        + state.byJob.values.flatMap { $0.values.compactMap(\.subscription) }
    }
    for subscription in all { subscription.overflow() }
  }

  /// Totals since the process began, and the window's means.
  func totals(at: Timestamp) -> Totals {
    state.withLock { state in
      state.totals.forget(before: at)
      return state.totals
    }
  }

  // MARK: Hints to the workers of this process

  /// Calls `receive` for every hint until ``detach(_:)``. It must be quick.
  package func attach(_ receive: @escaping @Sendable (WorkerSignal) -> Void) -> UInt64 {
    state.withLock { state in
      state.nextSignal += 1
      state.signals[state.nextSignal] = receive
      return state.nextSignal
    }
  }

  package func detach(_ id: UInt64) {
    state.withLock { state in state.signals[id] = nil }
  }

  package func hint(_ signal: WorkerSignal) {
    let receivers = state.withLock { Array($0.signals.values) }
    for receive in receivers { receive(signal) }
  }
}

/// What one watcher has not yet read.
public final class Subscription: Sendable {
  private struct State {
    var buffer: Deque<LiveEvent> = []
    /// Where the buffer holds a job's progress that nothing else of that job follows.
    var progress: [JobID: Int] = [:]
    var needsResync = false
    /// Output has come: what is there is read at once, so one hint is enough.
    var hasOutput = false

    mutating func append(_ event: LiveEvent) {
      if case .progressed(let id, _, _) = event {
        if let position = progress[id] {
          buffer[position] = event
          return
        }
        progress[id] = buffer.count
      } else if !progress.isEmpty {
        progress[event.jobID] = nil
      }
      buffer.append(event)
    }

    mutating func drop() {
      clear()
      needsResync = true
    }

    mutating func clear() {
      buffer.removeAll(keepingCapacity: true)
      if !progress.isEmpty { progress.removeAll(keepingCapacity: true) }
    }
  }

  private let hub: EventHub
  private let job: JobID?
  private let limit: Int
  private let state = Locked(State())
  private let signal = Signal()

  init(hub: EventHub, job: JobID?, limit: Int) {
    self.hub = hub
    self.job = job
    self.limit = limit
  }

  deinit { hub.drop(ObjectIdentifier(self), job: job) }

  func append(_ events: [LiveEvent]) {
    state.withLock { state in
      guard !state.needsResync else { return }
      for event in events { state.append(event) }
      if state.buffer.count > limit { state.drop() }
    }
    signal.notify()
  }

  func hearOutput() {
    state.withLock { $0.hasOutput = true }
    signal.notify()
  }

  func overflow() {
    state.withLock { $0.drop() }
    signal.notify()
  }

  /// What is there now, without waiting.
  public func take() -> [FeedItem] {
    state.withLock { state in
      if state.needsResync {
        state.needsResync = false
        state.hasOutput = false
        return [.resync]
      }
      defer {
        state.clear()
        state.hasOutput = false
      }
      return state.buffer.map { .event($0) } + (state.hasOutput ? [.output] : [])
    }
  }

  /// What has come since the last call; waits for something, until `deadline` by `time`'s uptime at most. Empty when
  /// the deadline passed or the task was cancelled.
  public func next(untilUptime deadline: Duration? = nil, time: any TimeSource = SystemTime()) async -> [FeedItem] {
    while !Task.isCancelled {
      let items = take()
      if !items.isEmpty { return items }
      if let deadline, time.uptime() >= deadline { return [] }
      await signal.wait(untilUptime: deadline, time: time)
    }
    return []
  }
}
