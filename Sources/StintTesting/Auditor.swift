public import StintCore
public import StintStore

/// Looks for broken promises in jobs and their histories. It knows the table of moves and nothing else of Stint: what
/// it reads, any store can give it.
///
/// ``audit(_:told:isOver:)`` judges a store that nobody writes to: a simulation's, or a file after a kill. A simulation
/// also shows it each change as it happens (``saw(_:of:by:at:clock:)``), because some broken promises leave no trace.
public struct Auditor: Sendable {
  /// The promises.
  public enum Rule: String, Sendable, Hashable, CaseIterable {
    /// An acknowledged job exists until it is removed; an acknowledged act is in its job's history.
    case acknowledged
    /// A terminal status changes only by a person.
    case terminal
    /// A job has one unexpired lease at most: nobody but its worker ends an attempt before.
    case lease
    /// Attempt numbers rise, and none of them ends twice.
    case attempts
    /// An outcome is written only under its claim's revision.
    case fencing
    /// A job whose cancel was acknowledged ends cancelled.
    case cancel
    /// Claims follow priority, time and order of submission.
    case order
    /// A job begins no sooner than it is due.
    case early
    /// A queue takes no more submissions than it has room for.
    case limit
    /// Whoever is called poison was alone in the process that was lost.
    case poison
    /// A failed job that was handed on names the one that took over, and that one names it.
    case chain
    /// The events of a job form a path of the table, from its submission to how it stands.
    case path
    /// Failures and losses are counted as they happened, and the job's fields fit its status.
    case fields
    /// The store's counts are those of its jobs.
    case counts
    /// Once all is well every job comes to its end.
    case stuck
  }

  /// A broken promise.
  public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// Which promise.
    public let rule: Rule
    /// The job, where it is about one.
    public let job: JobID?
    /// What is wrong.
    public let text: String

    /// The whole of it in one line.
    public var description: String { "\(rule.rawValue): \(job.map { "\($0): " } ?? "")\(text)" }
  }

  /// What clients were told. Only what was acknowledged belongs here; a call without an answer promises nothing.
  public struct Acknowledged: Sendable {
    /// Jobs whose submission was acknowledged.
    public var submitted: Set<JobID> = []
    /// Jobs whose cancel was acknowledged.
    public var cancelled: Set<JobID> = []
    /// Jobs whose retry was acknowledged.
    public var retried: Set<JobID> = []
    /// Jobs that someone asked to remove: they may be gone.
    public var removed: Set<JobID> = []

    /// Nothing.
    public init() {}
  }

  /// What was found so far.
  public private(set) var findings: [Finding] = []
  /// The jobs as they were last seen, with their place in the order of submission.
  var known: [JobID: (job: Job, number: Int)] = [:]
  var submissions = 0

  /// An auditor who has seen nothing.
  public init() {}

  mutating func find(_ rule: Rule, _ job: JobID?, _ text: String) {
    findings.append(Finding(rule: rule, job: job, text: text))
  }

  // MARK: Everything at once

  /// Reads all of a store that nobody changes meanwhile, and judges it.
  ///
  /// - Parameters:
  ///   - told: what clients were told.
  ///   - isOver: whether every job should have come to its end.
  public static func audit(
    _ store: any Store, told: Acknowledged, isOver: Bool
  ) async throws(StoreError) -> [Finding] {
    var auditor = Auditor()
    var query = JobQuery(limit: 1_000)
    var jobs: [Job] = []
    while true {
      let page = try await store.list(query)
      jobs += page.jobs
      for (job, history) in zip(page.jobs, try await store.history(page.jobs.map(\.id))) {
        auditor.judge(job, history: history, isOver: isOver)
      }
      guard let next = page.next else { break }
      query.before = next
    }
    auditor.judge(jobs, counts: try await store.counts(), told: told)
    for id in told.cancelled.subtracting(told.removed).sorted() {
      auditor.judgeAct(.cancelRequested, id, try await store.history([id])[0])
    }
    for id in told.retried.subtracting(told.removed).sorted() {
      auditor.judgeAct(.retried, id, try await store.history([id])[0])
    }
    return auditor.findings
  }

  /// All jobs together.
  mutating func judge(_ jobs: [Job], counts: Counts, told: Acknowledged) {
    var counted = Counts()
    for job in jobs { counted[job.status] += 1 }
    for status in JobStatus.allCases where counted[status] != counts[status] {
      find(.counts, nil, "\(counts[status]) are counted as \(status.rawValue), \(counted[status]) are")
    }
    let present = Set(jobs.map(\.id))
    if present.count != jobs.count { find(.counts, nil, "\(jobs.count) jobs have \(present.count) ids") }
    let byID = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
    for job in jobs {
      guard let next = job.state.escalatedTo, !told.removed.contains(next) else { continue }
      if byID[next]?.spec.escalatedFrom != job.id { find(.chain, job.id, "\(next) did not take over from it") }
      if job.status != .failed { find(.chain, job.id, "it is \(job.summary), and \(next) took over from it") }
    }
    for id in told.submitted.subtracting(told.removed).subtracting(present).sorted() {
      find(.acknowledged, id, "its submission was acknowledged, and it is not there")
    }
  }

  /// An acknowledged act of a person; a job that was removed has no history.
  mutating func judgeAct(_ kind: Cause.Kind, _ id: JobID, _ history: [Event]) {
    guard !history.isEmpty, !history.contains(where: { $0.kind == kind }) else { return }
    find(.acknowledged, id, "\(kind.rawValue) was acknowledged, and its history does not have it")
  }

  // MARK: One job

  /// A job and its durable events, oldest first.
  mutating func judge(_ job: Job, history: [Event], isOver: Bool) {
    judgePath(job, history)
    judgeAttempts(job, history)
    judgeFields(job, history)
    if isOver, !job.status.isTerminal { find(.stuck, job.id, "it is still \(job.summary)") }
  }

  private mutating func judgePath(_ job: Job, _ history: [Event]) {
    guard let first = history.first, first.kind == .submitted, first.attempt == 0, first.status.isWaiting else {
      return find(.path, job.id, "its history does not begin with a submission")
    }
    var last = Standing(first)
    var isMarked = false
    for event in history.dropFirst() {
      let next = Standing(event)
      if last.status.isTerminal, event.kind != .retried || event.actor == nil {
        find(.terminal, job.id, "\(last) became \(next) by \(event.kind.rawValue)")
      }
      if isMarked, event.status != .cancelled || event.revision != last.revision + 1 {
        find(.cancel, job.id, "its cancel was stored at \(last), then came \(event.kind.rawValue): \(next)")
      }
      if !last.leads(to: event) { find(.path, job.id, "\(last) can not become \(next) by \(event.kind.rawValue)") }
      isMarked = event.kind == .cancelRequested && event.status == .running
      last = next
    }
    let now = Standing(job)
    if isMarked, now != last || !job.state.isCancelRequested {
      find(.cancel, job.id, "its cancel was stored at \(last), and it is \(now) without an event")
    }
    if !last.leads(quietlyTo: now) { find(.path, job.id, "its history ends at \(last), and it is \(now)") }
  }

  private mutating func judgeAttempts(_ job: Job, _ history: [Event]) {
    var last = 0
    for event in history where event.kind.endsAttempt && event.workerID != nil {
      if event.attempt <= last {
        find(.attempts, job.id, "attempt \(event.attempt) ended (\(event.kind.rawValue)) after attempt \(last)")
      }
      last = max(last, event.attempt)
    }
    if job.state.attempt < last { find(.attempts, job.id, "attempt \(last) ended; it is at \(job.state.attempt)") }
  }

  private mutating func judgeFields(_ job: Job, _ history: [Event]) {
    func demand(_ holds: Bool, _ text: @autoclosure () -> String) {
      if !holds { find(.fields, job.id, "\(job.summary): \(text())") }
    }
    let state = job.state
    let fresh = history.lastIndex { $0.kind == .retried } ?? 0
    var failures = 0
    var losses = 0
    for event in history[fresh...] where event.status != .cancelled {
      switch event.kind {
      case .failed, .timedOut, .stalled: failures += 1
      case .lost: losses += event.startedAt == nil ? 0 : 1
      default: break
      }
    }
    demand(state.retryCount == failures, "retry_count is \(state.retryCount) after \(failures) failures")
    demand(state.losses <= losses, "losses is \(state.losses) after \(losses) losses")
    demand(failures <= job.spec.maxRetries || state.status.isTerminal, "\(failures) failures did not end it")
    demand((state.leaseUntil != nil) == (job.status == .running), "its lease does not fit")
    demand((state.completedAt != nil) == job.status.isTerminal, "completed_at does not fit")
    demand(job.status != .running || state.workerID != nil, "it runs without a worker")
    switch job.status {
    case .completed:
      demand(job.error == nil, "it has an error")
      demand(job.result == history.last?.result, "its result is not the one of its history")
    case .failed: demand(job.error != nil && job.error == history.last?.error, "its error is not that of its history")
    case .cancelled: demand(state.cancelledBy != nil, "nobody is named who cancelled it")
    default: break
    }
  }
}

/// Where a job was at some moment of its life.
private struct Standing: Equatable, CustomStringConvertible {
  var status: JobStatus
  var revision: Int64
  var attempt: Int

  init(status: JobStatus, revision: Int64, attempt: Int) {
    (self.status, self.revision, self.attempt) = (status, revision, attempt)
  }

  init(_ event: Event) { self.init(status: event.status, revision: event.revision, attempt: event.attempt) }
  init(_ job: Job) { self.init(status: job.status, revision: job.state.revision, attempt: job.state.attempt) }

  var description: String { "\(status.rawValue) (attempt \(attempt), revision \(revision & 0xFFFFF))" }

  /// The moves of the table that may leave no event, by where they begin.
  private static let quiet: [JobStatus: [(to: JobStatus, claims: Int)]] = {
    var quiet: [JobStatus: [(to: JobStatus, claims: Int)]] = [:]
    for move in Lifecycle.moves {
      for to in move.to where to != .cancelled {
        switch move.cause {
        case .promoted, .unblocked, .released: quiet[move.from, default: []].append((to, 0))
        case .claimed: quiet[move.from, default: []].append((to, 1))
        default: break
        }
      }
    }
    return quiet
  }()

  private struct Hop: Hashable {
    let from: JobStatus
    let cause: Cause.Kind
    let to: JobStatus
  }

  private static let table: Set<Hop> = Set(
    Lifecycle.moves.flatMap { move in move.to.map { Hop(from: move.from, cause: move.cause, to: $0) } })

  /// The statuses that moves without events reach, at exactly this revision and attempt.
  private func reached(revision target: Int64, attempt wanted: Int) -> [JobStatus] {
    guard target >= revision, wanted >= attempt, target - revision < 100_000 else { return [] }
    var now = [self]
    for _ in 0..<(target - revision) {
      var next: [Standing] = []
      for place in now {
        for move in Self.quiet[place.status] ?? [] where place.attempt + move.claims <= wanted {
          let there = Standing(status: move.to, revision: place.revision + 1, attempt: place.attempt + move.claims)
          if !next.contains(there) { next.append(there) }
        }
      }
      now = next
    }
    return now.filter { $0.attempt == wanted }.map(\.status)
  }

  func leads(quietlyTo other: Standing) -> Bool {
    reached(revision: other.revision, attempt: other.attempt).contains(other.status)
  }

  func leads(to event: Event) -> Bool {
    let isMark = event.kind == .cancelRequested && event.status == .running
    return reached(revision: event.revision - (isMark ? 0 : 1), attempt: event.attempt).contains { from in
      Self.table.contains(Hop(from: from, cause: event.kind, to: event.status))
    }
  }
}

extension Job {
  /// The little that findings say of it.
  var summary: String {
    "\(status.rawValue) (attempt \(state.attempt), revision \(state.revision & 0xFFFFF))"
  }
}
