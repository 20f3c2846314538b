public import StintCore
public import StintStore

/// Output, chains of escalation, and dead letters.
extension LocalClient {
  // MARK: Output

  /// See ``JobClient/output(_:after:follows:)``.
  public func output(
    _ id: JobID, after place: OutputPlace?, follows: Bool
  ) async throws(StintError) -> OutputUpdates {
    let watcher = OutputWatcher(
      id: id, after: place, follows: follows, store: store, hub: hub, time: time,
      poll: store.capabilities.isShared ? .milliseconds(500) : nil)
    try await watcher.start()
    return OutputUpdates { try await watcher.next() }
  }

  // MARK: Dead letters

  /// See ``JobClient/deadLetters(_:)``.
  public func deadLetters(_ filter: JobFilter) async throws(StintError) -> [DeadLetterGroup] {
    try await stored { () throws(StoreError) in try await store.deadLetters(filter) }
  }

  /// See ``JobClient/requeue(_:dryRun:by:)``.
  public func requeue(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Requeued {
    let types = actor.isRemote ? try await allTypes() : JobTypes()
    if case .ids = filter { try await checkDoor(ofDeadLetters: filter, types, actor) }
    var requeued = Requeued()
    try await eachPage(.and([.deadLetters, filter])) { all throws(StintError) in
      let jobs = all.filter { isOpen($0.spec.type, types, actor) }
      requeued.skipped += all.count - jobs.count
      if dryRun {
        requeued.count += jobs.count
        return
      }
      if jobs.isEmpty { return }
      let at = time.now()
      let decided = jobs.compactMap { job in
        (try? Lifecycle.move(job, .retried(by: actor), at: at)).map { (job, $0) }
      }
      let results = try await stored { () throws(StoreError) in try await store.apply(decided.map(\.1), at: at) }
      let moved = zip(decided, results).compactMap { decided, result -> Job? in
        // Whoever was quicker has decided.
        if case .applied = result { decided.1.applied(to: decided.0) } else { nil }
      }
      requeued.count += moved.count
      hub.publish(moved.map { .moved($0) }, at: at)
      if let urgency = moved.map(\.spec.priority).max() { hub.hint(.ready(urgency)) }
    }
    if !dryRun {
      logger.info(
        "requeued",
        metadata: [
          "count": "\(requeued.count)", "skipped": "\(requeued.skipped)", "by": "\(actor.name)",
          "from": "\(actor.origin)",
        ])
    }
    return requeued
  }

  /// Throws `forbidden`, naming the dead letters that match and are closed to those who come from outside.
  private func checkDoor(
    ofDeadLetters filter: JobFilter, _ types: JobTypes, _ actor: Actor
  ) async throws(StintError) {
    guard actor.isRemote else { return }
    var closed: [Job] = []
    try await eachPage(.and([.deadLetters, filter])) { jobs throws(StintError) in
      closed += jobs.filter { !isOpen($0.spec.type, types, actor) }
    }
    guard let first = closed.first else { return }
    let ids = closed.prefix(10).map(\.id.text) + (closed.count > 10 ? ["and \(closed.count - 10) more"] : [])
    throw StintError(.forbidden, "\(Self.closed(first.spec.type)): \(ids.joined(separator: ", "))")
  }

  /// See ``JobClient/purgeDeadLetters(_:dryRun:by:)``.
  public func purgeDeadLetters(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Int {
    let wanted = JobFilter.and([.deadLetters, filter])
    var count = 0
    if dryRun {
      try await eachPage(wanted) { jobs throws(StintError) in count += jobs.count }
      return count
    }
    while true {
      let gone = try await stored { () throws(StoreError) in try await store.purge(wanted, limit: 1_000) }
      hub.publish(gone.map { .removed($0) }, at: time.now())
      count += gone.count
      guard gone.count == 1_000 else { break }
    }
    logger.info("removed", metadata: ["count": "\(count)", "by": "\(actor.name)", "from": "\(actor.origin)"])
    return count
  }

  // MARK: Workers

  /// Takes calls of ``setWorkers(_:by:)`` to `pool` until ``detach(_:)``; of several, the last one has them.
  public func attach(_ pool: any WorkerPool) { pools.withLock { $0.append(pool) } }

  /// The pool runs nothing any more.
  public func detach(_ pool: any WorkerPool) { pools.withLock { $0.removeAll { $0 === pool } } }

  /// See ``JobClient/setWorkers(_:by:)``.
  public func setWorkers(_ count: Int, by actor: Actor) async throws(StintError) -> Int {
    guard let pool = pools.withLock({ $0.last }) else {
      throw StintError(.unsupported, "No workers run here: there is nothing to scale")
    }
    let now = try await pool.resize(to: count)
    logger.info("workers", metadata: ["count": "\(now)", "by": "\(actor.name)", "from": "\(actor.origin)"])
    return now
  }

  /// See ``JobClient/workerCount()``.
  public func workerCount() async throws(StintError) -> WorkerCount? { pools.withLock { $0.last }?.count }

  /// Every job that matches now, a page at a time: those that come later are left alone.
  private func eachPage(
    _ filter: JobFilter, _ body: ([Job]) async throws(StintError) -> Void
  ) async throws(StintError) {
    var query = JobQuery(filter: filter, limit: 1_000)
    while true {
      let page = try await list(query)
      if !page.jobs.isEmpty { try await body(page.jobs) }
      guard let next = page.next else { return }
      query.before = next
    }
  }
}

/// Workers whose number can be changed while they run.
public protocol WorkerPool: AnyObject, Sendable {
  /// Lets so many jobs run at once from now on; what runs goes on. How many there are now. Throws `invalid_params`,
  /// naming the param `count` and what is allowed, for a number that can not be.
  func resize(to count: Int) async throws(StintError) -> Int
  /// How many there are to be, as things stand.
  var count: WorkerCount { get }
}
