import CSQLite
import Dispatch
import StintCore
import StintStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// What SQLite answered, if not what was hoped for.
struct SQLiteFailure: Error {
  let code: Int32
  let message: String
}

/// One connection. Not thread-safe: it belongs to one serial queue, as ``SQLiteWriter`` and ``SQLiteReader`` see to.
final class SQLiteConnection {
  let path: String
  private let handle: OpaquePointer
  private let isOwn: Bool
  private var statements: [String: SQLiteStatement] = [:]
  private var commitHook: ((Int) -> Void)?
  private let lockWait = LockWait()
  /// Given while it works on something that takes long.
  let signs = SignsOfLife()

  /// Once a process, before its first connection.
  private static let configured: Int32 = stint_sqlite_disable_memory_statistics()

  init(path: String, flags: Int32) throws {
    _ = Self.configured
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let opened else {
      let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(opened)
      throw SQLiteFailure(code: code, message: message)
    }
    self.path = path
    self.handle = opened
    self.isOwn = true
    sqlite3_extended_result_codes(opened, 1)
    stint_sqlite_use_lookaside(opened)
    handleLocks()
    waitForLocks(nanoseconds: 10_000_000_000)
    sqlite3_progress_handler(
      opened, 1_000_000,
      { context in
        if let context { Unmanaged<SignsOfLife>.fromOpaque(context).takeUnretainedValue().give() }
        return 0
      }, Unmanaged.passUnretained(signs).toOpaque())
  }

  /// A connection that is somebody else's, as long as this lives.
  init(borrowing handle: OpaquePointer) {
    self.path = sqlite3_db_filename(handle, "main").map { String(cString: $0) } ?? ""
    self.handle = handle
    self.isOwn = false
  }

  /// Looks for a lock that another process holds each millisecond: SQLite's own waiting looks each tenth of a second,
  /// and on a slow disk, where the lock is free for moments only, hardly ever gets it.
  private func handleLocks() {
    sqlite3_busy_handler(
      handle,
      { context, count in
        guard let context else { return 0 }
        let wait = Unmanaged<LockWait>.fromOpaque(context).takeUnretainedValue()
        wait.isInVain = false
        if count == 0 { wait.since = DispatchTime.now().uptimeNanoseconds }
        guard DispatchTime.now().uptimeNanoseconds - wait.since < wait.limit else {
          wait.isInVain = true
          return 0
        }
        usleep(1_000)
        return 1
      }, Unmanaged.passUnretained(lockWait).toOpaque())
  }

  /// How long a lock is waited for, and since when, in nanoseconds.
  private final class LockWait {
    var limit: UInt64 = 0
    var since: UInt64 = 0
    var isInVain = false
  }

  /// How long to wait for a lock that another process holds, before the operation fails. Forgets whether one was waited
  /// for in vain.
  func waitForLocks(nanoseconds: UInt64) {
    lockWait.limit = nanoseconds
    lockWait.isInVain = false
  }

  /// Whether a lock was waited for until the time was over.
  var hasWaitedInVain: Bool { lockWait.isInVain }

  deinit {
    statements.removeAll()
    if isOwn { sqlite3_close_v2(handle) }
  }

  var failure: SQLiteFailure {
    SQLiteFailure(code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)))
  }

  /// Whether a transaction is open.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Whether the file has been moved or removed since it was opened. What is written then goes where nobody looks.
  var isFileGone: Bool {
    var isGone: Int32 = 0
    return sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &isGone) == SQLITE_OK && isGone != 0
  }

  /// Rows that the last statement changed.
  var changes: Int { Int(sqlite3_changes(handle)) }

  /// Runs statements that give no rows.
  func execute(_ sql: String) throws {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure }
  }

  /// A statement that is kept for the next time.
  func statement(_ sql: String) throws -> SQLiteStatement {
    if let known = statements[sql] { return known }
    let statement = try prepare(sql)
    statements[sql] = statement
    return statement
  }

  /// A statement for once.
  func prepare(_ sql: String) throws -> SQLiteStatement {
    var prepared: OpaquePointer?
    guard sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK,
      let prepared
    else { throw failure }
    return SQLiteStatement(handle: prepared, connection: self)
  }

  /// Copies pages from the write-ahead log to the file, as far as readers allow, without waiting for anyone; the
  /// number of pages in the log, and of those copied.
  func checkpoint() -> (pages: Int, copied: Int) {
    var pages: Int32 = 0
    var copied: Int32 = 0
    sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied)
    return (Int(pages), Int(copied))
  }

  /// Calls `hook` after every commit with the number of pages in the write-ahead log. Replaces automatic checkpoints.
  func onCommit(_ hook: @escaping (Int) -> Void) {
    commitHook = hook
    sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().commitHook?(Int(pages))
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// The whole number in the first row's first column; nil if there is no row or it is `NULL`.
  func integer(_ sql: String) throws -> Int64? {
    let statement = try statement(sql)
    defer { statement.reset() }
    return try statement.step() ? statement.optionalInteger(0) : nil
  }
}

/// A prepared statement: bind by position from 1, read columns by position from 0, as SQLite counts.
final class SQLiteStatement {
  private let handle: OpaquePointer
  private unowned let connection: SQLiteConnection
  private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  init(handle: OpaquePointer, connection: SQLiteConnection) {
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }
  func bind(_ index: Int32, _ value: Int) { sqlite3_bind_int64(handle, index, Int64(value)) }
  func bind(_ index: Int32, _ value: Double) { sqlite3_bind_double(handle, index, value) }
  func bindNull(_ index: Int32) { sqlite3_bind_null(handle, index) }

  func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { bindNull(index) }
  }

  func bind(_ index: Int32, _ instant: Timestamp?) { bind(index, instant?.microseconds) }
  func bind(_ index: Int32, _ duration: Duration?) { bind(index, duration?.microseconds) }

  func bind(_ index: Int32, _ text: String?) {
    guard var text else { return bindNull(index) }
    text.withUTF8 { utf8 in bind(index, bytes: UnsafeRawBufferPointer(utf8)) }
  }

  func bind(_ index: Int32, _ json: RawJSON?) {
    guard let json else { return bindNull(index) }
    json.bytes.withUnsafeBytes { bind(index, bytes: $0) }
  }

  private func bind(_ index: Int32, bytes: UnsafeRawBufferPointer) {
    // An empty buffer has no address, and SQLite would take that for NULL.
    let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    if let start {
      sqlite3_bind_text(handle, index, start, Int32(bytes.count), Self.copies)
    } else {
      sqlite3_bind_text(handle, index, "", 0, Self.copies)
    }
  }

  /// Goes to the next row; false at the end.
  func step() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      let failure = connection.failure
      sqlite3_reset(handle)
      throw failure
    }
  }

  /// Runs a statement that gives no rows, and makes it ready for the next time.
  func run() throws {
    _ = try step()
    sqlite3_reset(handle)
  }

  func reset() { sqlite3_reset(handle) }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }
  func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
  func instant(_ column: Int32) -> Timestamp { Timestamp(microseconds: integer(column)) }
  func optionalInstant(_ column: Int32) -> Timestamp? { optionalInteger(column).map { Timestamp(microseconds: $0) } }
  func optionalDuration(_ column: Int32) -> Duration? { optionalInteger(column).map { .microseconds($0) } }

  private static var empty: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: nil, count: 0) }

  private func bytes(_ column: Int32) -> UnsafeBufferPointer<UInt8>? {
    // As a blob: as text, SQLite would copy it to put a zero behind it. An empty one has no address.
    guard let start = sqlite3_column_blob(handle, column) else { return isNull(column) ? nil : Self.empty }
    let count = Int(sqlite3_column_bytes(handle, column))
    return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
  }

  func text(_ column: Int32) -> String { bytes(column).map { String(decoding: $0, as: UTF8.self) } ?? "" }
  func optionalText(_ column: Int32) -> String? { bytes(column).map { String(decoding: $0, as: UTF8.self) } }
  func optionalJSON(_ column: Int32) -> RawJSON? { bytes(column).map { RawJSON(wellFormed: Array($0)) } }
}
