import StintCore
import StintSQLite
import StintStore
import StintTesting
import Testing

@testable import StintEngine

private let origin = Timestamp(microseconds: 1_764_230_400_000_000)

private func job(
  _ id: String, _ status: JobStatus = .running, revision: Int64 = 1, started: Timestamp? = origin,
  ended: Timestamp? = nil
) -> Job {
  let spec = JobSpec(id: JobID(known: id), type: "work", createdAt: origin)
  var state = JobState(status: status, revision: revision, runAt: origin)
  state.startedAt = started
  state.completedAt = ended
  return Job(spec: spec, state: state)
}

private func progress(_ id: String, _ percent: Double, revision: Int64 = 1) -> LiveEvent {
  .progressed(JobID(known: id), revision: revision, Progress(percent: percent))
}

extension FeedItem {
  fileprivate var text: String {
    switch self {
    case .resync: "resync"
    case .output: "output"
    case .event(.created(let job)): "created \(job.id)"
    case .event(.started(let job)): "started \(job.id)"
    case .event(.moved(let job)): "\(job.status) \(job.id)"
    case .event(.removed(let id)): "removed \(id)"
    case .event(.progressed(let id, _, let progress)): "\(id) \(Int(progress.percent))%"
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct EventHubTests {
  @Test func progressOfOneJobCoalescesAlsoBetweenOthers() {
    let hub = EventHub()
    let all = hub.subscribe(buffer: 8)
    for percent in 1...1_000 { hub.publish([progress("a", Double(percent) / 10), progress("b", 1)], at: origin) }
    hub.publish([.moved(job("a", .completed))], at: origin)
    hub.publish([progress("a", 5, revision: 3), progress("a", 6, revision: 3), progress("b", 2)], at: origin)
    #expect(all.take().map(\.text) == ["a 100%", "b 2%", "completed a", "a 6%"])
    #expect(all.take().isEmpty)
    hub.publish([progress("a", 7)], at: origin)
    #expect(all.take().map(\.text) == ["a 7%"])
  }

  @Test func whoIsTooSlowIsToldToReadTheState() async {
    let hub = EventHub()
    let slow = hub.subscribe(buffer: 4)
    let quick = hub.subscribe(buffer: 4)
    var seen = 0
    for number in 0..<1_000 {
      hub.publish([.created(job("\(number)"))], at: origin)
      seen += quick.take().count
    }
    #expect(seen == 1_000, "one subscriber's slowness is not another's")
    #expect(slow.take().map(\.text) == ["resync"])
    #expect(slow.take().isEmpty)
    hub.publish([.created(job("next"))], at: origin)
    #expect(await slow.next().map(\.text) == ["created next"])
  }

  @Test func aSubscriptionToOneJobHearsOfNoOther() {
    let hub = EventHub()
    let one = hub.subscribe(to: JobID(known: "a"))
    hub.publish([.created(job("a")), .created(job("b")), .removed(JobID(known: "a"))], at: origin)
    #expect(one.take().map(\.text) == ["created a", "removed a"])
  }

  @Test func droppedSubscriptionsAreForgotten() async throws {
    let hub = EventHub()
    for number in 0..<100 {
      let subscriptions = (0..<10).map { hub.subscribe(to: $0 % 2 == 0 ? JobID(known: "\(number)") : nil) }
      #expect(hub.subscriberCount == 10)
      hub.publish([.created(job("\(number)"))], at: origin)
      withExtendedLifetime(subscriptions) {}
    }
    #expect(hub.subscriberCount == 0)
    let client = LocalClient(
      store: MemoryStore(), types: [JobType(name: "work")], hub: hub, logger: quietLogger)
    let submitted = try await client.submit(NewJob("work"))
    for _ in 0..<100 {
      // Read from in part, and dropped.
      for try await _ in try await client.watch(submitted.id) { break }
    }
    #expect(hub.subscriberCount == 0)
  }

  @Test func cancellingAReaderEndsIt() async throws {
    let hub = EventHub()
    let client = LocalClient(store: MemoryStore(), types: [JobType(name: "work")], hub: hub, logger: quietLogger)
    let submitted = try await client.submit(NewJob("work"))
    let first = Log<JobUpdate>()
    let reader = Task { for try await update in try await client.watch(submitted.id) { first.add(update) } }
    while first.all.isEmpty { await Task.yield() }
    reader.cancel()
    try await reader.value
    #expect(hub.subscriberCount == 0)
  }

  @Test func totalsCountTheLastTenSeconds() {
    let time = ManualTime(start: origin)
    let hub = EventHub()
    func complete(_ count: Int) {
      let ended = (0..<count).map {
        LiveEvent.moved(job("\($0)", .completed, started: time.now() - .milliseconds(200), ended: time.now()))
      }
      hub.publish(ended, at: time.now())
    }
    complete(30)
    time.advance(by: .seconds(5))
    complete(20)
    var totals = hub.totals(at: time.now())
    #expect(totals.completed == 50)
    #expect(totals.throughput == 5)
    #expect(totals.averageDurationMilliseconds == 200)
    time.advance(by: .seconds(5))
    #expect(hub.totals(at: time.now()).throughput == 2, "the first ones are ten seconds old")
    time.advance(by: .seconds(5))
    totals = hub.totals(at: time.now())
    #expect(totals.throughput == 0)
    #expect(totals.averageDurationMilliseconds == nil)
    #expect(totals.completed == 50)
  }

  @Test func aWallClockSetBackDoesNotPileUpThroughput() {
    let hub = EventHub()
    let end = job("a", .completed, ended: origin)
    hub.publish([.moved(end)], at: origin + .seconds(3_600))
    #expect(hub.totals(at: origin).throughput == 0)
    for second in 0..<60 { hub.publish([.moved(end)], at: origin + .seconds(second)) }
    #expect(hub.totals(at: origin + .seconds(59)).throughput == 1)
  }
}

@Suite(.timeLimit(.minutes(5))) struct JobWatcherTests {
  /// Random moves of one job while it is watched: the state comes first, no status comes twice, one end comes last.
  @Test(arguments: 1...40) func firstTheStateThenOneEnd(seed: Int) async throws {
    let random = RandomSource.seeded(UInt64(seed))
    let store = MemoryStore()
    let hub = EventHub()
    let client = LocalClient(
      store: store, types: [JobType(name: "work", maxRetries: 100, retry: .atOnce)], hub: hub, random: random,
      logger: quietLogger)
    let gateway = LocalGateway(
      store: store, hub: hub, configuration: EngineConfiguration(), time: SystemTime(), random: random,
      logger: quietLogger)
    let submitted = try await client.submit(NewJob("work"))
    let readers = (0..<4).map { _ in
      Task {
        var updates: [JobUpdate] = []
        for try await update in try await client.watch(submitted.id) { updates.append(update) }
        return updates
      }
    }
    for _ in 0..<(1 + random.next() % 6) {
      let request = ClaimRequest(worker: "w", count: 1, lease: .seconds(30))
      guard let claimed = try await gateway.claim(request).first else { break }
      for percent in 0..<(random.next() % 40) {
        let report = AttemptReport(attempt: claimed.key, progress: Progress(percent: Double(percent)))
        try await gateway.record([report])
        if random.next() % 8 == 0 { hub.resync() }
        if random.next() % 4 == 0 { await Task.yield() }
      }
      let now = SystemTime().now()
      _ = try await gateway.settle([Settlement(job: claimed, cause: .failed(message: "again"), at: now)])
      _ = try await store.promote(limit: 10, at: now + .seconds(1))
    }
    if let last = try await gateway.claim(ClaimRequest(worker: "w", count: 1, lease: .seconds(30))).first {
      _ = try await gateway.settle([Settlement(job: last, cause: .succeeded(nil), at: SystemTime().now())])
    }
    for reader in readers {
      let updates = try await reader.value
      guard case .ended(let end) = updates.last else {
        Issue.record("no end in \(updates)")
        continue
      }
      #expect(end.status == .completed)
      let attempts = updates.compactMap { update -> Int? in
        if case .status(_, _, let attempt, _, _) = update { attempt } else { nil }
      }
      #expect(attempts == attempts.sorted())
      #expect(updates.dropLast().allSatisfy { if case .ended = $0 { false } else { true } })
      for (one, next) in zip(updates, updates.dropFirst()) { #expect(one != next) }
    }
    #expect(hub.subscriberCount == 0)
  }

  @Test func aRemovedJobEndsTheStream() async throws {
    let store = MemoryStore()
    let client = LocalClient(store: store, types: [JobType(name: "work")], logger: quietLogger)
    let submitted = try await client.submit(NewJob("work"))
    var updates = try await client.watch(submitted.id).makeAsyncIterator()
    #expect(try await updates.next() != nil)
    // Cancelled and removed by another process: nothing told of it.
    let other = LocalClient(store: store, types: [], logger: quietLogger)
    _ = try await other.cancel(submitted.id, by: someone)
    _ = try await other.remove([.cancelled], by: someone)
    client.hub.resync()
    #expect(try await updates.next() == nil)
    let unknown = await #expect(throws: StintError.self) { try await client.watch(submitted.id) }
    #expect(unknown?.type == .notFound)
  }

  @Test func seesWhatAnotherProcessDoes() async throws {
    try await withDatabase { path in
      let time = ManualTime()
      let here = try await SQLiteStore.open(path: path, leaseClock: time.leaseClock)
      let there = try await SQLiteStore.open(path: path, leaseClock: time.leaseClock)
      let work = handler { _ in nil }
      try await withEngine([work], store: here, time: time) { engine, _ in
        var new = NewJob("work")
        new.delay = .seconds(3_600)
        let submitted = try await engine.client.submit(new)
        var updates = try await engine.client.watch(submitted.id).makeAsyncIterator()
        #expect(try await updates.next() != nil)
        let other = LocalClient(store: there, time: time, random: .seeded(2), logger: quietLogger)
        _ = try await other.cancel(submitted.id, by: someone)
        guard case .ended(let end) = try await updates.next() else {
          Issue.record("the end did not come")
          return
        }
        #expect(end.status == .cancelled)
      }
      await there.close()
      await here.close()
    }
  }

  @Test func aStoreThatFailsEndsTheStreamWithAClearError() async throws {
    let store = FaultyStore(MemoryStore())
    let client = LocalClient(store: store, types: [JobType(name: "work")], logger: quietLogger)
    let submitted = try await client.submit(NewJob("work"))
    var updates = try await client.watch(submitted.id).makeAsyncIterator()
    _ = try await updates.next()
    store.fail([.reads])
    client.hub.resync()
    let error = await #expect(throws: StintError.self) { _ = try await updates.next() }
    #expect(error?.type == .storeUnavailable)
  }
}
