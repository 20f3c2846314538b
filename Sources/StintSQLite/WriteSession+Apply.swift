import StintCore
import StintStore

extension WriteSession {
  func apply(_ change: Change) throws -> ApplyResult {
    if let sequence = try end(change) { return .applied(sequence: sequence) }
    guard let (sequence, known) = try standing(of: change.id, hint: change.place.sequence) else {
      return .missing
    }
    let isOver = !change.requiresLeaseOver || known.isLeaseOver(at: clock())
    guard known.revision == change.expectedRevision, known.cancelMark == change.expectedCancelMark?.microseconds, isOver
    else {
      guard let job = try job(at: sequence) else { return .missing }
      return .stale(job)
    }
    var stored: Int64?
    if let event = change.event {
      let number = nextSequence()
      try insert(event, at: number, job: sequence, previous: known.lastEvent, worker: known.worker)
      stored = number
      KillPoint.reached(.moveHalfWritten)
    }
    if change.isMark {
      try mark(change, sequence: sequence, event: stored ?? known.lastEvent)
    } else {
      try update(change, sequence: sequence, known: known, event: stored)
    }
    if let spawn = change.spawn, try insert(spawn) == nil {
      throw StoreError.unavailable("The id \(spawn.id) of an escalation is taken", effect: .notApplied)
    }
    return .applied(sequence: stored)
  }

  /// The usual end of an attempt: a running job that was read from this store ends, with an event that holds its
  /// outcome. Compares and sets in one statement. Nil where it is not that, or where the comparison fails.
  private func end(_ change: Change) throws -> Int64? {
    let state = change.state
    guard change.from == .running, state.status == .completed || state.status == .failed, change.place.sequence != 0,
      !change.requiresLeaseOver, change.spawn == nil, let event = change.event, let worker = state.workerID
    else { return nil }
    let sequence = ledger.nextSequence
    let update = try statement(
      .end,
      """
      UPDATE states SET status = ?4, revision = ?5, retry_count = ?6, losses = ?7, started_at = ?8, completed_at = ?9,
        lease_until = NULL, outcome = ?10, last_event = ?10
      WHERE sequence = ?1 AND revision = ?2 AND cancel_requested_at IS ?3
      """)
    update.bind(1, change.place.sequence)
    update.bind(2, change.expectedRevision)
    update.bind(3, change.expectedCancelMark)
    update.bind(4, state.status.code)
    update.bind(5, state.revision)
    update.bind(6, state.retryCount)
    update.bind(7, state.losses)
    update.bind(8, state.startedAt)
    update.bind(9, state.completedAt)
    update.bind(10, sequence)
    try update.run()
    guard connection.changes == 1 else { return nil }
    KillPoint.reached(.outcomeHalfWritten)
    ledger.nextSequence += 1
    let place = change.place
    try insert(
      event, at: sequence, job: place.sequence, previous: place.lastEvent == 0 ? nil : place.lastEvent,
      worker: try workerNumber(worker))
    count(lane: position(lane: place.lane), from: .running, to: state.status)
    KillPoint.reached(.outcomeWritten)
    return sequence
  }

  /// What a decision is compared with.
  struct Standing {
    let revision: Int64
    let cancelMark: Int64?
    let leaseUntil: Int64?
    let isSameBoot: Bool
    let worker: Int64?
    let outcome: Int64?
    let lastEvent: Int64?
    let lane: Int
    let status: JobStatus

    func isLeaseOver(at now: LeaseInstant) -> Bool {
      guard let leaseUntil else { return true }
      return !isSameBoot || leaseUntil <= now.microseconds
    }
  }

  /// How a job stands. `hint` is where it was when its reader saw it; a number that is not given twice, so that what
  /// stands there is this job or nothing.
  func standing(of id: JobID, hint: Int64 = 0) throws -> (Int64, Standing)? {
    if hint != 0, let standing = try standing(at: hint) { return (hint, standing) }
    guard let sequence = try sequence(of: id), let standing = try standing(at: sequence) else { return nil }
    return (sequence, standing)
  }

  private func standing(at sequence: Int64) throws -> Standing? {
    let select = try statement(
      .standing,
      """
      SELECT s.revision, s.cancel_requested_at, s.lease_until, s.worker, s.outcome, s.last_event, s.lane, s.status
      FROM states s WHERE s.sequence = ?1
      """)
    select.bind(1, sequence)
    defer { select.reset() }
    guard try select.step() else { return nil }
    let worker = select.optionalInteger(3)
    return Standing(
      revision: select.integer(0), cancelMark: select.optionalInteger(1), leaseUntil: select.optionalInteger(2),
      isSameBoot: try worker.map { try boot(ofWorker: $0) == boot } ?? true, worker: worker,
      outcome: select.optionalInteger(4), lastEvent: select.optionalInteger(5),
      lane: position(lane: select.integer(6)), status: JobStatus(code: select.int(7)) ?? .failed)
  }

  private func boot(ofWorker number: Int64) throws -> String {
    if let known = workerBoots[number] { return known }
    let select = try connection.statement("SELECT boot FROM worker_names WHERE number = ?1")
    select.bind(1, number)
    defer { select.reset() }
    let boot = try select.step() ? select.text(0) : ""
    workerBoots[number] = boot
    return boot
  }

  private func insert(_ event: Event, at sequence: Int64, job: Int64, previous: Int64?, worker: Int64?) throws {
    let insert = try statement(
      .insertEvent,
      """
      INSERT INTO events (sequence, previous, job, kind, status, revision, attempt, at, started_at, worker, error_type,
        error_message, result, actor, origin)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
      """)
    insert.bind(1, sequence)
    insert.bind(2, previous)
    insert.bind(3, job)
    insert.bind(4, event.kind.code)
    insert.bind(5, event.status.code)
    insert.bind(6, event.revision)
    insert.bind(7, event.attempt)
    insert.bind(8, event.at)
    insert.bind(9, event.startedAt)
    insert.bind(10, event.workerID == nil ? nil : worker)
    insert.bind(11, event.error?.type.rawValue)
    insert.bind(12, event.error?.message)
    insert.bind(13, event.result)
    insert.bind(14, event.actor?.name)
    insert.bind(15, event.actor?.origin)
    try insert.run()
  }

  /// A running job was asked to stop: its lease, its worker and its revision stay as they are.
  private func mark(_ change: Change, sequence: Int64, event: Int64?) throws {
    let update = try connection.statement(
      "UPDATE states SET cancel_requested_at = ?2, cancelled_by = ?3, last_event = ?4 WHERE sequence = ?1")
    update.bind(1, sequence)
    update.bind(2, change.state.cancelRequestedAt)
    update.bind(3, change.state.cancelledBy)
    update.bind(4, event)
    try update.run()
  }

  private func update(_ change: Change, sequence: Int64, known: Standing, event: Int64?) throws {
    let state = change.state
    let update = try statement(
      .update,
      """
      UPDATE states SET status = ?2, revision = ?3, run_at = ?4, due_at = ?5, attempt = ?6, retry_count = ?7,
        losses = ?8, started_at = ?9, completed_at = ?10, lease_until = ?11, cancel_requested_at = ?12,
        cancelled_by = ?13, start_within = ?14, deadline_at = ?15, expires_at = ?16, outcome = ?17, last_event = ?18,
        worker = ?19, escalated_to = ?20 WHERE sequence = ?1
      """)
    update.bind(1, sequence)
    update.bind(2, state.status.code)
    update.bind(3, state.revision)
    update.bind(4, state.runAt)
    update.bind(5, state.dueAt)
    update.bind(6, state.attempt)
    update.bind(7, state.retryCount)
    update.bind(8, state.losses)
    update.bind(9, state.startedAt)
    update.bind(10, state.completedAt)
    update.bind(11, state.leaseUntil?.microseconds)
    update.bind(12, state.cancelRequestedAt)
    update.bind(13, state.cancelledBy)
    update.bind(14, state.startWithin)
    update.bind(15, state.deadlineAt)
    update.bind(16, state.expiresAt)
    update.bind(17, try outcome(change, sequence: sequence, known: known, event: event))
    update.bind(18, event ?? known.lastEvent)
    update.bind(19, try state.workerID.map { try workerNumber($0) })
    update.bind(20, state.escalatedTo?.text)
    try update.run()
    count(lane: known.lane, from: known.status, to: state.status)
  }

  /// The event that holds the job's result or last error after the change.
  private func outcome(_ change: Change, sequence: Int64, known: Standing, event: Int64?) throws -> Int64? {
    switch change.outcome {
    case .keep: return known.outcome
    case .error, .result: return event
    case .clear:
      for sql in ["DELETE FROM progress WHERE sequence = ?1", "DELETE FROM checkpoints WHERE job = ?1"] {
        let delete = try connection.statement(sql)
        delete.bind(1, sequence)
        try delete.run()
      }
      return nil
    }
  }
}
