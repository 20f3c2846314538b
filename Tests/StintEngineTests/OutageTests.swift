import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct OutageTests {
  private func withFaultyEngine(
    on kind: StoreKind, _ handlers: [Handler], slots: Int = 3,
    body: @escaping @Sendable (Engine, FaultyStore, ManualTime) async throws -> Void
  ) async throws {
    let time = ManualTime()
    try await withStore(kind, time: time) { base in
      let store = FaultyStore(base)
      var configuration = EngineConfiguration()
      configuration.slots = slots
      try await withEngine(handlers, configuration: configuration, store: store, time: time) { engine, time in
        try await body(engine, store, time)
      }
    }
  }

  @Test(arguments: StoreKind.allCases, [FaultyStore.Moment.before, .after])
  func outcomesAreSettledOnceWhenTheStoreIsBack(_ kind: StoreKind, moment: FaultyStore.Moment) async throws {
    let gate = Gate()
    let runs = Log<JobID>()
    let work = handler(maxRetries: 0) { context in
      runs.add(context.job.id)
      try await gate.pass(context)
      if context.job.spec.tags["fail"] != nil { throw Mishap() }
      return RawJSON(.string("done"))
    }
    try await withFaultyEngine(on: kind, [work], slots: 4) { engine, store, time in
      var failing = NewJob("work")
      failing.tags["fail"] = "yes"
      let jobs = try await engine.client.submit([NewJob("work"), failing, NewJob("work"), failing], by: someone)
      await gate.wait(inside: 4)
      store.fail([.apply, .renew, .claim], moment)
      gate.open()
      await store.waitForFailures(of: .apply, 1)
      try await advancing(time, sleepers: 4) { await store.waitForFailures(of: .apply, 4) }
      store.heal()
      let ended = try await advancing(time, sleepers: 3) {
        var ended: [Job] = []
        for job in jobs { ended.append(try await engine.client.end(of: job.id)) }
        return ended
      }
      #expect(ended.map(\.status) == [.completed, .failed, .completed, .failed])
      #expect(ended.map(\.state.attempt) == [1, 1, 1, 1])
      #expect(runs.all.count == 4)
      for (job, kind) in zip(jobs, [Cause.Kind.succeeded, .failed, .succeeded, .failed]) {
        #expect(try await engine.client.kinds(job.id) == [.submitted, kind])
      }
      // Each is counted once, also where only the second answer told of it.
      try await advancing(time) {
        while try await engine.client.stats().completed + engine.client.stats().failed < 4 { await Task.yield() }
      }
      #expect(try await engine.client.stats().completed == 2)
      #expect(try await engine.client.stats().failed == 2)
    }
  }

  /// Whoever watches is told of an end whose write was not confirmed.
  @Test func aWatcherHearsOfAnOutcomeWhoseAnswerWasLost() async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withFaultyEngine(on: .memory, [work]) { engine, store, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      var updates = try await engine.client.watch(job.id).makeAsyncIterator()
      store.fail([.apply], .after, times: 1)
      gate.open()
      await store.waitForFailures(of: .apply)
      var last: JobUpdate?
      try await advancing(time) { try await engine.client.wait(for: job.id) { $0.status == .completed } }
      time.advance(by: .seconds(1))
      while let update = try await updates.next() { last = update }
      guard case .ended(let ended) = last else {
        Issue.record("the last update was \(String(describing: last))")
        return
      }
      #expect(ended.status == .completed)
    }
  }

  @Test(arguments: StoreKind.allCases) func progressReportedDuringAnOutageIsKept(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      context.progress(70, "nearly")
      try await gate.pass(context)
      return nil
    }
    try await withFaultyEngine(on: kind, [work]) { engine, store, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      store.fail([.record])
      gate.letThrough()
      try await advancing(time, sleepers: 3) { await store.waitForFailures(of: .record, 2) }
      store.heal()
      let progress = Progress(percent: 70, message: "nearly")
      try await advancing(time, sleepers: 3) {
        try await engine.client.wait(for: job.id) { $0.progress == progress }
      }
      gate.open()
      #expect(try await engine.client.end(of: job.id).progress == progress)
    }
  }

  @Test(arguments: StoreKind.allCases) func claimingGoesOnAfterAnOutage(_ kind: StoreKind) async throws {
    let work = handler { _ in nil }
    try await withFaultyEngine(on: kind, [work]) { engine, store, time in
      store.fail([.claim, .promote])
      let job = try await engine.client.submit(NewJob("work"))
      await store.waitForFailures(of: .claim)
      try await advancing(time, sleepers: 3) { await store.waitForFailures(of: .claim, 3) }
      #expect(try await engine.client.job(job.id).status == .pending)
      store.heal()
      let done = try await advancing(time) { try await engine.client.end(of: job.id) }
      #expect(done.status == .completed)
      #expect(done.state.attempt == 1)
    }
  }

  /// The jobs of such a claim do not wait for the end of their leases, and nothing is held against them.
  @Test(arguments: StoreKind.allCases) func aClaimWhoseAnswerWasLostIsFound(_ kind: StoreKind) async throws {
    let runs = Log<Int>()
    let work = handler { context in
      runs.add(context.job.state.attempt)
      return nil
    }
    try await withFaultyEngine(on: kind, [work], slots: 2) { engine, store, time in
      await time.waitForSleepers(3)
      store.fail([.claim], .after, times: 1)
      let job = try await engine.client.submit(NewJob("work"))
      await store.waitForFailures(of: .claim)
      #expect(try await engine.client.job(job.id).status == .running, "nobody knows of it")
      let began = time.uptime()
      let done = try await advancing(time) { try await engine.client.end(of: job.id) }
      #expect(done.status == .completed && done.state.attempt == 1 && done.state.losses == 0)
      #expect(time.uptime() - began < .seconds(20) && runs.all == [1])
    }
  }

  @Test(arguments: StoreKind.allCases) func submittingSaysThatTheStoreIsAway(_ kind: StoreKind) async throws {
    let work = handler { _ in nil }
    try await withFaultyEngine(on: kind, [work]) { engine, store, time in
      store.fail([.insert, .reads, .check])
      let began = time.uptime()
      try await advancing(time) {
        let submit = await #expect(throws: StintError.self) { try await engine.client.submit(NewJob("work")) }
        #expect(submit == StintError(.storeUnavailable, "The store is away (insert)"))
        let read = await #expect(throws: StintError.self) { try await engine.client.job(JobID(known: "x")) }
        #expect(read?.type == .storeUnavailable)
        let check = await #expect(throws: StintError.self) { try await engine.client.check() }
        #expect(check?.type == .storeUnavailable)
      }
      #expect(store.failures(of: .insert) == 5, "five tries")
      #expect(time.uptime() - began >= .milliseconds(50 + 100 + 200 + 400), "with growing waits")
      store.heal()
      let job = try await engine.client.submit(NewJob("work"))
      #expect(try await engine.client.end(of: job.id).status == .completed)
      #expect(try await engine.client.list(JobQuery()).jobs.count == 1, "what was refused is not there")
    }
  }

  /// A store that is away for less than five tries costs a caller time, and nothing else: what was stored by a try
  /// whose answer was lost is not stored again, and is no duplicate of itself.
  @Test(arguments: StoreKind.allCases, [FaultyStore.Moment.before, .after])
  func aCallerSeesNothingOfAShortOutage(_ kind: StoreKind, moment: FaultyStore.Moment) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withFaultyEngine(on: kind, [work], slots: 1) { engine, store, time in
      var named = NewJob("work")
      named.id = "own-name"
      let batch = [named, NewJob("work")]
      store.fail([.insert], moment, times: 3)
      let jobs = try await advancing(time) { try await engine.client.submit(batch, by: someone) }
      #expect(jobs.map(\.spec.type) == ["work", "work"] && jobs[0].id.text == "own-name")
      #expect(try await engine.client.list(JobQuery()).jobs.count == 2)
      let again = await #expect(throws: StintError.self) { try await engine.client.submit([named], by: someone) }
      #expect(again?.type == .duplicateID, "another submission of that id is one")

      await gate.wait(inside: 1)
      store.fail([.apply], moment, times: 2)
      let waiting = try await advancing(time) { try await engine.client.cancel(jobs[1].id, by: someone) }
      #expect(waiting.status == .cancelled)
      store.fail([.apply], moment, times: 2)
      let running = try await advancing(time) { try await engine.client.cancel(jobs[0].id, by: someone) }
      #expect(running.state.isCancelRequested)
      let ended = try await advancing(time) { try await engine.client.end(of: jobs[0].id) }
      #expect(ended.status == .cancelled)
      store.fail([.apply], moment, times: 2)
      let retried = try await advancing(time) { try await engine.client.retry(jobs[1].id, by: someone) }
      #expect(!retried.status.isTerminal)
      gate.open()
      #expect(try await advancing(time) { try await engine.client.end(of: jobs[1].id) }.status == .completed)
    }
  }

  @Test func aStoreThatStaysAwayDoesNotHoldUpTheStop() async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    let time = ManualTime()
    let store = FaultyStore(MemoryStore(leaseClock: time.leaseClock))
    let engine = Engine(store: store, handlers: [work], time: time, random: .seeded(1), logger: quietLogger)
    let job = try await engine.client.submit(NewJob("work"))
    let running = Task { await engine.run() }
    await gate.wait(inside: 1)
    store.fail()
    let stopping = time.uptime()
    running.cancel()
    try await advancing(time, sleepers: 2) { await running.value }
    #expect(time.uptime() - stopping < .seconds(60))
    store.heal()
    #expect(try await engine.client.job(job.id).status == .running, "it comes back when its lease ends")
  }
}
