import CSQLite
import Dispatch
import StintCore
import StintStore

/// The writer's connection, and what it remembers between transactions: lanes with their counts, the next sequence,
/// worker names, where running jobs are. All of it is read anew when another process has written.
final class WriteSession {
  let connection: SQLiteConnection
  var ledger = Ledger()
  private var dataVersion: Int64 = -1
  /// The version that the last hint told of: a change is told once.
  private var hintedVersion: Int64
  /// When another connection's change was seen last, in nanoseconds of this process's uptime.
  private var foreignAt: UInt64?
  private(set) var workerNumbers: [String: Int64] = [:]
  var workerBoots: [Int64: String] = [:]
  /// The statements that run once a job: spares a look-up by their text.
  private var hot = [SQLiteStatement?](repeating: nil, count: Hot.allCases.count)
  let boot: String
  let clock: @Sendable () -> LeaseInstant

  /// What changes with every transaction, and is put back if that fails.
  struct Ledger {
    var lanes: [Lane] = []
    var index: [LaneKey: Int] = [:]
    var touched: Set<Int> = []
    /// How many jobs may wait in a queue, where that is limited.
    var queueLimits: [String: Int] = [:]
    var nextSequence: Int64 = 1
    var firstSequence: Int64 = 1
  }

  struct LaneKey: Hashable {
    let queue: String
    let type: String
  }

  struct Lane {
    let number: Int64
    let key: LaneKey
    var counts: Counts
  }

  init(connection: SQLiteConnection, clock: @escaping @Sendable () -> LeaseInstant) {
    self.connection = connection
    self.clock = clock
    self.boot = clock().boot
    self.hintedVersion = (try? connection.integer("PRAGMA data_version")) ?? 0
  }

  /// Runs `body` in one transaction, on disk when this returns nil; else nothing of it has happened, or, where the
  /// error says so, nobody knows.
  func transaction(_ body: (WriteSession) throws -> Void) -> StoreError? {
    var isCommitting = false
    do {
      guard !connection.isFileGone else {
        throw StoreError.unavailable(
          "The database \(connection.path) is gone: it was moved or removed", effect: .notApplied)
      }
      try connection.statement("BEGIN IMMEDIATE").run()
      try refresh()
      try body(self)
      try flush()
      isCommitting = true
      try connection.statement("COMMIT").run()
      return nil
    } catch {
      let path = connection.path
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      dataVersion = -1
      let code = (error as? SQLiteFailure)?.code ?? 0
      let isUnknown = isCommitting && code & 0xFF == SQLITE_IOERR
      return .from(error, path: path, effect: isUnknown ? .unknown : .notApplied)
    }
  }

  /// Reads the ledger anew if another connection has written since the last transaction.
  func refresh() throws {
    let version = try connection.integer("PRAGMA data_version") ?? 0
    guard version != dataVersion else { return }
    if dataVersion != -1 { foreignAt = DispatchTime.now().uptimeNanoseconds }
    dataVersion = version
    var ledger = Ledger()
    let lanes = try connection.statement(
      """
      SELECT lane, queue, type, blocked, scheduled, pending, running, retrying, completed, failed, cancelled
      FROM lanes ORDER BY lane
      """)
    defer { lanes.reset() }
    while try lanes.step() {
      var counts = Counts()
      for status in JobStatus.allCases { counts[status] = lanes.int(3 + Int32(status.code)) }
      let key = LaneKey(queue: lanes.text(1), type: lanes.text(2))
      ledger.index[key] = ledger.lanes.count
      ledger.lanes.append(Lane(number: lanes.integer(0), key: key, counts: counts))
    }
    for queue in try connection.queues() { ledger.queueLimits[queue.name] = queue.maxPending }
    ledger.nextSequence = try connection.integer("SELECT next_sequence FROM counter") ?? 1
    ledger.firstSequence = ledger.nextSequence
    self.ledger = ledger
    workerNumbers = [:]
  }

  /// Whether others wrote within the last ten seconds.
  var isShared: Bool { foreignAt.map { DispatchTime.now().uptimeNanoseconds - $0 < 10_000_000_000 } ?? false }

  /// Whether another connection wrote since the last call. The next transaction sees to the ledger by itself.
  func takeForeignChange() -> Bool {
    guard let version = try? connection.integer("PRAGMA data_version"), version != hintedVersion else { return false }
    hintedVersion = version
    return true
  }

  /// Writes what the ledger has gained: the counts of touched lanes, the next sequence.
  func flush() throws {
    if ledger.nextSequence != ledger.firstSequence {
      let counter = try connection.statement("UPDATE counter SET next_sequence = ?1")
      counter.bind(1, ledger.nextSequence)
      try counter.run()
      ledger.firstSequence = ledger.nextSequence
    }
    guard !ledger.touched.isEmpty else { return }
    let update = try connection.statement(
      """
      UPDATE lanes SET blocked = ?2, scheduled = ?3, pending = ?4, running = ?5, retrying = ?6, completed = ?7,
        failed = ?8, cancelled = ?9 WHERE lane = ?1
      """)
    for position in ledger.touched {
      update.bind(1, ledger.lanes[position].number)
      for status in JobStatus.allCases { update.bind(2 + Int32(status.code), ledger.lanes[position].counts[status]) }
      try update.run()
    }
    ledger.touched = []
  }

  /// Names of the statements that run once a job.
  enum Hot: Int, CaseIterable {
    case insertJob, insertState, claim, end, standing, insertEvent, update
  }

  func statement(_ name: Hot, _ sql: @autoclosure () -> String) throws -> SQLiteStatement {
    if let known = hot[name.rawValue] { return known }
    let statement = try connection.statement(sql())
    hot[name.rawValue] = statement
    return statement
  }

  // MARK: The ledger

  func nextSequence() -> Int64 {
    defer { ledger.nextSequence += 1 }
    return ledger.nextSequence
  }

  /// The position in the ledger of a queue's and type's lane; a new lane is written at once.
  func lane(queue: String, type: String) throws -> Int {
    let key = LaneKey(queue: queue, type: type)
    if let known = ledger.index[key] { return known }
    let insert = try connection.statement("INSERT INTO lanes (lane, queue, type) VALUES (?1, ?2, ?3)")
    let number = (ledger.lanes.last?.number ?? 0) + 1
    insert.bind(1, number)
    insert.bind(2, queue)
    insert.bind(3, type)
    try insert.run()
    ledger.index[key] = ledger.lanes.count
    ledger.lanes.append(Lane(number: number, key: key, counts: Counts()))
    return ledger.lanes.count - 1
  }

  /// The position in the ledger of the lane with this number. Numbers are given from 1 without gaps.
  func position(lane number: Int64) -> Int { Int(number) - 1 }

  func count(lane position: Int, from: JobStatus?, to: JobStatus?, by amount: Int = 1) {
    if let from { ledger.lanes[position].counts[from] -= amount }
    if let to { ledger.lanes[position].counts[to] += amount }
    ledger.touched.insert(position)
  }

  /// The number that stands for a worker's name; a new name is written at once.
  func workerNumber(_ id: String) throws -> Int64 {
    if let known = workerNumbers[id] { return known }
    let insert = try connection.statement("INSERT OR IGNORE INTO worker_names (id, boot) VALUES (?1, ?2)")
    insert.bind(1, id)
    insert.bind(2, boot)
    try insert.run()
    let select = try connection.statement("SELECT number FROM worker_names WHERE id = ?1")
    select.bind(1, id)
    defer { select.reset() }
    _ = try select.step()
    let number = select.integer(0)
    workerNumbers[id] = number
    return number
  }

  /// Where a job is; nil if there is none of this id.
  func sequence(of id: JobID) throws -> Int64? {
    let select = try connection.statement("SELECT sequence FROM jobs WHERE id = ?1")
    select.bind(1, id.text)
    defer { select.reset() }
    return try select.step() ? select.integer(0) : nil
  }
}
