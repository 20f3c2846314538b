import CSQLite
import Dispatch
import StintCore
import StintStore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// The one writer: takes everything that is waiting, does it in one transaction, and answers once that is on disk.
///
/// What arrives while a transaction is on its way to disk travels in the next (natural batching): nothing waits when
/// idle, thousands share a commit under load.
final class SQLiteWriter: Sendable {
  private struct Pending {
    /// Does the work inside the transaction and keeps its result.
    let perform: @Sendable (WriteSession) throws -> Void
    /// Answers: nil once the transaction is on disk, else what went wrong.
    let finish: @Sendable (StoreError?) -> Void
  }

  private struct Queue {
    var pending: [Pending] = []
    var isDraining = false
    var isClosed = false
  }

  private let queue = Locked(Queue())
  private let thread = DispatchQueue(label: "stint.sqlite.writer", qos: .userInitiated)
  private let box: SessionBox
  private let checkpointer: SQLiteReader
  private let pages = PageCount()
  private let isCheckpointing = Atomic(false)

  /// Pages in the write-ahead log after the last commit.
  private final class PageCount: Sendable {
    let value = Atomic<Int>(0)
  }

  /// The session, reached only on ``thread``.
  private final class SessionBox: @unchecked Sendable {
    // Safe because only blocks on the writer's serial queue touch it.
    var session: WriteSession?
    init(_ session: WriteSession) { self.session = session }
  }

  /// A writer on `session`. `checkpointer` is a connection of its own, which copies the write-ahead log to the file
  /// while the writer goes on.
  init(session: sending WriteSession, checkpointer: SQLiteReader) {
    let pages = pages
    session.connection.onCommit { count in pages.value.store(count, ordering: .relaxed) }
    self.box = SessionBox(session)
    self.checkpointer = checkpointer
  }

  /// The size of the log, in pages, from which it is copied to the file.
  private static let checkpointPages = 4_000

  /// Copies the log to the file once it is long: the bulk beside the writer, the rest that came meanwhile on the
  /// writer's own thread, so that the next transaction begins the log anew.
  private func checkpointIfNeeded() {
    guard pages.value.load(ordering: .relaxed) >= Self.checkpointPages,
      !isCheckpointing.exchange(true, ordering: .relaxed)
    else { return }
    checkpointer.checkpoint { [self] in
      thread.async { [self] in
        _ = box.session?.connection.checkpoint()
        isCheckpointing.store(false, ordering: .relaxed)
      }
    }
  }

  /// Runs `work` in the next transaction; returns its value once that is on disk.
  func write<Value: Sendable>(
    _ work: @escaping @Sendable (WriteSession) throws -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      let value = Locked<Value?>(nil)
      let holder = Holder(value)
      enqueue(
        Pending(
          perform: { session in
            let done = try work(session)
            holder.value.withLock { $0 = done }
          },
          finish: { error in
            let done = holder.value.withLock { $0 }
            if let done, error == nil {
              continuation.resume(returning: .success(done))
            } else {
              continuation.resume(returning: .failure(error ?? .closed))
            }
          }))
    }
    return try result.get()
  }

  private final class Holder<Value: Sendable>: Sendable {
    let value: Locked<Value?>
    init(_ value: consuming Locked<Value?>) { self.value = value }
  }

  private func enqueue(_ pending: Pending) {
    let (isClosed, starts) = queue.withLock { queue in
      if queue.isClosed { return (true, false) }
      queue.pending.append(pending)
      defer { queue.isDraining = true }
      return (false, !queue.isDraining)
    }
    if isClosed { return pending.finish(.closed) }
    if starts { thread.async { self.drain() } }
  }

  /// One transaction for all that waits. One a block, so that the log's end and the look for foreign changes get their
  /// turn under load.
  private func drain() {
    if drainOnce() { thread.async { self.drain() } }
  }

  /// False if nothing was waiting.
  private func drainOnce() -> Bool {
    let batch = queue.withLock { queue in
      let batch = queue.pending
      queue.pending = []
      if batch.isEmpty { queue.isDraining = false }
      return batch
    }
    if batch.isEmpty { return false }
    guard let session = box.session else {
      for pending in batch { pending.finish(.closed) }
      return true
    }
    var failedInside = false
    let error = session.transaction { session in
      failedInside = true
      for pending in batch { try pending.perform(session) }
      failedInside = false
    }
    if error != nil, failedInside, batch.count > 1 {
      // One of them failed, and nothing of the transaction is left: whose fault it was shows when each goes alone.
      for pending in batch { pending.finish(session.transaction { try pending.perform($0) }) }
    } else {
      for pending in batch { pending.finish(error) }
    }
    checkpointIfNeeded()
    return true
  }

  /// Yields when another connection has changed the database, looked at every `interval` as long as anyone reads.
  ///
  /// SQLite tells nobody of a commit. A timer on the writer's own queue looks, because a task that sleeps costs more
  /// than the look, and this is most of what an idle server does.
  func foreignChanges(every interval: Duration) -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let timer = DispatchSource.makeTimerSource(queue: thread)
      let step = DispatchTimeInterval.microseconds(Int(interval.microseconds))
      timer.schedule(deadline: .now() + step, repeating: step, leeway: .milliseconds(20))
      timer.setEventHandler { [box] in
        if box.session?.takeForeignChange() ?? false { continuation.yield() }
      }
      let watch = Watch(timer)
      continuation.onTermination = { _ in watch.timer.cancel() }
      timer.resume()
    }
  }

  private struct Watch: @unchecked Sendable {
    // Safe because all that is done with it elsewhere is to cancel it, which libdispatch allows on any thread.
    let timer: any DispatchSourceTimer
    init(_ timer: any DispatchSourceTimer) { self.timer = timer }
  }

  /// Ends after what is waiting has been written. Later writes fail with ``StoreError/closed``.
  func close() async {
    await withCheckedContinuation { continuation in
      queue.withLock { $0.isClosed = true }
      thread.async {
        while self.drainOnce() {}
        self.box.session = nil
        continuation.resume()
      }
    }
  }
}

/// Reads on a connection of its own: a reader never waits for the writer, nor the writer for it.
final class SQLiteReader: Sendable {
  private let thread = DispatchQueue(label: "stint.sqlite.reader", qos: .userInitiated)
  private let box: ConnectionBox

  /// The connection, reached only on ``thread``.
  private final class ConnectionBox: @unchecked Sendable {
    // Safe because only blocks on the reader's serial queue touch it.
    var connection: SQLiteConnection?
    init(_ connection: SQLiteConnection) { self.connection = connection }
  }

  init(connection: sending SQLiteConnection) { self.box = ConnectionBox(connection) }

  /// Runs `work` on one snapshot of the database.
  func read<Value: Sendable>(
    _ work: @escaping @Sendable (SQLiteConnection) throws -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      thread.async {
        guard let connection = self.box.connection else { return continuation.resume(returning: .failure(.closed)) }
        continuation.resume(
          returning: Result {
            try connection.execute("BEGIN")
            defer { try? connection.execute("COMMIT") }
            return try work(connection)
          }.mapError { StoreError.from($0, path: connection.path, effect: .notApplied) })
      }
    }
    return try result.get()
  }

  /// Copies the write-ahead log to the file, then calls `done`.
  func checkpoint(done: @escaping @Sendable () -> Void) {
    thread.async {
      _ = self.box.connection?.checkpoint()
      done()
    }
  }

  func close() async {
    await withCheckedContinuation { continuation in
      thread.async {
        self.box.connection = nil
        continuation.resume()
      }
    }
  }
}

extension StoreError {
  /// What a failure of SQLite means to the engine.
  static func from(_ error: any Error, path: String, effect: Effect) -> StoreError {
    guard let failure = error as? SQLiteFailure else {
      return error as? StoreError ?? .unavailable("\(path): \(error)", effect: effect)
    }
    let reason =
      switch failure.code & 0xFF {
      case SQLITE_NOTADB: "The file \(path) is not a SQLite database"
      case SQLITE_BUSY, SQLITE_LOCKED: "The database \(path) is locked by another process"
      case SQLITE_FULL: "The disk of \(path) is full"
      case SQLITE_READONLY: "The database \(path) can not be written: it is read-only"
      case SQLITE_CANTOPEN where access(path, W_OK) != 0 && errno == EROFS:
        "The database \(path) can not be opened: its disk is read-only"
      case SQLITE_CANTOPEN where access(path, R_OK | W_OK) != 0 && errno == EACCES:
        "The database \(path) can not be opened: this user may not read and write it"
      case SQLITE_CANTOPEN: "The database \(path) can not be opened"
      case SQLITE_CORRUPT: "The database \(path) is damaged"
      default: "The database \(path) failed"
      }
    return .unavailable("\(reason) (\(failure.message), SQLite code \(failure.code))", effect: effect)
  }
}
