import StintCore
import StintStore

/// What changes no status: leases, reports; and what moves or removes many jobs at once.
extension WriteSession {
  // MARK: Marks

  func renew(_ key: AttemptKey, lease: Duration) throws -> RenewResult {
    guard let (sequence, known) = try standing(of: key.id), known.status == .running, known.revision == key.revision
    else { return .lost }
    let update = try connection.statement("UPDATE states SET lease_until = ?2 WHERE sequence = ?1")
    update.bind(1, sequence)
    update.bind(2, clock().microseconds + lease.microseconds)
    try update.run()
    guard known.cancelMark != nil else { return .renewed(cancelledBy: nil) }
    let select = try connection.statement("SELECT cancelled_by FROM states WHERE sequence = ?1")
    select.bind(1, sequence)
    defer { select.reset() }
    return .renewed(cancelledBy: try select.step() ? select.text(0) : "")
  }

  func record(_ report: AttemptReport) throws -> Bool {
    guard let (sequence, known) = try standing(of: report.attempt.id), known.status == .running,
      known.revision == report.attempt.revision
    else { return false }
    if let startedAt = report.startedAt {
      let update = try connection.statement("UPDATE states SET started_at = ?2 WHERE sequence = ?1")
      update.bind(1, sequence)
      update.bind(2, startedAt)
      try update.run()
    }
    if let progress = report.progress {
      let put = try connection.statement(
        """
        INSERT OR REPLACE INTO progress (sequence, attempt, percent, message)
        VALUES (?1, (SELECT attempt FROM states WHERE sequence = ?1), ?2, ?3)
        """)
      put.bind(1, sequence)
      put.bind(2, progress.percent)
      put.bind(3, progress.message)
      try put.run()
    }
    if !report.output.isEmpty { try append(report.output, to: sequence) }
    if let checkpoint = report.checkpoint {
      let put = try connection.statement("INSERT OR REPLACE INTO checkpoints (job, value) VALUES (?1, ?2)")
      put.bind(1, sequence)
      put.bind(2, checkpoint)
      try put.run()
    }
    return true
  }

  /// A piece that is there already stays: a report whose answer was lost comes again.
  private func append(_ chunks: [OutputChunk], to sequence: Int64) throws {
    let insert = try connection.statement(
      "INSERT OR IGNORE INTO output (job, attempt, number, stream, at, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
    insert.bind(1, sequence)
    for chunk in chunks {
      insert.bind(2, chunk.attempt)
      insert.bind(3, chunk.number)
      insert.bind(4, chunk.stream.code)
      insert.bind(5, chunk.at)
      insert.bind(6, chunk.text)
      try insert.run()
    }
  }

  // MARK: Promote, purge, workers

  static let dueQuery = """
    SELECT s.sequence, j.id, s.lane, s.status FROM states s INDEXED BY states_due
    CROSS JOIN jobs j ON j.sequence = s.sequence
    WHERE (s.status = 1 OR s.status = 4) AND s.due_at <= ?1 ORDER BY s.due_at, s.sequence LIMIT ?2
    """

  static let nextDueQuery = """
    SELECT due_at FROM states INDEXED BY states_due WHERE (status = 1 OR status = 4) ORDER BY due_at, sequence LIMIT 1
    """

  func promote(limit: Int, at: Timestamp) throws -> Promotion {
    var promotion = Promotion()
    let select = try connection.statement(Self.dueQuery)
    select.bind(1, at)
    select.bind(2, limit)
    var due: [(sequence: Int64, lane: Int, status: JobStatus)] = []
    while try select.step() {
      let status = JobStatus(code: select.int(3)) ?? .scheduled
      due.append((select.integer(0), position(lane: select.integer(2)), status))
      promotion.promoted.append(JobID(known: select.text(1)))
    }
    select.reset()
    let update = try connection.statement(
      "UPDATE states SET status = 2, revision = revision + 1 WHERE sequence = ?1")
    for (sequence, lane, status) in due {
      update.bind(1, sequence)
      try update.run()
      count(lane: lane, from: status, to: .pending)
      KillPoint.reached(.promotionHalfWritten)
    }
    promotion.nextDue = try connection.integer(Self.nextDueQuery).map { Timestamp(microseconds: $0) }
    return promotion
  }

  func purge(_ filter: JobFilter, limit: Int) throws -> [JobID] {
    let condition = SQLFilter(filter)
    let select = try connection.prepare(
      """
      SELECT s.sequence, j.id, s.lane, s.status, s.last_event \(JobRow.tables(from: condition.lead))
      WHERE s.status >= 5 AND \(condition.sql) ORDER BY s.sequence LIMIT \(max(0, limit))
      """)
    condition.bind(to: select)
    var gone: [(sequence: Int64, id: JobID, lane: Int, status: JobStatus, event: Int64?)] = []
    while try select.step() {
      gone.append(
        (
          select.integer(0), JobID(known: select.text(1)), position(lane: select.integer(2)),
          JobStatus(code: select.int(3)) ?? .completed, select.optionalInteger(4)
        ))
    }
    select.reset()
    for job in gone {
      for table in ["states", "jobs", "progress", "tags"] {
        let delete = try connection.statement("DELETE FROM \(table) WHERE sequence = ?1")
        delete.bind(1, job.sequence)
        try delete.run()
      }
      for table in ["output", "checkpoints"] {
        let delete = try connection.statement("DELETE FROM \(table) WHERE job = ?1")
        delete.bind(1, job.sequence)
        try delete.run()
      }
      try deleteEvents(from: job.event)
      count(lane: job.lane, from: job.status, to: nil)
    }
    return gone.map(\.id)
  }

  /// Deletes a job's chain of events, from the newest back.
  private func deleteEvents(from last: Int64?) throws {
    let select = try connection.statement("SELECT previous FROM events WHERE sequence = ?1")
    let delete = try connection.statement("DELETE FROM events WHERE sequence = ?1")
    var next = last
    while let sequence = next {
      select.bind(1, sequence)
      next = try select.step() ? select.optionalInteger(0) : nil
      select.reset()
      delete.bind(1, sequence)
      try delete.run()
    }
  }

  func put(_ worker: WorkerRecord) throws {
    let put = try connection.statement(
      """
      INSERT OR REPLACE INTO workers
        (id, host, pid, state, slots, types, processed, started_at, seen_at, supervisor, abandoned, heard_boot,
         heard_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
      """)
    var types = JSONWriter()
    types.array { list in for type in worker.types { type.write(to: &list, isWhole: true) } }
    put.bind(1, worker.id)
    put.bind(2, worker.host)
    put.bind(3, Int64(worker.pid))
    put.bind(4, worker.state.rawValue)
    put.bind(5, worker.slots)
    put.bind(6, RawJSON(wellFormed: types.bytes))
    put.bind(7, worker.processed)
    put.bind(8, worker.startedAt)
    put.bind(9, worker.seenAt)
    put.bind(10, worker.supervisor)
    put.bind(11, worker.abandoned)
    let now = clock()
    put.bind(12, now.boot)
    put.bind(13, now.microseconds)
    try put.run()
  }

  func put(_ queue: QueueRecord) throws {
    let put = try connection.statement("INSERT OR REPLACE INTO queues (name, max_pending) VALUES (?1, ?2)")
    put.bind(1, queue.name)
    put.bind(2, queue.maxPending.map(Int64.init))
    try put.run()
    ledger.queueLimits[queue.name] = queue.maxPending
  }

  /// The store's secret, made by whoever asks first.
  func secret() throws -> [UInt8] {
    let select = try connection.statement("SELECT hex(value) FROM secrets WHERE name = 'tokens'")
    defer { select.reset() }
    if try select.step() {
      let digits = Array(select.text(0).utf8)
      return stride(from: 0, to: digits.count - 1, by: 2).compactMap { index in
        UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
      }
    }
    try connection.statement("INSERT INTO secrets (name, value) VALUES ('tokens', randomblob(32))").run()
    return try secret()
  }

  // MARK: Reading inside a transaction

  func job(_ id: JobID) throws -> Job? {
    guard let sequence = try sequence(of: id) else { return nil }
    return try job(at: sequence)
  }

  func job(at sequence: Int64) throws -> Job? { try connection.job(at: sequence) }
}
