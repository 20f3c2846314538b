import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

/// An engine whose machine's wall clock is set while it works.
@Suite(.timeLimit(.minutes(5))) struct ClockStepTests {
  @Test(arguments: StoreKind.allCases, [-7_200, 7_200])
  func aRetryWaitsAsLongAsItWouldHave(_ kind: StoreKind, step: Int) async throws {
    let tries = Log<Timestamp>()
    let work = handler(maxRetries: 1, retry: .exact) { context in
      tries.add(context.time.now())
      throw Mishap()
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      _ = try await engine.client.job(job.id, once: .retrying)
      let failed = time.uptime()
      time.setWallClock(by: .seconds(step))
      let ended = try await advancing(time, sleepers: 2) { try await engine.client.end(of: job.id) }
      #expect(ended.status == .failed && ended.state.attempt == 2)
      #expect(time.uptime() - failed < .seconds(10), "it did not wait for the clock to be there again")
      let waited = tries.all[1] - tries.all[0] - .seconds(step)
      #expect(waited >= .seconds(1), "nor did it come at once: \(waited)")
    }
  }

  @Test(arguments: StoreKind.allCases) func workersAreThereWhateverTheClockSays(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      for step in [-7_200, 14_400, -7_200] {
        time.setWallClock(by: .seconds(step))
        let workers = try await engine.client.workers()
        #expect(workers.count == 1)
        #expect(workers.first?.jobs.allSatisfy { $0.elapsed >= .zero } ?? false)
        // Beyond the time after which a silent worker's entry is removed, by that clock.
        try await advancing(time) {
          let until = time.uptime() + .seconds(15)
          while time.uptime() < until { await Task.yield() }
        }
        #expect(try await engine.client.workers().count == 1)
      }
      gate.open()
      let done = try await advancing(time) { try await engine.client.end(of: job.id) }
      #expect(done.state.attempt == 1 && done.state.losses == 0)
      let took = try #require(done.duration)
      #expect(took >= .seconds(40) && took < .seconds(120), "\(took)")
    }
  }
}
