import StintCore
import StintStore
import StintTesting
import Synchronization
import Testing

@testable import StintEngine

private final class Counter: Sendable {
  private let value = Locked(0)
  var now: Int {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
  func add() { value.withLock { $0 += 1 } }
}

@Suite(.timeLimit(.minutes(5))) struct SignalTests {
  @Test func aNotificationBeforeTheWaitIsRemembered() async {
    let signal = Signal()
    signal.notify()
    signal.notify()
    await signal.wait()
    let time = ManualTime()
    signal.notify()
    await signal.wait(untilUptime: .seconds(5), time: time)
    #expect(time.sleeperCount == 0)
  }

  @Test func noWakeupIsLost() async {
    // One task counts up and notifies; the other must see every last count without any clock.
    let signal = Signal()
    let time = ManualTime()
    let count = Counter()
    let rounds = 20_000
    let seen = Counter()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 1...rounds {
          count.now = number
          signal.notify()
          if number % 7 == 0 { while seen.now < number { await Task.yield() } }
        }
      }
      group.addTask {
        var last = 0
        while last < rounds {
          let present = count.now
          if present == last {
            await signal.wait(untilUptime: last % 3 == 0 ? .seconds(1) : nil, time: time)
          } else {
            last = present
            seen.now = last
          }
        }
      }
    }
    #expect(seen.now == rounds)
    #expect(time.sleeperCount == 0)
  }

  @Test func notifyCancelAndDeadlineMayMeet() async {
    let time = ManualTime()
    for round in 0..<2_000 {
      let signal = Signal()
      let deadline = time.uptime() + .seconds(1)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await signal.wait(untilUptime: deadline, time: time) }
        if round % 3 != 0 { group.addTask { signal.notify() } }
        if round % 3 != 1 { group.addTask { time.advance(by: .seconds(1)) } }
        if round % 3 == 2 { group.cancelAll() }
      }
      #expect(time.sleeperCount == 0)
    }
  }

  @Test func aCancelledTaskDoesNotWait() async {
    let signal = Signal()
    let waiting = Task { await signal.wait() }
    waiting.cancel()
    await waiting.value
    let time = ManualTime()
    let timed = Task { await signal.wait(untilUptime: .seconds(1), time: time) }
    timed.cancel()
    await timed.value
  }

  @Test func aSecondWaiterDoesNotStrandTheFirst() async {
    let signal = Signal()
    let done = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          await signal.wait()
          done.add()
        }
      }
      while done.now < 1 { await Task.yield() }
      signal.notify()
    }
    #expect(done.now == 2)
  }
}

/// A gateway that holds the first report until the test lets it go, and notes what is done in which order.
private final class HoldingGateway: WorkerGateway {
  let done = Log<String>()
  let held = Signal()
  let letGo = Signal()
  private let jobs: Locked<[Job]>
  private let isFirst = Atomic(true)

  init(_ job: Job) { jobs = Locked([job]) }

  func announce(_ worker: WorkerRecord) async throws(StoreError) {}
  func leave(_ worker: String) async throws(StoreError) {}
  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? { nil }
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    jobs.withLock { jobs in
      defer { jobs = [] }
      return jobs
    }
  }
  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    attempts.map { _ in .renewed(cancelledBy: nil) }
  }
  func record(_ reports: [AttemptReport]) async throws(StoreError) {
    if isFirst.exchange(false, ordering: .sequentiallyConsistent) {
      held.notify()
      await letGo.wait()
    }
    for report in reports { done.add("\(Int(report.progress?.percent ?? -1))%") }
  }
  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
    done.add("settled")
    return settlements.map { _ in .settled(.completed) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerReportTests {
  @Test func aSlowReportIsNotOvertaken() async throws {
    let time = ManualTime()
    let gate = Gate()
    let work = handler { context in
      context.progress(50)
      try await gate.pass(context)
      context.progress(60)
      return nil
    }
    var state = JobState(status: .running, revision: 1, runAt: time.now())
    state.startedAt = time.now()
    let gateway = HoldingGateway(
      Job(spec: JobSpec(id: JobID(known: "a"), type: "work", createdAt: time.now()), state: state))
    let worker = Worker(
      gateway: gateway, hub: EventHub(), handlers: [work], configuration: EngineConfiguration(),
      identity: ("host", 1), time: time, random: .seeded(1), logger: quietLogger)
    let running = Task { await worker.run() }
    await gate.wait(inside: 1)
    await gateway.held.wait()
    gate.open()
    // The attempt has ended; its outcome waits behind the report that is still on its way.
    worker.drain()
    for _ in 0..<1_000 { await Task.yield() }
    #expect(gateway.done.all.isEmpty)
    gateway.letGo.notify()
    await running.value
    #expect(gateway.done.all == ["50%", "60%", "settled"])
  }
}
