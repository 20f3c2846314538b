import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

/// What a worker says of itself.
@Suite(.timeLimit(.minutes(5))) struct PresenceTests {
  private func record(_ engine: Engine) async throws -> WorkerRecord {
    try #require(try await engine.client.workers().first?.record)
  }

  @Test func endedAttemptsAreToldWithinASecond() async throws {
    let work = handler { _ in nil }
    try await withEngine(on: .memory, [work]) { engine, time in
      await time.waitForSleepers(3)
      let jobs = try await engine.client.submit((0..<5).map { _ in NewJob("work") }, by: someone)
      for job in jobs { _ = try await engine.client.end(of: job.id) }
      let begun = time.uptime()
      try await advancing(time, sleepers: 3) {
        while try await record(engine).processed < 5 { await Task.yield() }
      }
      #expect(time.uptime() - begun < .seconds(5), "not with the next heartbeat, in ten seconds")
    }
  }

  @Test(arguments: StoreKind.allCases) func slotsAreBusyThatTheirOwnWorkersJobsTake(_ kind: StoreKind) async throws {
    let time = ManualTime()
    try await withStore(kind, time: time) { store in
      let client = LocalClient(store: store, types: [JobType(name: "work")], time: time, logger: quietLogger)
      _ = try await client.submit((0..<9).map { _ in NewJob("work") }, by: someone)
      // One has a slot left, one holds more than it runs, one has gone.
      for (worker, jobs, slots) in [("one", 1, 2), ("two", 5, 2), ("gone", 3, 0)] {
        let request = ClaimRequest(worker: worker, count: jobs, lease: .seconds(30))
        #expect(try await store.claim(request, at: time.now()).count == jobs)
        guard slots > 0 else { continue }
        try await store.put(
          WorkerRecord(id: worker, host: "here", pid: 1, slots: slots, startedAt: time.now(), seenAt: time.now()))
      }
      let stats = try await client.stats()
      #expect(stats.counts[.running] == 9)
      #expect(stats.workerActive == 3 && stats.workerIdle == 1 && stats.workerCapacity == 4)
    }
  }

  @Test func drainingIsToldAtOnce() async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    let time = ManualTime()
    let store = MemoryStore(leaseClock: time.leaseClock)
    let engine = Engine(store: store, handlers: [work], time: time, logger: quietLogger)
    let hub = EventHub()
    let worker = Worker(
      gateway: engine.gateway, hub: hub, handlers: [work], configuration: EngineConfiguration(),
      identity: (host: "here", pid: 1), time: time, random: .seeded(1), logger: quietLogger)
    async let run: Void = worker.run()
    _ = try await engine.client.submit(NewJob("work"))
    hub.hint(.ready(.normal))
    await gate.wait(inside: 1)
    worker.drain()
    // No time passes.
    while try await record(engine).state != .draining { await Task.yield() }
    gate.open()
    await run
    #expect(try await engine.client.workers().isEmpty)
  }
}
