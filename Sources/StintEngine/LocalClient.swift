import Logging
public import StintCore
public import StintStore
import Synchronization

/// The client that works on a store of this process.
public final class LocalClient: JobFeed {
  /// Where the jobs live.
  let store: any Store
  /// Who is told what happens.
  public let hub: EventHub
  /// What is too much.
  public let limits: Limits
  private let known: JobTypes
  private let queues: [QueueRecord]
  private let allowsLocalOnlyTypes: Bool
  /// Whether the queues' rules have been made known to the store.
  private let isPrepared = Atomic(false)
  /// The workers of this process, as long as they run.
  let pools = Locked<[any WorkerPool]>([])
  let time: any TimeSource
  let random: RandomSource
  let logger: Logger

  /// A client on `store` that knows `types`, and those that live workers published there.
  ///
  /// - Parameters:
  ///   - queues: rules that are made known to the store before the first submission.
  ///   - allowsLocalOnlyTypes: whether those who come from outside may use types that are closed to them as a rule.
  public init(
    store: any Store, types: [JobType] = [], hub: EventHub = EventHub(), limits: Limits = Limits(),
    queues: [QueueRecord] = [], allowsLocalOnlyTypes: Bool = false,
    time: any TimeSource = SystemTime(), random: RandomSource = .system, logger: Logger = Logger(label: "stint")
  ) {
    self.store = store
    self.known = JobTypes(types)
    self.hub = hub
    self.limits = limits
    self.queues = queues
    self.allowsLocalOnlyTypes = allowsLocalOnlyTypes
    self.time = time
    self.random = random
    self.logger = logger
  }

  // MARK: Acts

  /// See ``JobClient/submit(_:by:)``.
  public func submit(_ jobs: [NewJob], by actor: Actor) async throws(StintError) -> [Job] {
    guard jobs.count <= limits.batchJobs else {
      throw StintError(.tooLarge, "\(jobs.count) jobs in one batch; allowed are \(limits.batchJobs)")
    }
    let at = time.now()
    var types = known
    if jobs.contains(where: { types[$0.type] == nil }) { types = try await allTypes() }
    var checked: [Job] = []
    checked.reserveCapacity(jobs.count)
    var faulty: [(index: Int, error: StintError)] = []
    for (index, new) in jobs.enumerated() {
      do throws(StintError) {
        try checkDoor(types[new.type]?.name ?? new.type, types, actor)
        checked.append(
          try new.checked(against: types, limits: limits, id: random.jobID(at: at), at: at, by: actor))
      } catch {
        if jobs.count == 1 { throw error }
        faulty.append((index, error))
      }
    }
    if let error = StintError.batch(faulty, of: jobs.count) { throw error }
    guard !checked.isEmpty else { return [] }
    try await prepare()
    let (results, isRepeated) = try await persistently { () throws(StoreError) in
      try await store.insert([checked], at: at)
    }
    KillPoint.reached(.submissionCommitted)
    switch results[0] {
    case .inserted(let stored):
      announce(stored, at: at)
      return stored
    case .queueFull(let queue, let limit, let waiting):
      let more = checked.count { $0.spec.queue == queue }
      throw StintError(
        .queueFull,
        "The queue \(queue) takes \(limit) waiting jobs and has \(waiting); \(more) more can not be. Try later")
    case .duplicate(let index, let existing):
      if isRepeated, let stored = try await earlier(checked) {
        announce(stored, at: at)
        return stored
      }
      let error = StintError(
        .duplicateID, "A job with the id \(existing.id) exists: \(existing.spec.type), \(existing.status.rawValue)",
        existing: existing)
      throw jobs.count == 1 ? error : error.at(index: index)
    }
  }

  /// Makes the queues' rules known to the store, once.
  func prepare() async throws(StintError) {
    guard !queues.isEmpty, !isPrepared.load(ordering: .acquiring) else { return }
    for queue in queues { try await stored { () throws(StoreError) in try await store.put(queue) } }
    isPrepared.store(true, ordering: .releasing)
  }

  /// Keeps those who come from outside away from types that are closed to them.
  func checkDoor(_ type: String, _ types: JobTypes, _ actor: Actor) throws(StintError) {
    if !isOpen(type, types, actor) { throw StintError(.forbidden, Self.closed(type)) }
  }

  /// Whether a type may be used by an actor.
  func isOpen(_ type: String, _ types: JobTypes, _ actor: Actor) -> Bool {
    // Where no worker has told of it, the name tells.
    !actor.isRemote || allowsLocalOnlyTypes || !(types[type]?.isLocalOnly ?? (type == JobType.exec))
  }

  static func closed(_ type: String) -> String {
    "\(type) can not be used from outside: it runs any command. Configure a named tool, or allow it"
  }

  /// The jobs as they stand, if an earlier call whose answer was lost has stored them; else nil.
  private func earlier(_ submitted: [Job]) async throws(StintError) -> [Job]? {
    let found = try await jobs(submitted.map(\.id)).compactMap { $0 }
    guard found.map(\.spec) == submitted.map(\.spec) else { return nil }
    return found
  }

  private func announce(_ jobs: [Job], at: Timestamp) {
    hub.publish(jobs.map { .created($0) }, at: at)
    var urgency: Priority?
    var due: Timestamp?
    for job in jobs {
      if job.status == .pending { urgency = max(urgency ?? .low, job.spec.priority) }
      if job.status == .scheduled { due = min(due ?? job.state.dueAt, job.state.dueAt) }
    }
    if let urgency { hub.hint(.ready(urgency)) }
    if let due { hub.hint(.due(due)) }
    if logger.logLevel <= .debug { for job in jobs { logger.debug("submitted", metadata: job.logMetadata) } }
  }

  /// See ``JobClient/cancel(_:by:)``.
  public func cancel(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    let job = try await move(id, .cancelRequested(by: actor))
    KillPoint.reached(.cancelCommitted)
    if job.status == .running { hub.hint(.cancel(id)) }
    logger.info("cancel requested", metadata: ["job_id": "\(id)", "by": "\(actor.name)", "from": "\(actor.origin)"])
    return job
  }

  /// See ``JobClient/retry(_:by:)``.
  public func retry(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    let asked = try await job(id)
    let last = try await successors(of: asked).last ?? asked
    if actor.isRemote { try checkDoor(last.spec.type, try await allTypes(), actor) }
    let job = try await move(last.id, .retried(by: actor))
    KillPoint.reached(.retryCommitted)
    hub.hint(.ready(job.spec.priority))
    return job
  }

  /// Asks ``Lifecycle`` on what is true, and again if it was no longer true at the moment of the write.
  func move(_ id: JobID, _ cause: Cause) async throws(StintError) -> Job {
    var current = try await job(id)
    while true {
      let at = time.now()
      let change: Change
      do throws(Lifecycle.IllegalMove) {
        change = try Lifecycle.move(current, cause, at: at, random: random.unit())
      } catch { throw StintError.illegal(error) }
      let (results, isRepeated) = try await persistently { () throws(StoreError) in
        try await store.apply([change], at: at)
      }
      switch results[0] {
      case .applied:
        let after = change.applied(to: current)
        hub.publish([.moved(after)], at: at)
        return after
      case .stale(let job):
        if isRepeated, try await stored({ () throws(StoreError) in try await store.earlier(change) }) != nil {
          hub.publish([.moved(job)], at: at)
          return job
        }
        current = job
      case .missing: throw .notFound(id.text)
      }
    }
  }

  /// See ``JobClient/remove(_:by:)``.
  public func remove(_ statuses: Set<JobStatus>, by actor: Actor) async throws(StintError) -> Int {
    guard !statuses.isEmpty, statuses.allSatisfy(\.isTerminal) else {
      let given = statuses.map(\.rawValue).sorted().joined(separator: ", ")
      throw StintError(
        .invalidParams,
        "status \(given.isEmpty ? "is required" : given): only completed, failed and cancelled jobs can be removed")
    }
    var count = 0
    // One status at a time: each has its index in order.
    for status in JobStatus.allCases where statuses.contains(status) {
      while true {
        let gone = try await stored { () throws(StoreError) in
          try await store.purge(.statuses([status]), limit: 1_000)
        }
        hub.publish(gone.map { .removed($0) }, at: time.now())
        count += gone.count
        guard gone.count == 1_000 else { break }
      }
    }
    logger.info("removed", metadata: ["count": "\(count)", "by": "\(actor.name)", "from": "\(actor.origin)"])
    return count
  }

  // MARK: Reads

  /// See ``JobClient/jobs(_:)``.
  public func jobs(_ ids: [JobID]) async throws(StintError) -> [Job?] {
    try await stored { () throws(StoreError) in try await store.jobs(ids) }
  }

  /// See ``JobClient/list(_:)``.
  public func list(_ query: JobQuery) async throws(StintError) -> JobPage {
    try await stored { () throws(StoreError) in try await store.list(query) }
  }

  /// See ``JobClient/history(_:)``. An attempt that runs stands there as `claimed`.
  public func history(_ id: JobID) async throws(StintError) -> [Event] {
    let job = try await job(id)
    let chain = try await predecessors(of: job).map(\.id) + [id]
    var events = try await stored { () throws(StoreError) in try await store.history(chain) }.flatMap(\.self)
    // The attempt under way has no event yet: an event is written when it ends.
    if job.status == .running, let begun = job.state.startedAt {
      let claimed = Event(
        jobID: id, kind: .claimed, status: .running, revision: job.state.revision, attempt: job.state.attempt,
        at: begun, startedAt: begun, workerID: job.state.workerID)
      // Only what was asked of it while it ran comes after: that leaves the revision as it is.
      let isLater = { (event: Event) in event.revision == claimed.revision && event.at >= begun }
      events.insert(claimed, at: (events.lastIndex { !isLater($0) } ?? -1) + 1)
    }
    return events
  }

  /// See ``JobClient/jobTypes()``.
  public func jobTypes() async throws(StintError) -> [JobType] {
    try await allTypes().all.sorted { $0.name < $1.name }
  }

  /// The types this client was made with, and those that live workers published.
  func allTypes() async throws(StintError) -> JobTypes {
    var types = JobTypes()
    let published = try await liveWorkers().flatMap(\.types)
    for type in published where !type.isUndescribed { types.add(type) }
    for type in known.all { types.add(type) }
    // Who only names a type says nothing of it.
    for type in published where type.isUndescribed && types[type.name] == nil { types.add(type) }
    return types
  }

  /// Workers say at every heartbeat that they are there; one that has been silent for longer than this has gone.
  static let workerSilence: Duration = .seconds(60)

  private func liveWorkers() async throws(StintError) -> [WorkerRecord] {
    try await stored { () throws(StoreError) in try await store.workers() }
      .filter { $0.silence <= Self.workerSilence }
  }

  /// See ``JobClient/stats()``.
  public func stats() async throws(StintError) -> Stats {
    var stats = Stats()
    stats.counts = try await stored { () throws(StoreError) in try await store.counts() }
    let totals = hub.totals(at: time.now())
    stats.enqueued = totals.enqueued
    stats.completed = totals.completed
    stats.failed = totals.failed
    stats.retried = totals.retried
    stats.deadLettered = totals.deadLettered
    stats.throughput = totals.throughput
    stats.averageDurationMilliseconds = totals.averageDurationMilliseconds
    stats.windowSeconds = Totals.windowSeconds
    let workers = try await liveWorkers()
    let running =
      workers.isEmpty || stats.counts[.running] == 0
      ? [:] : try await stored { () throws(StoreError) in try await store.runningByWorker() }
    for worker in workers {
      stats.workerCapacity += worker.slots
      stats.workerProcessed += worker.processed
      // What it holds ready, or runs in slots that are no more, takes none.
      stats.workerActive += min(running[worker.id] ?? 0, worker.slots)
    }
    stats.workerIdle = stats.workerCapacity - stats.workerActive
    return stats
  }

  /// See ``JobClient/workers()``.
  public func workers() async throws(StintError) -> [WorkerInfo] {
    let records = try await liveWorkers()
    let running = try await list(JobQuery(filter: .statuses([.running]), limit: 1_000)).jobs
    let now = time.now()
    let byWorker = Dictionary(grouping: running) { $0.state.workerID }
    return records.map { record in
      let jobs = (byWorker[record.id] ?? []).filter { $0.state.startedAt != nil }.map { job in
        WorkerInfo.Running(
          id: job.id, type: job.spec.type, label: job.progress?.message, startedAt: job.state.startedAt,
          elapsed: job.state.startedAt.map { now.elapsed(since: $0) } ?? .zero, estimated: nil,
          percent: job.progress?.percent)
      }
      var record = record
      // Its own word may be as old as a heartbeat.
      if record.state != .draining { record.state = jobs.isEmpty ? .idle : .busy }
      return WorkerInfo(record: record, jobs: jobs)
    }
  }

  /// See ``JobClient/check()``.
  public func check() async throws(StintError) {
    try await stored { () throws(StoreError) in try await store.check() }
  }

  // MARK: Watching

  /// See ``JobClient/watch(_:)``.
  public func watch(_ id: JobID) async throws(StintError) -> JobUpdates {
    let watcher = JobWatcher(
      id: id, store: store, hub: hub, time: time,
      poll: store.capabilities.isShared ? .milliseconds(500) : nil)
    try await watcher.start()
    return JobUpdates { try await watcher.next() }
  }

  /// See ``JobFeed/subscribe(buffer:)``.
  public func subscribe(buffer: Int) -> Subscription { hub.subscribe(buffer: buffer) }

  private var persistently: Persistence { Persistence(time: time, random: random) }

  /// Runs a store operation that may be done twice; see ``Persistence``.
  func stored<Value: Sendable>(
    _ operation: () async throws(StoreError) -> Value
  ) async throws(StintError) -> Value {
    try await persistently(operation).value
  }
}
