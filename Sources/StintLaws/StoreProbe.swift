import StintCore
import StintStore

/// What a law of stores is checked with: the store, jobs to put into it, and words for what is demanded.
struct StoreProbe: Sendable {
  let law: String
  let under: StoreUnderTest
  /// The instant at which laws begin.
  let start = Timestamp(microseconds: 1_764_230_400_000_000)
  let lease = Duration.seconds(30)

  init(law: String, under: StoreUnderTest) {
    self.law = law
    self.under = under
  }

  var store: any Store { under.store }

  // Untyped: the optimizer of Swift 6.3 crashes on the laws' closures where these throw a type.
  func demand(_ holds: Bool, _ message: @autoclosure () -> String) throws {
    if !holds { throw LawViolation(law: law, message: message()) }
  }

  func demandEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
    try demand(found == expected, "\(what) is \(found), expected \(expected)")
  }

  /// A new job; `due` is how long after ``start`` it is to run.
  func job(
    _ id: String, type: String = "work", queue: String = "default", priority: Priority = .normal,
    due: Duration = .zero, maxRetries: Int = 3, tags: [String: String] = [:], owner: String? = nil,
    createdAt: Timestamp? = nil, startWithin: Duration? = nil, deadline: Timestamp? = nil, blocked: Bool = false
  ) -> Job {
    let spec = JobSpec(
      id: JobID(known: id), type: type, queue: queue, priority: priority, maxRetries: maxRetries,
      retry: RetryPolicy(strategy: .linear, base: .seconds(10), jitter: 0), tags: tags, owner: owner,
      createdAt: createdAt ?? start, submittedBy: Actor(name: "law", origin: "laws"))
    let status: JobStatus = blocked ? .blocked : due > .zero ? .scheduled : .pending
    var state = JobState(status: status, revision: 0, runAt: start + due)
    state.startWithin = startWithin
    state.deadlineAt = deadline
    return Job(spec: spec, state: state)
  }

  /// Stores jobs as one group, which must be accepted.
  @discardableResult
  func insert(_ jobs: [Job]) async throws -> [Job] {
    guard case .inserted(let stored)? = try await store.insert([jobs], at: start).first else {
      throw LawViolation(law: law, message: "New jobs were refused: \(jobs.map(\.id))")
    }
    try demandEqual(stored.map(\.id), jobs.map(\.id), "The order of the stored jobs")
    return stored
  }

  @discardableResult
  func insert(_ job: Job) async throws -> Job { try await insert([job])[0] }

  func claim(_ count: Int = 1, by worker: String = "host-1-aaaaaaaa", after: Duration = .zero) async throws -> [Job] {
    try await store.claim(ClaimRequest(worker: worker, count: count, lease: lease), at: start + after)
  }

  /// Claims the one job that is pending.
  func claimOne(by worker: String = "host-1-aaaaaaaa", after: Duration = .zero) async throws -> Job {
    let jobs = try await claim(by: worker, after: after)
    try demandEqual(jobs.count, 1, "The number of claimed jobs")
    return jobs[0]
  }

  /// Asks the lifecycle and applies its answer.
  func apply(_ cause: Cause, to job: Job, after: Duration = .zero) async throws -> ApplyResult {
    let change = try Lifecycle.move(job, cause, at: start + after)
    return try await store.apply([change], at: start + after)[0]
  }

  /// Makes a move that must win; the job afterwards.
  @discardableResult
  func move(_ job: Job, _ cause: Cause, after: Duration = .zero) async throws -> Job {
    guard case .applied = try await apply(cause, to: job, after: after) else {
      throw LawViolation(law: law, message: "\(cause.kind.rawValue) of \(job.id) did not win")
    }
    return try await read(job.id)
  }

  /// Makes a move that must lose, and demands that the job stays as it is.
  func demandStale(_ job: Job, _ cause: Cause, after: Duration = .zero) async throws {
    let before = try await read(job.id)
    let events = try await history(job.id)
    guard case .stale(let current) = try await apply(cause, to: job, after: after) else {
      throw LawViolation(law: law, message: "A stale \(cause.kind.rawValue) of \(job.id) won")
    }
    try demandEqual(current, before, "The job answered to the stale write")
    try await demandUnchanged(before, events)
  }

  func demandUnchanged(_ before: Job, _ events: [Event]) async throws {
    try demandEqual(try await read(before.id), before, "The job after a write that changes nothing")
    try demandEqual(try await history(before.id), events, "The history after a write that changes nothing")
  }

  func read(_ id: JobID) async throws -> Job {
    guard let job = try await store.jobs([id]).first ?? nil else {
      throw LawViolation(law: law, message: "The job \(id) is gone")
    }
    return job
  }

  func history(_ id: JobID) async throws -> [Event] { try await store.history([id])[0] }

  func all() async throws -> [Job] { try await store.list(JobQuery(limit: 10_000)).jobs }

  func key(_ job: Job) -> AttemptKey { AttemptKey(id: job.id, revision: job.state.revision) }

  /// Jobs of every kind in every status, with histories of every cause; the same each time.
  func populate() async throws {
    let actor = Actor(name: "ann", origin: "laws")
    let endings: [Cause] = [
      .succeeded(RawJSON(.string("done"))), .failed(message: "Broke: 50% \\ _", retryAfter: nil), .timedOut, .stalled,
      .gaveUp(message: "no use"), .undecodable(message: "unreadable"), .snoozed(until: start + .seconds(500)),
      .released, .succeeded(nil), .failed(message: "last one", retryAfter: .zero),
    ]
    for index in 0..<40 {
      try await insert(
        job(
          "job-\(index < 10 ? "0" : "")\(index)", type: ["work", "play", "rest"][index % 3],
          queue: index % 4 == 0 ? "mail" : "default", priority: Priority.allCases[index % 4],
          due: .seconds(index % 5 == 4 ? 100 * index : 0), maxRetries: index % 2,
          tags: index % 3 == 0 ? ["team": "t\(index % 2)", "size": "L"] : [:], owner: index % 4 == 1 ? "ann" : nil,
          createdAt: start + .seconds(index / 2), startWithin: index % 10 == 9 ? .seconds(50) : nil,
          deadline: index % 10 == 3 ? start + .seconds(5_000) : nil, blocked: index % 13 == 12))
    }
    for (index, claimed) in try await claim(20, after: .seconds(30)).enumerated() {
      if index % 3 == 0 {
        _ = try await store.record([AttemptReport(attempt: key(claimed), progress: Progress(percent: 5, message: "on"))]
        )
      }
      guard index < 2 * endings.count - 3 else { continue }
      var current = claimed
      if index % 4 == 3 { current = try await move(current, .cancelRequested(by: actor), after: .seconds(31)) }
      let after = try await move(current, endings[index % endings.count], after: .seconds(32))
      if after.status == .failed, index % 2 == 0 { try await move(after, .retried(by: actor), after: .seconds(33)) }
    }
    _ = try await store.promote(limit: 3, at: start + .seconds(1_000))
    for job in try await all() where job.status.isWaiting {
      switch job.id.text.last {
      case "4": try await move(job, .cancelRequested(by: actor), after: .seconds(1_001))
      case "2" where job.status == .blocked: try await move(job, .unblocked, after: .seconds(1_002))
      case "9": try await move(job, .startExpired, after: .seconds(1_003))
      default: continue
      }
    }
  }
}
