import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

/// Escalation, output, dead letters and full queues, from the client's side.
@Suite(.timeLimit(.minutes(5))) struct FailureTests {
  private let time = ManualTime()
  private static let tool = JobType(name: "tool", allowsOtherParams: true, maxRetries: 2, retry: exact)
  private static let person = JobType(name: "person", allowsOtherParams: true, maxRetries: 0)
  private static let exact = RetryPolicy(strategy: .immediate, base: .zero, jitter: 0)
  private static let ann = Actor(name: "ann", origin: "tests")

  private func engine(
    _ store: MemoryStore, queues: [QueueRecord] = [], _ handlers: [Handler]? = nil
  ) throws -> Engine {
    var configuration = EngineConfiguration()
    configuration.queueRules = queues
    configuration.escalations = try Escalations(
      ["tool": EscalationRule("person")], types: JobTypes([Self.tool, Self.person]))
    let own = [
      Handler(Self.tool) { context in
        context.output("try \(context.attempt)\n")
        throw TestFailure()
      },
      Handler(Self.person) { context in
        context.output("by hand\n", .stderr)
        return RawJSON(["fixed": true])
      },
    ]
    return Engine(
      store: store, handlers: handlers ?? own, configuration: configuration, time: SystemTime(), logger: quietLogger)
  }

  private struct TestFailure: Error {}

  /// Runs the engine while `body` works.
  private func running(_ engine: Engine, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await engine.run() }
      defer { group.cancelAll() }
      try await body()
    }
  }

  @Test func watchersAndWaitersFollowTheChain() async throws {
    let engine = try engine(MemoryStore())
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
      var updates: [JobUpdate] = []
      for try await update in try await engine.client.watch(job.id) { updates.append(update) }
      guard case .ended(let last)? = updates.last else { return #expect(Bool(false), "no end") }
      #expect(last.status == .completed && last.spec.type == "person" && last.spec.escalatedFrom == job.id)
      let escalated = updates.compactMap { if case .escalated(let from, let to) = $0 { (from.id, to) } else { nil } }
      #expect(escalated.map(\.0) == [job.id] && escalated.map(\.1) == [last.id])
      // A watcher that comes later sees the same end.
      var late: JobUpdate?
      for try await update in try await engine.client.watch(job.id) { late = update }
      #expect(late == .ended(last))
      let events = try await engine.client.history(last.id)
      #expect(events.filter { $0.kind == .failed }.count == 3, "the failures that led to it stand before its own")
      #expect(events.map(\.jobID).last == last.id && events.first?.jobID == job.id)
      let groups = try await engine.client.deadLetters(.all)
      #expect(groups.isEmpty, "what was handed on is no dead letter")
      let stats = try await engine.client.stats()
      #expect(stats.deadLettered == 0 && stats.failed == 3 && stats.retried == 2)
    }
  }

  @Test func outputFollowsAttemptsAndTheChain() async throws {
    let engine = try engine(MemoryStore())
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
      var said: [String] = []
      for try await update in try await engine.client.output(job.id, after: nil) {
        switch update {
        case .attempt(let number, let id): said.append("attempt \(number) of \(id == job.id ? "tool" : "person")")
        case .chunk(let chunk): said.append(chunk.text)
        case .gap: said.append("gap")
        case .ended(let last): said.append(last.status.rawValue)
        }
      }
      #expect(
        said == [
          "attempt 1 of tool", "try 1\n", "attempt 2 of tool", "try 2\n", "attempt 3 of tool", "try 3\n",
          "attempt 1 of person", "by hand\n", "completed",
        ])
      var rest: [OutputUpdate] = []
      let place = OutputPlace(attempt: 2, number: 1)
      for try await update in try await engine.client.output(job.id, after: place) { rest.append(update) }
      #expect(rest.first == .attempt(3, of: job.id), "it goes on after the place that was read last")
    }
  }

  @Test func aChainWhoseEndWasRemovedEndsWithWhatIsThere() async throws {
    let engine = try engine(MemoryStore())
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
      for try await _ in try await engine.client.watch(job.id) {}
      #expect(try await engine.client.remove([.completed], by: Self.ann) == 1)
      var updates: [JobUpdate] = []
      for try await update in try await engine.client.watch(job.id) { updates.append(update) }
      guard case .ended(let last)? = updates.last else { return #expect(Bool(false), "no end") }
      #expect(last.id == job.id && last.status == .failed && updates.count == 1)
      var output: [OutputUpdate] = []
      for try await update in try await engine.client.output(job.id, after: nil) { output.append(update) }
      #expect(output.last == .ended(last))
    }
  }

  @Test func aRetryGoesToTheLastOfTheChain() async throws {
    let store = MemoryStore()
    let giving = [
      Handler(Self.tool) { _ in throw JobControl.giveUp("no") },
      Handler(Self.person) { _ in throw JobControl.giveUp("nor I") },
    ]
    let engine = try engine(store, giving)
    var ids: [JobID] = []
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
      for try await case .ended(let last) in try await engine.client.watch(job.id) { ids = [job.id, last.id] }
    }
    let retried = try await engine.client.retry(ids[0], by: Self.ann)
    #expect(retried.id == ids[1] && retried.status == .pending)
  }

  @Test func deadLettersAreRequeuedByFilterAfterADryRun() async throws {
    let store = MemoryStore()
    let engine = try engine(store, [Handler(Self.person) { _ in throw JobControl.giveUp("no") }])
    try await running(engine) {
      for number in 0..<5 {
        var new = NewJob("person")
        new.tags = ["kind": number < 2 ? "a" : "b"]
        let job = try await engine.client.submit([new], by: Self.ann)[0]
        for try await _ in try await engine.client.watch(job.id) {}
      }
    }
    let client = engine.client
    let some = JobFilter.tag(key: "kind", value: "a")
    #expect(try await client.deadLetters(.all).map(\.count) == [5])
    #expect(try await client.requeue(some, dryRun: true, by: Self.ann) == Requeued(count: 2))
    #expect(try await client.stats().counts[.failed] == 5, "a dry run changes nothing")
    #expect(try await client.requeue(some, dryRun: false, by: Self.ann) == Requeued(count: 2))
    #expect(try await client.stats().counts[.pending] == 2)
    #expect(try await client.purgeDeadLetters(.all, dryRun: true, by: Self.ann) == 3)
    #expect(try await client.purgeDeadLetters(.all, dryRun: false, by: Self.ann) == 3)
    #expect(try await client.stats().counts.total == 2)
  }

  @Test func aFullQueueIsATypedErrorAndABatchIsRefusedAsAWhole() async throws {
    let engine = try engine(MemoryStore(), queues: [QueueRecord(name: "default", maxPending: 2)])
    _ = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
    let error = await #expect(throws: StintError.self) {
      try await engine.client.submit([NewJob("tool"), NewJob("tool")], by: Self.ann)
    }
    #expect(error?.type == .queueFull && error?.message.contains("takes 2 waiting jobs and has 1") == true)
    #expect(try await engine.client.stats().counts.total == 1)
    _ = try await engine.client.submit([NewJob("tool")], by: Self.ann)[0]
  }

  @Test func typesThatAreClosedToTheOutsideAreRefusedAtEveryRemoteDoor() async throws {
    let exec = JobType(name: "exec", allowsOtherParams: true, localOnly: true)
    let engine = try engine(MemoryStore(), [Handler(exec) { _ in throw JobControl.giveUp("no") }])
    let far = Actor(name: "anonymous", origin: "http 127.0.0.1")
    func refused(_ body: () async throws -> Void) async {
      let error = await #expect(throws: StintError.self) { try await body() }
      #expect(error?.type == .forbidden)
    }
    await refused { _ = try await engine.client.submit([NewJob("exec")], by: far)[0] }
    var unknown = NewJob("exec")
    unknown.allowsUnknownType = true
    let other = try self.engine(MemoryStore())
    await refused { [unknown] in _ = try await other.client.submit([unknown], by: far)[0] }
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("exec")], by: Self.ann)[0]
      for try await _ in try await engine.client.watch(job.id) {}
      await refused { _ = try await engine.client.retry(job.id, by: far) }
      await refused { _ = try await engine.client.requeue([job.id], by: far) }
      for isDryRun in [true, false] {
        let left = try await engine.client.requeue(.all, dryRun: isDryRun, by: far)
        #expect(left == Requeued(count: 0, skipped: 1))
      }
      #expect(try await engine.client.job(job.id).status == .failed)
    }
  }

  @Test func aCheckpointReachesTheNextAttempt() async throws {
    let work = Handler(JobType(name: "work", maxRetries: 1, retry: Self.exact)) { context in
      let saved = await context.savedCheckpoint()
      guard saved == nil else { return saved }
      context.checkpoint(RawJSON(["at": 5]))
      throw TestFailure()
    }
    let engine = try engine(MemoryStore(), [work])
    try await running(engine) {
      let job = try await engine.client.submit([NewJob("work")], by: Self.ann)[0]
      for try await case .ended(let last) in try await engine.client.watch(job.id) {
        #expect(last.result == RawJSON(["at": 5]))
      }
    }
  }
}
