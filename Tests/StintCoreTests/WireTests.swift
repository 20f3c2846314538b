import Testing

@testable import StintCore

@Suite struct WireTests {
  private func full() -> Job {
    let spec = JobSpec(
      id: JobID(known: "a-1"), type: "work", queue: "mail", priority: .critical, params: RawJSON(["key": "k", "n": 1]),
      maxRetries: 5, retry: RetryPolicy(strategy: .fibonacci, base: .milliseconds(1_500), jitter: 0.25),
      timeout: .seconds(30), stallTimeout: .microseconds(1), tags: ["b": "2", "a": "1"], metadata: RawJSON(["m": nil]),
      owner: "ann", createdAt: start + .microseconds(123_000))
    var state = JobState(status: .retrying, revision: 0, runAt: start + .seconds(1))
    state.dueAt = start + .seconds(9)
    state.attempt = 2
    state.retryCount = 1
    state.losses = 1
    state.startedAt = start + .seconds(2)
    state.workerID = "w-1-abcdefgh"
    state.startWithin = .seconds(60)
    state.deadlineAt = start + .seconds(99)
    return Job(
      spec: spec, state: state, progress: Progress(percent: 30, message: "7 left"),
      error: JobError(type: .timeout, message: "slow", attempt: 2))
  }

  /// The order of SPEC §3.
  private let keys = [
    "id", "type", "queue", "status", "priority", "params", "progress", "attempt", "retry_count", "losses",
    "max_retries", "retry", "timeout_seconds", "stall_timeout_seconds", "start_within_seconds", "deadline_at",
    "depends_on", "on_dependency_failure", "workflow_id", "tags", "metadata", "unique_key", "concurrency_key", "owner",
    "created_at", "run_at", "started_at", "completed_at", "next_retry_at", "duration_seconds", "worker_id",
    "cancel_requested_at", "cancelled_by", "result", "error", "escalated_from", "escalated_to", "schedule", "tick_at",
  ]

  @Test func aJobsKeysStandInTheOrderOfTheContract() throws {
    #expect(try full().json().parsed().object?.map(\.key) == keys)
  }

  @Test func aJobGoesThereAndBack() throws {
    var ended = full()
    ended.state.status = .completed
    ended.state.completedAt = start + .seconds(5)
    ended.state.cancelRequestedAt = start + .seconds(4)
    ended.state.cancelledBy = "bob"
    ended.error = nil
    ended.progress = nil
    ended.result = RawJSON([1, "x", nil])
    ended.state.dueAt = ended.state.runAt
    for job in [
      full(), ended,
      Job(
        spec: JobSpec(id: JobID(known: "x"), type: "t", createdAt: start),
        state: JobState(status: .pending, revision: 0, runAt: start)),
    ] {
      let back = try #require(Job(json: try job.json().parsed()))
      #expect(back.json() == job.json())
      #expect(back.state == job.state && back.progress == job.progress)
      #expect(back.result == job.result && back.error == job.error)
    }
    #expect(try ended.json().parsed()["duration_seconds"] == 3)
    #expect(try full().json().parsed()["next_retry_at"]?.number == (start + .seconds(9)).seconds)
  }

  @Test func listsCarryShortValuesAndSayWhenTheyDoNot() throws {
    var job = full()
    let short = try job.json(extent: .inline(bytes: 17)).parsed()
    #expect(short["params"] == ["key": "k", "n": 1] && short["truncated"] == nil)
    job.result = RawJSON(.string(String(repeating: "x", count: 16)))
    let cut = try job.json(extent: .inline(bytes: 17)).parsed()
    #expect(cut["params"] != .null && cut["result"] == .null && cut["truncated"] == true)
    #expect(try job.json(extent: .inline(bytes: 16)).parsed()["params"] == .null)
  }

  @Test func secretsAreNeverShown() throws {
    #expect(try full().json(secrets: ["key"]).parsed()["params"] == ["key": "***", "n": 1])
    let spec = JobSpec(
      id: JobID(known: "a"), type: "gone", params: RawJSON(["key": "k", "n": 1, "m": 2]), createdAt: start,
      secretParams: ["key"])
    let job = Job(spec: spec, state: JobState(status: .pending, revision: 1, runAt: start))
    // What was secret at submission stays so, whoever knows the type; only its worker gets it whole.
    for extent in [Job.Extent.whole, .inline(bytes: 1_000)] {
      #expect(try job.json(extent: extent).parsed()["params"] == ["key": "***", "n": 1, "m": 2])
    }
    #expect(try job.json(secrets: ["n"]).parsed()["params"] == ["key": "***", "n": "***", "m": 2])
    #expect(try job.json(secrets: nil).parsed()["params"] == ["key": "k", "n": 1, "m": 2])
    #expect(try job.json(extent: .inline(bytes: 5)).parsed()["params"] == .null)
  }

  @Test func defaultsAndChoicesOfSecretsAreNotPublished() throws {
    let param = Param("key", .string, default: "top-secret", choices: ["top-secret", "other-secret"], secret: true)
    func text(isWhole: Bool) -> String {
      var writer = JSONWriter()
      JobType(name: "t", params: [param]).write(to: &writer, isWhole: isWhole)
      return String(decoding: writer.bytes, as: UTF8.self)
    }
    #expect(!text(isWhole: false).contains("-secret") && text(isWhole: false).contains("\"default\":null"))
    #expect(text(isWhole: true).contains("\"top-secret\""))
    #expect(param.fault(in: "x") == "*** is not one of the values allowed")
  }

  @Test func progressIsClamped() {
    #expect([-5, 0, 50.5, 101, .infinity, .nan].map { Progress(percent: $0).percent } == [0, 0, 50.5, 100, 100, 0])
  }

  @Test func anEventGoesThereAndBack() throws {
    let event = Event(
      jobID: JobID(known: "a"), kind: .failed, status: .retrying, revision: 0, attempt: 3, at: start + .seconds(5),
      startedAt: start, workerID: "w", error: JobError(type: .handler, message: "m", attempt: 3), actor: ann)
    var writer = JSONWriter()
    event.write(to: &writer)
    let json = try JSONParser.parse(writer.bytes)
    #expect(Event(json: json, jobID: event.jobID) == event)
    #expect(json["duration_seconds"] == 5 && json["event"] == "failed")
  }

  @Test func aTypeGoesThereAndBack() throws {
    let type = JobType(
      name: "work", description: "d",
      params: [
        Param("a", .integer, required: true, min: 1, max: 2.5, description: "x"), Param("b", .string, default: "y"),
        Param("c", .array, minItems: 1, maxItems: 2, choices: [1, nil], secret: true),
      ], allowsOtherParams: true, aliases: ["w"], maxRetries: 2, retry: .standard, timeout: .milliseconds(1_500))
    var writer = JSONWriter()
    type.write(to: &writer, isWhole: true)
    #expect(JobType(json: try JSONParser.parse(writer.bytes)) == type)
    var short = JSONWriter()
    type.write(to: &short)
    let keys = try JSONParser.parse(short.bytes).object?.map(\.key)
    #expect(keys == ["name", "description", "params", "aliases"])
  }

  @Test func everyErrorHasAStatusAndAnExitCode() {
    let table: [StintError.Kind: (Int, Int32)] = [
      .malformed: (400, 65), .unauthorized: (401, 77), .forbidden: (403, 77), .notFound: (404, 66),
      .methodNotAllowed: (405, 65), .duplicateID: (409, 65), .illegalMove: (409, 65), .superseded: (409, 75),
      .tooLarge: (413, 65), .unsupportedMediaType: (415, 65), .upgradeRequired: (426, 65), .invalidParams: (422, 65),
      .unknownType: (422, 65), .dependencyCycle: (422, 65), .unknownDependency: (422, 65), .unsupported: (422, 65),
      .queueFull: (429, 75), .quotaExceeded: (429, 75), .storeUnavailable: (503, 69), .internalError: (500, 70),
    ]
    for kind in StintError.Kind.allCases {
      #expect(table[kind]?.0 == kind.httpStatus && table[kind]?.1 == kind.exitCode, "\(kind)")
    }
  }

  @Test func anErrorGoesThereAndBack() throws {
    let error = StintError(
      .duplicateID, "exists", details: [.init(param: "id", message: "taken")], existing: full())
    var writer = JSONWriter()
    error.write(to: &writer)
    let json = try JSONParser.parse(writer.bytes)
    #expect(json["code"] == 409 && json["type"] == "duplicate_id" && json["error"] == "exists")
    let back = try #require(StintError(json: json))
    #expect(back.type == error.type && back.message == error.message && back.details == error.details)
    #expect(back.existing?.json() == full().json())
  }
}
