/// The only place that decides a job's status.
public enum Lifecycle {
  /// One row of the table: from a status, for a cause, to one of these statuses.
  public struct Move: Sendable, Hashable {
    /// The status it leaves.
    public let from: JobStatus
    /// Why it moves.
    public let cause: Cause.Kind
    /// Where it may arrive.
    public let to: [JobStatus]
  }

  /// Every legal move. What is not here is an ``IllegalMove``, never a silent overwrite.
  public static let moves: [Move] = {
    let waiting: [JobStatus] = [.blocked, .scheduled, .pending, .retrying]
    var moves: [Move] = []
    func add(_ from: [JobStatus], _ cause: Cause.Kind, _ to: JobStatus...) {
      moves += from.map { Move(from: $0, cause: cause, to: to) }
    }
    add([.blocked], .unblocked, .pending, .scheduled)
    add([.scheduled, .retrying], .promoted, .pending)
    add([.pending], .claimed, .running)
    add([.running], .succeeded, .completed, .cancelled)
    for failure in [Cause.Kind.failed, .timedOut, .stalled] { add([.running], failure, .retrying, .failed, .cancelled) }
    add([.running], .gaveUp, .failed, .cancelled)
    add([.running], .undecodable, .failed, .cancelled)
    add([.pending], .undecodable, .failed)
    add([.running], .snoozed, .scheduled, .cancelled)
    add([.running], .released, .pending, .cancelled)
    add([.running], .lost, .retrying, .failed, .cancelled)
    add([.running], .stopped, .cancelled)
    add(waiting, .startExpired, .failed)
    add(waiting, .deadlineExceeded, .failed)
    add([.running], .deadlineExceeded, .failed, .cancelled)
    add([.blocked], .dependencyFailed, .cancelled)
    add(waiting, .cancelRequested, .cancelled)
    add([.running], .cancelRequested, .running)
    add([.failed, .cancelled], .retried, .blocked, .pending)
    return moves
  }()

  private static let legal: Set<LegalKey> = Set(moves.map { LegalKey(from: $0.from, cause: $0.cause) })
  private struct LegalKey: Hashable {
    let from: JobStatus
    let cause: Cause.Kind
  }

  /// A move that the table does not have.
  public struct IllegalMove: Error, Sendable, Hashable {
    /// The job.
    public let id: JobID
    /// Where it is.
    public let from: JobStatus
    /// What was asked.
    public let cause: Cause.Kind
  }

  /// Losses after which a job that ran alone is a dead letter of type `poison`, unless another number is given.
  public static let maxLosses = 3

  /// Decides what `cause` makes of `job`.
  ///
  /// - Parameters:
  ///   - at: the instant of the move, by the wall clock.
  ///   - random: 0..<1, for the jitter of a retry's delay; asked only if there is one.
  ///   - maxLosses: losses after which a job that ran alone is a dead letter of type `poison`.
  ///   - escalation: the rule for this job, where its type has one.
  ///   - message: what is said of a timeout or a stall in place of the usual text, where its worker said something.
  /// - Throws: ``IllegalMove`` where the table has no such move, or where `stopped` comes without a cancel mark.
  public static func move(
    _ job: Job, _ cause: Cause, at: Timestamp, random: @autoclosure () -> Double = 0,
    maxLosses: Int = Lifecycle.maxLosses, escalation: Escalation? = nil, message: String? = nil
  ) throws(IllegalMove) -> Change {
    let kind = cause.kind
    let before = job.state
    guard legal.contains(LegalKey(from: before.status, cause: kind)), kind != .stopped || before.isCancelRequested
    else { throw IllegalMove(id: job.id, from: before.status, cause: kind) }
    var decision = Decision(job: job, at: at)
    decision.maxLosses = maxLosses
    decision.escalation = escalation
    decision.message = message
    // A renewal does not raise the revision: a rescue must ask for the lease's end at the moment of the write.
    if case .lost(_, _, let seen, _) = cause { decision.requiresLeaseOver = !seen }
    var endsCancelled = before.isCancelRequested && kind.endsAttempt
    #if DEBUG
      if Sabotage.current == .cancellation { endsCancelled = false }
    #endif
    if endsCancelled {
      // Once a cancel is acknowledged the job ends cancelled, whatever its attempt did.
      decision.end(.cancelled)
    } else {
      decision.decide(cause, random: random)
    }
    return decision.change(kind: kind)
  }

  /// How a pending job stands once a worker took it: the store's own move, kept here so that every store agrees.
  ///
  /// A job that lost a worker before has not begun yet even if `begins`: its worker has that stored before the handler
  /// begins, so that a loss in between does not count against it.
  public static func claim(
    _ state: inout JobState, worker: String, lease: LeaseInstant, at: Timestamp, begins: Bool
  ) {
    state.status = .running
    state.revision += 1
    state.attempt += 1
    state.workerID = worker
    state.leaseUntil = lease
    state.startedAt = begins && state.losses == 0 ? at : nil
  }

  /// How a scheduled or retrying job stands once it is due: the store's own move.
  public static func promote(_ state: inout JobState) {
    state.status = .pending
    state.revision += 1
  }
}

extension JobState {
  /// Whether someone asked for the job's end.
  public var isCancelRequested: Bool { cancelRequestedAt != nil }
}

/// The working sheet of one decision.
private struct Decision {
  let job: Job
  let at: Timestamp
  var state: JobState
  var outcome = Change.OutcomeChange.keep
  var error: JobError?
  var result: RawJSON?
  var actor: Actor?
  var maxLosses = Lifecycle.maxLosses
  var escalation: Escalation?
  var message: String?
  var spawn: Job?
  var requiresLeaseOver = false
  var leavesEvent = true
  var isMark = false

  init(job: Job, at: Timestamp) {
    self.job = job
    self.at = at
    self.state = job.state
  }

  mutating func end(_ status: JobStatus) {
    state.status = status
    state.completedAt = at
    state.leaseUntil = nil
  }

  mutating func fail(_ type: JobError.Kind, _ message: String) {
    let error = JobError(type: type, message: message, attempt: state.attempt)
    self.error = error
    outcome = .error(error)
  }

  /// A counted failure: another attempt if any is left and no rule hands the job on before, else the end.
  mutating func countFailure(retryAfter: Duration?, random: () -> Double) {
    state.retryCount += 1
    let isHandedOn = escalation.map { rule in
      applies(rule) && (rule.isAtOnce || state.retryCount > rule.rule.retriesBefore ?? .max)
    }
    guard state.retryCount <= job.spec.maxRetries, isHandedOn != true else { return endHandingOn() }
    let delay = retryAfter ?? job.spec.retry.delay(retry: state.retryCount, random: random())
    wait(.retrying, until: at + delay)
  }

  private func applies(_ escalation: Escalation) -> Bool {
    guard let error else { return false }
    return escalation.rule.errorTypes?.contains(error.type) ?? true
  }

  /// The end as `failed`; where a rule applies, the job that takes over is stored with it.
  mutating func endHandingOn() {
    end(.failed)
    guard let escalation, applies(escalation) else { return }
    spawn = escalation.job(for: job, at: at)
    state.escalatedTo = escalation.id
  }

  mutating func wait(_ status: JobStatus, until due: Timestamp) {
    state.status = status
    state.dueAt = due
    state.leaseUntil = nil
  }

  mutating func decide(_ cause: Cause, random: () -> Double) {
    switch cause {
    case .claimed(let worker, let lease, let begins):
      state.revision -= 1  // `claim` counts it itself
      Lifecycle.claim(&state, worker: worker, lease: lease, at: at, begins: begins)
      leavesEvent = false
    case .promoted:
      state.status = .pending
      leavesEvent = false
    case .unblocked:
      state.status = state.runAt > at ? .scheduled : .pending
      state.dueAt = max(state.runAt, at)
      leavesEvent = false
    case .succeeded(let result):
      end(.completed)
      self.result = result
      outcome = .result(result)
    case .failed(let message, let retryAfter):
      fail(.handler, message)
      countFailure(retryAfter: retryAfter, random: random)
    case .timedOut:
      fail(.timeout, message ?? "The attempt took longer than \(job.spec.timeout?.text ?? "its timeout")")
      countFailure(retryAfter: nil, random: random)
    case .stalled:
      fail(.stalled, message ?? "No sign of life for \(job.spec.stallTimeout?.text ?? "its stall timeout")")
      countFailure(retryAfter: nil, random: random)
    case .gaveUp(let message):
      fail(.handler, message)
      endHandingOn()
    case .undecodable(let message):
      fail(.undecodable, message)
      end(.failed)
    case .snoozed(let until):
      state.runAt = until
      wait(.scheduled, until: until)
    case .released:
      // Given back before it began: nothing has happened that history should tell.
      leavesEvent = state.startedAt != nil
      wait(.pending, until: state.dueAt)
    case .lost(let message, let alone, _, let counts):
      loss(message, alone: alone, counts: counts)
    case .stopped:
      end(.cancelled)
    case .startExpired:
      fail(.startExpired, "It waited longer than \(state.startWithin?.text ?? "start_within")")
      end(.failed)
    case .deadlineExceeded:
      fail(.deadlineExceeded, "It was not over at its deadline, \(state.deadlineAt?.iso8601 ?? "which passed")")
      end(.failed)
    case .cancelRequested(let actor):
      requestCancel(by: actor)
    case .dependencyFailed(let id):
      state.cancelledBy = "dependency \(id)"
      end(.cancelled)
    case .retried(let actor, let blocked):
      self.actor = actor
      restart(blocked ? .blocked : .pending)
    }
  }

  /// A second request changes nothing: the first one's time and name stay.
  mutating func requestCancel(by actor: Actor) {
    isMark = state.status == .running
    leavesEvent = !state.isCancelRequested
    guard leavesEvent else { return }
    self.actor = actor
    state.cancelRequestedAt = at
    state.cancelledBy = actor.name
    if !isMark { end(.cancelled) }
  }

  /// A loss counts only against an attempt that had begun.
  mutating func loss(_ message: String, alone: Bool, counts: Bool) {
    let isOwn = counts && state.startedAt != nil
    if isOwn { state.losses += 1 }
    if isOwn, alone, state.losses >= maxLosses {
      fail(.poison, "It took its worker down \(state.losses) times; the last time it ran alone. \(message)")
      endHandingOn()
    } else {
      fail(.workerLost, message)
      wait(.retrying, until: at)
    }
  }

  /// A person's retry: counts, clocks and marks start anew, `attempt` goes on.
  mutating func restart(_ status: JobStatus) {
    var fresh = JobState(status: status, revision: state.revision, runAt: state.runAt)
    fresh.attempt = state.attempt
    fresh.dueAt = at
    state = fresh
    outcome = .clear
  }

  func change(kind: Cause.Kind) -> Change {
    var state = state
    if !isMark { state.revision += 1 }
    var requiresLeaseOver = requiresLeaseOver
    #if DEBUG
      if Sabotage.current == .rescue { requiresLeaseOver = false }
    #endif
    let ends = kind.endsAttempt && job.status == .running
    let event =
      leavesEvent
      ? Event(
        jobID: job.id, kind: kind, status: state.status, revision: state.revision, attempt: state.attempt, at: at,
        startedAt: ends ? job.state.startedAt : nil, workerID: ends ? job.state.workerID : nil, error: error,
        result: result, actor: actor) : nil
    return Change(
      id: job.id, place: job.place, expectedRevision: job.state.revision,
      expectedCancelMark: job.state.cancelRequestedAt,
      requiresLeaseOver: requiresLeaseOver, from: job.status, state: state, outcome: outcome, event: event,
      spawn: spawn)
  }
}
