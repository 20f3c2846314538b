public import StintCore
import StintStore

extension SQLiteStore {
  /// Completes a job inside a transaction of your own, on a connection of your own to the same file: then what the
  /// transaction does happens exactly once, together with the job's end, or not at all. After River's `JobCompleteTx`.
  ///
  /// ```swift
  /// func run(_ context: JobContext) async throws -> NoOutput {
  ///   try database.write { db in  // one transaction
  ///     try db.execute("INSERT INTO payments …")
  ///     try SQLiteStore.complete(context.job, in: db.sqliteConnection, at: context.time.now())
  ///   }
  ///   return NoOutput()
  /// }
  /// ```
  ///
  /// Whatever the handler does after its transaction's commit, the job has ended.
  ///
  /// - Parameters:
  ///   - job: the job as its handler got it (`context.job`).
  ///   - result: what becomes the job's result; it is not what the handler returns.
  ///   - database: the `sqlite3 *` of a connection to the store's file, with an open transaction. Begin it with
  ///     `BEGIN IMMEDIATE`: one that has read before it writes may find that others have written since.
  ///   - at: now, by the wall clock.
  /// - Throws: ``StintCore/StintError``: `superseded` where the attempt has lost its lease or the job's end was asked
  ///   for, `store_unavailable` where the write fails or there is no open transaction. Roll back then.
  public static func complete(
    _ job: Job, result: RawJSON? = nil, in database: OpaquePointer, at: Timestamp
  ) throws(StintError) {
    let connection = SQLiteConnection(borrowing: database)
    guard connection.isInTransaction else {
      throw StintError(.storeUnavailable, "The job \(job.id) can be completed in an open transaction only")
    }
    let superseded = StintError(
      .superseded, "The attempt \(job.state.attempt) of the job \(job.id) has lost its lease, or is to stop")
    do {
      guard try connection.integer("PRAGMA application_id") == Schema.applicationID else {
        throw StintError(.storeUnavailable, "\(connection.path) is no store of Stint's")
      }
      let change = try Lifecycle.move(job, .succeeded(result), at: at)
      let session = WriteSession(connection: connection, clock: BootClock.now)
      try session.refresh()
      guard case .applied = try session.apply(change) else { throw superseded }
      try session.flush()
    } catch let error as StintError {
      throw error
    } catch is Lifecycle.IllegalMove {
      throw superseded
    } catch {
      throw StoreError.from(error, path: connection.path, effect: .notApplied).stintError
    }
  }
}
