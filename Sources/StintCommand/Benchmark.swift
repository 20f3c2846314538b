import Foundation
import Histogram
import Logging
import StintCore
import StintEngine
import StintSQLite
import StintStore

/// What `stint bench` measured: one JSON object, its keys those of the documentation.
struct BenchmarkReport: Sendable {
  var store = ""
  var jobs = 0
  var submitSerialPerSecond = 0.0
  var submitBatchPerSecond = 0.0
  var submitConcurrentPerSecond = 0.0
  var drainPerSecond = 0.0
  var latencyMilliseconds = (p50: 0.0, p99: 0.0, max: 0.0)
  var peakRSSBytes: Int64 = 0
  var diskSyncMilliseconds = 0.0
  /// A plain loop in C calls that only claims and completes, on the same disk; nil for other stores.
  var rawLoopPerSecond: Double?

  var json: RawJSON {
    func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    var members: [JSONMember] = [
      JSONMember("store", .string(store)), JSONMember("jobs", .integer(Int64(jobs))),
      JSONMember("submit_serial_per_second", .number(submitSerialPerSecond.rounded())),
      JSONMember("submit_batch_per_second", .number(submitBatchPerSecond.rounded())),
      JSONMember("submit_concurrent_per_second", .number(submitConcurrentPerSecond.rounded())),
      JSONMember("drain_per_second", .number(drainPerSecond.rounded())),
      JSONMember(
        "latency_ms",
        [
          "p50": .number(rounded(latencyMilliseconds.p50)), "p99": .number(rounded(latencyMilliseconds.p99)),
          "max": .number(rounded(latencyMilliseconds.max)),
        ]),
      JSONMember("peak_rss_bytes", .integer(peakRSSBytes)),
      JSONMember("disk_sync_ms", .number(rounded(diskSyncMilliseconds))),
    ]
    if let raw = rawLoopPerSecond {
      members.append(JSONMember("raw_loop_per_second", .number(raw.rounded())))
      members.append(JSONMember("drain_to_raw_loop", .number(rounded(drainPerSecond / raw))))
    }
    return RawJSON(.object(members))
  }
}

/// Measures a store as users use it: default settings, the worker that serves them, history, results and events
/// stored, one subscriber on the live feed, and a check of every row afterwards.
struct Benchmark: Sendable {
  let store: any Store
  /// How many jobs are drained.
  let jobs: Int
  /// Where the store's files are, for the probe of the disk; nil for none.
  let directory: String?
  /// Says what is under way.
  var say: @Sendable (String) -> Void = { _ in }

  /// 200 bytes, as a job's params often have.
  private static let params: [JSONMember] = [
    JSONMember("payload", .string(String(repeating: "x", count: 186)))
  ]
  static let actor = Actor(name: "bench", origin: "command")
  private static let typeName = "bench.noop"

  /// A job that does nothing and gives a small result.
  static func handler(began: @escaping @Sendable (Job) -> Void = { _ in }) -> Handler {
    let type = JobType(
      name: typeName, description: "Does nothing", params: [Param("payload", .string)], maxRetries: 3)
    let result = RawJSON(["ok": true])
    return Handler(type) { context in
      began(context.job)
      return result
    }
  }

  func newJobs(_ count: Int) -> [NewJob] {
    (0..<count).map { _ in NewJob(Self.typeName, params: Self.params) }
  }

  private static func seconds(_ work: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await work()
    return (ContinuousClock.now - start).seconds
  }

  func engine(_ handler: Handler) -> Engine {
    var logger = Logger(label: "stint.bench")
    logger.logLevel = .error
    return Engine(store: store, handlers: [handler], logger: logger)
  }

  /// Runs all measurements. Throws ``StintError`` if a row is not as it must be afterwards.
  func run() async throws -> BenchmarkReport {
    var report = BenchmarkReport()
    report.store = store.capabilities.name
    report.jobs = jobs
    if let directory {
      say("disk sync")
      report.diskSyncMilliseconds = try await DiskProbe.medianMilliseconds(beside: directory + "/store")
    }
    let client = engine(Self.handler()).client
    say("submitting one by one")
    let serial = max(1, min(jobs / 10, 5_000))
    let serialSeconds = try await Self.seconds {
      for job in newJobs(serial) { _ = try await client.submit([job], by: Self.actor) }
    }
    report.submitSerialPerSecond = Double(serial) / serialSeconds
    say("submitting from 64 callers")
    let each = max(1, min(jobs, 60_000) / 64)
    let concurrentSeconds = try await Self.seconds { try await submitConcurrently(client, callers: 64, each: each) }
    report.submitConcurrentPerSecond = Double(each * 64) / concurrentSeconds
    say("submitting in batches of 1,000")
    let left = max(1, jobs - serial - each * 64)
    let batches = (0..<(left + 999) / 1_000).map { newJobs(min(1_000, left - $0 * 1_000)) }
    let batchSeconds = try await Self.seconds {
      for batch in batches { _ = try await client.submit(batch, by: Self.actor) }
    }
    report.submitBatchPerSecond = Double(left) / batchSeconds
    let total = serial + each * 64 + left
    report.jobs = total
    say("draining \(total) jobs")
    report.drainPerSecond = Double(total) / (try await drain(total))
    say("checking every row")
    try await check(total)
    say("latency")
    report.latencyMilliseconds = try await latency(samples: 1_000)
    report.peakRSSBytes = Self.peakRSS()
    if report.store == "sqlite", let directory {
      say("the raw loop")
      report.rawLoopPerSecond = try RawLoop(directory: directory, jobs: min(jobs, 100_000)).perSecond()
    }
    return report
  }

  private func submitConcurrently(_ client: LocalClient, callers: Int, each: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<callers {
        group.addTask {
          for _ in 0..<each {
            _ = try await client.submit([NewJob(Self.typeName, params: Self.params)], by: Self.actor)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// The seconds from all pending to all completed.
  func drain(_ total: Int) async throws -> Double {
    let engine = engine(Self.handler())
    let feed = engine.client.hub.subscribe()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let start = ContinuousClock.now
      group.addTask { await engine.run() }
      // The subscriber: what the live page's connection does. An overflow makes it read the counts.
      var completed = 0
      while completed < total {
        for item in await feed.next() {
          switch item {
          case .event(.moved(let job)) where job.status == .completed: completed += 1
          case .event, .output: break
          case .resync: completed = try await engine.client.stats().counts[.completed]
          }
        }
      }
      let seconds = (ContinuousClock.now - start).seconds
      group.cancelAll()
      return seconds
    }
  }

  /// Every job completed, in its first attempt, with its result and its history.
  private func check(_ total: Int) async throws {
    var query = JobQuery(limit: 1_000)
    var count = 0
    repeat {
      let page = try await store.list(query)
      for (job, history) in zip(page.jobs, try await store.history(page.jobs.map(\.id))) {
        guard job.status == .completed, job.state.attempt == 1, job.result?.text == #"{"ok":true}"#,
          history.map(\.kind) == [.submitted, .succeeded]
        else { throw StintError(.internalError, "After the drain the job \(job.id) is not as it must be: \(job)") }
      }
      count += page.jobs.count
      query.before = page.next
    } while query.before != nil
    guard count == total else {
      throw StintError(.internalError, "\(count) of \(total) jobs are there after the drain")
    }
  }

  /// From the call of submit to the handler's first line, with nothing else going on.
  private func latency(samples: Int) async throws -> (p50: Double, p99: Double, max: Double) {
    let (starts, continuation) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
    let engine = engine(Self.handler { _ in continuation.yield(.now) })
    var histogram = Histogram<UInt64>(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await engine.run() }
      var iterator = starts.makeAsyncIterator()
      for sample in 0..<samples + 20 {
        let submitted = ContinuousClock.now
        let job = try await engine.client.submit(newJobs(1), by: Self.actor)[0]
        guard let began = await iterator.next() else { break }
        if sample >= 20 { histogram.record(UInt64(max(0, (began - submitted).nanoseconds))) }
        for try await update in try await engine.client.watch(job.id) { if case .ended = update { break } }
      }
      group.cancelAll()
    }
    func milliseconds(_ value: UInt64) -> Double { Double(value) / 1_000_000 }
    return (
      milliseconds(histogram.valueAtPercentile(50)), milliseconds(histogram.valueAtPercentile(99)),
      milliseconds(histogram.max)
    )
  }

  private static func peakRSS() -> Int64 {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(RUSAGE_SELF.rawValue, &usage)
      return Int64(usage.ru_maxrss) * 1_024  // kilobytes on Linux
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Int64(usage.ru_maxrss)
    #endif
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
