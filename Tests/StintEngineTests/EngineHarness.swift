import Logging
import StintCore
import StintSQLite
import StintStore
import StintTesting
import Testing

@testable import StintEngine

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stores that every engine test runs on.
enum StoreKind: String, CaseIterable, Sendable {
  case memory, sqlite
}

/// Runs `body` on a new store of this kind, whose leases are judged by `time`.
func withStore<Value: Sendable>(
  _ kind: StoreKind, time: ManualTime, body: @Sendable (any Store) async throws -> Value
) async throws -> Value {
  switch kind {
  case .memory: return try await body(FaultyStore(MemoryStore(leaseClock: time.leaseClock), holding: time))
  case .sqlite:
    return try await withDatabase { path in
      let store = try await SQLiteStore.open(path: path, leaseClock: time.leaseClock)
      let result: Result<Value, any Error>
      do { result = .success(try await body(FaultyStore(store, holding: time))) } catch { result = .failure(error) }
      await store.close()
      return try result.get()
    }
  }
}

/// Runs `body` with a path for a database in a folder of its own.
func withDatabase<Value: Sendable>(_ body: @Sendable (String) async throws -> Value) async throws -> Value {
  let folder = FileManager.default.temporaryDirectory.appending(path: "stint-engine-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder.appending(path: "stint.db").path)
}

/// Runs `body` while an engine runs on a new store of this kind.
func withEngine(
  on kind: StoreKind, _ handlers: [Handler], slots: Int = 3, time: ManualTime = ManualTime(),
  body: @Sendable (Engine, ManualTime) async throws -> Void
) async throws {
  var configuration = EngineConfiguration()
  configuration.slots = slots
  let fixed = configuration
  try await withStore(kind, time: time) { store in
    try await withEngine(handlers, configuration: fixed, store: store, time: time, body: body)
  }
}

let quietLogger: Logger = {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  return logger
}()

/// A type whose handler takes no params.
func handler(
  _ name: String = "work", maxRetries: Int? = nil, retry: RetryPolicy? = nil, timeout: Duration? = nil,
  aliases: [String] = [], run: @escaping @Sendable (JobContext) async throws -> RawJSON?
) -> Handler {
  Handler(
    JobType(
      name: name, allowsOtherParams: true, aliases: aliases, maxRetries: maxRetries, retry: retry, timeout: timeout),
    run: run)
}

/// What tests' handlers throw.
struct Mishap: Error, CustomStringConvertible {
  var description = "it was meant to fail"
}

extension RetryPolicy {
  /// 1, 2, 4 … seconds, exactly.
  static let exact = RetryPolicy(strategy: .exponential, base: .seconds(1), jitter: 0)
  /// At once.
  static let atOnce = RetryPolicy(strategy: .immediate, base: .zero, jitter: 0)
}

extension JobClient {
  /// Submits one job.
  func submit(_ job: NewJob) async throws -> Job { try await submit([job], by: someone)[0] }

  /// The job once its status is this one. Other tasks' events bring it there.
  func job(_ id: JobID, once status: JobStatus) async throws -> Job {
    for try await update in try await watch(id) {
      switch update {
      case .status(status, _, _, _, _): return try await job(id)
      case .ended(let job):
        try #require(job.status == status, "\(id) ended \(job.status)")
        return job
      default: continue
      }
    }
    throw StintError(.internalError, "the stream of \(id) ended early")
  }

  /// Returns once this holds of the job, which nothing tells of by an event.
  func wait(for id: JobID, until holds: (Job) -> Bool) async throws {
    while true {
      if holds(try await job(id)) { return }
      await Task.yield()
    }
  }

  func kinds(_ id: JobID) async throws -> [Cause.Kind] { try await history(id).map(\.kind) }
}

/// Runs `body` while time passes in quarters of a second, each as soon as `sleepers` tasks sleep: whoever has not yet
/// seen the last step holds up the next.
func advancing<Value: Sendable>(
  _ time: ManualTime, sleepers: Int = 1, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      while !Task.isCancelled {
        if time.sleeperCount >= sleepers { time.advance(by: .milliseconds(250)) }
        await Task.yield()
      }
    }
    let value = try await body()
    group.cancelAll()
    return value
  }
}
