import Testing

@testable import StintCore

let start = Timestamp(microseconds: 1_764_230_400_000_000)
let ann = Actor(name: "ann", origin: "test")

func job(_ status: JobStatus, maxRetries: Int = 3, retry: RetryPolicy = .standard) -> Job {
  let spec = JobSpec(
    id: JobID(known: "job-1"), type: "work", maxRetries: maxRetries, retry: retry, createdAt: start, submittedBy: ann)
  var state = JobState(status: status, revision: 7 << 20, runAt: start)
  if status != .blocked, status != .scheduled { state.attempt = 2 }
  if status == .running {
    state.workerID = "w"
    state.startedAt = start + .seconds(1)
    state.leaseUntil = LeaseInstant(boot: "b", microseconds: 9)
  }
  if status.isTerminal { state.completedAt = start + .seconds(3) }
  return Job(spec: spec, state: state)
}

extension Cause {
  /// One cause of each kind but `submitted`, which is none.
  static let samples: [Cause] = [
    .claimed(worker: "w", lease: LeaseInstant(boot: "b", microseconds: 1), begins: true), .promoted, .unblocked,
    .succeeded(RawJSON(.integer(1))), .failed(message: "broke"), .timedOut, .stalled, .gaveUp(message: "no use"),
    .undecodable(message: "unreadable"), .snoozed(until: start + .seconds(50)), .released, .stopped,
    .lost(message: "gone", alone: false), .startExpired, .deadlineExceeded, .cancelRequested(by: ann),
    .dependencyFailed(JobID(known: "other")), .retried(by: ann), .retried(by: ann, blocked: true),
    .lost(message: "gone", alone: true), .succeeded(nil), .failed(message: "later", retryAfter: .seconds(5)),
    .claimed(worker: "w", lease: LeaseInstant(boot: "b", microseconds: 1), begins: false),
  ]
}

@Suite struct LifecycleTests {
  let now = start + .seconds(10)

  private func after(_ job: Job, _ cause: Cause, random: Double = 0) throws -> Job {
    try Lifecycle.move(job, cause, at: now, random: random).applied(to: job)
  }

  private func marked(_ job: Job) -> Job {
    var job = job
    job.state.cancelRequestedAt = start + .seconds(2)
    job.state.cancelledBy = "ann"
    return job
  }

  @Test func everyKindHasASample() {
    #expect(Set(Cause.samples.map(\.kind)) == Set(Cause.Kind.allCases).subtracting([.submitted]))
  }

  @Test(arguments: JobStatus.allCases) func exactlyTheTablesMovesAreLegal(_ status: JobStatus) throws {
    for cause in Cause.samples {
      for job in status == .running ? [job(status), marked(job(status))] : [job(status)] {
        let row = Lifecycle.moves.first { $0.from == status && $0.cause == cause.kind }
        let isLegal = row != nil && (cause != .stopped || job.state.isCancelRequested)
        guard let change = try? Lifecycle.move(job, cause, at: now) else {
          #expect(!isLegal, "\(cause) from \(status)")
          #expect(throws: Lifecycle.IllegalMove(id: job.id, from: status, cause: cause.kind)) {
            try Lifecycle.move(job, cause, at: now)
          }
          continue
        }
        #expect(isLegal, "\(cause) from \(status)")
        #expect(row?.to.contains(change.state.status) == true, "\(cause) from \(status) to \(change.state.status)")
        try examine(change, of: job, cause)
      }
    }
  }

  /// What holds for every change.
  private func examine(_ change: Change, of job: Job, _ cause: Cause) throws {
    let after = change.applied(to: job)
    let isMark = job.status == .running && cause.kind == .cancelRequested
    #expect(change.id == job.id && change.from == job.status)
    #expect(change.expectedRevision == job.state.revision)
    #expect(change.expectedCancelMark == job.state.cancelRequestedAt)
    #expect(change.requiresLeaseOver == (cause.kind == .lost))
    #expect(change.isMark == isMark)
    #expect(after.state.revision == job.state.revision + (isMark ? 0 : 1), "\(cause)")
    #expect((after.state.completedAt != nil) == after.status.isTerminal, "\(cause)")
    #expect((after.state.leaseUntil != nil) == (after.status == .running), "\(cause)")
    #expect(after.state.attempt == job.state.attempt + (cause.kind == .claimed ? 1 : 0), "\(cause)")
    let counted: Set<Cause.Kind> = [.failed, .timedOut, .stalled]
    if cause.kind != .retried {
      let rises = counted.contains(cause.kind) && !job.state.isCancelRequested
      #expect(after.state.retryCount == job.state.retryCount + (rises ? 1 : 0), "\(cause)")
      let loses = cause.kind == .lost && !job.state.isCancelRequested
      #expect(after.state.losses == job.state.losses + (loses ? 1 : 0), "\(cause)")
    }
    let silent: Set<Cause.Kind> = [.claimed, .promoted, .unblocked]
    let isRepeated = isMark && job.state.isCancelRequested
    guard let event = change.event else {
      #expect(silent.contains(cause.kind) || isRepeated, "\(cause) leaves no event")
      return
    }
    #expect(!silent.contains(cause.kind) && !isRepeated, "\(cause) leaves an event")
    #expect(event.kind == cause.kind && event.status == after.status && event.revision == after.state.revision)
    #expect(event.at == now && event.attempt == after.state.attempt && event.jobID == job.id)
    let ends = job.status == .running && cause.kind.endsAttempt
    #expect(event.workerID == (ends ? "w" : nil) && event.startedAt == (ends ? job.state.startedAt : nil))
    #expect((event.actor != nil) == (cause.kind == .cancelRequested || cause.kind == .retried))
  }

  @Test func aRequestedCancelEndsCancelledWhateverTheAttemptDid() throws {
    for cause in Cause.samples where cause.kind.endsAttempt {
      let after = try after(marked(job(.running)), cause)
      #expect(after.status == .cancelled, "\(cause)")
      #expect(after.result == nil && after.error == nil && after.state.retryCount == 0)
      #expect(after.state.cancelledBy == "ann" && after.state.cancelRequestedAt == start + .seconds(2))
    }
  }

  @Test func aSecondCancelChangesNothing() throws {
    let once = try after(job(.running), .cancelRequested(by: ann))
    let change = try Lifecycle.move(once, .cancelRequested(by: Actor(name: "bob", origin: "")), at: now + .seconds(9))
    #expect(change.event == nil)
    #expect(change.applied(to: once) == once)
  }

  @Test func aWaitingJobIsCancelledAtOnce() throws {
    for status in JobStatus.allCases where status.isWaiting {
      let after = try after(job(status), .cancelRequested(by: ann))
      #expect(after.status == .cancelled && after.state.completedAt == now && after.state.cancelledBy == "ann")
    }
  }

  @Test func maxRetriesAllowsOneExecutionMore() throws {
    var current = job(.pending, maxRetries: 3)
    current.state.attempt = 0
    var statuses: [JobStatus] = []
    let failures: [Cause] = [.failed(message: "a"), .timedOut, .stalled, .failed(message: "d")]
    for cause in failures {
      current = try after(
        current, .claimed(worker: "w", lease: LeaseInstant(boot: "b", microseconds: 1), begins: true))
      current = try after(current, cause)
      statuses.append(current.status)
      if current.status == .retrying { current = try after(current, .promoted) }
    }
    #expect(statuses == [.retrying, .retrying, .retrying, .failed])
    #expect(current.state.attempt == 4 && current.state.retryCount == 4)
    #expect(current.error == JobError(type: .handler, message: "d", attempt: 4))
  }

  @Test func theDelayIsThePolicysUnlessTheHandlerNamesOne() throws {
    let policy = RetryPolicy(strategy: .linear, base: .seconds(4), jitter: 0.5)
    #expect(try after(job(.running, retry: policy), .failed(message: "x")).state.dueAt == now + .seconds(2))
    #expect(try after(job(.running, retry: policy), .timedOut, random: 0.5).state.dueAt == now + .seconds(3))
    let named = Cause.failed(message: "x", retryAfter: .seconds(99))
    #expect(try after(job(.running, retry: policy), named).nextRetryAt == now + .seconds(99))
  }

  @Test func snoozeAndReleaseAreNotCounted() throws {
    let snoozed = try after(job(.running), .snoozed(until: now + .seconds(60)))
    #expect(snoozed.status == .scheduled && snoozed.state.runAt == now + .seconds(60))
    #expect(snoozed.state.dueAt == now + .seconds(60) && snoozed.state.retryCount == 0 && snoozed.state.losses == 0)
    let released = try after(job(.running), .released)
    #expect(released.status == .pending && released.state.dueAt == start && released.state.retryCount == 0)
  }

  @Test func onlyLossesOfAttemptsThatBeganCount() throws {
    var ahead = job(.running)
    ahead.state.startedAt = nil
    let lost = try after(ahead, .lost(message: "gone", alone: true))
    #expect(lost.status == .retrying && lost.state.losses == 0 && lost.state.dueAt == now)
    var begun = job(.running)
    begun.state.losses = 1
    #expect(try after(begun, .lost(message: "gone", alone: true)).status == .retrying)
    begun.state.losses = 2
    let company = try after(begun, .lost(message: "gone", alone: false))
    #expect(company.status == .retrying && company.state.losses == 3 && company.error?.type == .workerLost)
    let poison = try after(begun, .lost(message: "gone", alone: true))
    #expect(poison.status == .failed && poison.error?.type == .poison)
  }

  @Test func endsAreFinalWhateverRetriesAreLeft() throws {
    let kinds: [(Cause, JobStatus, JobError.Kind)] = [
      (.gaveUp(message: "x"), .running, .handler), (.undecodable(message: "x"), .running, .undecodable),
      (.undecodable(message: "x"), .pending, .undecodable), (.startExpired, .retrying, .startExpired),
      (.deadlineExceeded, .blocked, .deadlineExceeded), (.deadlineExceeded, .running, .deadlineExceeded),
    ]
    for (cause, status, type) in kinds {
      let after = try after(job(status), cause)
      #expect(after.status == .failed && after.error?.type == type && after.state.retryCount == 0, "\(cause)")
    }
  }

  @Test func aPersonsRetryStartsCountsAndClocksAnew() throws {
    for (blocked, status) in [(false, JobStatus.pending), (true, .blocked)] {
      var old = marked(job(.cancelled))
      old.state.retryCount = 4
      old.state.losses = 2
      old.state.startWithin = .seconds(1)
      old.state.deadlineAt = start
      old.state.workerID = "w"
      old.state.startedAt = start
      old.progress = Progress(percent: 5)
      old.error = JobError(type: .handler, message: "x", attempt: 2)
      let new = try after(old, .retried(by: ann, blocked: blocked))
      var expected = JobState(status: status, revision: old.state.revision + 1, runAt: old.state.runAt)
      expected.attempt = 2
      expected.dueAt = now
      #expect(new.state == expected)
      #expect(new.progress == nil && new.error == nil && new.result == nil)
    }
  }

  @Test func anUnblockedJobWaitsForItsTime() throws {
    var blocked = job(.blocked)
    #expect(try after(blocked, .unblocked).status == .pending)
    #expect(try after(blocked, .unblocked).state.dueAt == now)
    blocked.state.runAt = now + .seconds(1)
    #expect(try after(blocked, .unblocked).status == .scheduled)
    #expect(try after(blocked, .unblocked).state.dueAt == now + .seconds(1))
  }

  @Test func theStoresOwnMovesAreTheTables() throws {
    let lease = LeaseInstant(boot: "b", microseconds: 5)
    for begins in [true, false] {
      var claimed = job(.pending).state
      Lifecycle.claim(&claimed, worker: "w", lease: lease, at: now, begins: begins)
      #expect(try after(job(.pending), .claimed(worker: "w", lease: lease, begins: begins)).state == claimed)
    }
    for status in [JobStatus.scheduled, .retrying] {
      var promoted = job(status).state
      Lifecycle.promote(&promoted)
      #expect(try after(job(status), .promoted).state == promoted)
    }
  }

  @Test func aClaimForgetsTheProgressOfTheAttemptBefore() throws {
    var pending = job(.pending)
    pending.progress = Progress(percent: 50)
    let cause = Cause.claimed(worker: "w", lease: LeaseInstant(boot: "b", microseconds: 5), begins: true)
    #expect(try after(pending, cause).progress == nil)
  }

  @Test func aLeaseOfAnotherBootIsOver() {
    let lease = LeaseInstant(boot: "a", microseconds: 100)
    #expect(!lease.isOver(at: LeaseInstant(boot: "a", microseconds: 99)))
    #expect(lease.isOver(at: LeaseInstant(boot: "a", microseconds: 100)))
    #expect(lease.isOver(at: LeaseInstant(boot: "b", microseconds: 0)))
  }

  @Test func onlyWaitingJobsExpireAtTheEarlierOfTheirClocks() {
    var state = job(.pending).state
    #expect(state.expiresAt == nil)
    state.startWithin = .seconds(5)
    #expect(state.expiresAt == start + .seconds(5))
    state.deadlineAt = start + .seconds(3)
    #expect(state.expiresAt == start + .seconds(3))
    state.status = .running
    #expect(state.expiresAt == nil)
  }

  @Test func codesAreStableForEver() {
    #expect(
      JobStatus.allCases.map(\.rawValue) == [
        "blocked", "scheduled", "pending", "running", "retrying", "completed", "failed", "cancelled",
      ])
    #expect(JobStatus.allCases.map(\.code) == Array(0...7))
    #expect(
      Cause.Kind.allCases.map(\.rawValue) == [
        "submitted", "claimed", "promoted", "unblocked", "succeeded", "failed", "timed_out", "stalled", "gave_up",
        "undecodable", "snoozed", "released", "stopped", "worker_lost", "start_expired", "deadline_exceeded",
        "cancel_requested", "dependency_failed", "retried",
      ])
    #expect(Cause.Kind(code: 19) == nil && Cause.Kind(code: -1) == nil && JobStatus(code: 8) == nil)
    #expect(JobStatus(name: "queued") == .pending && JobStatus(name: "in_progress") == .running)
    #expect(JobStatus(name: "failed") == .failed && JobStatus(name: "Failed") == nil)
  }
}
