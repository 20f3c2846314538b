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
    /// Whether someone waits for it still.
    let isWanted: @Sendable () -> Bool
    /// When it came, in nanoseconds of the machine's uptime.
    let since = DispatchTime.now().uptimeNanoseconds
    /// Answers: nil once the transaction is on disk, else what went wrong. The first answer counts.
    let finish: @Sendable (StoreError?) -> Void
  }

  private struct Queue {
    var pending: [Pending] = []
    /// What the transaction under way does.
    var underWay: [Pending] = []
    var isDraining = false
    var isClosed = false
    /// Whether the transaction under way has been given up: while the disk does not answer, nothing else is tried.
    var isStuck = false
    /// Rises when the thread begins something, and when it has ended it: who gives up must mean what is under way.
    var turn: UInt64 = 0
  }

  private let queue = Locked(Queue())
  private let thread = DispatchQueue(label: "stint.sqlite.writer", qos: .userInitiated)
  private let box: SessionBox
  private let checkpointer: SQLiteReader
  private let pages = PageCount()
  private let isCheckpointing = Atomic(false)
  private let watch: CallWatch
  private let signs: SignsOfLife
  private let path: String

  /// Pages in the write-ahead log after the last commit.
  private final class PageCount: Sendable {
    let value = Atomic<Int>(0)
  }

  /// The session, reached only on ``thread``.
  private final class SessionBox: @unchecked Sendable {
    // Safe because only blocks on the writer's serial queue touch it.
    var session: WriteSession?
    var patience: LockPatience
    init(_ session: WriteSession, patience: LockPatience) { (self.session, self.patience) = (session, patience) }
  }

  /// A writer on `session`. `checkpointer` is a connection of its own, which copies the write-ahead log to the file
  /// while the writer goes on.
  init(session: sending WriteSession, checkpointer: SQLiteReader, watch: CallWatch, lockWait: UInt64) {
    let pages = pages
    self.path = session.connection.path
    self.signs = session.connection.signs
    session.connection.onCommit { count in pages.value.store(count, ordering: .relaxed) }
    self.box = SessionBox(session, patience: LockPatience(limit: lockWait))
    self.checkpointer = checkpointer
    self.watch = watch
  }

  /// The size of the log, in pages, from which it is copied to the file; small where that is to be killed.
  private static let checkpointPages = KillPoint.isWatched ? 100 : 4_000

  /// Copies the log to the file once it is long: the bulk beside the writer, the rest that came meanwhile on the
  /// writer's own thread, so that the next transaction begins the log anew.
  private func checkpointIfNeeded() {
    guard pages.value.load(ordering: .relaxed) >= Self.checkpointPages,
      !isCheckpointing.exchange(true, ordering: .relaxed)
    else { return }
    checkpointer.checkpoint { [self] in
      KillPoint.reached(.checkpointHalfDone)
      thread.async { [self] in
        watched { _ = box.session?.connection.checkpoint() }
        isCheckpointing.store(false, ordering: .relaxed)
      }
    }
  }

  /// Runs `work` in the next transaction; returns its value once that is on disk.
  func write<Value: Sendable>(
    _ work: @escaping @Sendable (WriteSession) throws -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      enqueue(
        Pending(
          perform: { session in answer.keep(try work(session)) }, isWanted: { answer.isOpen },
          finish: { answer.give($0) }))
    }
    return try result.get()
  }

  private func enqueue(_ pending: Pending) {
    let (refusal, starts) = queue.withLock { queue -> (StoreError?, Bool) in
      if queue.isClosed { return (.closed, false) }
      if queue.isStuck { return (watch.error(path, effect: .notApplied), false) }
      queue.pending.append(pending)
      defer { queue.isDraining = true }
      return (nil, !queue.isDraining)
    }
    if let refusal { return pending.finish(refusal) }
    if starts { thread.async { self.drain() } }
  }

  /// What is under way lasts too long: nobody waits for it any more, nor behind it.
  private func giveUp(_ turn: UInt64) {
    let (late, waiting) = queue.withLock { queue -> ([Pending], [Pending]) in
      guard queue.turn == turn else { return ([], []) }
      defer { (queue.underWay, queue.pending, queue.isStuck) = ([], [], true) }
      return (queue.underWay, queue.pending)
    }
    for pending in late { pending.finish(watch.error(path, effect: .unknown)) }
    for pending in waiting { pending.finish(watch.error(path, effect: .notApplied)) }
  }

  /// One transaction for all that waits. One a block, so that the log's end and the look for foreign changes get their
  /// turn under load.
  private func drain() {
    let begun = DispatchTime.now().uptimeNanoseconds
    guard drainOnce() else { return }
    // Who waits for the lock in another process looks each millisecond: after a long transaction there must be a moment
    // in which it is free, or it waits for ever on a slow disk.
    let isShared = box.session?.isShared ?? false
    if DispatchTime.now().uptimeNanoseconds - begun >= (isShared ? 5_000_000 : 50_000_000) { usleep(2_000) }
    thread.async { self.drain() }
  }

  /// False if nothing was waiting.
  private func drainOnce() -> Bool {
    let batch = queue.withLock { queue in
      let batch = queue.pending
      queue.pending = []
      queue.underWay = batch
      if batch.isEmpty { queue.isDraining = false }
      return batch
    }
    if batch.isEmpty { return false }
    watched { write(batch) }
    checkpointIfNeeded()
    return true
  }

  /// Runs `work`, on the writer's thread; should it last too long, nobody waits for it any more.
  private func watched(_ work: () -> Void) {
    let turn = queue.withLock { queue in
      queue.turn += 1
      return queue.turn
    }
    let call = watch.begin(signs) { [self] in giveUp(turn) }
    work()
    watch.end(call)
    queue.withLock { queue in
      queue.turn += 1
      (queue.underWay, queue.isStuck) = ([], false)
    }
  }

  private func write(_ batch: [Pending]) {
    guard let session = box.session else {
      for pending in batch { pending.finish(.closed) }
      return
    }
    let now = DispatchTime.now().uptimeNanoseconds
    let deadlines = box.patience.deadlines(cameAt: batch.map(\.since), now: now)
    let first = deadlines.min() ?? now
    session.connection.waitForLocks(nanoseconds: first > now ? first - now : 0)
    var failedInside = false
    var hasBegun = false
    let error = session.transaction { session in
      (hasBegun, failedInside) = (true, true)
      for pending in batch { try pending.perform(session) }
      failedInside = false
    }
    let isLocked = error != nil && !hasBegun && session.connection.hasWaitedInVain
    box.patience.tried(isLocked: isLocked, begun: now)
    session.connection.waitForLocks(nanoseconds: box.patience.limit)
    if isLocked {
      // Those who came later have time left; not for moments, or each would be a try of its own.
      let over = max(first, DispatchTime.now().uptimeNanoseconds) + 20_000_000
      let tried = zip(batch, deadlines)
      queue.withLock { $0.pending.insert(contentsOf: tried.filter { $1 > over }.map(\.0), at: 0) }
      for (pending, deadline) in tried where deadline <= over { pending.finish(error) }
      return
    }
    if error != nil, failedInside, batch.count > 1 {
      // One of them failed, and nothing of the transaction is left: whose fault it was shows when each goes alone.
      for pending in batch where pending.isWanted() { pending.finish(session.transaction { try pending.perform($0) }) }
    } else {
      for pending in batch { pending.finish(error) }
    }
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
      timer.setEventHandler { [self] in
        watched { if box.session?.takeForeignChange() ?? false { continuation.yield() } }
      }
      let canceller = Timer(source: timer)
      continuation.onTermination = { _ in canceller.source.cancel() }
      timer.resume()
    }
  }

  private struct Timer: @unchecked Sendable {
    // Safe because all that is done with it elsewhere is to cancel it, which libdispatch allows on any thread.
    let source: any DispatchSourceTimer
  }

  /// Ends after what is waiting has been written, or where the disk does not answer. Later writes fail with
  /// ``StoreError/closed``.
  func close() async {
    let isStuck = queue.withLock { queue in
      queue.isClosed = true
      return queue.isStuck
    }
    if isStuck { return }
    let _: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      let call = watch.begin(signs) { answer.give(nil) }
      thread.async { [self] in
        while drainOnce() {}
        box.session = nil
        watch.end(call)
        answer.give(nil)
      }
    }
  }
}

/// Reads on a connection of its own: a reader never waits for the writer, nor the writer for it.
final class SQLiteReader: Sendable {
  private let thread = DispatchQueue(label: "stint.sqlite.reader", qos: .userInitiated)
  private let box: ConnectionBox
  private let watch: CallWatch
  private let signs: SignsOfLife
  private let path: String
  /// Reads that were given up and are not over.
  private let stuck = Atomic<Int>(0)

  /// The connection, reached only on ``thread``.
  private final class ConnectionBox: @unchecked Sendable {
    // Safe because only blocks on the reader's serial queue touch it.
    var connection: SQLiteConnection?
    init(_ connection: SQLiteConnection) { self.connection = connection }
  }

  init(connection: sending SQLiteConnection, watch: CallWatch) {
    self.path = connection.path
    self.signs = connection.signs
    self.box = ConnectionBox(connection)
    self.watch = watch
  }

  /// Whether its disk does not answer at present.
  var isStuck: Bool { stuck.load(ordering: .relaxed) > 0 }

  /// Runs `work` on one snapshot of the database.
  func read<Value: Sendable>(
    _ work: @escaping @Sendable (SQLiteConnection) throws -> Value
  ) async throws(StoreError) -> Value {
    if isStuck { throw watch.error(path, effect: .notApplied) }
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      let call = watch.begin(signs) { [self] in
        stuck.add(1, ordering: .relaxed)
        if !answer.give(watch.error(path, effect: .notApplied)) { stuck.subtract(1, ordering: .relaxed) }
      }
      thread.async { [self] in
        defer { watch.end(call) }
        // Not where it was given up while it waited behind another.
        let error = answer.isOpen ? run(work, into: answer) : nil
        if !answer.give(error) { stuck.subtract(1, ordering: .relaxed) }
      }
    }
    return try result.get()
  }

  private func run<Value: Sendable>(
    _ work: @Sendable (SQLiteConnection) throws -> Value, into answer: Answer<Value>
  ) -> StoreError? {
    guard let connection = box.connection else { return .closed }
    do {
      try connection.execute("BEGIN")
      defer { try? connection.execute("COMMIT") }
      answer.keep(try work(connection))
      return nil
    } catch {
      return .from(error, path: path, effect: .notApplied)
    }
  }

  /// Copies the write-ahead log to the file, then calls `done`.
  func checkpoint(done: @escaping @Sendable () -> Void) {
    thread.async {
      KillPoint.reached(.checkpointBegun)
      _ = self.box.connection?.checkpoint()
      done()
    }
  }

  func close() async {
    if isStuck { return }
    let _: Result<Void, StoreError> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      let call = watch.begin(signs) { answer.give(nil) }
      thread.async { [self] in
        box.connection = nil
        watch.end(call)
        answer.give(nil)
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
