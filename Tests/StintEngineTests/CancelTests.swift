import StintCore
import StintSQLite
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct CancelTests {
  @Test(arguments: StoreKind.allCases) func aWaitingJobIsCancelledAtOnce(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, _ in
      _ = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      let job = try await engine.client.submit(NewJob("work"))
      let cancelled = try await engine.client.cancel(job.id, by: someone)
      #expect(cancelled.status == .cancelled)
      #expect(cancelled.state.cancelledBy == "tester")
      await #expect(throws: StintError.self) { try await engine.client.cancel(job.id, by: someone) }
      gate.open()
      let last = try await engine.client.submit(NewJob("work"))
      _ = try await engine.client.end(of: last.id)
      #expect(!gate.tally.came.contains(job.id))
    }
  }

  enum Reaction: CaseIterable, Sendable {
    case stops, succeeds, fails, snoozes
  }

  @Test(arguments: StoreKind.allCases, Reaction.allCases)
  func aRunningJobEndsCancelledWhateverItsHandlerDoes(_ kind: StoreKind, reaction: Reaction) async throws {
    let gate = Gate()
    let work = handler(maxRetries: 3, retry: .atOnce) { context in
      do { try await gate.pass(context) } catch {
        switch reaction {
        case .stops: throw error
        case .succeeds: return RawJSON(.string("finished all the same"))
        case .fails: throw Mishap()
        case .snoozes: throw JobControl.snooze(.zero)
        }
      }
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, _ in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      let asked = try await engine.client.cancel(job.id, by: someone)
      #expect(asked.state.isCancelRequested)
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .cancelled)
      #expect(done.result == nil)
      #expect(done.state.cancelledBy == "tester")
      #expect(done.state.attempt == 1)
    }
  }

  @Test(arguments: StoreKind.allCases) func aDeafJobIsCancelledAfterTheGrace(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context, isDeaf: true)
      return nil
    }
    try await withEngine(on: kind, [work]) { engine, time in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      _ = try await engine.client.cancel(job.id, by: someone)
      await gate.wait { $0.asked == 1 }
      #expect(try await engine.client.kinds(job.id) == [.submitted, .claimed, .cancelRequested], "oldest first")
      time.advance(by: .seconds(10))
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .cancelled)
      #expect(done.completedAt(since: job) == .seconds(10))
      // Its task is still there, and the worker says so.
      try await advancing(time) {
        while try await engine.client.workers().first?.record.abandoned != 1 { await Task.yield() }
      }
      gate.open()
    }
  }

  @Test(arguments: StoreKind.allCases) func aJobHeldReadyIsCancelledAtOnce(_ kind: StoreKind) async throws {
    let gate = Gate()
    let work = handler { context in
      if context.job.spec.tags["hold"] != nil { try await gate.pass(context) }
      return nil
    }
    try await withEngine(on: kind, [work], slots: 1) { engine, _ in
      // It takes no time: the worker learns that the type is quick.
      _ = try await engine.client.end(of: engine.client.submit(NewJob("work")).id)
      var held = NewJob("work")
      held.tags["hold"] = "yes"
      let jobs = try await engine.client.submit([held, held, held], by: someone)
      await gate.wait(inside: 1)
      try await engine.client.wait(for: jobs[2].id) { $0.status == .running && $0.state.startedAt == nil }
      _ = try await engine.client.cancel(jobs[1].id, by: someone)
      let done = try await engine.client.end(of: jobs[1].id)
      #expect(done.status == .cancelled)
      #expect(done.state.startedAt == nil)
      gate.open()
      #expect(try await engine.client.end(of: jobs[2].id).status == .completed)
      #expect(gate.tally.came == [jobs[0].id, jobs[2].id])
    }
  }

  @Test func anotherProcesssCancelArrivesWithoutWaitingForTheRenewal() async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    let time = ManualTime()
    try await withDatabase { path in
      let here = try await SQLiteStore.open(path: path, leaseClock: time.leaseClock)
      let there = try await SQLiteStore.open(path: path, leaseClock: time.leaseClock)
      try await withEngine([work], store: here, time: time) { engine, _ in
        let job = try await engine.client.submit(NewJob("work"))
        await gate.wait(inside: 1)
        let other = LocalClient(store: there, time: time, logger: quietLogger)
        _ = try await other.cancel(job.id, by: someone)
        // Time stands still: no renewal comes.
        #expect(try await engine.client.end(of: job.id).status == .cancelled)
      }
      await there.close()
      await here.close()
    }
  }

  @Test func aLateHintDoesNotEndALaterAttempt() async throws {
    let gate = Gate()
    let work = handler { context in
      try await gate.pass(context)
      return nil
    }
    try await withEngine(on: .memory, [work]) { engine, _ in
      let job = try await engine.client.submit(NewJob("work"))
      await gate.wait(inside: 1)
      engine.client.hub.hint(.cancel(job.id))
      await gate.wait { $0.came.count == 2 }
      gate.open()
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .completed)
      #expect(done.state.losses == 0)
      #expect(try await engine.client.kinds(job.id) == [.submitted, .released, .succeeded])
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct TypeTests {
  @Test(arguments: StoreKind.allCases) func anAliasRunsTheTypesHandler(_ kind: StoreKind) async throws {
    let work = handler("new.name", aliases: ["old.name"]) { context in RawJSON(.string(context.job.spec.type)) }
    let time = ManualTime()
    try await withStore(kind, time: time) { store in
      // Stored under its old name, before the type was renamed.
      let past = LocalClient(
        store: store, types: [JobType(name: "old.name")], time: time, random: .seeded(7), logger: quietLogger)
      let old = try await past.submit(NewJob("old.name"))
      try await withEngine([work], store: store, time: time) { engine, _ in
        #expect(try await engine.client.end(of: old.id).result?.text == #""old.name""#)
        let new = try await engine.client.submit(NewJob("old.name"))
        #expect(try await engine.client.end(of: new.id).spec.type == "new.name")
      }
    }
  }

  @Test(arguments: StoreKind.allCases) func aJobOfAnUnknownTypeIsLeftAlone(_ kind: StoreKind) async throws {
    let work = handler { _ in nil }
    try await withEngine(on: kind, [work]) { engine, time in
      let refused = await #expect(throws: StintError.self) { try await engine.client.submit(NewJob("wrok")) }
      #expect(refused?.type == .unknownType)
      #expect(refused?.message.contains("work") == true)
      var new = NewJob("stranger")
      new.allowsUnknownType = true
      let strange = try await engine.client.submit(new)
      time.advance(by: .seconds(5))
      let known = try await engine.client.submit(NewJob("work"))
      _ = try await engine.client.end(of: known.id)
      #expect(try await engine.client.job(strange.id).status == .pending)
    }
  }
}
