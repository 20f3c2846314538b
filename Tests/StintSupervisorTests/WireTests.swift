import StintCore
import StintEngine
import StintStore
import Testing

@testable import StintSupervisor

@Suite struct WireTests {
  private let start = Timestamp(microseconds: 1_764_230_400_000_001)

  private var job: Job {
    let spec = JobSpec(
      id: JobID(known: "one"), type: "é€", queue: "mail", priority: .critical,
      params: RawJSON(["n": 1.5, "text": "\u{0}\n\"", "big": 9_007_199_254_740_993]), maxRetries: 7,
      retry: RetryPolicy(strategy: .fibonacci, base: .milliseconds(3), maxDelay: .seconds(9), jitter: 0.25),
      timeout: .seconds(5), tags: ["a": "b", "": "\u{1F600}"], metadata: RawJSON(["k": nil]), owner: "ann",
      createdAt: start, submittedBy: Actor(name: "ann", origin: "http ::1"), escalatedFrom: JobID(known: "zero"),
      secretParams: ["text", "é"])
    var state = JobState(status: .running, revision: .max, runAt: start)
    state.dueAt = start - .seconds(3)
    state.attempt = 3
    state.losses = 2
    state.startedAt = start + .microseconds(1)
    state.workerID = "host-1-aaaaaaaa"
    state.deadlineAt = start + .seconds(60)
    return Job(
      spec: spec, state: state, error: JobError(type: .workerLost, message: "gone", attempt: 2))
  }

  /// What arrives of a message.
  private func sent(_ message: ChannelMessage) throws -> ChannelMessage {
    try #require(ChannelMessage(bytes: message.bytes))
  }

  @Test func jobsArriveWhole() throws {
    guard case .reply(9, .jobs(let jobs)) = try sent(.reply(9, .jobs([job, job]))) else {
      return #expect(Bool(false), "not the same message")
    }
    #expect(jobs == [job, job])
  }

  @Test func outcomesArriveWhole() throws {
    let causes: [Cause] = [
      .succeeded(RawJSON(["x": 1])), .succeeded(nil), .failed(message: "no", retryAfter: .seconds(3)),
      .failed(message: ""), .timedOut, .stalled, .gaveUp(message: "é"), .undecodable(message: "?"),
      .snoozed(until: start), .released, .stopped, .deadlineExceeded,
    ]
    let outcomes = causes.map {
      GatewayCall.Settled(
        attempt: AttemptKey(id: job.id, revision: -5), startedAt: $0 == .released ? nil : start, cause: $0, at: start)
    }
    guard case .call(.max, .settle(let back)) = try sent(.call(.max, .settle(outcomes))) else {
      return #expect(Bool(false), "not the same message")
    }
    #expect(back.map(\.cause) == causes && back.map(\.startedAt) == outcomes.map(\.startedAt))
    #expect(back.allSatisfy { $0.attempt == outcomes[0].attempt && $0.at == start })
  }

  @Test func reportsAndClaimsArriveWhole() throws {
    let reports = [
      AttemptReport(
        attempt: AttemptKey(id: job.id, revision: 1 << 40), startedAt: start,
        progress: Progress(percent: 12.5, message: nil),
        output: [OutputChunk(attempt: 1, number: 2, stream: .notice, text: "a\nb", at: start)],
        checkpoint: RawJSON([1, 2])),
      AttemptReport(attempt: AttemptKey(id: job.id, revision: 0)),
    ]
    guard case .call(0, .record(let back)) = try sent(.call(0, .record(reports))) else {
      return #expect(Bool(false), "not the same message")
    }
    #expect(back == reports)
    let request = ClaimRequest(
      worker: "w", count: 3, ahead: 7, aheadTypes: ["a"], queues: ["x", "y"], types: nil, only: job.id,
      lease: .seconds(30))
    guard case .call(1, .claim(let claim)) = try sent(.call(1, .claim(request))) else {
      return #expect(Bool(false), "not the same message")
    }
    #expect(claim == request)
  }

  @Test func hintsArriveWhole() throws {
    let key = AttemptKey(id: job.id, revision: 1 << 40)
    guard case .tell(.signal(.alive(key))) = try sent(.tell(.signal(.alive(key)))) else {
      return #expect(Bool(false), "not the same message")
    }
  }

  @Test func errorsSayWhetherTheEffectIsKnown() throws {
    for error in [StoreError.closed, .unavailable("away", effect: .unknown), .unavailable("full", effect: .notApplied)]
    {
      guard case .reply(_, .failed(let back)) = try sent(.reply(1, .failed(error))) else {
        return #expect(Bool(false), "not the same message")
      }
      #expect(back == error)
    }
  }

  @Test func everyCutOfAMessageIsRefused() {
    let bytes = ChannelMessage.reply(1, .jobs([job])).bytes
    for length in 0..<bytes.count { #expect(ChannelMessage(bytes: Array(bytes.prefix(length))) == nil) }
    for first in UInt8(8)...UInt8(255) { #expect(ChannelMessage(bytes: [first]) == nil) }
  }

  @Test func numbersArriveAtTheirLimits() throws {
    var wire = WireWriter()
    let numbers: [Int64] = [0, -1, 1, 63, -64, 64, .max, .min, 1 << 35]
    for number in numbers { wire.put(number) }
    var reader = WireReader(wire.bytes)
    for number in numbers {
      let read = try reader.int64()
      #expect(read == number)
    }
  }
}

@Suite struct RestartBudgetTests {
  /// How many of `restarts`, one each `step`, are allowed.
  private func allowed(_ restarts: Int, each step: Duration, count: Int = 10) -> Int {
    var budget = RestartBudget(count: count, period: .seconds(5))
    return (0..<restarts).count { budget.take(uptime: step * $0) }
  }

  @Test func elevenWithinFiveSecondsAreOneTooMany() {
    #expect(allowed(10, each: .milliseconds(400)) == 10)
    #expect(allowed(11, each: .milliseconds(490)) == 10)
    #expect(allowed(100, each: .milliseconds(510)) == 100)
    #expect(allowed(1, each: .zero, count: 0) == 0)
  }
}

@Suite struct FlightRecorderTests {
  @Test func theOtherSideSeesWhatRuns() throws {
    let file = try #require(FlightRecorder.makeFile())
    let own = try #require(FlightRecorder(descriptor: file))
    let others = try #require(FlightRecorder(descriptor: file))
    own.begin(5, slot: 0)
    own.begin(9, slot: 4_095)
    own.begin(11, slot: 4_096)
    #expect(others.running == [5, 9], "further slots are not recorded")
    own.end(7, slot: 0)
    #expect(others.running == [5, 9], "a runner that was given up does not end another's attempt")
    own.end(5, slot: 0)
    #expect(others.running == [9])
  }
}
