public import StintCore
public import StintStore

/// A store that does not answer when a test wants it so: before the call has an effect, or after.
public final class FaultyStore: Store {
  /// The calls that can fail; ``reads`` are all that change nothing.
  public enum Call: Sendable, Hashable, CaseIterable {
    case insert, claim, renew, apply, promote, record, purge, put, remove, check, reads
  }

  /// Where in a call it fails.
  public enum Moment: Sendable, Hashable {
    /// Nothing has happened.
    case before
    /// It has happened, and the caller is not told.
    case after
  }

  private struct Fault {
    var moment: Moment
    /// How many calls fail; nil until ``heal()``.
    var left: Int?
  }

  private struct State {
    var faults: [Call: Fault] = [:]
    var failures: [Call: Int] = [:]
    var watchers: [(call: Call, count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let base: any Store
  private let state = Locked(State())

  private let time: ManualTime?

  /// A store that does what `base` does until it is told to fail. `time` is held while a call is on its way.
  public init(_ base: any Store, holding time: ManualTime? = nil) {
    self.base = base
    self.time = time
  }

  /// Lets these calls fail: the next `times` of each, or all until ``heal()``.
  public func fail(_ calls: Set<Call> = Set(Call.allCases), _ moment: Moment = .before, times: Int? = nil) {
    state.withLock { state in for call in calls { state.faults[call] = Fault(moment: moment, left: times) } }
  }

  /// Every call works again.
  public func heal() { state.withLock { $0.faults = [:] } }

  /// How many calls of this kind have failed.
  public func failures(of call: Call) -> Int { state.withLock { $0.failures[call] ?? 0 } }

  /// Returns once at least `count` calls of this kind have failed.
  public func waitForFailures(of call: Call, _ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.failures[call] ?? 0 >= count { return true }
        state.watchers.append((call, count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  private func trip(_ call: Call, _ moment: Moment) throws(StoreError) {
    let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
      guard var fault = state.faults[call], fault.moment == moment, fault.left != 0 else { return nil }
      fault.left = fault.left.map { $0 - 1 }
      state.faults[call] = fault
      let count = (state.failures[call] ?? 0) + 1
      state.failures[call] = count
      let ready = state.watchers.filter { $0.call == call && $0.count <= count }.map(\.continuation)
      state.watchers.removeAll { $0.call == call && $0.count <= count }
      return ready
    }
    guard let watchers else { return }
    for watcher in watchers { watcher.resume() }
    throw .unavailable("The store is away (\(call))", effect: moment == .before ? .notApplied : .unknown)
  }

  private func through<Value>(
    _ call: Call, _ body: () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    time?.hold()
    defer { time?.release() }
    try trip(call, .before)
    let value = try await body()
    try trip(call, .after)
    return value
  }

  /// The base's.
  public var capabilities: StoreCapabilities { base.capabilities }

  /// See `Store`.
  public func insert(_ groups: [[Job]], at: Timestamp) async throws(StoreError) -> [InsertResult] {
    try await through(.insert) { () throws(StoreError) in try await base.insert(groups, at: at) }
  }

  /// See `Store`.
  public func claim(_ request: ClaimRequest, at: Timestamp) async throws(StoreError) -> [Job] {
    try await through(.claim) { () throws(StoreError) in try await base.claim(request, at: at) }
  }

  /// See `Store`.
  public func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    try await through(.renew) { () throws(StoreError) in try await base.renew(attempts, lease: lease) }
  }

  /// See `Store`.
  public func apply(_ changes: [Change], at: Timestamp) async throws(StoreError) -> [ApplyResult] {
    try await through(.apply) { () throws(StoreError) in try await base.apply(changes, at: at) }
  }

  /// See `Store`.
  public func promote(limit: Int, at: Timestamp) async throws(StoreError) -> Promotion {
    try await through(.promote) { () throws(StoreError) in try await base.promote(limit: limit, at: at) }
  }

  /// See `Store`.
  public func wallClockWasSet(by step: Duration, at: Timestamp) async throws(StoreError) {
    try await through(.promote) { () throws(StoreError) in try await base.wallClockWasSet(by: step, at: at) }
  }

  /// See `Store`.
  public func record(_ reports: [AttemptReport]) async throws(StoreError) -> [Bool] {
    try await through(.record) { () throws(StoreError) in try await base.record(reports) }
  }

  /// See `Store`.
  public func purge(_ filter: JobFilter, limit: Int) async throws(StoreError) -> [JobID] {
    try await through(.purge) { () throws(StoreError) in try await base.purge(filter, limit: limit) }
  }

  /// See `Store`.
  public func put(_ worker: WorkerRecord) async throws(StoreError) {
    try await through(.put) { () throws(StoreError) in try await base.put(worker) }
  }

  /// See `Store`.
  public func remove(worker id: String) async throws(StoreError) {
    try await through(.remove) { () throws(StoreError) in try await base.remove(worker: id) }
  }

  /// See `Store`.
  public func put(_ queue: QueueRecord) async throws(StoreError) {
    try await through(.put) { () throws(StoreError) in try await base.put(queue) }
  }

  /// See `Store`.
  public func queues() async throws(StoreError) -> [QueueRecord] {
    try await through(.reads) { () throws(StoreError) in try await base.queues() }
  }

  /// See `Store`.
  public func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk] {
    try await through(.reads) { () throws(StoreError) in try await base.output(id, after: after, limit: limit) }
  }

  /// See `Store`.
  public func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? {
    try await through(.reads) { () throws(StoreError) in try await base.checkpoint(id) }
  }

  /// See `Store`.
  public func failures(ofType type: String, since: Timestamp, limit: Int) async throws(StoreError) -> Int {
    try await through(.reads) { () throws(StoreError) in
      try await base.failures(ofType: type, since: since, limit: limit)
    }
  }

  /// See `Store`.
  public func deadLetters(_ filter: JobFilter) async throws(StoreError) -> [DeadLetterGroup] {
    try await through(.reads) { () throws(StoreError) in try await base.deadLetters(filter) }
  }

  /// See `Store`.
  public func secret() async throws(StoreError) -> [UInt8] {
    try await through(.reads) { () throws(StoreError) in try await base.secret() }
  }

  /// See `Store`.
  public func jobs(_ ids: [JobID]) async throws(StoreError) -> [Job?] {
    try await through(.reads) { () throws(StoreError) in try await base.jobs(ids) }
  }

  /// See `Store`.
  public func list(_ query: JobQuery) async throws(StoreError) -> JobPage {
    try await through(.reads) { () throws(StoreError) in try await base.list(query) }
  }

  /// See `Store`.
  public func counts() async throws(StoreError) -> Counts {
    try await through(.reads) { () throws(StoreError) in try await base.counts() }
  }

  /// See `Store`.
  public func runningByWorker() async throws(StoreError) -> [String: Int] {
    try await through(.reads) { () throws(StoreError) in try await base.runningByWorker() }
  }

  /// See `Store`.
  public func expired(limit: Int) async throws(StoreError) -> [Job] {
    try await through(.reads) { () throws(StoreError) in try await base.expired(limit: limit) }
  }

  /// See `Store`.
  public func overdue(limit: Int, at: Timestamp) async throws(StoreError) -> [Job] {
    try await through(.reads) { () throws(StoreError) in try await base.overdue(limit: limit, at: at) }
  }

  /// See `Store`.
  public func history(_ ids: [JobID]) async throws(StoreError) -> [[Event]] {
    try await through(.reads) { () throws(StoreError) in try await base.history(ids) }
  }

  /// See `Store`.
  public func events(after sequence: Int64, limit: Int) async throws(StoreError) -> [Event] {
    try await through(.reads) { () throws(StoreError) in try await base.events(after: sequence, limit: limit) }
  }

  /// See `Store`.
  public func lastEvent() async throws(StoreError) -> Int64 {
    try await through(.reads) { () throws(StoreError) in try await base.lastEvent() }
  }

  /// See `Store`.
  public func workers() async throws(StoreError) -> [WorkerRecord] {
    try await through(.reads) { () throws(StoreError) in try await base.workers() }
  }

  /// See `Store`.
  public func leaseClock() async throws(StoreError) -> LeaseInstant {
    try await through(.reads) { () throws(StoreError) in try await base.leaseClock() }
  }

  /// The base's.
  public func wakeups() -> AsyncStream<Void> { base.wakeups() }

  /// See `Store`.
  public func check() async throws(StoreError) {
    try await through(.check) { () throws(StoreError) in try await base.check() }
  }

  /// Closes the base.
  public func close() async { await base.close() }
}
