public import StintCore
public import StintStore

extension SQLiteStore {
  /// See ``StintStore/Store/insert(_:at:)``.
  public func insert(_ groups: [[Job]], at: Timestamp) async throws(StoreError) -> [InsertResult] {
    try await writer.write { session in try groups.map { try session.insert($0) } }
  }

  /// See ``StintStore/Store/claim(_:at:)``.
  public func claim(_ request: ClaimRequest, at: Timestamp) async throws(StoreError) -> [Job] {
    try await writer.write { session in try session.claim(request, at: at) }
  }

  /// See ``StintStore/Store/renew(_:lease:)``.
  public func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    try await writer.write { session in try attempts.map { try session.renew($0, lease: lease) } }
  }

  /// See ``StintStore/Store/apply(_:at:)``.
  public func apply(_ changes: [Change], at: Timestamp) async throws(StoreError) -> [ApplyResult] {
    try await writer.write { session in try changes.map { try session.apply($0) } }
  }

  /// See ``StintStore/Store/promote(limit:at:)``.
  public func promote(limit: Int, at: Timestamp) async throws(StoreError) -> Promotion {
    try await writer.write { session in try session.promote(limit: limit, at: at) }
  }

  /// See ``StintStore/Store/wallClockWasSet(by:at:)``.
  public func wallClockWasSet(by step: Duration, at: Timestamp) async throws(StoreError) {
    let now = clock()
    try await writer.write { session in try session.wallClockWasSet(by: step, at: at, clock: now) }
  }

  /// See ``StintStore/Store/record(_:)``.
  public func record(_ reports: [AttemptReport]) async throws(StoreError) -> [Bool] {
    try await writer.write { session in try reports.map { try session.record($0) } }
  }

  /// See ``StintStore/Store/purge(_:limit:)``.
  public func purge(_ filter: JobFilter, limit: Int) async throws(StoreError) -> [JobID] {
    try await writer.write { session in try session.purge(filter, limit: limit) }
  }

  /// See ``StintStore/Store/put(_:)``.
  public func put(_ worker: WorkerRecord) async throws(StoreError) {
    try await writer.write { session in try session.put(worker) }
  }

  /// See ``StintStore/Store/put(_:)``.
  public func put(_ queue: QueueRecord) async throws(StoreError) {
    try await writer.write { session in try session.put(queue) }
  }

  /// See ``StintStore/Store/secret()``.
  public func secret() async throws(StoreError) -> [UInt8] { try await writer.write { try $0.secret() } }

  /// See ``StintStore/Store/remove(worker:)``.
  public func remove(worker id: String) async throws(StoreError) {
    try await writer.write { session in
      let delete = try session.connection.statement("DELETE FROM workers WHERE id = ?1")
      delete.bind(1, id)
      try delete.run()
    }
  }
}
