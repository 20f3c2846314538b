import StintCore
import StintEngine

/// Turns what happens into what sockets are told: single events while there are few, ids of changed jobs while there
/// are many, a new state when there are too many. Pure: time comes in, nothing is sent here.
struct EventCondenser {
  /// What sockets are told.
  enum Message: Sendable {
    /// One event.
    case event(LiveEvent)
    /// Jobs that were removed.
    case removed([JobID])
    /// A submission was told late: other events of the job came first, so the job is read anew.
    case created(JobID)
    /// These jobs are not as they were.
    case changed([JobID])
    /// Whatever is known is old.
    case state
  }

  /// Single events within a second.
  static let eventsPerSecond = 200
  /// Between two ``Message/changed(_:)``.
  static let interval: Duration = .milliseconds(250)
  /// Ids in one message.
  static let maxIDs = 1_000
  /// Between two ``Message/state``.
  static let stateInterval: Duration = .seconds(1)

  private var rate = EventRate()
  private var order = EventOrder()
  private var changed: [JobID] = []
  private var known: Set<JobID> = []
  private var isTooMany = false
  private var changedDue: Duration?
  private var stateDue: Duration?
  private var lastState: Duration?

  /// When ``handle(_:at:)`` has something to say without new items; nil for never.
  var deadline: Duration? {
    guard let changedDue else { return stateDue }
    return min(changedDue, stateDue ?? changedDue)
  }

  /// Takes what happened; gives what is to be told now, in order.
  mutating func handle(_ items: [FeedItem], at now: Duration) -> [Message] {
    var messages: [Message] = []
    var removed: [JobID] = []
    func tellRemoved() {
      guard !removed.isEmpty else { return }
      messages.append(.removed(removed))
      removed = []
    }
    for item in items {
      guard case .event(let event) = item else {
        wantState(at: now)
        continue
      }
      let place = order.place(of: event)
      if place == .old { continue }
      if case .removed(let id) = event, !removed.isEmpty, removed.count < Self.maxIDs {
        // Jobs that go together are one message, so they count as one.
        removed.append(id)
        continue
      }
      let isFew = rate.counts(at: now) <= Self.eventsPerSecond
      guard isFew, changedDue == nil else {
        tellRemoved()
        condense(event.jobID, at: now)
        continue
      }
      if case .removed(let id) = event {
        if removed.count == Self.maxIDs { tellRemoved() }
        removed.append(id)
        continue
      }
      tellRemoved()
      messages.append(place == .late ? .created(event.jobID) : .event(event))
    }
    tellRemoved()
    messages += due(at: now)
    return messages
  }

  private mutating func condense(_ id: JobID, at now: Duration) {
    changedDue = changedDue ?? now + Self.interval
    guard !isTooMany, known.insert(id).inserted else { return }
    changed.append(id)
    if changed.count > Self.maxIDs {
      isTooMany = true
      (changed, known) = ([], [])
    }
  }

  private mutating func wantState(at now: Duration) {
    guard stateDue == nil else { return }
    stateDue = max(now, lastState.map { $0 + Self.stateInterval } ?? now)
  }

  private mutating func due(at now: Duration) -> [Message] {
    var messages: [Message] = []
    if let due = changedDue, due <= now {
      if isTooMany {
        wantState(at: now)
      } else if !changed.isEmpty {
        messages.append(.changed(changed))
      }
      (changed, known, isTooMany, changedDue) = ([], [], false, nil)
    }
    if let due = stateDue, due <= now {
      messages.append(.state)
      (lastState, stateDue) = (now, nil)
    }
    return messages
  }
}

/// How many events the last second had.
private struct EventRate {
  /// Quarters of a second: the present one and the four before, so that no second is missed between two of them.
  private var quarters = [Int](repeating: 0, count: 5)
  private var present: Int64 = 0

  /// Counts one more; gives how many there are.
  mutating func counts(at now: Duration) -> Int {
    let quarter = now.microseconds / 250_000
    let passed = Int(clamping: min(quarter - present, Int64(quarters.count)))
    if passed > 0 {
      quarters.removeFirst(passed)
      quarters += [Int](repeating: 0, count: passed)
      present = quarter
    }
    quarters[quarters.count - 1] += 1
    return quarters.reduce(0, +)
  }
}

/// Sorts out events that were overtaken: submitter, worker and maintenance publish independently of each other, and a
/// job may be running before its submitter has told that it exists.
private struct EventOrder {
  enum Place {
    case next
    /// A submission after later events of the job.
    case late
    /// Overtaken: what it says is no longer true.
    case old
  }

  /// Overtaking is a matter of milliseconds; two generations of so many jobs remember much longer.
  private static let generation = 4_096
  private var young: [JobID: Int64] = [:]
  private var older: [JobID: Int64] = [:]

  mutating func place(of event: LiveEvent) -> Place {
    let revision: Int64
    switch event {
    case .created(let job), .started(let job), .moved(let job): revision = job.state.revision
    case .progressed(_, let lease, _): revision = lease
    case .removed(let id):
      young[id] = nil
      older[id] = nil
      return .next
    }
    let id = event.jobID
    if let seen = young[id] ?? older[id], seen > revision {
      if case .created = event { return .late }
      return .old
    }
    young[id] = revision
    if young.count >= Self.generation { (older, young) = (young, [:]) }
    return .next
  }
}
