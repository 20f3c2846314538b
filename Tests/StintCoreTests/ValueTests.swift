import Testing

@testable import StintCore

@Suite struct RetryPolicyTests {
  private func delays(_ strategy: RetryPolicy.Strategy, _ base: Duration, _ cap: Duration = .seconds(300)) -> [Double] {
    let policy = RetryPolicy(strategy: strategy, base: base, maxDelay: cap, jitter: 0)
    return (1...5).map { policy.delay(retry: $0, random: 0.7).seconds }
  }

  @Test func strategiesGrowAsTheyAreNamed() {
    #expect(delays(.immediate, .seconds(9)) == [0, 0, 0, 0, 0])
    #expect(delays(.linear, .seconds(2)) == [2, 4, 6, 8, 10])
    #expect(delays(.exponential, .seconds(1)) == [1, 2, 4, 8, 16])
    #expect(delays(.fibonacci, .seconds(1)) == [1, 1, 2, 3, 5])
  }

  @Test func noDelayIsLongerThanItsCap() {
    #expect(delays(.exponential, .seconds(1), .seconds(5)) == [1, 2, 4, 5, 5])
    for strategy in RetryPolicy.Strategy.allCases where strategy != .immediate {
      let policy = RetryPolicy(strategy: strategy, base: .seconds(30), maxDelay: .seconds(3_600), jitter: 0)
      for retry in [200, 10_000, Int.max] {
        #expect(policy.delay(retry: retry, random: 0) == .seconds(3_600), "\(strategy) \(retry)")
      }
    }
  }

  @Test func jitterIsTheShareOfTheDelayThatIsRandom() {
    let policy = RetryPolicy(strategy: .linear, base: .seconds(10), jitter: 0.1)
    #expect(policy.delay(retry: 1, random: 0) == .seconds(9))
    #expect(policy.delay(retry: 1, random: 0.5) == .milliseconds(9_500))
    #expect(policy.delay(retry: 1, random: 0.999_999_9) == .seconds(10))
    let all = RetryPolicy(strategy: .linear, base: .seconds(10), jitter: 1)
    #expect(all.delay(retry: 1, random: 0) == .zero)
  }

  @Test func thePresetsAreThoseOfTheContract() {
    let rows = RetryPolicy.presets.map {
      "\($0.name) \($0.policy.strategy) \($0.policy.base.seconds) \($0.policy.maxDelay.seconds) \($0.maxRetries)"
    }
    #expect(
      rows == [
        "default exponential 1.0 300.0 3", "fast linear 0.1 300.0 5", "slow exponential 30.0 3600.0 10",
        "none immediate 0.0 300.0 0",
      ])
    #expect(RetryPolicy.presets.map(\.policy.jitter) == [0.1, 0.1, 0.1, 0])
  }
}

@Suite struct TimeTests {
  @Test(arguments: [
    ("90s", 90_000_000), ("5m", 300_000_000), ("1h30m", 5_400_000_000), ("250ms", 250_000), ("2d", 172_800_000_000),
    ("1.5h", 5_400_000_000), ("0", 0), ("7", 7_000_000), ("0.25", 250_000), ("1m30s", 90_000_000), ("1e2", 100_000_000),
  ]) func durationsAreRead(_ text: String, _ microseconds: Int) {
    #expect(Duration(text: text)?.microseconds == Int64(microseconds))
  }

  @Test(arguments: [
    "", "s", "5x", "5 m", "-5", "-5s", "nan", "inf", "1e99", "5m3", "m5", "٣s", "999999999999d", "1..2s",
  ])
  func whatIsNoDurationIsRefused(_ text: String) { #expect(Duration(text: text) == nil) }

  @Test func secondsThatNoDurationHoldsAreNone() {
    #expect(Duration(seconds: -1.5) == .milliseconds(-1_500) && Duration(seconds: 0.0000015) == .microseconds(2))
    for seconds in [1e11, -1e300, .infinity, .nan] { #expect(Duration(seconds: seconds) == nil) }
  }

  @Test(arguments: [
    (812_000, "812ms"), (0, "0ms"), (999_999, "999ms"), (4_230_000, "4.2s"), (59_999_999, "59.9s"),
    (185_000_000, "3m 05s"), (7_800_000_000, "2h 10m"), (259_200_000_000, "3d 0h"),
  ]) func durationsAreShownToPeople(_ microseconds: Int, _ text: String) {
    #expect(Duration.microseconds(Int64(microseconds)).text == text)
  }

  @Test func instantsAreReadFromISO8601AndShownInUTC() {
    let instant = Timestamp(microseconds: 1_764_230_400_250_000)
    #expect(Timestamp(iso8601: "2025-11-27T08:00:00.25Z") == instant)
    #expect(Timestamp(iso8601: "2025-11-27T09:00:00.250+01:00") == instant)
    #expect(Timestamp(iso8601: "2025-11-27T08:00:00Z") == Timestamp(microseconds: 1_764_230_400_000_000))
    #expect(Timestamp(iso8601: "2025-11-27") == Timestamp(microseconds: 1_764_201_600_000_000))
    #expect(Timestamp(iso8601: "2028-02-29") != nil && Timestamp(iso8601: "2000-02-29T23:59:59Z") != nil)
    for text in [
      "2027-02-30T00:00:00Z", "2027-02-29", "2100-02-29", "2027-04-31", "2027-13-01", "2027-00-10", "2027-01-00",
      "2027-01-01T24:00:00Z", "2027-01-01T00:60:00Z", "2027-01-01T00:00:60.5Z",
    ] {
      #expect(Timestamp(iso8601: text) == nil, "\(text)")
    }
    #expect(instant.iso8601 == "2025-11-27T08:00:00.250Z")
    for text in ["", "yesterday", "2025-11-31x", "2025-13-01T00:00:00Z", "08:00"] {
      #expect(Timestamp(iso8601: text) == nil, "\(text)")
    }
  }

  @Test func secondsAreTakenWithTheirFractionsWithinBounds() {
    #expect(Timestamp(seconds: 1_764_230_400.123)?.microseconds == 1_764_230_400_123_000)
    #expect(Timestamp(seconds: -0.000_001)?.microseconds == -1)
    for seconds in [Double.nan, .infinity, 6e12, -1e300] { #expect(Timestamp(seconds: seconds) == nil) }
  }

  @Test func arithmeticStopsAtTheEnds() {
    #expect(Timestamp(microseconds: .max) + .seconds(1) == Timestamp(microseconds: .max))
    #expect(Timestamp(microseconds: .min) - .seconds(1) == Timestamp(microseconds: .min))
    #expect(Duration.seconds(Int64.max).microseconds == .max)
  }
}

@Suite struct JobIDTests {
  @Test func newIDsAreUUIDsOfVersion7() {
    let id = JobID.timeOrdered(at: Timestamp(microseconds: 0x0193_2C5E_7F3A * 1_000 + 999), random: (0, 0))
    #expect(id.text == "01932c5e-7f3a-7000-8000-000000000000")
    let full = JobID.timeOrdered(at: Timestamp(microseconds: 0), random: (.max, .max))
    #expect(full.text == "00000000-0000-7fff-bfff-ffffffffffff")
    #expect(full.short == "ffffffff")
    #expect(JobID(full.text) == full)
  }

  @Test func laterIDsComeLater() {
    var random = SplitMix(state: 7)
    var last = JobID(known: "")
    for millisecond in 0..<2_000 {
      let at = Timestamp(microseconds: 1_764_230_400_000_000 + Int64(millisecond) * 1_000)
      let id = JobID.timeOrdered(at: at, random: (random.next(), random.next()))
      #expect(last < id)
      last = id
    }
  }

  @Test func namesAreCheckedToTheByte() {
    for legal in ["a", "Z.9_:-", String(repeating: "x", count: 128)] { #expect(JobID(legal)?.text == legal) }
    for wrong in ["", " ", "a b", "é", "a/b", "a\0", "a\n", String(repeating: "x", count: 129), "K\u{301}"] {
      #expect(JobID(wrong) == nil && !Name.isLegal(wrong), "\(wrong)")
    }
  }
}

@Suite struct FilterTests {
  private func found(_ filter: JobFilter) -> Bool {
    let spec = JobSpec(
      id: JobID(known: "Job-e\u{301}"), type: "work", queue: "mail", tags: ["Team": "Caf\u{e9}"], owner: "ann",
      createdAt: start)
    let error = JobError(type: .handler, message: "100%\r\nNUL\u{0}after", attempt: 1)
    return filter.matches(
      Job(spec: spec, state: JobState(status: .failed, revision: 0, runAt: start), error: error))
  }

  @Test func textIsComparedByItsBytesButForASCIICase() {
    for text in ["", "JOB", "WoRk", "mail", "team:caf\u{e9}", "100%\r", "\n", "nul\u{0}AFTER", "\u{301}"] {
      #expect(found(.text(text)), "\(text)")
    }
    for text in ["cafe\u{301}", "CAF\u{c9}", "ann", "handler", "1__%"] { #expect(!found(.text(text)), "\(text)") }
  }

  @Test func boundsAreHalfOpen() {
    #expect(found(.since(start)) && !found(.since(start + .microseconds(1))))
    #expect(!found(.until(start)) && found(.until(start + .microseconds(1))))
    #expect(found(.and([])) && !found(.and([.all, .statuses([])])) && found(.idFragment("Job")))
  }
}

/// SplitMix64, after Steele, Lea and Flood.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct PairTextTests {
  @Test func aMarkBehindTheSeparatorDoesNotHideIt() {
    #expect("a:b:c".pair(separatedBy: ":").map { [$0.key, $0.value] } == ["a", "b:c"])
    #expect("a:".pair(separatedBy: ":").map { [$0.key, $0.value] } == ["a", ""])
    #expect("a:\u{1F3FB}".pair(separatedBy: ":").map { [$0.key, $0.value] } == ["a", "\u{1F3FB}"])
    #expect(":b".pair(separatedBy: ":") == nil)
    #expect("ab".pair(separatedBy: ":") == nil)
  }
}
