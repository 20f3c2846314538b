import StintCore

/// How a job is read from its rows.
enum JobRow {
  /// The columns of a whole job, in the order ``decode(_:)`` reads them.
  static let columns = """
    s.sequence, j.id, l.type, l.queue, s.priority, j.params, j.max_retries, j.retry, j.timeout, j.stall_timeout,
    j.tags, j.metadata, j.owner, j.created_at, j.submitted_by, j.submitted_from,
    s.status, s.revision, s.run_at, s.due_at, s.attempt, s.retry_count, s.losses, s.started_at, s.completed_at,
    w.id, w.boot, s.lease_until, s.cancel_requested_at, s.cancelled_by, s.start_within, s.deadline_at,
    p.percent, p.message, o.error_type, o.error_message, o.attempt, o.result,
    s.outcome, s.last_event, s.lane, j.escalated_from, s.escalated_to, j.secret_params
    """

  /// The tables of ``columns``. Progress counts only if it is the present attempt's.
  static let tables = tables(from: "states s JOIN jobs j ON j.sequence = s.sequence")

  /// The tables of ``columns``, led by another one: an index that knows which jobs are meant.
  static func tables(from lead: String) -> String {
    """
    FROM \(lead) JOIN lanes l ON l.lane = s.lane
    LEFT JOIN worker_names w ON w.number = s.worker
    LEFT JOIN progress p ON p.sequence = s.sequence AND p.attempt = s.attempt
    LEFT JOIN events o ON o.sequence = s.outcome
    """
  }

  /// The job in the statement's present row; its lane, where the reader knows it already.
  static func decode(_ row: SQLiteStatement, lane: WriteSession.LaneKey? = nil) -> Job {
    let spec = JobSpec(
      id: JobID(known: row.text(1)), type: lane?.type ?? row.text(2), queue: lane?.queue ?? row.text(3),
      priority: Priority(rank: row.int(4)) ?? .normal, params: row.optionalJSON(5) ?? .emptyObject,
      maxRetries: row.int(6), retry: row.optionalJSON(7).flatMap(retry) ?? .standard, timeout: row.optionalDuration(8),
      stallTimeout: row.optionalDuration(9), tags: row.optionalJSON(10).map(tags) ?? [:],
      metadata: row.optionalJSON(11) ?? .emptyObject, owner: row.optionalText(12), createdAt: row.instant(13),
      submittedBy: Actor(name: row.text(14), origin: row.text(15)),
      escalatedFrom: row.optionalText(41).map { JobID(known: $0) },
      secretParams: row.optionalJSON(43).map(names) ?? [])
    var state = JobState(
      status: JobStatus(code: row.int(16)) ?? .failed, revision: row.integer(17), runAt: row.instant(18))
    state.dueAt = row.instant(19)
    state.attempt = row.int(20)
    state.retryCount = row.int(21)
    state.losses = row.int(22)
    state.startedAt = row.optionalInstant(23)
    state.completedAt = row.optionalInstant(24)
    state.workerID = row.optionalText(25)
    if let lease = row.optionalInteger(27) { state.leaseUntil = LeaseInstant(boot: row.text(26), microseconds: lease) }
    state.cancelRequestedAt = row.optionalInstant(28)
    state.cancelledBy = row.optionalText(29)
    state.startWithin = row.optionalDuration(30)
    state.deadlineAt = row.optionalInstant(31)
    state.escalatedTo = row.optionalText(42).map { JobID(known: $0) }
    var job = Job(spec: spec, state: state)
    job.place.sequence = row.integer(0)
    job.place.outcome = row.integer(38)
    job.place.lastEvent = row.integer(39)
    job.place.lane = row.integer(40)
    if !row.isNull(32) { job.progress = Progress(percent: row.double(32), message: row.optionalText(33)) }
    if let type = row.optionalText(34) {
      job.error = JobError(
        type: JobError.Kind(rawValue: type) ?? .handler, message: row.text(35), attempt: row.int(36))
    } else {
      job.result = row.optionalJSON(37)
    }
    return job
  }

  private static func retry(_ json: RawJSON) -> RetryPolicy? {
    (try? json.parsed()).flatMap { RetryPolicy(json: $0) }
  }

  private static func tags(_ json: RawJSON) -> [String: String] {
    let members = (try? json.parsed().object) ?? []
    return Dictionary(members.compactMap { member in member.value.string.map { (member.key, $0) } }) { $1 }
  }

  private static func names(_ json: RawJSON) -> [String] { ((try? json.parsed().array) ?? []).compactMap(\.string) }

  /// Names as text; nil for none.
  static func text(_ names: [String]) -> RawJSON? {
    names.isEmpty ? nil : RawJSON(.array(names.map { .string($0) }))
  }

  /// A policy as text; nil for the standard one.
  static func text(_ retry: RetryPolicy) -> RawJSON? {
    guard retry != .standard else { return nil }
    var writer = JSONWriter()
    retry.write(to: &writer)
    return RawJSON(wellFormed: writer.bytes)
  }

  /// Tags as text; nil for none.
  static func text(_ tags: [String: String]) -> RawJSON? {
    guard !tags.isEmpty else { return nil }
    return RawJSON(.object(tags.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }))
  }

  /// The columns of an event, in the order ``event(_:)`` reads them.
  static let eventColumns = """
    e.sequence, j.id, e.kind, e.status, e.revision, e.attempt, e.at, e.started_at, w.id, e.error_type,
    e.error_message, e.result, e.actor, e.origin, e.previous
    """

  /// The event in the statement's present row.
  static func event(_ row: SQLiteStatement) -> Event {
    let attempt = row.int(5)
    return Event(
      sequence: row.integer(0), jobID: JobID(known: row.text(1)), kind: Cause.Kind(code: row.int(2)) ?? .submitted,
      status: JobStatus(code: row.int(3)) ?? .failed, revision: row.integer(4), attempt: attempt, at: row.instant(6),
      startedAt: row.optionalInstant(7), workerID: row.optionalText(8),
      error: row.optionalText(9).map {
        JobError(type: JobError.Kind(rawValue: $0) ?? .handler, message: row.text(10), attempt: attempt)
      },
      result: row.optionalJSON(11),
      actor: row.optionalText(12).map { Actor(name: $0, origin: row.text(13)) })
  }

  /// The columns of a job's first event, its submission, which is kept in the job's own row.
  static let submissionColumns = """
    j.sequence, j.id, j.submitted_status, j.created_at, j.submitted_by, j.submitted_from
    """

  /// The submission in the statement's present row.
  static func submission(_ row: SQLiteStatement) -> Event {
    Event(
      sequence: row.integer(0), jobID: JobID(known: row.text(1)), kind: .submitted,
      status: JobStatus(code: row.int(2)) ?? .pending, revision: row.integer(0) << 20, attempt: 0, at: row.instant(3),
      actor: Actor(name: row.text(4), origin: row.text(5)))
  }
}
