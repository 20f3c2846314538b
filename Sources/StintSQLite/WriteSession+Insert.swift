import StintCore
import StintStore

extension WriteSession {
  /// All of a group, or none of it.
  func insert(_ group: [Job]) throws -> InsertResult {
    if let full = try fullQueue(for: group) { return full }
    guard group.count > 1 else {
      guard let job = group.first else { return .inserted([]) }
      if let stored = try insert(job) { return .inserted([stored]) }
      return .duplicate(index: 0, existing: try existing(job.id))
    }
    let before = ledger
    try connection.statement("SAVEPOINT \"group\"").run()
    var stored: [Job] = []
    stored.reserveCapacity(group.count)
    for (index, job) in group.enumerated() {
      if let one = try insert(job) {
        stored.append(one)
        continue
      }
      try connection.statement("ROLLBACK TO \"group\"").run()
      try connection.statement("RELEASE \"group\"").run()
      ledger = before
      let earlier = group[..<index].first { $0.id == job.id }
      return .duplicate(index: index, existing: try earlier ?? existing(job.id))
    }
    try connection.statement("RELEASE \"group\"").run()
    return .inserted(stored)
  }

  /// The first queue of the group that has no room for it. A group with an id that is taken is told of that instead.
  private func fullQueue(for group: [Job]) throws -> InsertResult? {
    guard !ledger.queueLimits.isEmpty else { return nil }
    for (name, jobs) in Dictionary(grouping: group, by: \.spec.queue).sorted(by: { $0.key < $1.key }) {
      guard let limit = ledger.queueLimits[name] else { continue }
      let waiting = ledger.lanes.reduce(0) { $0 + ($1.key.queue == name ? $1.counts.waiting : 0) }
      guard waiting + jobs.count > limit else { continue }
      if try group.contains(where: { try sequence(of: $0.id) != nil }) { return nil }
      return .queueFull(queue: name, limit: limit, waiting: waiting)
    }
    return nil
  }

  private func existing(_ id: JobID) throws -> Job {
    guard let job = try job(id) else {
      throw StoreError.unavailable("The job \(id) was there and is not", effect: .notApplied)
    }
    return job
  }

  /// The job as stored; nil if its id is taken, with nothing written.
  func insert(_ job: Job) throws -> Job? {
    let position = try lane(queue: job.spec.queue, type: job.spec.type)
    let spec = job.spec
    let sequence = ledger.nextSequence
    let row = try statement(
      .insertJob,
      """
      INSERT OR IGNORE INTO jobs (sequence, id, lane, params, max_retries, retry, timeout, stall_timeout, tags, metadata,
        owner, created_at, submitted_by, submitted_from, submitted_status, escalated_from,
        secret_params)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
      """)
    row.bind(1, sequence)
    row.bind(2, spec.id.text)
    row.bind(3, ledger.lanes[position].number)
    row.bind(4, spec.params)
    row.bind(5, spec.maxRetries)
    row.bind(6, JobRow.text(spec.retry))
    row.bind(7, spec.timeout)
    row.bind(8, spec.stallTimeout)
    row.bind(9, JobRow.text(spec.tags))
    row.bind(10, spec.metadata == .emptyObject ? nil : spec.metadata)
    row.bind(11, spec.owner)
    row.bind(12, spec.createdAt)
    row.bind(13, spec.submittedBy.name)
    row.bind(14, spec.submittedBy.origin)
    row.bind(15, job.status.code)
    row.bind(16, spec.escalatedFrom?.text)
    row.bind(17, JobRow.text(spec.secretParams))
    try row.run()
    guard connection.changes == 1 else { return nil }
    KillPoint.reached(.submissionHalfWritten)
    ledger.nextSequence += 1
    var job = job
    job.place.sequence = sequence
    job.place.lane = ledger.lanes[position].number
    job.state.revision = sequence << 20
    try insertState(job, sequence: sequence, lane: ledger.lanes[position].number)
    for (key, value) in spec.tags {
      let tag = try connection.statement("INSERT INTO tags (key, value, sequence) VALUES (?1, ?2, ?3)")
      tag.bind(1, key)
      tag.bind(2, value)
      tag.bind(3, sequence)
      try tag.run()
    }
    count(lane: position, from: nil, to: job.status)
    KillPoint.reached(.submissionWritten)
    return job
  }

  private func insertState(_ job: Job, sequence: Int64, lane: Int64) throws {
    let state = try statement(
      .insertState,
      """
      INSERT INTO states (sequence, status, lane, priority, revision, run_at, due_at, attempt, retry_count, losses,
        start_within, deadline_at, expires_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, ?8, ?9, ?10)
      """)
    state.bind(1, sequence)
    state.bind(2, job.status.code)
    state.bind(3, lane)
    state.bind(4, job.spec.priority.rank)
    state.bind(5, job.state.revision)
    state.bind(6, job.state.runAt.microseconds)
    state.bind(7, job.state.dueAt.microseconds)
    state.bind(8, job.state.startWithin)
    state.bind(9, job.state.deadlineAt)
    state.bind(10, job.state.expiresAt)
    try state.run()
  }
}
