import Logging
import Stint
import Testing

struct Add: JobHandler {
  static let jobType = "add"
  static let summary = "Adds two numbers"
  static let paramRules = ["b": ParamRule("the second number", default: 1, min: 0, max: 10)]
  var a: Int
  var b: Int
  func run(_ context: JobContext) async throws -> Int {
    context.progress(50, "adding")
    return a + b
  }
}

struct Refuse: JobHandler {
  static let jobType = "refuse"
  static let options = JobTypeOptions(maxRetries: 0)
  enum Mood: String, Codable, CaseIterable { case calm, angry }
  var mood: Mood
  var notes: [String]
  var nickname: String?
  var strength: Double
  func run(_ context: JobContext) async throws -> NoOutput { throw JobControl.giveUp("I am \(mood)") }
}

@Suite struct LibraryTests {
  /// Runs `body` while the service runs.
  private func running(_ stint: Stint, _ body: @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await stint.run() }
      try await body()
      group.cancelAll()
    }
  }

  private var quiet: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }

  @Test func givesTypedResultsAndProgress() async throws {
    let stint = try await Stint(.memory, Add.self, Refuse.self, logger: quiet)
    try await running(stint) {
      let handle = try await stint.submit(Add(a: 40, b: 2)) { $0.tags = ["kind": "sum"] }
      #expect(try await handle.result() == 42)
      #expect(try await handle.job().spec.tags == ["kind": "sum"])
      let many = try await stint.submit((0..<10).map { Add(a: $0, b: $0) })
      for (index, one) in many.enumerated() { #expect(try await one.result() == 2 * index) }
    }
  }

  @Test func aFailureHasItsReason() async throws {
    let stint = try await Stint(.memory, Add.self, Refuse.self, logger: quiet)
    try await running(stint) {
      let handle = try await stint.submit(Refuse(mood: .angry, notes: [], nickname: nil, strength: 1))
      let error = await #expect(throws: JobNotCompleted.self) { try await handle.result() }
      #expect(error?.job.error?.message == "I am angry")
    }
  }

  @Test func paramsAreDerivedFromTheType() async throws {
    let types = try await Stint(.memory, Add.self, Refuse.self, logger: quiet).client.jobTypes()
    #expect(types.map(\.name) == ["add", "refuse"])
    #expect(
      types[0].params == [
        Param("a", .integer, required: true),
        Param("b", .integer, default: 1, min: 0, max: 10, description: "the second number"),
      ])
    var notes = Param("notes", .array, required: true)
    notes.elements = .string
    #expect(notes.fault(in: ["a", 1]) == "element 1, 1, is an integer, expected a string")
    #expect(
      types[1].params == [
        Param("mood", .string, required: true, choices: ["calm", "angry"]), notes,
        Param("nickname", .string), Param("strength", .number, required: true),
      ])
  }

  @Test func refusesParamsOutOfRangeAndDoubledNames() async throws {
    let stint = try await Stint(.memory, Add.self, logger: quiet)
    let error = await #expect(throws: StintError.self) { try await stint.submit(Add(a: 1, b: 11)) }
    #expect(error?.details == [.init(param: "b", message: "11 is out of range, allowed is 0 to 10")])
    await #expect(throws: StintError.self) { try await Stint(.memory, Add.self, Add.self) }
  }

  @Test func aRuleForNoPropertyIsRefused() async throws {
    struct Wrong: JobHandler {
      static let jobType = "wrong"
      static let paramRules = ["nmae": ParamRule("misspelt")]
      var name: String
      func run(_ context: JobContext) async throws -> NoOutput { NoOutput() }
    }
    let error = #expect(throws: StintError.self) { try Handler(Wrong.self) }
    #expect(error?.message.contains("nmae") == true)
  }

  @Test func anotherTypeTakesOverByRule() async throws {
    let slow = Handler(JobType(name: "slow", params: [Param("task", .string, required: true)])) { context in
      context.job.spec.params
    }
    var quick = JobType(name: "quick", params: [Param("prompt", .string, required: true)], maxRetries: 9)
    quick.retry = RetryPolicy(strategy: .immediate, base: .zero, jitter: 0)
    let failing = Handler(quick) { _ in throw Mishap() }
    let rule = EscalationRule("slow", retriesBefore: 1, params: [JSONMember("task", "Slowly: ${params.prompt}")])
    let stint = try await Stint(.memory, handlers: [slow, failing], escalation: ["quick": rule], logger: quiet)
    try await running(stint) {
      let actor = Actor(name: "me", origin: "library")
      let job = try await stint.client.submit([NewJob("quick", params: ["prompt": "sum"])], by: actor)[0]
      var last: Job?
      for try await case .ended(let ended) in try await stint.client.watch(job.id) { last = ended }
      #expect(last?.spec.type == "slow" && last?.status == .completed && last?.spec.escalatedFrom == job.id)
      #expect(last?.result == RawJSON(["task": "Slowly: sum"]))
      let first = try await stint.client.job(job.id)
      #expect(first.status == .failed && first.state.attempt == 2 && first.state.escalatedTo == last?.id)
    }
    for rules in [
      ["quick": EscalationRule("slwo")], ["quick": EscalationRule("slow")], ["quick": EscalationRule("quick")],
    ] {
      await #expect(throws: StintError.self) {
        _ = try await Stint(.memory, handlers: [slow, failing], escalation: rules, logger: quiet)
      }
    }
  }
}
