import StintCore
import StintStore

/// SplitMix64, after Steele, Lea and Flood: small, and the same everywhere for one seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A job as someone knows it: as it is now, or as it was some time ago.
struct Reference: Sendable {
  var id: JobID
  /// 0 is now, 1 the last time it was noted, and so on.
  var age: Int
}

/// One operation of a sequence. Times of the wall clock and of leases are the sequence's own.
enum Step: Sendable {
  case insert([[Job]])
  case claim(ClaimRequest)
  case renew([Reference], Duration)
  case apply([(Reference, Cause, random: Double)])
  case promote(limit: Int)
  case record([(Reference, startedAt: Timestamp?, Progress?)])
  case purge(JobFilter, limit: Int)
  case put(WorkerRecord)
  case moveClock(Duration)
  case moveWall(Duration)
  /// The wall clock is set, and the store told of it.
  case setWall(Duration)
  case jobs([JobID])
  case list(JobQuery)
  case counts
  case expired(limit: Int)
  case overdue(limit: Int)
  case history([JobID])
  case events(after: Int64, limit: Int)
  case workers
}

/// Makes up sequences: few ids, few times, odd texts, so that operations meet.
struct StepGenerator {
  private var random: SeededGenerator

  static let start = Timestamp(microseconds: 1_764_230_400_000_000)
  static let ids = ["a1", "a2", "b1", "job:1", "job:2", "Job.3", "x-9", "x_9"].map { JobID(known: $0) }
  static let types = ["work", "play", "Rest"]
  static let queues = ["default", "mail"]
  static let workers = ["w-1", "w-2", "w-3"]
  static let texts = [
    "", "x", "é", "e\u{301}", "a\u{0}b", "50%_\\", "A line\r\nmore", "\u{1F600}\u{1F1E9}\u{1F1EA}", "Ö",
  ]

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  static func sequence(seed: UInt64, length: Int) -> [Step] {
    var generator = StepGenerator(seed: seed)
    return (0..<length).map { _ in generator.step() }
  }

  // Quicker than the library's generic functions where nothing is optimized; the bias is of no account.
  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(random.next() % UInt64(range.upperBound - range.lowerBound + 1))
  }
  private mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }
  private mutating func pick<Value>(_ values: [Value]) -> Value { values[number(0...values.count - 1)] }
  private mutating func maybe<Value>(_ percent: Int, _ value: (inout Self) -> Value) -> Value? {
    chance(percent) ? value(&self) : nil
  }
  private mutating func some<Value>(_ range: ClosedRange<Int>, _ value: (inout Self) -> Value) -> [Value] {
    (0..<number(range)).map { _ in value(&self) }
  }
  private mutating func instant() -> Timestamp { Self.start + .seconds(number(-2...12)) }
  private mutating func id() -> JobID { pick(Self.ids) }
  private mutating func text() -> String { pick(Self.texts) }
  private mutating func actor() -> Actor { Actor(name: pick(["ann", "bob", "é"]), origin: pick(["", "laws"])) }
  private mutating func reference() -> Reference { Reference(id: id(), age: chance(75) ? 0 : number(1...4)) }

  private mutating func step() -> Step {
    switch number(0...99) {
    case 0..<18:
      .insert(some(1...3) { generator in (0..<generator.pick([0, 1, 1, 1, 1, 2, 3])).map { _ in generator.job() } })
    case 18..<36: .claim(claim())
    case 36..<42: .renew(some(1...3) { $0.reference() }, .seconds(number(0...6)))
    case 42..<66: .apply(some(1...3) { ($0.reference(), $0.cause(), random: Double($0.number(0...9)) / 10) })
    case 66..<72: .promote(limit: pick([0, 1, 2, 100]))
    case 72..<78:
      .record(some(1...2) { ($0.reference(), $0.maybe(40) { $0.instant() }, $0.maybe(80) { $0.progress() }) })
    case 78..<82: .purge(filter(depth: 1), limit: pick([0, 1, 2, 100]))
    case 82: .put(worker())
    case 83..<87: .moveClock(.seconds(number(0...5)))
    case 87..<90: .moveWall(.seconds(number(0...3)))
    case 90: .setWall(.seconds(pick([0, -4, 5])))
    default: read()
    }
  }

  private mutating func read() -> Step {
    switch number(0...9) {
    case 0: .jobs(some(0...3) { $0.id() })
    case 1...4:
      .list(
        JobQuery(
          filter: filter(depth: 2), limit: pick([0, 1, 2, 5, 100, .max]), before: maybe(30) { Int64($0.number(0...60)) }
        ))
    case 5: .counts
    case 6: .expired(limit: pick([0, 1, 100]))
    case 7: .overdue(limit: pick([0, 1, 100]))
    case 8: .history(some(0...3) { $0.id() })
    default: chance(80) ? .events(after: Int64(number(0...60)), limit: pick([0, 1, 5, 1000])) : .workers
    }
  }

  private mutating func progress() -> Progress {
    Progress(percent: pick([-1, 0, 0.1, 33.333333333333336, 100, 250, .nan]), message: maybe(60) { $0.text() })
  }

  private mutating func worker() -> WorkerRecord {
    let type = JobType(
      name: pick(Self.types), description: text(), params: [Param("n", .number, required: chance(50), min: 0.5)],
      maxRetries: maybe(50) { $0.number(0...3) }, timeout: maybe(50) { .milliseconds($0.number(1...5)) })
    return WorkerRecord(
      id: pick(Self.workers), host: text(), pid: Int32(number(1...9)), state: pick(WorkerRecord.State.allCases),
      slots: number(0...4), types: chance(50) ? [type] : [], processed: number(0...9), startedAt: instant(),
      seenAt: instant())
  }

  private mutating func job() -> Job {
    var tags: [String: String] = [:]
    for _ in 0..<number(0...2) { tags[pick(["team", "é", "x y"])] = text() }
    let policy = RetryPolicy(
      strategy: pick(RetryPolicy.Strategy.allCases), base: .microseconds(pick([0, 1, 1_000_001, 2_000_000])),
      maxDelay: .seconds(number(0...5)), jitter: pick([0, 0.1, 1]))
    let spec = JobSpec(
      id: id(), type: pick(Self.types), queue: pick(Self.queues), priority: pick(Priority.allCases),
      params: RawJSON(.object([JSONMember("p", .string(text()))])), maxRetries: number(0...2),
      retry: chance(80) ? .standard : policy, timeout: maybe(20) { .microseconds($0.number(1...9)) },
      stallTimeout: maybe(20) { .seconds($0.number(1...9)) }, tags: tags,
      metadata: chance(70) ? .emptyObject : RawJSON(["m": [1, 2.5, nil]]), owner: maybe(30) { _ in "ann" },
      createdAt: instant(), submittedBy: actor())
    let status = pick([JobStatus.pending, .pending, .pending, .scheduled, .scheduled, .blocked])
    var state = JobState(status: status, revision: 0, runAt: instant())
    if chance(30) { state.dueAt = instant() }
    state.startWithin = maybe(20) { .seconds($0.number(0...6)) }
    state.deadlineAt = maybe(20) { $0.instant() }
    return Job(spec: spec, state: state)
  }

  private mutating func claim() -> ClaimRequest {
    ClaimRequest(
      worker: pick(Self.workers), count: number(0...4), ahead: chance(70) ? 0 : number(1...3),
      aheadTypes: Set(some(0...2) { $0.pick(Self.types) }),
      queues: maybe(20) { Set($0.some(0...2) { $0.pick(Self.queues) }) },
      types: maybe(30) { Set($0.some(0...2) { $0.pick(Self.types) }) }, only: maybe(8) { $0.id() },
      lease: .seconds(number(0...6)))
  }

  private mutating func cause() -> Cause {
    switch number(0...18) {
    case 0:
      .claimed(
        worker: pick(Self.workers), lease: LeaseInstant(boot: "test", microseconds: Int64(number(0...9)) * 1_000_000),
        begins: chance(50))
    case 1: .promoted
    case 2: .unblocked
    case 3: .succeeded(maybe(70) { RawJSON(.string($0.text())) })
    case 4, 5: .failed(message: text(), retryAfter: maybe(30) { .seconds($0.number(0...3)) })
    case 6: .timedOut
    case 7: .stalled
    case 8: .gaveUp(message: text())
    case 9: .undecodable(message: text())
    case 10: .snoozed(until: instant())
    case 11: .released
    case 12: .stopped
    case 13: .lost(message: text(), alone: chance(50))
    case 14: .startExpired
    case 15: .deadlineExceeded
    case 16: .cancelRequested(by: actor())
    case 17: .dependencyFailed(id())
    default: .retried(by: actor(), blocked: chance(30))
    }
  }

  private mutating func filter(depth: Int) -> JobFilter {
    switch number(0...(depth > 0 ? 11 : 10)) {
    case 0, 1: .all
    case 2, 3: .statuses(Set(some(0...5) { $0.pick(JobStatus.allCases) }))
    case 4: .type(pick(Self.types + ["none"]))
    case 5: .queue(pick(Self.queues + ["none"]))
    case 6: .owner(pick(["ann", "", "none"]))
    case 7: .tag(key: pick(["team", "é", "none"]), value: pick(["", "x", "50%_\\", "a\u{0}b"]))
    case 8: chance(50) ? .since(instant()) : .until(instant())
    case 9: .text(pick(Self.texts + ["JOB", "1", "team:", "%", "\n", "WORK", "\u{301}"]))
    case 10: .idFragment(pick(["", "a", "a1", "9", "job", "Job.3", "_9", "é", "%"]))
    default: .and(some(0...3) { $0.filter(depth: depth - 1) })
    }
  }
}
