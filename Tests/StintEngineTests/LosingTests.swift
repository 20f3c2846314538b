import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct LosingTests {
  @Test(arguments: StoreKind.allCases) func aStalledWorkersJobGoesOnAndItsLateOutcomeChangesNothing(
    _ kind: StoreKind
  ) async throws {
    let stalled = Gate()
    let time = ManualTime()
    // This engine's time stands still: it never renews.
    let frozen = ManualTime()
    let slow = handler { context in
      try await stalled.pass(context, isDeaf: true)
      return RawJSON(.string("late"))
    }
    let quick = handler { _ in RawJSON(.string("rescued")) }
    try await withStore(kind, time: time) { store in
      try await withEngine([slow], store: store, time: frozen) { first, _ in
        let job = try await first.client.submit(NewJob("work"))
        await stalled.wait(inside: 1)
        try await withEngine([quick], store: store, time: time) { second, _ in
          // Claims, presence, maintenance, and the watcher of a store that others may change.
          let sleepers = kind == .memory ? 3 : 4
          let done = try await advancing(time, sleepers: sleepers) { try await second.client.end(of: job.id) }
          #expect(done.result?.text == #""rescued""#)
          #expect(done.completedAt(since: job) ?? .zero >= .seconds(30), "not before the lease was over")
          #expect(done.state.attempt == 2)
          #expect(done.state.losses == 1)
          #expect(done.state.retryCount == 0)
        }
        stalled.open()
        // Once the frozen worker is idle again its late settlement was answered.
        let another = try await first.client.submit(NewJob("work"))
        _ = try await first.client.end(of: another.id)
        let stands = try await first.client.job(job.id)
        #expect(stands.result?.text == #""rescued""#)
        #expect(stands.state.attempt == 2)
        #expect(try await first.client.kinds(job.id) == [.submitted, .lost, .succeeded])
      }
    }
  }

  @Test(arguments: StoreKind.allCases) func aRenewedLeaseIsNotRescued(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      let begin = time.uptime()
      // Claims, leases, presence, maintenance: four loops look at the time.
      try await advancing(time, sleepers: 4) {
        while time.uptime() - begin < .seconds(120) { await Task.yield() }
      }
      gate.open()
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .completed)
      #expect(try await engine.client.kinds(job.id) == [.submitted, .succeeded])
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct StopTests {
  /// A worker with a store, without maintenance: so that a test can stop it as a service group does.
  private func withWorker(
    on kind: StoreKind, _ handlers: [Handler], slots: Int, time: ManualTime = ManualTime(),
    body: @Sendable (LocalClient, Worker, ManualTime) async throws -> Void
  ) async throws {
    try await withStore(kind, time: time) { store in
      let hub = EventHub()
      let random = RandomSource.seeded(1)
      let client = LocalClient(
        store: store, types: handlers.map(\.type), hub: hub, time: time, random: random, logger: quietLogger)
      var configuration = EngineConfiguration()
      configuration.slots = slots
      let worker = Worker(
        gateway: LocalGateway(
          store: store, hub: hub, configuration: EngineConfiguration(), time: time, random: random, logger: quietLogger),
        hub: hub,
        handlers: handlers, configuration: configuration, identity: ("host", 1), time: time, random: random,
        logger: quietLogger)
      try await body(client, worker, time)
    }
  }

  @Test(arguments: StoreKind.allCases) func aGracefulStopFinishesWhatItCanAndReleasesTheRest(
    _ kind: StoreKind
  ) async throws {
    let gate = Gate()
    let work = handler { context in
      context.progress(40, "under way")
      try await gate.pass(context)
      return nil
    }
    try await withWorker(on: kind, [work], slots: 3) { client, worker, time in
      let jobs = try await client.submit((0..<4).map { _ in NewJob("work") }, by: someone)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await worker.run() }
        await gate.wait(inside: 3)
        worker.drain()
        gate.letThrough()
        #expect(try await client.end(of: gate.tally.came[0]).status == .completed)
        // 30 seconds later the rest is asked to stop.
        try await advancing(time, sleepers: 2) { await gate.wait { $0.asked == 2 } }
        try await group.waitForAll()
      }
      let finished = gate.tally.came[0]
      for job in try await client.jobs(jobs.map(\.id)).compactMap({ $0 }) where job.id != finished {
        #expect(job.status == .pending)
        #expect(job.state.retryCount == 0)
        let hasRun = gate.tally.came.contains(job.id)
        #expect(job.progress == (hasRun ? Progress(percent: 40, message: "under way") : nil))
        #expect(try await client.kinds(job.id) == (hasRun ? [.submitted, .released] : [.submitted]))
      }
      #expect(try await client.workers().isEmpty, "it has left")
      #expect(worker.abandonedCount == 0)
    }
  }

  @Test(arguments: StoreKind.allCases) func aCancelledTaskStopsAtOnceAndStillReleases(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withWorker(on: kind, [work], slots: 2) { client, worker, time in
      let jobs = try await client.submit((0..<2).map { _ in NewJob("work") }, by: someone)
      let begin = time.now()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await worker.run() }
        await gate.wait(inside: 2)
        group.cancelAll()
        try await group.waitForAll()
      }
      #expect(time.now() == begin, "it waited for nothing")
      #expect(try await client.jobs(jobs.map(\.id)).map { $0?.status } == [.pending, .pending])
      #expect(client.hub.subscriberCount == 0)
    }
  }

  @Test(arguments: StoreKind.allCases) func aDeafHandlerDoesNotHoldUpTheStop(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context, isDeaf: true)
      return nil
    }
    try await withWorker(on: kind, [work], slots: 1) { client, worker, time in
      let job = try await client.submit(NewJob("work"))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await worker.run() }
        await gate.wait(inside: 1)
        group.cancelAll()
        await gate.wait { $0.asked == 1 }
        time.advance(by: .milliseconds(200))
        try await group.waitForAll()
      }
      #expect(try await client.job(job.id).status == .pending)
      #expect(worker.abandonedCount == 1)
      gate.open()
    }
  }

  @Test(arguments: StoreKind.allCases) func executeRunsThisJobAndNoOther(_ kind: StoreKind) async throws {
    let work = handler { context in RawJSON(.integer(Int64(context.attempt))) }
    let time = ManualTime()
    try await withStore(kind, time: time) { store in
      let engine = Engine(
        store: store, handlers: [work], time: time, random: .seeded(1), logger: quietLogger)
      let jobs = try await engine.client.submit((0..<5).map { _ in NewJob("work") }, by: someone)
      let done = try await engine.execute(jobs[3].id)
      #expect(done.status == .completed)
      let statuses = try await engine.client.jobs(jobs.map(\.id)).map { $0?.status }
      #expect(statuses == [.pending, .pending, .pending, .completed, .pending])
      #expect(engine.client.hub.subscriberCount == 0)
    }
  }
}
