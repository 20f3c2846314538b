import StintCore
import StintStore

extension WriteSession {
  /// A pending job that a claim may take.
  private struct Candidate {
    let sequence: Int64
    let lane: Int
    let job: Job
  }

  func claim(_ request: ClaimRequest, at: Timestamp) throws -> [Job] {
    let candidates = try candidates(request, at: at)
    var chosen: [Candidate] = []
    for candidate in candidates.prefix(request.count + request.ahead) {
      let isAhead = chosen.count >= request.count
      if isAhead, !request.aheadTypes.contains(candidate.job.spec.type) { break }
      chosen.append(candidate)
    }
    guard !chosen.isEmpty else { return [] }
    let worker = try workerNumber(request.worker)
    let now = clock()
    let lease = LeaseInstant(boot: now.boot, microseconds: now.microseconds + request.lease.microseconds)
    let update = try statement(
      .claim,
      """
      UPDATE states SET status = 3, revision = ?2, attempt = ?3, started_at = ?4, worker = ?5, lease_until = ?6
      WHERE sequence = ?1
      """)
    update.bind(5, worker)
    update.bind(6, lease.microseconds)
    var jobs: [Job] = []
    jobs.reserveCapacity(chosen.count)
    for (index, candidate) in chosen.enumerated() {
      var job = candidate.job
      if job.state.expiresAt != nil { try forgetExpiry(candidate.sequence) }
      Lifecycle.claim(&job.state, worker: request.worker, lease: lease, at: at, begins: index < request.count)
      update.bind(1, candidate.sequence)
      update.bind(2, job.state.revision)
      update.bind(3, job.state.attempt)
      update.bind(4, job.state.startedAt)
      try update.run()
      count(lane: candidate.lane, from: .pending, to: .running)
      jobs.append(job)
    }
    KillPoint.reached(.claimWritten)
    return jobs
  }

  /// A running job does not expire. A statement of its own, because hardly any job has an expiry, and an update that
  /// names the column must look after its index.
  private func forgetExpiry(_ sequence: Int64) throws {
    let update = try connection.statement("UPDATE states SET expires_at = NULL WHERE sequence = ?1")
    update.bind(1, sequence)
    try update.run()
  }

  /// The claim's columns: the lane is known and progress does not count any more.
  private static let claimColumns = JobRow.columns
    .replacing("l.type, l.queue", with: "NULL, NULL").replacing("p.percent, p.message", with: "NULL, NULL")
    .replacing("w.id, w.boot", with: "NULL, NULL")

  private static let claimTables = """
    FROM states s INDEXED BY states_pending CROSS JOIN jobs j ON j.sequence = s.sequence
    LEFT JOIN events o ON o.sequence = s.outcome
    """

  static let claimQuery = """
    SELECT \(claimColumns) \(claimTables)
    WHERE s.status = 2 AND s.lane = ?1 AND (s.expires_at IS NULL OR s.expires_at > ?3)
    ORDER BY s.priority, s.due_at, s.sequence LIMIT ?2
    """

  /// Where a lane's jobs stand in the order, without the jobs themselves.
  static let orderQuery = """
    SELECT s.priority, s.due_at, s.sequence FROM states s INDEXED BY states_pending
    WHERE s.status = 2 AND s.lane = ?1 AND (s.expires_at IS NULL OR s.expires_at > ?3)
    ORDER BY s.priority, s.due_at, s.sequence LIMIT ?2
    """

  /// The first jobs in the order of claiming, at most as many as the request could take.
  private func candidates(_ request: ClaimRequest, at: Timestamp) throws -> [Candidate] {
    if let only = request.only { return try candidate(only, request, at: at) }
    let wanted = request.count + request.ahead
    let lanes = ledger.lanes.indices.filter { position in
      ledger.lanes[position].counts[.pending] > 0 && request.allows(ledger.lanes[position].key)
    }
    guard wanted > 0, !lanes.isEmpty else { return [] }
    if lanes.count > 1 { return try candidates(from: lanes, wanted: wanted, at: at) }
    let query = try connection.statement(Self.claimQuery)
    query.bind(1, ledger.lanes[lanes[0]].number)
    query.bind(2, wanted)
    query.bind(3, at)
    defer { query.reset() }
    var candidates: [Candidate] = []
    while try query.step() { candidates.append(candidate(query, lane: lanes[0])) }
    return candidates
  }

  /// The first of many lanes: their places in the order are merged, and only the jobs that remain are read.
  private func candidates(from lanes: [Int], wanted: Int, at: Timestamp) throws -> [Candidate] {
    let query = try connection.statement(Self.orderQuery)
    var places: [(priority: Int, dueAt: Int64, sequence: Int64, lane: Int)] = []
    for position in lanes {
      query.bind(1, ledger.lanes[position].number)
      query.bind(2, wanted)
      query.bind(3, at)
      defer { query.reset() }
      let last = places.count >= wanted ? places.last : nil
      while try query.step() {
        let place = (query.int(0), query.integer(1), query.integer(2), position)
        if let last, (last.priority, last.dueAt, last.sequence) < (place.0, place.1, place.2) { break }
        places.append(place)
      }
      places.sort { ($0.priority, $0.dueAt, $0.sequence) < ($1.priority, $1.dueAt, $1.sequence) }
      if places.count > wanted { places.removeLast(places.count - wanted) }
    }
    return try places.compactMap { place in
      guard var job = try job(at: place.sequence) else { return nil }
      job.progress = nil
      return Candidate(sequence: place.sequence, lane: place.lane, job: job)
    }
  }

  private func candidate(_ row: SQLiteStatement, lane: Int) -> Candidate {
    let job = JobRow.decode(row, lane: ledger.lanes[lane].key)
    return Candidate(sequence: row.integer(0), lane: lane, job: job)
  }

  private func candidate(_ id: JobID, _ request: ClaimRequest, at: Timestamp) throws -> [Candidate] {
    guard request.count + request.ahead > 0, let sequence = try sequence(of: id), var job = try job(at: sequence),
      job.status == .pending, job.state.expiresAt.map({ $0 > at }) ?? true
    else { return [] }
    let position = try lane(queue: job.spec.queue, type: job.spec.type)
    guard request.allows(ledger.lanes[position].key) else { return [] }
    job.progress = nil
    return [Candidate(sequence: sequence, lane: position, job: job)]
  }
}

extension ClaimRequest {
  /// Whether the request may have jobs of this queue and type.
  func allows(_ lane: WriteSession.LaneKey) -> Bool {
    (queues?.contains(lane.queue) ?? true) && (types?.contains(lane.type) ?? true)
  }
}
