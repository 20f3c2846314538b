import HeapModule
public import StintCore

extension MemoryStore {
  /// A whole store as a value: no locks, no clocks, no tasks.
  public struct State: Sendable {
    var entries: [JobID: Entry] = [:]
    /// Ids in the order of submission; ids that were purged are filtered out with them.
    var order: [JobID] = []
    var feed: [Event] = []
    package var workers: [String: WorkerRecord] = [:]
    /// When each of them last said something, by the clock of the store.
    var heard: [String: LeaseInstant] = [:]
    package var queues: [String: QueueRecord] = [:]
    /// How many jobs are in each status.
    public private(set) var counts = Counts()
    private(set) var lastSequence: Int64 = 0
    private var running: Set<JobID> = []
    private var expiring: Set<JobID> = []
    private var pending: [Lane: Heap<Waiting>] = [:]
    private var due: Heap<Waiting> = []
    private var standing: ClockStanding?

    /// An empty store.
    public init() {}

    struct Entry: Sendable {
      var job: Job
      let sequence: Int64
      var events: [Event]
      var output: [OutputChunk] = []
      var checkpoint: RawJSON?
    }

    /// Jobs of one queue and type: what a claim chooses among.
    struct Lane: Hashable, Sendable {
      let queue: String
      let type: String
    }

    /// A job's place in a heap; out of date once its revision has risen.
    struct Waiting: Comparable, Sendable {
      let rank: Int
      let due: Timestamp
      let sequence: Int64
      let key: AttemptKey

      static func < (a: Waiting, b: Waiting) -> Bool {
        (a.rank, a.due.microseconds, a.sequence) < (b.rank, b.due.microseconds, b.sequence)
      }
    }

    mutating func nextSequence() -> Int64 {
      lastSequence += 1
      return lastSequence
    }

    /// Puts a job's new form in place, and keeps counts and heaps in step.
    mutating func update(_ entry: Entry, from old: JobStatus?) {
      let job = entry.job
      if let old { counts[old] -= 1 }
      counts[job.status] += 1
      entries[job.id] = entry
      if job.status == .running { running.insert(job.id) } else if old == .running { running.remove(job.id) }
      if job.state.expiresAt != nil { expiring.insert(job.id) } else { expiring.remove(job.id) }
      let key = AttemptKey(id: job.id, revision: job.state.revision)
      let rank = job.status == .pending ? job.spec.priority.rank : 0
      let waiting = Waiting(rank: rank, due: job.state.dueAt, sequence: entry.sequence, key: key)
      switch job.status {
      case .pending:
        pending[Lane(queue: job.spec.queue, type: job.spec.type), default: []].insert(waiting)
      case .scheduled, .retrying: due.insert(waiting)
      default: break
      }
    }

    private func isCurrent(_ waiting: Waiting, _ statuses: JobStatus...) -> Bool {
      guard let job = entries[waiting.key.id]?.job else { return false }
      return job.state.revision == waiting.key.revision && statuses.contains(job.status)
    }

    // MARK: Moves

    package mutating func insert(_ group: [Job]) -> InsertResult {
      var seen: [JobID: Job] = [:]
      for (index, job) in group.enumerated() {
        if let existing = entries[job.id]?.job ?? seen[job.id] { return .duplicate(index: index, existing: existing) }
        seen[job.id] = job
      }
      if let full = fullQueue(for: group) { return full }
      return .inserted(group.map { add($0) })
    }

    private mutating func add(_ job: Job) -> Job {
      var job = job
      let sequence = nextSequence()
      job.state.revision = sequence << 20
      let event = Event(
        sequence: sequence, jobID: job.id, kind: .submitted, status: job.status, revision: job.state.revision,
        attempt: 0, at: job.spec.createdAt, actor: job.spec.submittedBy)
      feed.append(event)
      order.append(job.id)
      update(Entry(job: job, sequence: sequence, events: [event]), from: nil)
      return job
    }

    /// The first queue of the group that has no room for it.
    private func fullQueue(for group: [Job]) -> InsertResult? {
      guard !queues.isEmpty else { return nil }
      for (name, jobs) in Dictionary(grouping: group, by: \.spec.queue).sorted(by: { $0.key < $1.key }) {
        guard let limit = queues[name]?.maxPending else { continue }
        let waiting = entries.values.count { $0.job.spec.queue == name && $0.job.status.isWaiting }
        if waiting + jobs.count > limit { return .queueFull(queue: name, limit: limit, waiting: waiting) }
      }
      return nil
    }

    package mutating func claim(_ request: ClaimRequest, at: Timestamp, clock: LeaseInstant) -> [Job] {
      let lease = LeaseInstant(
        boot: clock.boot, microseconds: clock.microseconds + request.lease.microseconds)
      var claimed: [Job] = []
      var expired: [(Lane, Waiting)] = []
      while claimed.count < request.count + request.ahead, let (lane, waiting) = first(request) {
        if let expiry = entries[waiting.key.id]?.job.state.expiresAt, expiry <= at {
          // It waited too long: it fails at the next sweep, and must not begin before that.
          if request.only != nil { break }
          _ = pending[lane]?.popMin()
          expired.append((lane, waiting))
          continue
        }
        let begins = claimed.count < request.count
        if !begins, !request.aheadTypes.contains(lane.type) { break }
        if request.only == nil { _ = pending[lane]?.popMin() }
        guard var entry = entries[waiting.key.id] else { continue }
        Lifecycle.claim(&entry.job.state, worker: request.worker, lease: lease, at: at, begins: begins)
        entry.job.progress = nil
        update(entry, from: .pending)
        claimed.append(entry.job)
      }
      for (lane, waiting) in expired { pending[lane, default: []].insert(waiting) }
      return claimed
    }

    /// The job that is next in the order of claiming, among those the request may have.
    private mutating func first(_ request: ClaimRequest) -> (Lane, Waiting)? {
      var best: (lane: Lane, waiting: Waiting)?
      if let only = request.only {
        guard let entry = entries[only], entry.job.status == .pending else { return nil }
        let lane = Lane(queue: entry.job.spec.queue, type: entry.job.spec.type)
        guard request.allows(lane) else { return nil }
        let key = AttemptKey(id: only, revision: entry.job.state.revision)
        return (lane, Waiting(rank: 0, due: entry.job.state.dueAt, sequence: entry.sequence, key: key))
      }
      for lane in pending.keys where request.allows(lane) {
        while let head = pending[lane]?.min, !isCurrent(head, .pending) { _ = pending[lane]?.popMin() }
        guard let head = pending[lane]?.min else {
          pending[lane] = nil
          continue
        }
        if best.map({ head < $0.waiting }) ?? true { best = (lane, head) }
      }
      return best
    }

    package mutating func renew(_ key: AttemptKey, lease: Duration, clock: LeaseInstant) -> RenewResult {
      guard var entry = runningEntry(key) else { return .lost }
      entry.job.state.leaseUntil = LeaseInstant(
        boot: clock.boot, microseconds: clock.microseconds + lease.microseconds)
      entries[key.id] = entry
      return .renewed(cancelledBy: entry.job.state.isCancelRequested ? entry.job.state.cancelledBy ?? "" : nil)
    }

    private func runningEntry(_ key: AttemptKey) -> Entry? {
      guard let entry = entries[key.id], entry.job.status == .running, entry.job.state.revision == key.revision
      else { return nil }
      return entry
    }

    package mutating func apply(_ change: Change, clock: LeaseInstant) -> ApplyResult {
      guard var entry = entries[change.id] else { return .missing }
      let state = entry.job.state
      var isAsKnown = state.revision == change.expectedRevision
      #if DEBUG
        if Sabotage.current == .fencing { isAsKnown = true }
      #endif
      guard isAsKnown, state.cancelRequestedAt == change.expectedCancelMark,
        !change.requiresLeaseOver || state.leaseUntil?.isOver(at: clock) ?? true
      else { return .stale(entry.job) }
      entry.job = change.applied(to: entry.job)
      var stored: Int64?
      if var event = change.event {
        event.sequence = nextSequence()
        stored = event.sequence
        entry.events.append(event)
        feed.append(event)
      }
      if change.outcome == .clear { entry.checkpoint = nil }
      update(entry, from: change.from)
      if let spawn = change.spawn { _ = add(spawn) }
      return .applied(sequence: stored)
    }

    package mutating func promote(limit: Int, at: Timestamp) -> Promotion {
      var promotion = Promotion()
      while let next = due.min {
        guard isCurrent(next, .scheduled, .retrying), var entry = entries[next.key.id] else {
          _ = due.popMin()
          continue
        }
        var isDue = next.due <= at
        #if DEBUG
          if Sabotage.current == .earlyPromotion { isDue = true }
          if Sabotage.current == .forgottenPromotion, next.sequence % 8 == 0 {
            _ = due.popMin()
            continue
          }
        #endif
        guard isDue, promotion.promoted.count < limit else {
          promotion.nextDue = next.due
          break
        }
        _ = due.popMin()
        let old = entry.job.status
        Lifecycle.promote(&entry.job.state)
        update(entry, from: old)
        promotion.promoted.append(next.key.id)
      }
      return promotion
    }

    package mutating func wallClockWasSet(by step: Duration, at: Timestamp, clock: LeaseInstant) {
      let now = ClockStanding(at: at, clock: clock)
      guard let known = standing, known.boot == now.boot else {
        standing = now
        return
      }
      guard step != .zero, known.wasBefore(step, now: now) else {
        // Someone told of this one before, or nobody told of an earlier one: the next one is to count all the same.
        if !known.wasBefore(.zero, now: now) { standing = now }
        return
      }
      standing = now
      due = []
      let since = ClockStanding.since(step, at: at)
      for id in order {
        guard var entry = entries[id] else { continue }
        let state = entry.job.state
        var stamp: Timestamp?
        if state.status == .pending, state.startWithin != nil { stamp = state.dueAt }
        if state.status == .retrying { stamp = entry.events.last?.at }
        if let stamp, !since.contains(stamp) { entry.job.state.dueAt = state.dueAt + step }
        guard stamp != nil || state.status == .scheduled else { continue }
        update(entry, from: entry.job.status)
      }
      // Places in the order of claiming whose time is another now.
      for lane in pending.keys {
        pending[lane] = Heap(
          (pending[lane] ?? []).unordered.filter { waiting in
            entries[waiting.key.id]?.job.state.dueAt == waiting.due
          })
      }
    }

    package mutating func record(_ report: AttemptReport) -> Bool {
      guard var entry = runningEntry(report.attempt) else { return false }
      if let startedAt = report.startedAt { entry.job.state.startedAt = startedAt }
      if let progress = report.progress { entry.job.progress = progress }
      for chunk in report.output where chunk.place > entry.output.last?.place ?? OutputPlace(attempt: 0, number: 0) {
        entry.output.append(chunk)
      }
      entry.checkpoint = report.checkpoint ?? entry.checkpoint
      entries[report.attempt.id] = entry
      return true
    }

    package mutating func purge(_ filter: JobFilter, limit: Int) -> [JobID] {
      var gone: [JobID] = []
      for id in order where gone.count < limit {
        guard let entry = entries[id], entry.job.status.isTerminal, filter.matches(entry.job) else { continue }
        gone.append(id)
        counts[entry.job.status] -= 1
        entries[id] = nil
      }
      guard !gone.isEmpty else { return [] }
      let set = Set(gone)
      order.removeAll { set.contains($0) }
      feed.removeAll { set.contains($0.jobID) && entries[$0.jobID] == nil }
      return gone
    }

    // MARK: Reads

    package func job(_ id: JobID) -> Job? { entries[id]?.job }

    package func list(_ query: JobQuery) -> JobPage {
      var page = JobPage(jobs: [])
      var last: Int64 = 0
      for id in order.reversed() {
        guard let entry = entries[id], entry.sequence < query.before ?? .max, query.filter.matches(entry.job) else {
          continue
        }
        if page.jobs.count == query.limit {
          page.next = last
          break
        }
        page.jobs.append(entry.job)
        last = entry.sequence
      }
      return page
    }

    package func runningByWorker() -> [String: Int] {
      running.reduce(into: [:]) { found, id in
        if let worker = entries[id]?.job.state.workerID { found[worker, default: 0] += 1 }
      }
    }

    package func expired(limit: Int, clock: LeaseInstant) -> [Job] {
      sorted(running) { $0.state.leaseUntil?.isOver(at: clock) ?? true }.prefix(limit).map { $0 }
    }

    package func overdue(limit: Int, at: Timestamp) -> [Job] {
      sorted(expiring) { $0.state.expiresAt.map { $0 <= at } ?? false }.prefix(limit).map { $0 }
    }

    private func sorted(_ ids: Set<JobID>, where fits: (Job) -> Bool) -> [Job] {
      ids.compactMap { entries[$0] }.filter { fits($0.job) }.sorted { $0.sequence < $1.sequence }.map(\.job)
    }

    package func history(_ id: JobID) -> [Event] { entries[id]?.events ?? [] }

    package func output(_ id: JobID, after place: OutputPlace?, limit: Int) -> [OutputChunk] {
      let output = entries[id]?.output ?? []
      let start = place.map { place in output.firstIndex { $0.place > place } ?? output.count } ?? 0
      return Array(output[start...].prefix(limit))
    }

    package func checkpoint(_ id: JobID) -> RawJSON? { entries[id]?.checkpoint }

    package func failures(ofType type: String, since: Timestamp, limit: Int) -> Int {
      min(limit, feed.count { $0.error != nil && $0.at >= since && entries[$0.jobID]?.job.spec.type == type })
    }

    func deadLetters(_ filter: JobFilter) -> [DeadLetterGroup] {
      var groups: [String: DeadLetterGroup] = [:]
      for id in order {
        guard let job = entries[id]?.job, let error = job.error, let end = job.state.completedAt,
          JobFilter.deadLetters.matches(job), filter.matches(job)
        else { continue }
        let key = "\(job.spec.type) \(error.type.rawValue)"
        var group =
          groups[key]
          ?? DeadLetterGroup(
            type: job.spec.type, error: error.type, count: 0, oldest: end, newest: end, message: error.message)
        group.count += 1
        group.oldest = min(group.oldest, end)
        if end >= group.newest { (group.newest, group.message) = (end, error.message) }
        groups[key] = group
      }
      return groups.values.sorted { ($1.count, $0.type, $0.error.rawValue) < ($0.count, $1.type, $1.error.rawValue) }
    }

    package func events(after sequence: Int64, limit: Int) -> [Event] {
      var low = 0
      var high = feed.count
      while low < high {
        let middle = (low + high) / 2
        if feed[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
      }
      return Array(feed[low...].prefix(limit))
    }
  }
}

extension ClaimRequest {
  /// Whether the request may have jobs of this queue and type.
  func allows(_ lane: MemoryStore.State.Lane) -> Bool {
    (queues?.contains(lane.queue) ?? true) && (types?.contains(lane.type) ?? true)
  }
}
