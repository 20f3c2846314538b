import CSQLite
import Dispatch
public import StintCore
public import StintStore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// A store in one SQLite file: durable when `insert` returns (`synchronous=FULL`), shared by the processes of one
/// machine.
///
/// One writer on its own thread puts everything that waits into one transaction; readers have connections of their
/// own. Leases are judged by the boot clock and the boot id: no setting of the wall clock expires one, a reboot
/// expires all.
public final class SQLiteStore: Store {
  /// What to do where there is no file.
  public enum Creation: Sendable {
    /// Make a new store.
    case createIfMissing
    /// Throw ``StintStore/StoreError/missing(location:)``.
    case mustExist
  }

  /// `sqlite`: durable, shared.
  public let capabilities: StoreCapabilities
  let writer: SQLiteWriter
  let readers: [SQLiteReader]
  private let checkpointer: SQLiteReader
  let clock: @Sendable () -> LeaseInstant
  private let nextReader = Atomic<Int>(0)
  private let poll: Duration

  /// How the connections are set up; what is not named is SQLite's default.
  static let pragmas = """
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -65536;
    """

  /// Opens a store, brings its tables up to date, and creates it where that is wanted.
  ///
  /// - Parameters:
  ///   - path: the file; its folder must exist.
  ///   - leaseClock: judges leases; the machine's boot clock unless a test gives another.
  ///   - wakeupPoll: how often to look whether another process has written, while anyone listens.
  ///   - patience: how long a call may last before who waits for it is told that the disk does not answer.
  ///   - lockWait: how long a call waits for a lock that another process holds; in all, also where others wait for it
  ///     before.
  /// - Throws: ``StintStore/StoreError``: missing, newer than this program, not a Stint database, not to be opened.
  public static func open(
    path: String, creation: Creation = .createIfMissing,
    leaseClock: @escaping @Sendable () -> LeaseInstant = BootClock.now, wakeupPoll: Duration = .milliseconds(200),
    patience: Duration = .seconds(10), lockWait: Duration = .seconds(2)
  ) async throws(StoreError) -> SQLiteStore {
    let result: Result<SQLiteStore, StoreError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(
          returning: Result {
            try SQLiteStore(
              path: path, creation: creation, clock: leaseClock, poll: wakeupPoll, patience: patience,
              lockWait: lockWait)
          }.mapError { .from($0, path: path, effect: .notApplied) })
      }
    }
    return try result.get()
  }

  private init(
    path: String, creation: Creation, clock: @escaping @Sendable () -> LeaseInstant, poll: Duration,
    patience: Duration, lockWait: Duration
  ) throws {
    try Self.prepareFile(path, creation: creation)
    let writing = try SQLiteConnection(path: path, flags: SQLITE_OPEN_READWRITE)
    try Schema.examine(writing, mustExist: creation == .mustExist)
    try writing.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    try writing.execute(Self.pragmas)
    try Schema.migrate(writing)
    // From here on callers try five times and workers for ever: a lock that is held for longer is told of soon.
    let lockWait = UInt64(max(0, lockWait.microseconds)) * 1_000
    writing.waitForLocks(nanoseconds: lockWait)
    let watch = CallWatch(patience: patience)
    func connect(_ setting: String) throws -> SQLiteReader {
      let connection = try SQLiteConnection(path: path, flags: SQLITE_OPEN_READWRITE)
      connection.waitForLocks(nanoseconds: lockWait)
      try connection.execute(setting)
      try connection.execute(Self.pragmas)
      return SQLiteReader(connection: connection, watch: watch)
    }
    self.checkpointer = try connect("PRAGMA synchronous = FULL;")
    self.writer = SQLiteWriter(
      session: WriteSession(connection: writing, clock: clock), checkpointer: checkpointer, watch: watch,
      lockWait: lockWait)
    self.readers = try (0..<2).map { _ in try connect("PRAGMA query_only = ON;") }
    self.clock = clock
    self.poll = poll
    self.capabilities = StoreCapabilities(name: "sqlite", location: path, isDurable: true, isShared: true)
  }

  /// Makes the file with mode 0600 before SQLite would make it readable for others.
  private static func prepareFile(_ path: String, creation: Creation) throws {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT != S_IFDIR else {
        throw StoreError.unavailable("\(path) is a folder; a store is a file", effect: .notApplied)
      }
      return
    }
    guard creation == .createIfMissing else { throw StoreError.missing(location: path) }
    let descriptor = openFile(path, O_RDWR | O_CREAT, 0o600)
    guard descriptor >= 0 else {
      let reason = String(cString: strerror(errno))
      throw StoreError.unavailable("The store \(path) can not be created: \(reason)", effect: .notApplied)
    }
    closeFile(descriptor)
  }

  func read<Value: Sendable>(
    _ work: @escaping @Sendable (SQLiteConnection) throws -> Value
  ) async throws(StoreError) -> Value {
    let next = nextReader.wrappingAdd(1, ordering: .relaxed).oldValue
    var reader = readers[Int(next.magnitude % UInt(readers.count))]
    if reader.isStuck { reader = readers.first { !$0.isStuck } ?? reader }
    return try await reader.read(work)
  }

  /// A hint whenever another process has written; looks each 200 ms while anyone listens.
  public func wakeups() -> AsyncStream<Void> { writer.foreignChanges(every: poll) }

  /// Writes a row to disk and reads it back.
  public func check() async throws(StoreError) {
    let value = Int64.random(in: 0 ... .max)
    try await writer.write { session in
      let update = try session.connection.statement("UPDATE counter SET probe = ?1")
      update.bind(1, value)
      try update.run()
    }
    let found = try await read { try $0.integer("SELECT probe FROM counter") }
    guard found != nil else {
      throw StoreError.unavailable("\(capabilities.location) did not give back what was written", effect: .notApplied)
    }
  }

  /// What the connections really are set to: `journal_mode`, `synchronous` and the tables' version.
  public func settings() async throws(StoreError) -> (journalMode: String, synchronous: Int, version: Int) {
    try await writer.write { session in
      let mode = try session.connection.statement("PRAGMA journal_mode")
      defer { mode.reset() }
      _ = try mode.step()
      let text = mode.text(0)
      let synchronous = try session.connection.integer("PRAGMA synchronous") ?? -1
      return (text, Int(synchronous), Int(try session.connection.integer("PRAGMA user_version") ?? -1))
    }
  }

  /// Finishes what is waiting, then closes all connections.
  public func close() async {
    await writer.close()
    for reader in readers + [checkpointer] { await reader.close() }
  }
}

// The C library's functions, which the store's own `open` and `close` hide inside it.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func closeFile(_ descriptor: Int32) { _ = close(descriptor) }

/// The clock that judges leases in SQLite: time since boot, suspended time included, and the boot's id.
public enum BootClock {
  /// Now.
  public static let now: @Sendable () -> LeaseInstant = {
    let boot = readBootID()
    return {
      var time = timespec()
      #if os(Linux) || os(Android)
        clock_gettime(CLOCK_BOOTTIME, &time)
      #else
        clock_gettime(CLOCK_MONOTONIC_RAW, &time)
      #endif
      return LeaseInstant(boot: boot, microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
  }()

  private static func readBootID() -> String {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return "boot" }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
  }
}
