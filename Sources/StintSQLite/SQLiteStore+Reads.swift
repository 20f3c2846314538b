public import StintCore
public import StintStore

extension SQLiteStore {
  /// See ``StintStore/Store/jobs(_:)``.
  public func jobs(_ ids: [JobID]) async throws(StoreError) -> [Job?] { try await read { try $0.jobs(ids) } }

  /// See ``StintStore/Store/list(_:)``.
  public func list(_ query: JobQuery) async throws(StoreError) -> JobPage { try await read { try $0.list(query) } }

  /// See ``StintStore/Store/counts()``.
  public func counts() async throws(StoreError) -> Counts { try await read { try $0.counts() } }

  /// See ``StintStore/Store/runningByWorker()``.
  public func runningByWorker() async throws(StoreError) -> [String: Int] {
    try await read { try $0.runningByWorker() }
  }

  /// See ``StintStore/Store/expired(limit:)``.
  public func expired(limit: Int) async throws(StoreError) -> [Job] {
    let now = clock()
    return try await read { try $0.expired(limit: limit, clock: now) }
  }

  /// See ``StintStore/Store/overdue(limit:at:)``.
  public func overdue(limit: Int, at: Timestamp) async throws(StoreError) -> [Job] {
    try await read { try $0.overdue(limit: limit, at: at) }
  }

  /// See ``StintStore/Store/history(_:)``.
  public func history(_ ids: [JobID]) async throws(StoreError) -> [[Event]] {
    try await read { connection in try ids.map { try connection.history($0) } }
  }

  /// See ``StintStore/Store/events(after:limit:)``.
  public func events(after sequence: Int64, limit: Int) async throws(StoreError) -> [Event] {
    try await read { try $0.events(after: sequence, limit: limit) }
  }

  /// See ``StintStore/Store/lastEvent()``.
  public func lastEvent() async throws(StoreError) -> Int64 {
    try await read { try ($0.integer("SELECT next_sequence FROM counter") ?? 1) - 1 }
  }

  /// See ``StintStore/Store/workers()``.
  public func workers() async throws(StoreError) -> [WorkerRecord] {
    let clock = clock
    return try await read { try $0.workers(at: clock()) }
  }

  /// See ``StintStore/Store/queues()``.
  public func queues() async throws(StoreError) -> [QueueRecord] { try await read { try $0.queues() } }

  /// See ``StintStore/Store/output(_:after:limit:)``.
  public func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk] {
    try await read { try $0.output(id, after: after, limit: limit) }
  }

  /// See ``StintStore/Store/checkpoint(_:)``.
  public func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? { try await read { try $0.checkpoint(id) } }

  /// See ``StintStore/Store/failures(ofType:since:limit:)``.
  public func failures(ofType type: String, since: Timestamp, limit: Int) async throws(StoreError) -> Int {
    try await read { try $0.failures(ofType: type, since: since, limit: limit) }
  }

  /// See ``StintStore/Store/deadLetters(_:)``.
  public func deadLetters(_ filter: JobFilter) async throws(StoreError) -> [DeadLetterGroup] {
    try await read { try $0.deadLetters(filter) }
  }

  /// See ``StintStore/Store/leaseClock()``.
  public func leaseClock() async throws(StoreError) -> LeaseInstant { clock() }
}

extension SQLiteConnection {
  func jobs(_ ids: [JobID]) throws -> [Job?] {
    let select = try statement("SELECT sequence FROM jobs WHERE id = ?1")
    return try ids.map { id in
      select.bind(1, id.text)
      defer { select.reset() }
      return try select.step() ? try job(at: select.integer(0)) : nil
    }
  }

  static func listQuery(_ condition: SQLFilter) -> String {
    """
    SELECT \(JobRow.columns) \(JobRow.tables(from: condition.lead))
    WHERE \(condition.order) < ?1 AND \(condition.sql) ORDER BY \(condition.order) DESC LIMIT ?2
    """
  }

  func list(_ query: JobQuery) throws -> JobPage {
    let condition = SQLFilter(query.filter)
    let select = try prepare(Self.listQuery(condition))
    select.bind(1, query.before ?? .max)
    select.bind(2, max(0, min(query.limit, .max - 1)) + 1)
    condition.bind(to: select)
    var page = JobPage(jobs: [])
    var last: Int64 = 0
    while try select.step() {
      if page.jobs.count == query.limit {
        page.next = last
        break
      }
      page.jobs.append(JobRow.decode(select))
      last = select.integer(0)
    }
    return page
  }

  func counts() throws -> Counts {
    let select = try statement(
      """
      SELECT total(blocked), total(scheduled), total(pending), total(running), total(retrying), total(completed),
        total(failed), total(cancelled) FROM lanes
      """)
    defer { select.reset() }
    var counts = Counts()
    guard try select.step() else { return counts }
    for status in JobStatus.allCases { counts[status] = select.int(Int32(status.code)) }
    return counts
  }

  static let runningQuery = """
    SELECT w.id, r.jobs FROM (SELECT s.worker, count(*) AS jobs FROM states s WHERE s.status = 3 GROUP BY s.worker) r
    JOIN worker_names w ON w.number = r.worker
    """

  func runningByWorker() throws -> [String: Int] {
    let select = try statement(Self.runningQuery)
    defer { select.reset() }
    var found: [String: Int] = [:]
    while try select.step() { found[select.text(0)] = select.int(1) }
    return found
  }

  static let expiredQuery = """
    SELECT \(JobRow.columns) \(JobRow.tables)
    WHERE s.status = 3 AND (w.boot IS NOT ?1 OR s.lease_until <= ?2) ORDER BY s.sequence LIMIT ?3
    """

  func expired(limit: Int, clock now: LeaseInstant) throws -> [Job] {
    let select = try statement(Self.expiredQuery)
    select.bind(1, now.boot)
    select.bind(2, now.microseconds)
    select.bind(3, limit)
    return try jobs(select)
  }

  static let overdueQuery = """
    SELECT \(JobRow.columns) \(JobRow.tables)
    WHERE s.expires_at IS NOT NULL AND s.expires_at <= ?1 ORDER BY s.sequence LIMIT ?2
    """

  func overdue(limit: Int, at: Timestamp) throws -> [Job] {
    let select = try statement(Self.overdueQuery)
    select.bind(1, at)
    select.bind(2, limit)
    return try jobs(select)
  }

  func events(after sequence: Int64, limit: Int) throws -> [Event] {
    // Submissions stand in the jobs' own rows, all else in `events`; one counter numbers both.
    let submissions = try statement(
      "SELECT \(JobRow.submissionColumns) FROM jobs j WHERE j.sequence > ?1 ORDER BY j.sequence LIMIT ?2")
    submissions.bind(1, sequence)
    submissions.bind(2, limit)
    defer { submissions.reset() }
    var events: [Event] = []
    while try submissions.step() { events.append(JobRow.submission(submissions)) }
    let others = try statement(
      """
      SELECT \(JobRow.eventColumns) FROM events e JOIN jobs j ON j.sequence = e.job
      LEFT JOIN worker_names w ON w.number = e.worker WHERE e.sequence > ?1 ORDER BY e.sequence LIMIT ?2
      """)
    others.bind(1, sequence)
    others.bind(2, limit)
    defer { others.reset() }
    while try others.step() { events.append(JobRow.event(others)) }
    return Array(events.sorted { $0.sequence < $1.sequence }.prefix(limit))
  }

  /// The workers; with how long they have been silent, where it is said what time it is.
  func workers(at now: LeaseInstant? = nil) throws -> [WorkerRecord] {
    let select = try statement(
      """
      SELECT id, host, pid, state, slots, types, processed, started_at, seen_at, supervisor, abandoned, heard_boot,
        heard_at
      FROM workers ORDER BY id
      """)
    defer { select.reset() }
    var workers: [WorkerRecord] = []
    while try select.step() {
      let types = (try? select.optionalJSON(5)?.parsed().array) ?? []
      var worker = WorkerRecord(
        id: select.text(0), host: select.text(1), pid: Int32(truncatingIfNeeded: select.integer(2)),
        state: WorkerRecord.State(rawValue: select.text(3)) ?? .idle, slots: select.int(4),
        types: types.compactMap { JobType(json: $0) }, processed: select.int(6),
        abandoned: select.int(10), startedAt: select.instant(7), seenAt: select.instant(8),
        supervisor: select.optionalText(9))
      if let now {
        let last = select.optionalText(11).map { LeaseInstant(boot: $0, microseconds: select.integer(12)) }
        worker.silence = now.silence(since: last)
      }
      workers.append(worker)
    }
    return workers
  }

  static let jobQuery = "SELECT \(JobRow.columns) \(JobRow.tables) WHERE s.sequence = ?1"

  func job(at sequence: Int64) throws -> Job? {
    let select = try statement(Self.jobQuery)
    select.bind(1, sequence)
    defer { select.reset() }
    return try select.step() ? JobRow.decode(select) : nil
  }

  func jobs(_ select: SQLiteStatement) throws -> [Job] {
    defer { select.reset() }
    var jobs: [Job] = []
    while try select.step() { jobs.append(JobRow.decode(select)) }
    return jobs
  }

  /// A job's events, oldest first: the submission, then the chain read from its end.
  func history(_ id: JobID) throws -> [Event] {
    let first = try statement(
      """
      SELECT \(JobRow.submissionColumns), s.last_event FROM jobs j JOIN states s ON s.sequence = j.sequence
      WHERE j.id = ?1
      """)
    first.bind(1, id.text)
    defer { first.reset() }
    guard try first.step() else { return [] }
    var events: [Event] = []
    var next = first.optionalInteger(6)
    let select = try statement(
      """
      SELECT \(JobRow.eventColumns) FROM events e JOIN jobs j ON j.sequence = e.job
      LEFT JOIN worker_names w ON w.number = e.worker WHERE e.sequence = ?1
      """)
    while let sequence = next {
      select.bind(1, sequence)
      defer { select.reset() }
      guard try select.step() else { break }
      events.append(JobRow.event(select))
      next = select.optionalInteger(14)
    }
    events.append(JobRow.submission(first))
    return events.reversed()
  }
}
