import StintCore
import Testing

@Suite struct EscalationTests {
  private let start = Timestamp(microseconds: 1_764_230_400_000_000)
  private let types = JobTypes([
    JobType(name: "aider", params: [Param("prompt", .string, required: true), Param("tries", .integer)]),
    JobType(
      name: "codex", params: [Param("task", .string, required: true), Param("level", .integer, max: 9)],
      maxRetries: 1, timeout: .seconds(60)),
    JobType(name: "person", allowsOtherParams: true, aliases: ["human"]), JobType(name: "exec", localOnly: true),
  ])

  private func failing(retries: Int, retryCount: Int = 0) -> Job {
    let spec = JobSpec(
      id: JobID(known: "one"), type: "aider", queue: "mail", priority: .high,
      params: RawJSON(["prompt": "Say \"hi\" ${params.tries}", "tries": 3]), maxRetries: retries,
      tags: ["team": "a"], metadata: RawJSON(["k": 1]), owner: "ann", createdAt: start)
    var state = JobState(status: .running, revision: 7, runAt: start)
    state.attempt = 1
    state.retryCount = retryCount
    state.startedAt = start
    return Job(spec: spec, state: state)
  }

  private func move(
    _ job: Job, _ cause: Cause, _ rule: EscalationRule, isAtOnce: Bool = false, maxLosses: Int = 3
  ) throws -> Change {
    let target = try #require(types[rule.target])
    let escalation = Escalation(rule, target: target, id: JobID(known: "two"), isAtOnce: isAtOnce)
    return try Lifecycle.move(job, cause, at: start, maxLosses: maxLosses, escalation: escalation)
  }

  @Test(arguments: [(3, nil, 3), (3, 1, 1), (1, 5, 1), (0, nil, 0), (3, 0, 0)] as [(Int, Int?, Int)])
  func itTakesOverWhereTheNumberIsPassedOrRetriesRunOut(retries: Int, before: Int?, last: Int) throws {
    for count in 0...last {
      let change = try move(
        failing(retries: retries, retryCount: count), .failed(message: "x"),
        EscalationRule("person", retriesBefore: before))
      #expect((change.spawn != nil) == (count == last), "after \(count) retries")
      #expect(change.state.status == (count == last ? .failed : .retrying))
      #expect((change.state.escalatedTo != nil) == (count == last))
    }
  }

  @Test func itHasWhatTheFailedJobHadAndTheRetriesOfItsOwnType() throws {
    let rule = EscalationRule(
      "codex", params: [JSONMember("task", "Fix: ${params.prompt}"), JSONMember("level", "${params.tries}")])
    let change = try move(failing(retries: 0), .timedOut, rule)
    let next = try #require(change.spawn)
    #expect(next.spec.type == "codex" && next.spec.queue == "mail" && next.spec.priority == .high)
    #expect(next.spec.owner == "ann" && next.spec.tags == ["team": "a"] && next.spec.metadata == RawJSON(["k": 1]))
    #expect(next.spec.maxRetries == 1 && next.spec.timeout == .seconds(60))
    #expect(next.spec.escalatedFrom == JobID(known: "one") && next.status == .pending)
    // What is filled in is not looked at again.
    #expect(next.spec.params == RawJSON(["task": "Fix: Say \"hi\" ${params.tries}", "level": 3]))
  }

  @Test func secretParamsAreTheTargetsAndThoseThatAreTakenOverAsTheyAre() throws {
    let spec = JobSpec(
      id: JobID(known: "one"), type: "aider", params: RawJSON(["key": "k"]), createdAt: start, secretParams: ["key"])
    var state = JobState(status: .running, revision: 7, runAt: start)
    state.attempt = 1
    let failed = Job(spec: spec, state: state)
    let target = JobType(name: "codex", params: [Param("task", .string, secret: true)])
    let cases: [([JSONMember]?, [String])] = [
      (nil, ["key", "task"]), ([JSONMember("task", "x")], ["task"]),
      ([JSONMember("note", "with ${params.key}"), JSONMember("task", "x")], ["note", "task"]),
    ]
    for (params, expected) in cases {
      let escalation = Escalation(EscalationRule("codex", params: params), target: target, id: JobID(known: "two"))
      let change = try Lifecycle.move(failed, .gaveUp(message: "x"), at: start, maxLosses: 3, escalation: escalation)
      #expect(change.spawn?.spec.secretParams == expected)
    }
  }

  @Test func poisonAndGivingUpEscalateAndTheOthersDoNot() throws {
    let rule = EscalationRule("person")
    var poisoned = failing(retries: 3)
    poisoned.state.losses = 2
    #expect(try move(poisoned, .lost(message: "killed", alone: true, seen: true), rule).spawn != nil)
    #expect(try move(failing(retries: 3), .gaveUp(message: "no"), rule).spawn != nil)
    for cause in [Cause.undecodable(message: "x"), .deadlineExceeded, .lost(message: "gone", alone: true)] {
      #expect(try move(failing(retries: 0), cause, rule).spawn == nil, "\(cause)")
    }
    var cancelled = failing(retries: 0)
    cancelled.state.cancelRequestedAt = start
    #expect(try move(cancelled, .failed(message: "x"), rule).spawn == nil)
  }

  @Test func aRuleMayNameKindsOfErrorAndAFullWindowEscalatesAtOnce() throws {
    let timeouts = EscalationRule("person", errorTypes: [.timeout])
    #expect(try move(failing(retries: 0), .failed(message: "x"), timeouts).spawn == nil)
    #expect(try move(failing(retries: 0), .timedOut, timeouts).spawn != nil)
    let rule = EscalationRule("person", window: .init(failures: 3, within: .seconds(60)))
    #expect(try move(failing(retries: 3), .failed(message: "x"), rule).spawn == nil)
    #expect(try move(failing(retries: 3), .failed(message: "x"), rule, isAtOnce: true).spawn != nil)
  }

  @Test func lossesThatAreNotTheJobsOwnDoNotPoisonIt() throws {
    var job = failing(retries: 3)
    job.state.losses = 2
    func after(_ cause: Cause, maxLosses: Int = 3) throws -> Job {
      try Lifecycle.move(job, cause, at: start, maxLosses: maxLosses).applied(to: job)
    }
    #expect(try after(.lost(message: "", alone: false)).status == .retrying)
    let uncounted = try after(.lost(message: "", alone: true, counts: false))
    #expect(uncounted.status == .retrying && uncounted.state.losses == 2)
    #expect(try after(.lost(message: "", alone: true)).error?.type == .poison)
    #expect(try after(.lost(message: "", alone: true), maxLosses: 4).status == .retrying)
    job.state.startedAt = nil
    #expect(try after(.lost(message: "", alone: true)).state.losses == 2)
  }

  private func fault(_ rules: [String: EscalationRule], allows: Bool = false) -> StintError? {
    do throws(StintError) {
      _ = try Escalations(rules, types: types, allowsLocalOnly: allows)
      return nil
    } catch { return error }
  }

  @Test func rulesThatCanNotBeAreRefusedAtLoad() throws {
    #expect(fault(["aider": EscalationRule("person")]) == nil)
    #expect(fault(["aider": EscalationRule("nobody")])?.message.contains("Unknown job type \"nobody\"") == true)
    let loop = fault([
      "aider": EscalationRule("person"),
      "person": EscalationRule("aider", params: [JSONMember("prompt", "${params.x}")]),
    ])
    #expect(loop?.description.contains("is a loop: aider → person → aider") == true)
    #expect(fault(["human": EscalationRule("person")])?.message.contains("person → person") == true)
    #expect(fault(["aider": EscalationRule("codex")])?.details.first?.param == "escalation.aider.params")
    let params = [JSONMember("task", "${params.nothing}"), JSONMember("level", 10), JSONMember("more", 1)]
    let faults = fault(["aider": EscalationRule("codex", params: params)])?.details.map(\.param)
    #expect(faults == ["task", "level", "more"].map { "escalation.aider.params.\($0)" })
    let misspelled = [JSONMember("task", "Fix: ${param.prompt}")]
    let wrong = fault(["aider": EscalationRule("codex", params: misspelled)])
    #expect(wrong?.details.first?.message == "\"${param.prompt}\" is no placeholder; one is ${params.NAME}")
    let secret = JobTypes([
      JobType(name: "a", params: [Param("key", .string, secret: true)]),
      JobType(name: "b", params: [Param("key", .string)]),
    ])
    for params in [nil, [JSONMember("key", "${params.key}")]] {
      let rules = ["a": EscalationRule("b", params: params)]
      let error = #expect(throws: StintError.self) { try Escalations(rules, types: secret) }
      #expect(error?.message.contains("is secret") == true)
    }
    #expect(fault(["aider": EscalationRule("exec", params: [])])?.message.contains("from outside") == true)
    #expect(fault(["aider": EscalationRule("exec", params: [])], allows: true) == nil)
  }

  @Test func aRuleForATypeThatComesLaterIsAWarning() throws {
    let rules = try Escalations(["aidr": EscalationRule("person"), "render": EscalationRule("person")], types: types)
    #expect(rules.warnings.map(\.param) == ["escalation.aidr", "escalation.render"])
    #expect(rules.warnings[0].message.contains("Did you mean \"aider\"?"))
    #expect(!rules.warnings[1].message.contains("Did you mean"))
    #expect(rules.rule(for: "render")?.target == "person")
    #expect(fault(["a b": EscalationRule("person")])?.details.first?.param == "escalation.a b")
    #expect(fault(["aider": EscalationRule("render")])?.details.first?.param == "escalation.aider.on_failure")
  }

  /// What is handed from one param to another: the kinds, and whether the first may be left out.
  @Test(
    arguments: [
      (.integer, .string, true, "\"${params.a}\"", "${params.a} is an integer, expected a string"),
      (.string, .integer, true, "\"${params.a}\"", "is a string, expected an integer"),
      (.integer, .number, true, "\"${params.a}\"", nil), (.number, .integer, true, "\"${params.a}\"", nil),
      (.path, .string, true, "\"${params.a}\"", nil), (.array, .object, true, "\"${params.a}\"", "expected an object"),
      (.integer, .string, true, "\"n=${params.a}\"", nil),
      (.integer, .integer, true, "\"1${params.a}\"", "becomes a string, expected an integer"),
      (.integer, .array, true, "[\"${params.a}\"]", nil),
      (.integer, .string, true, "[\"${params.a}\"]", "becomes an array, expected a string"),
      (.string, .string, false, "\"${params.a}\"", "is required by target, and ${params.a} may be missing"),
      (.string, .string, false, "\"x${params.a}\"", nil),
    ] as [(Param.Kind, Param.Kind, Bool, String, String?)])
  func paramsThatTheTargetCanNeverTakeAreRefusedAtLoad(
    from: Param.Kind, into: Param.Kind, isRequired: Bool, mapping: String, expected: String?
  ) throws {
    let types = JobTypes([
      JobType(name: "source", params: [Param("a", from, required: isRequired)]),
      JobType(name: "target", params: [Param("b", into, required: true)]),
    ])
    let mapped = EscalationRule("target", params: [JSONMember("b", try JSONParser.parse(Array(mapping.utf8)))])
    let error = self.error { () throws(StintError) in _ = try Escalations(["source": mapped], types: types) }
    #expect(error?.details.map(\.param) ?? [] == (expected == nil ? [] : ["escalation.source.params.b"]))
    #expect(error?.message.contains(expected ?? "") ?? (expected == nil), "\(error?.message ?? "")")
  }

  @Test func whatIsHandedOnUnmappedIsCheckedToo() throws {
    func fault(_ from: Param, _ into: Param) -> String? {
      let types = JobTypes([JobType(name: "source", params: [from]), JobType(name: "target", params: [into])])
      return error { () throws(StintError) in
        _ = try Escalations(["source": EscalationRule("target")], types: types)
      }?.message
    }
    #expect(fault(Param("a", .integer), Param("a", .number)) == nil)
    #expect(fault(Param("a", .integer), Param("a", .string))?.contains("an integer, expected a string") == true)
    #expect(fault(Param("a", .string), Param("a", .string, required: true))?.contains("may be missing") == true)
    #expect(fault(Param("a", .string, default: "x"), Param("a", .string, required: true)) == nil)
  }

  private func error(_ body: () throws(StintError) -> Void) -> StintError? {
    do throws(StintError) { try body() } catch { return error }
    return nil
  }
}
