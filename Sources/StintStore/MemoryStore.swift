public import StintCore
import Synchronization

/// A store in memory: as quick as it gets, and gone with the process.
///
/// All of it is ``State``, a pure value that is also the oracle of the differential tests and the simulator's store;
/// this class only keeps it behind a lock.
public final class MemoryStore: Store {
  private let state: Locked<State>
  private let isClosed = Atomic(false)
  private let ownSecret = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
  private let clock: @Sendable () -> LeaseInstant

  /// An empty store. `leaseClock` judges leases.
  public init(leaseClock: @escaping @Sendable () -> LeaseInstant = MemoryStore.processClock) {
    self.state = Locked(State())
    self.clock = leaseClock
  }

  /// The process's own monotonic clock: a store in memory does not outlive it.
  public static let processClock: @Sendable () -> LeaseInstant = {
    let start = ContinuousClock.now
    return { LeaseInstant(boot: "process", microseconds: (ContinuousClock.now - start).microseconds) }
  }()

  /// `memory`: not durable, not shared.
  public let capabilities = StoreCapabilities(
    name: "memory", location: "this process", isDurable: false, isShared: false)

  private func locked<Value>(_ body: (inout State) -> sending Value) throws(StoreError) -> sending Value {
    guard !isClosed.load(ordering: .acquiring) else { throw StoreError.closed }
    return state.withLock(body)
  }

  /// See ``Store/insert(_:at:)``.
  public func insert(_ groups: [[Job]], at: Timestamp) async throws(StoreError) -> [InsertResult] {
    try locked { state in groups.map { state.insert($0) } }
  }

  /// See ``Store/claim(_:at:)``.
  public func claim(_ request: ClaimRequest, at: Timestamp) async throws(StoreError) -> [Job] {
    let now = clock()
    return try locked { $0.claim(request, at: at, clock: now) }
  }

  /// See ``Store/renew(_:lease:)``.
  public func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    let now = clock()
    return try locked { state in attempts.map { state.renew($0, lease: lease, clock: now) } }
  }

  /// See ``Store/apply(_:at:)``.
  public func apply(_ changes: [Change], at: Timestamp) async throws(StoreError) -> [ApplyResult] {
    let now = clock()
    return try locked { state in changes.map { state.apply($0, clock: now) } }
  }

  /// See ``Store/promote(limit:at:)``.
  public func promote(limit: Int, at: Timestamp) async throws(StoreError) -> Promotion {
    try locked { $0.promote(limit: limit, at: at) }
  }

  /// See ``Store/wallClockWasSet(by:at:)``.
  public func wallClockWasSet(by step: Duration, at: Timestamp) async throws(StoreError) {
    let now = clock()
    try locked { $0.wallClockWasSet(by: step, at: at, clock: now) }
  }

  /// See ``Store/record(_:)``.
  public func record(_ reports: [AttemptReport]) async throws(StoreError) -> [Bool] {
    try locked { state in reports.map { state.record($0) } }
  }

  /// See ``Store/purge(_:limit:)``.
  public func purge(_ filter: JobFilter, limit: Int) async throws(StoreError) -> [JobID] {
    try locked { $0.purge(filter, limit: limit) }
  }

  /// See ``Store/put(_:)``.
  public func put(_ worker: WorkerRecord) async throws(StoreError) {
    let now = clock()
    try locked { state in
      state.workers[worker.id] = worker
      state.heard[worker.id] = now
    }
  }

  /// See ``Store/remove(worker:)``.
  public func remove(worker id: String) async throws(StoreError) {
    try locked { state in
      state.workers[id] = nil
      state.heard[id] = nil
    }
  }

  /// See ``Store/put(_:)``.
  public func put(_ queue: QueueRecord) async throws(StoreError) {
    try locked { $0.queues[queue.name] = queue }
  }

  /// See ``Store/jobs(_:)``.
  public func jobs(_ ids: [JobID]) async throws(StoreError) -> [Job?] {
    try locked { state in ids.map { state.job($0) } }
  }

  /// See ``Store/list(_:)``.
  public func list(_ query: JobQuery) async throws(StoreError) -> JobPage {
    try locked { $0.list(query) }
  }

  /// See ``Store/counts()``.
  public func counts() async throws(StoreError) -> Counts { try locked { $0.counts } }

  /// See ``Store/runningByWorker()``.
  public func runningByWorker() async throws(StoreError) -> [String: Int] { try locked { $0.runningByWorker() } }

  /// See ``Store/expired(limit:)``.
  public func expired(limit: Int) async throws(StoreError) -> [Job] {
    let now = clock()
    return try locked { $0.expired(limit: limit, clock: now) }
  }

  /// See ``Store/overdue(limit:at:)``.
  public func overdue(limit: Int, at: Timestamp) async throws(StoreError) -> [Job] {
    try locked { $0.overdue(limit: limit, at: at) }
  }

  /// See ``Store/history(_:)``.
  public func history(_ ids: [JobID]) async throws(StoreError) -> [[Event]] {
    try locked { state in ids.map { state.history($0) } }
  }

  /// See ``Store/events(after:limit:)``.
  public func events(after sequence: Int64, limit: Int) async throws(StoreError) -> [Event] {
    try locked { $0.events(after: sequence, limit: limit) }
  }

  /// See ``Store/queues()``.
  public func queues() async throws(StoreError) -> [QueueRecord] {
    try locked { $0.queues.values.sorted { $0.name < $1.name } }
  }

  /// See ``Store/output(_:after:limit:)``.
  public func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk] {
    try locked { $0.output(id, after: after, limit: limit) }
  }

  /// See ``Store/checkpoint(_:)``.
  public func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? { try locked { $0.checkpoint(id) } }

  /// See ``Store/failures(ofType:since:limit:)``.
  public func failures(ofType type: String, since: Timestamp, limit: Int) async throws(StoreError) -> Int {
    try locked { $0.failures(ofType: type, since: since, limit: limit) }
  }

  /// See ``Store/deadLetters(_:)``.
  public func deadLetters(_ filter: JobFilter) async throws(StoreError) -> [DeadLetterGroup] {
    try locked { $0.deadLetters(filter) }
  }

  /// See ``Store/secret()``.
  public func secret() async throws(StoreError) -> [UInt8] { ownSecret }

  /// See ``Store/lastEvent()``.
  public func lastEvent() async throws(StoreError) -> Int64 { try locked { $0.lastSequence } }

  /// See ``Store/workers()``.
  public func workers() async throws(StoreError) -> [WorkerRecord] {
    let now = clock()
    return try locked { state in
      state.workers.values.sorted { $0.id < $1.id }.map { worker in
        var worker = worker
        worker.silence = now.silence(since: state.heard[worker.id])
        return worker
      }
    }
  }

  /// See ``Store/leaseClock()``.
  public func leaseClock() async throws(StoreError) -> LeaseInstant { clock() }

  /// Nobody else can change it: a stream without elements.
  public func wakeups() -> AsyncStream<Void> { AsyncStream { $0.finish() } }

  /// See ``Store/check()``.
  public func check() async throws(StoreError) { try locked { _ in } }

  /// See ``Store/close()``.
  public func close() async { isClosed.store(true, ordering: .releasing) }
}
