package import StintCore
package import StintStore

/// What maintenance does and when, as a pure value: what to ask of the store, and what its answers mean. No clock, no
/// tasks, no I/O; ``Maintenance`` is its shell.
///
/// It goes in rounds. Each promotes what is due; one a poll's length after the last sweep rescues, expires and forgets
/// too.
package struct MaintenanceMachine {
  /// What the store is to be asked.
  package enum Question {
    /// To let what waits for a duration do so, although the wall clock was set; ``Answer/done``.
    case clockWasSet(by: Duration, at: Timestamp)
    /// To promote what is due; ``Answer/promoted(_:)``.
    case promote(limit: Int, at: Timestamp)
    /// How these jobs stand; ``Answer/jobs(_:)``.
    case jobs([JobID])
    /// Which leases are over; ``Answer/found(_:)``.
    case expired(limit: Int)
    /// Which jobs have waited too long; ``Answer/found(_:)``.
    case overdue(limit: Int, at: Timestamp)
    /// To make these moves; ``Answer/applied(_:)``.
    case apply([Change], at: Timestamp)
    /// Which workers are known; ``Answer/workers(_:)``.
    case workers
    /// To forget this worker; ``Answer/done``.
    case remove(worker: String)
  }

  /// What the store said.
  package enum Answer {
    /// To ``Question/promote(limit:at:)``.
    case promoted(Promotion)
    /// To ``Question/jobs(_:)``.
    case jobs([Job?])
    /// To ``Question/expired(limit:)`` and ``Question/overdue(limit:at:)``.
    case found([Job])
    /// To ``Question/apply(_:at:)``.
    case applied([ApplyResult])
    /// To ``Question/workers``.
    case workers([WorkerRecord])
    /// To ``Question/remove(worker:)`` and ``Question/clockWasSet(by:at:)``.
    case done
  }

  /// What is to be said on.
  package struct News {
    /// Why jobs moved.
    package enum Reason { case promoted, rescued, expired }
    /// Why they moved.
    package let reason: Reason
    /// The jobs that moved, as they stand now.
    package let moved: [Job]
    /// The jobs that took over.
    package var spawned: [Job] = []
  }

  private enum Phase {
    case start
    /// How far the wall clock is ahead of this process's uptime now.
    case noting(ahead: Int64, step: Duration)
    case promoting
    case promoted([JobID])
    case sweep, rescuing
    /// Who had these jobs: what a supervisor did not tell of is no loss of the job's.
    case identifying([Job])
    case expiring(at: Timestamp)
    case deciding([Job], overdueAt: Timestamp?)
    case applying([(job: Job, change: Change)], News.Reason)
    case listing
    case forgetting([String])
    case end(hasSwept: Bool)
  }

  private let configuration: EngineConfiguration
  private var phase = Phase.start
  /// After an outage nobody rescues until the store has answered long enough for every worker to have renewed.
  private var rescueFrom: Duration
  private var nextSweep: Duration
  /// How far the wall clock was ahead of this process's uptime, in microseconds, when the store was told last.
  private var ahead: Int64?
  /// When a job is due next, as far as is known.
  private var due: Timestamp?
  private var nextDue: Timestamp?
  private var isPromotedWhole = true
  /// Workers whose jobs are not to blame for their end. A supervisor would have told of it: where the leases end by
  /// themselves, it was the supervisor that ended. Those that drained were to end anyway.
  private var blameless: Set<String> = []
  /// When the next round begins.
  package private(set) var wakeAt: Duration

  package init(configuration: EngineConfiguration, uptime: Duration) {
    self.configuration = configuration
    rescueFrom = uptime
    nextSweep = uptime
    wakeAt = uptime
  }

  /// How many jobs are moved at once.
  static let batch = 1_000
  /// How long a worker's entry stays after its last sign of life: one that was killed can not say that it has gone.
  static let workerMemory: Duration = .seconds(600)

  /// A hint that a job is due at `at`; whether that is sooner than what is known, so that the next round is to begin
  /// at once.
  package mutating func hear(due at: Timestamp) -> Bool {
    if let due, due <= at { return false }
    due = at
    return true
  }

  /// What to ask next; nil once the round is over: the next one begins at ``wakeAt``.
  package mutating func next(at: Timestamp, uptime: Duration, random: RandomSource) -> Question? {
    while true {
      switch phase {
      // What the clock shows now would fail jobs for good: the store is told first, whose jobs then wait on.
      case .promoting where wasSet(at: at, uptime: uptime), .expiring where wasSet(at: at, uptime: uptime):
        phase = .start
      case .start:
        due = nil
        nextDue = nil
        let now = at.microseconds - uptime.microseconds
        let isNews = ahead == nil || wasSet(at: at, uptime: uptime)
        phase = isNews ? .noting(ahead: now, step: .microseconds(now - (ahead ?? now))) : .promoting
      case .noting(_, let step): return .clockWasSet(by: step, at: at)
      case .promoting: return .promote(limit: Self.batch, at: at)
      case .promoted(let ids): return .jobs(ids)
      case .sweep:
        phase = uptime < nextSweep ? .end(hasSwept: false) : uptime < rescueFrom ? .expiring(at: at) : .rescuing
      case .rescuing: return .expired(limit: Self.batch)
      case .identifying: return .workers
      case .expiring:
        phase = .expiring(at: at)
        return .overdue(limit: Self.batch, at: at)
      case .deciding(let jobs, let overdueAt):
        let decided = decide(jobs, overdueAt: overdueAt, at: at, random: random)
        phase = .applying(decided, overdueAt == nil ? .rescued : .expired)
      case .applying(let decided, let reason):
        if !decided.isEmpty { return .apply(decided.map(\.change), at: at) }
        phase = reason == .rescued ? .expiring(at: at) : .listing
      case .listing: return .workers
      case .forgetting(let workers):
        if let worker = workers.last { return .remove(worker: worker) }
        phase = .end(hasSwept: true)
      case .end(let hasSwept):
        // Jitter keeps many processes from sweeping in step.
        if hasSwept { nextSweep = uptime + configuration.poll * (0.75 + random.unit() / 2) }
        wakeAt = uptime + min(configuration.poll, nextDue.map { max(.zero, $0 - at) } ?? configuration.poll)
        phase = .start
        return nil
      }
    }
  }

  /// Whether the wall clock was set since the store was told how it stands.
  private func wasSet(at: Timestamp, uptime: Duration) -> Bool {
    guard let ahead else { return false }
    return abs(at.microseconds - uptime.microseconds - ahead) > ClockStanding.tolerance.microseconds
  }

  /// The store answered what ``next(at:uptime:random:)`` asked.
  package mutating func take(_ answer: Answer, at: Timestamp) -> News? {
    switch (phase, answer) {
    case (.noting(let now, _), .done):
      ahead = now
      phase = .promoting
    case (.promoting, .promoted(let promotion)):
      nextDue = promotion.nextDue
      isPromotedWhole = promotion.promoted.count < Self.batch
      if promotion.promoted.isEmpty { endPromotion() } else { phase = .promoted(promotion.promoted) }
    case (.promoted, .jobs(let jobs)):
      endPromotion()
      // One that a worker took and finished meanwhile was told of by that.
      return News(reason: .promoted, moved: jobs.compactMap { $0 }.filter { $0.status == .pending })
    case (.rescuing, .found(let lost)):
      phase = lost.isEmpty ? .deciding([], overdueAt: nil) : .identifying(lost)
    case (.identifying(let lost), .workers(let workers)):
      blameless = Set(workers.filter { $0.supervisor != nil || $0.state == .draining }.map(\.id))
      phase = .deciding(lost, overdueAt: nil)
    case (.expiring(let asked), .found(let overdue)):
      phase = .deciding(overdue, overdueAt: asked)
    case (.applying(let decided, let reason), .applied(let results)):
      phase = reason == .rescued ? .expiring(at: at) : .listing
      // Whoever lost a race has nothing to do here.
      let won = zip(decided, results).filter { if case .applied = $0.1 { true } else { false } }.map(\.0)
      return News(
        reason: reason, moved: won.map { $0.change.applied(to: $0.job) }, spawned: won.compactMap(\.change.spawn))
    case (.listing, .workers(let workers)):
      phase = .forgetting(workers.filter { $0.silence > Self.workerMemory }.map(\.id))
    case (.forgetting(let workers), .done):
      phase = .forgetting(workers.dropLast())
    default: break
    }
    return nil
  }

  private mutating func endPromotion() {
    if isPromotedWhole { due = nextDue }
    phase = isPromotedWhole ? .sweep : .promoting
  }

  /// The store did not answer: the round is over.
  package mutating func failed(uptime: Duration) {
    rescueFrom = uptime + configuration.heartbeat + .seconds(1)
    wakeAt = uptime + configuration.poll
    phase = .start
  }

  /// The moves that are possible.
  private func decide(
    _ jobs: [Job], overdueAt: Timestamp?, at: Timestamp, random: RandomSource
  ) -> [(job: Job, change: Change)] {
    jobs.compactMap { job in
      let cause: Cause
      if let overdueAt {
        cause = job.state.deadlineAt.map { $0 <= overdueAt } ?? false ? .deadlineExceeded : .startExpired
      } else {
        cause = .lost(
          message: "The worker \(job.state.workerID ?? "?") lost its lease",
          alone: job.runsAlone(maxLosses: configuration.maxLosses),
          counts: !blameless.contains(job.state.workerID ?? ""))
      }
      let change = try? Lifecycle.move(
        job, cause, at: at, random: random.unit(), maxLosses: configuration.maxLosses,
        escalation: configuration.escalations.escalation(for: job, id: random.jobID(at: at)))
      return change.map { (job, $0) }
    }
  }
}
