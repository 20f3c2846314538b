import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct ConcurrencyTests {
  @Test(arguments: StoreKind.allCases, [1, 4]) func exactlySlotsRunWhileWorkWaits(_ kind: StoreKind, slots: Int)
    async throws
  {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work], slots: slots) { engine, _ in
      let jobs = try await engine.client.submit((0..<20).map { _ in NewJob("work") }, by: someone)
      for done in 0..<20 {
        await gate.wait { $0.came.count == min(20, done + slots) }
        #expect(gate.tally.inside == min(slots, 20 - done))
        gate.letThrough()
      }
      for job in jobs { #expect(try await engine.client.end(of: job.id).status == .completed) }
      #expect(gate.tally.most == slots)
      #expect(gate.tally.came == jobs.map(\.id), "in the order of submission")
    }
  }

  @Test(arguments: StoreKind.allCases) func theMostUrgentComesFirst(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, _ in
      let first = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      var ids: [Priority: JobID] = [:]
      for priority in [Priority.low, .normal, .critical, .high] {
        var job = NewJob("work")
        job.priority = priority
        ids[priority] = try await engine.client.submit(job).id
      }
      gate.open()
      for id in ids.values { _ = try await engine.client.end(of: id) }
      let order = [Priority.critical, .high, .normal, .low].compactMap { ids[$0] }
      #expect(gate.tally.came == [first.id] + order)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct RetryTests {
  @Test(arguments: StoreKind.allCases) func retriesAfterExactDelays(_ kind: StoreKind) async throws {
    let starts = Log<Timestamp>()
    let failing = handler(maxRetries: 3, retry: .exact) { context in
      starts.add(context.time.now())
      throw Mishap()
    }
    try await withEngine(on: kind, [failing]) { engine, time in
      let begin = time.now()
      let job = try await engine.client.submit(NewJob("work"))
      var delays: [Duration] = []
      var last: Job?
      for try await update in try await engine.client.watch(job.id) {
        if case .status(.retrying, _, _, let next?, let error) = update {
          #expect(error?.message == "it was meant to fail")
          delays.append(next - time.now())
          // Not a microsecond too early.
          time.advance(by: next - time.now() - .microseconds(1))
          time.advance(by: .microseconds(1))
        }
        if case .ended(let job) = update { last = job }
      }
      #expect(delays == [.seconds(1), .seconds(2), .seconds(4)])
      #expect(starts.all.map { $0 - begin } == [.zero, .seconds(1), .seconds(3), .seconds(7)])
      #expect(last?.status == .failed)
      #expect(last?.state.retryCount == 4)
      #expect(last?.state.attempt == 4)
      #expect(try await engine.client.kinds(job.id) == [.submitted, .failed, .failed, .failed, .failed])
    }
  }

  /// Runs one job whose first attempt throws `control` and whose second succeeds after `delay`.
  private func expectAgain(
    _ kind: StoreKind, after delay: Duration, as status: JobStatus, counted: Int,
    control: @escaping @Sendable () -> any Error
  ) async throws {
    let starts = Log<Timestamp>()
    let work = handler(maxRetries: 1, retry: .exact) { context in
      starts.add(context.time.now())
      if context.attempt == 1 { throw control() }
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      let begin = time.now()
      let job = try await engine.client.submit(NewJob("work"))
      let waiting = try await engine.client.job(job.id, once: status)
      #expect(waiting.state.dueAt == begin + delay)
      #expect(waiting.state.retryCount == counted)
      time.advance(by: delay)
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .completed)
      #expect(done.error == nil)
      #expect(done.state.retryCount == counted)
      #expect(starts.all == [begin, begin + delay])
    }
  }

  @Test(arguments: StoreKind.allCases) func retryAfterReplacesThePolicysDelay(_ kind: StoreKind) async throws {
    try await expectAgain(kind, after: .seconds(42), as: .retrying, counted: 1) {
      JobControl.retryAfter(.seconds(42), "busy")
    }
  }

  @Test(arguments: StoreKind.allCases) func aSnoozeIsNotCounted(_ kind: StoreKind) async throws {
    try await expectAgain(kind, after: .seconds(90), as: .scheduled, counted: 0) { JobControl.snooze(.seconds(90)) }
  }

  @Test(arguments: StoreKind.allCases) func givingUpIsFinal(_ kind: StoreKind) async throws {
    let work = handler(maxRetries: 5) { _ in throw JobControl.giveUp("no such file") }
    try await withEngine(on: kind, [work]) { engine, _ in
      let job = try await engine.client.submit(NewJob("work"))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .failed)
      #expect(done.error == JobError(type: .handler, message: "no such file", attempt: 1))
      #expect(done.state.retryCount == 0)
    }
  }

  @Test(arguments: StoreKind.allCases) func paramsThatDoNotDecodeAreFinal(_ kind: StoreKind) async throws {
    let work = handler(maxRetries: 5) { _ in throw UndecodableParams(reason: "no number") }
    try await withEngine(on: kind, [work]) { engine, _ in
      let job = try await engine.client.submit(NewJob("work"))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .failed)
      #expect(done.error == JobError(type: .undecodable, message: "no number", attempt: 1))
      #expect(done.state.retryCount == 0)
    }
  }

  @Test func paramsThatAreNotAllowedAreNamedOnceEach() async throws {
    let type = JobType(
      name: "work", params: [Param("x", .integer, required: true), Param("y", .string, required: true)])
    let checking = Handler(type) { _ in nil }.checkingParams()
    let job = Job(
      spec: JobSpec(id: JobID(known: "one"), type: "work", createdAt: ManualTime().now()),
      state: JobState(status: .running, revision: 1, runAt: ManualTime().now()))
    let error = await #expect(throws: UndecodableParams.self) { _ = try await checking.run(JobContext(job: job)) }
    #expect(error?.reason == "x: is required; y: is required")
  }

  @Test func aResultThatIsTooLargeIsAnError() async throws {
    let work = handler { _ in RawJSON(.string(String(repeating: "x", count: 2_000_000))) }
    try await withEngine(on: .memory, [work]) { engine, _ in
      let job = try await engine.client.submit(NewJob("work"))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .failed)
      #expect(done.error?.message == "The result is 2000002 bytes; allowed are 1048576")
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct ClockTests {
  @Test(arguments: StoreKind.allCases) func aHandlerThatListensTimesOut(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 1, retry: .exact, timeout: .seconds(5)) { context in
      if context.attempt == 1 { try await gate.pass(context) }
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      time.advance(by: .seconds(5))
      let waiting = try await engine.client.job(job.id, once: .retrying)
      #expect(waiting.error?.type == .timeout)
      #expect(waiting.error?.message == "The attempt took longer than 5.0s")
      time.advance(by: .seconds(1))
      #expect(try await engine.client.end(of: job.id).status == .completed)
      #expect(try await engine.client.kinds(job.id) == [.submitted, .timedOut, .succeeded])
    }
  }

  @Test(arguments: StoreKind.allCases) func aDeafHandlerLosesItsSlotAndItsOutcome(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 0, timeout: .seconds(5)) { context in
      try await gate.pass(context, isDeaf: true)
      return RawJSON(.string("too late"))
    }
    let other = handler("other") { _ in nil }
    try await withEngine(on: kind, [work, other], slots: 1) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      let next = try await engine.client.submit(NewJob("other"))
      time.advance(by: .seconds(5))
      await gate.wait { $0.asked == 1 }
      #expect(try await engine.client.job(next.id).status == .pending, "the slot is still taken")
      time.advance(by: .seconds(10))
      #expect(try await engine.client.end(of: job.id).status == .failed)
      #expect(try await engine.client.end(of: next.id).status == .completed, "the slot was given back")
      gate.open()
      let another = try await engine.client.submit(NewJob("other"))
      #expect(try await engine.client.end(of: another.id).status == .completed)
      let stands = try await engine.client.job(job.id)
      #expect(stands.status == .failed)
      #expect(stands.result == nil)
      #expect(try await engine.client.kinds(job.id) == [.submitted, .timedOut])
    }
  }

  @Test(arguments: StoreKind.allCases) func aHandlerWithoutASignOfLifeStalls(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 0) { context in
      try await gate.pass(context)
      context.heartbeat()
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      var new = NewJob("work")
      new.stallTimeout = .seconds(5)
      let job = try await engine.client.submit(new)
      await gate.wait(inside: 1)
      time.advance(by: .seconds(4))
      gate.letThrough()
      await gate.wait { $0.came.count == 2 }
      time.advance(by: .seconds(4))
      #expect(try await engine.client.job(job.id).status == .running)
      time.advance(by: .seconds(1))
      let done = try await engine.client.end(of: job.id)
      #expect(done.error?.type == .stalled)
      #expect(done.completedAt(since: job) == .seconds(9))
    }
  }

  @Test(arguments: StoreKind.allCases) func waitingTooLongIsFinal(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 5) { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, time in
      _ = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      var hurried = NewJob("work")
      hurried.startWithin = .seconds(3)
      let late = try await engine.client.submit(hurried)
      var dated = NewJob("work")
      dated.deadline = time.now() + .seconds(6)
      let dead = try await engine.client.submit(dated)
      var done: [Job] = []
      for id in [late.id, dead.id] {
        time.advance(by: .seconds(3))
        // Maintenance looks each second, with jitter.
        done.append(try await advancing(time) { try await engine.client.end(of: id) })
      }
      #expect(done.map(\.status) == [.failed, .failed])
      #expect(done.map(\.error?.type) == [.startExpired, .deadlineExceeded])
      #expect(done.map(\.state.attempt) == [0, 0])
      #expect(gate.tally.came.count == 1)
      gate.open()
    }
  }

  @Test(arguments: StoreKind.allCases) func aRunningJobStopsAtItsDeadline(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 5) { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      var dated = NewJob("work")
      dated.deadline = time.now() + .seconds(6)
      let job = try await engine.client.submit(dated)
      await gate.wait(inside: 1)
      time.advance(by: .seconds(6))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .failed)
      #expect(done.error?.type == .deadlineExceeded)
      #expect(done.completedAt(since: job) == .seconds(6))
    }
  }

  @Test(arguments: StoreKind.allCases) func aScheduledJobStartsWhenDueAndNotBefore(_ kind: StoreKind) async throws {
    let starts = Log<Timestamp>()
    let work = handler { context in
      starts.add(context.time.now())
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      var new = NewJob("work")
      new.delay = .seconds(60)
      let job = try await engine.client.submit(new)
      #expect(job.status == .scheduled)
      time.advance(by: .seconds(60) - .microseconds(1))
      // Another job passes through the same store, worker and maintenance.
      let other = try await engine.client.submit(NewJob("work"))
      _ = try await engine.client.end(of: other.id)
      #expect(try await engine.client.job(job.id).status == .scheduled)
      time.advance(by: .microseconds(1))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .completed)
      #expect(starts.all.last == job.state.runAt)
    }
  }
}

extension Job {
  /// How long after this job's submission it ended.
  func completedAt(since job: Job) -> Duration? { state.completedAt.map { $0 - job.spec.createdAt } }
}
