import Testing

@testable import StintCore

@Suite struct SubmissionTests {
  private let types = JobTypes([
    JobType(
      name: "work",
      params: [
        Param("n", .integer, required: true, min: 1, max: 9), Param("ratio", .number, default: 0.5, min: 0, max: 1),
        Param("name", .string, min: 2, max: 4), Param("on", .boolean), Param("list", .array, minItems: 1, maxItems: 2),
        Param("map", .object), Param("file", .path), Param("mode", .string, choices: ["a", "b"]),
      ], aliases: ["labour"]),
    JobType(
      name: "plain", allowsOtherParams: true, maxRetries: 1, retry: RetryPolicy(strategy: .linear, base: .seconds(2)),
      timeout: .seconds(5)),
    JobType(name: "countdown"),
  ])

  private func read(_ text: String) throws -> NewJob {
    try NewJob(json: try JSONParser.parse(Array(text.utf8)), now: start)
  }

  private func check(_ new: NewJob) throws(StintError) -> Job {
    try new.checked(against: types, limits: Limits(), id: JobID(known: "new"), at: start, by: ann)
  }

  private func faults(_ body: () throws -> Void) -> [String] {
    do { try body() } catch let error as StintError { return error.details.map(\.param) } catch { return ["\(error)"] }
    return []
  }

  /// The faults of a batch's jobs, as whoever submits it is told of them.
  private func batchFaults(_ json: JSONValue) -> [String] {
    faults {
      var faulty: [(index: Int, error: StintError)] = []
      let jobs = try NewJob.list(json: json, limits: Limits(), now: start)
      for (index, job) in jobs.enumerated() {
        do throws(StintError) { _ = try check(job) } catch { faulty.append((index, error)) }
      }
      if let error = StintError.batch(faulty, of: jobs.count) { throw error }
    }
  }

  @Test func oneErrorNamesWhatCanNotBeReadAndWhatIsWrong() throws {
    let text = #"""
      {"type": "work", "params": {"n": "abc", "foo": 1}, "retry": "x", "timeout_seconds": -1, "priority": "z",
       "max_retries": -1}
      """#
    let new = try NewJob.list(json: try JSONParser.parse(Array(text.utf8)), limits: Limits(), now: start)
    #expect(faults { _ = try check(new[0]) } == ["retry", "priority", "max_retries", "timeout_seconds", "n", "foo"])
    // Neither a type nor params that could not be read are called wrong once more.
    for (text, expected) in [
      (#"{"type": 5, "queue": "a b"}"#, ["type", "queue"]), (#"{"type": "work", "params": 5}"#, ["params"]),
    ] {
      let new = try NewJob.list(json: try JSONParser.parse(Array(text.utf8)), limits: Limits(), now: start)
      #expect(faults { _ = try check(new[0]) } == expected)
    }
  }

  @Test func aDurationThatIsTooLongSaysTheLimit() throws {
    for (member, allowed) in [
      (#""timeout_seconds": 1e11"#, "less than 100000000000 seconds"), (#""delay": "1e300""#, "less than 1000"),
      (#""delay": "99999999999d""#, "too long"), (#""retry": {"base_seconds": 1e300}"#, "0 to one year"),
      (#""delay": "soon""#, "is no duration"),
    ] {
      let error = #expect(throws: StintError.self) { try read("{\"type\": \"plain\", \(member)}") }
      #expect(error?.message.contains(allowed) == true, "\(member): \(error?.message ?? "")")
    }
  }

  @Test func everyOptionIsRead() throws {
    let new = try read(
      #"""
      {"type": "plain", "params": {"x": 1}, "id": "my-id", "queue": "mail", "priority": "high",
       "run_at": "2025-11-27T09:00:00Z", "retry": {"strategy": "linear", "base_seconds": 2, "max_delay_seconds": "1m",
       "jitter": 0}, "max_retries": 7, "timeout_seconds": "1m30s", "stall_timeout_seconds": 2.5,
       "start_within_seconds": 60, "deadline_at": "2h", "tags": {"a": "b"}, "metadata": {"k": [1]}, "owner": "ann",
       "allow_unknown_type": true, "depends_on": [], "unique_key": null, "on_dependency_failure": "cancel"}
      """#)
    var expected = NewJob("plain", params: ["x": 1])
    expected.id = "my-id"
    expected.queue = "mail"
    expected.priority = .high
    expected.runAt = start + .seconds(3_600)
    expected.retry = RetryPolicy(strategy: .linear, base: .seconds(2), maxDelay: .seconds(60), jitter: 0)
    expected.maxRetries = 7
    expected.timeout = .seconds(90)
    expected.stallTimeout = .milliseconds(2_500)
    expected.startWithin = .seconds(60)
    expected.deadline = start + .seconds(7_200)
    expected.tags = ["a": "b"]
    expected.metadata = ["k": [1]]
    expected.owner = "ann"
    expected.allowsUnknownType = true
    #expect(new == expected)
    let job = try check(new)
    #expect(job.status == .scheduled && job.state.runAt == start + .seconds(3_600))
    #expect(job.state.deadlineAt == expected.deadline && job.state.startWithin == .seconds(60))
    #expect(job.spec.submittedBy == ann && job.spec.createdAt == start && job.id.text == "my-id")
  }

  @Test func otherSpellingsMeanTheSame() throws {
    let new = try read(
      #"{"job_type": "plain", "delay_seconds": 5, "timeout": 1, "stall_timeout": 2, "start_within": 3, "deadline": 1e12}"#
    )
    #expect(new.type == "plain" && new.delay == .seconds(5) && new.timeout == .seconds(1))
    #expect(new.stallTimeout == .seconds(2) && new.startWithin == .seconds(3) && new.deadline != nil)
    #expect(faults { _ = try read(#"{"type": "plain", "delay": 1, "delay_seconds": 2}"#) } == ["delay_seconds"])
  }

  @Test func presetsBringTheirNumberOfRetries() throws {
    for preset in RetryPolicy.presets {
      let new = try read(#"{"type": "plain", "retry": "\#(preset.name)"}"#)
      #expect(new.retry == preset.policy && new.maxRetries == preset.maxRetries)
      #expect(try read(#"{"type": "plain", "max_retries": 1, "retry": "\#(preset.name)"}"#).maxRetries == 1)
    }
  }

  @Test func oneErrorNamesEveryFaultOfTheText() {
    let found = faults {
      _ = try read(
        #"""
        {"params": [], "id": 5, "queue": 1, "priority": "urgent", "run_at": "soon", "delay": "x", "retry": "often",
         "max_retries": 1.5, "timeout_seconds": true, "tags": {"a": 1}, "owner": [], "allow_unknown_type": 1,
         "colour": "red", "depends_on": ["x"], "unique_key": "k"}
        """#)
    }
    #expect(
      found == [
        "params", "id", "queue", "priority", "run_at", "delay", "retry", "max_retries", "timeout_seconds", "tags.a",
        "owner", "allow_unknown_type", "colour", "depends_on", "unique_key", "type",
      ])
    #expect(
      faults {
        _ = try read(
          #"{"type": "plain", "retry": {"strategy": "x", "base_seconds": "y", "jitter": "z", "other": 1}}"#)
      } == ["retry.strategy", "retry.base_seconds", "retry.jitter", "retry.other"])
    #expect(throws: StintError.self) { try read("[]") }
  }

  @Test func aBatchNamesEveryFaultOfEveryJob() throws {
    let good = #"{"type": "plain"}"#
    let json = "[\(good), {\"x\": 1}, \(good), {\"type\": \"plain\", \"queue\": 2, \"retry\": \"never\"}]"
    let batch = try JSONParser.parse(Array(json.utf8))
    #expect(batchFaults(batch) == ["1.x", "1.type", "3.queue", "3.retry"])
    let error = try #require(
      StintError.batch((0..<12).map { ($0, StintError(.unknownType, "Unknown job type \"x\"")) }, of: 20))
    #expect(error.type == .unknownType)
    #expect(error.message.hasPrefix("12 of the batch's 20 jobs can not be. Job 0 of the batch: Unknown job type"))
    #expect(error.message.hasSuffix("; and 2 more"))
    #expect(StintError.batch([], of: 20) == nil)
  }

  @Test func aSecretValueIsNeverRepeated() {
    let values: [(Param, JSONValue)] = [
      (Param("key", .string, max: 3, secret: true), "hunter2"), (Param("key", .integer, secret: true), "hunter2"),
      (Param("key", .string, choices: ["a"], secret: true), "hunter2"),
      (Param("key", .integer, max: 9, secret: true), 4711),
    ]
    for (param, value) in values {
      let fault = param.fault(in: value) ?? ""
      #expect(fault.hasPrefix("***") && !fault.contains("hunter2") && !fault.contains("4711"), "\(fault)")
    }
  }

  @Test func anUnknownOptionIsRefusedAlsoWhereItIsNull() {
    #expect(
      faults {
        _ = try read(#"{"type": "plain", "colour": null, "queue": null, "retry": {"x": null, "jitter": null}}"#)
      }
        == ["colour", "retry.x"])
  }

  @Test(arguments: ["-1e-300", "-2.2250738585072014e-308", "31536000.000000004", "-0.0000001"])
  func whatLiesOutsideARangeByAHairStaysOutside(seconds: String) {
    let json = #"{"type": "plain", "retry": {"base_seconds": \#(seconds)}}"#
    #expect(faults { _ = try check(read(json)) } == ["retry.base_seconds"])
  }

  @Test func oneErrorNamesEveryFaultOfTheValues() {
    var new = NewJob("work", params: ["ratio": 2, "name": "x", "on": 1, "list": [], "map": "m", "mode": "c", "zz": 1])
    new.id = "a b"
    new.queue = ""
    new.owner = "a/b"
    new.runAt = start
    new.delay = .seconds(-1)
    new.maxRetries = 10_001
    new.timeout = .zero
    new.stallTimeout = .seconds(-1)
    new.startWithin = .zero
    new.deadline = start
    new.tags = ["": "x"]
    new.metadata = 5
    new.retry = RetryPolicy(strategy: .linear, base: .seconds(-1), maxDelay: .seconds(1e9), jitter: 2)
    #expect(
      Set(faults { _ = try check(new) }) == [
        "n", "ratio", "name", "on", "list", "map", "mode", "zz", "id", "queue", "owner", "delay", "max_retries",
        "timeout_seconds", "stall_timeout_seconds", "start_within_seconds", "deadline", "tags", "metadata",
        "retry.base_seconds", "retry.max_delay_seconds", "retry.jitter",
      ])
  }

  @Test func eachParamIsCheckedAndTheFaultNamesWhatIsAllowed() throws {
    let cases: [(String, JSONValue, [String])] = [
      ("n", 0, ["0", "1 to 9"]), ("n", 1.5, ["1.5", "an integer"]), ("n", "1", ["\"1\"", "string", "an integer"]),
      ("ratio", 1.01, ["1.01", "0 to 1"]), ("name", "x", ["1 characters", "2 to 4"]), ("on", "true", ["a boolean"]),
      ("list", [1, 2, 3], ["3 elements", "1 to 2"]), ("map", [], ["an object"]), ("file", 1, ["a path"]),
      ("mode", "c", ["\"c\"", "\"a\", \"b\""]), ("n", nil, ["null", "an integer"]),
    ]
    for (name, value, parts) in cases {
      let type = try #require(types["work"])
      let faults = type.check([JSONMember("n", 5), JSONMember(name, value)].suffix(name == "n" ? 1 : 2)).faults
      #expect(faults.map(\.param) == [name])
      for part in parts { #expect(faults.first?.message.contains(part) == true, "\(faults)") }
    }
    let fits: [JSONMember] = [
      JSONMember("n", 3.0), JSONMember("name", "ab"), JSONMember("mode", "b"), JSONMember("on", nil),
    ]
    let checked = try #require(types["work"]).check(fits)
    #expect(checked.faults.isEmpty)
    #expect(checked.params.map(\.key) == ["n", "ratio", "name", "mode"])
  }

  @Test func aTypesDefaultsHoldWhereTheSubmissionNamesNone() throws {
    let job = try check(NewJob("plain", params: ["any": 1]))
    #expect(job.spec.maxRetries == 1 && job.spec.retry.strategy == .linear && job.spec.timeout == .seconds(5))
    #expect(job.spec.params.text == #"{"any":1}"#)
    let alias = try check(NewJob("labour", params: ["n": 1]))
    #expect(alias.spec.type == "work")
  }

  @Test func anUnknownTypeIsRefusedWithTheNearestName() {
    for (name, suggestion) in [("cuntdown", "\"countdown\""), ("wrk", "\"work\""), ("zzzzzzzz", nil), ("", nil)] {
      let error = #expect(throws: StintError.self) { try check(NewJob(name)) }
      #expect(error?.type == .unknownType)
      #expect(error?.message.contains("countdown, plain, work") == true)
      #expect(error?.message.contains("Did you mean") == (suggestion != nil), "\(name): \(error?.message ?? "")")
      if let suggestion { #expect(error?.message.contains(suggestion) == true) }
    }
    var through = NewJob("not.known", params: ["x": 1])
    through.allowsUnknownType = true
    #expect((try? check(through))?.spec.type == "not.known")
    through.type = "no name"
    #expect(throws: StintError.self) { try check(through) }
  }

  @Test func limitsAreKeptToTheByte() throws {
    var limits = Limits()
    limits.paramsBytes = 20
    limits.metadataBytes = 10
    limits.tags = 1
    func check(_ new: NewJob) throws -> Job {
      try new.checked(against: types, limits: limits, id: JobID(known: "x"), at: start, by: ann)
    }
    _ = try check(NewJob("plain", params: ["x": "123456789012"]))
    let error = #expect(throws: StintError.self) { try check(NewJob("plain", params: ["x": "1234567890123"])) }
    #expect(error?.type == .tooLarge)
    var new = NewJob("plain")
    new.metadata = ["k": 1234]
    _ = try check(new)
    new.metadata = ["k": 12345]
    new.tags = ["a": "1", "b": "2"]
    #expect(faults { _ = try check(new) } == ["tags", "metadata"])
  }

  @Test func batchesNameThePlaceOfAFault() throws {
    let json = try JSONParser.parse(Array(#"[{"type": "plain"}, {"type": 5, "x": 1}]"#.utf8))
    #expect(batchFaults(json) == ["1.type", "1.x"])
    #expect(try NewJob.list(json: ["type": "plain"], limits: Limits(), now: start).count == 1)
    #expect(throws: StintError.self) { try NewJob.list(json: [], limits: Limits(), now: start) }
    var limits = Limits()
    limits.batchJobs = 1
    let error = #expect(throws: StintError.self) {
      try NewJob.list(json: [["type": "a"], ["type": "b"]], limits: limits, now: start)
    }
    #expect(error?.type == .tooLarge)
  }
}
