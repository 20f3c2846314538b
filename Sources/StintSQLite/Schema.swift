import CSQLite
import StintCore
import StintStore

/// The tables, as numbered migrations. Each runs once, in order, in one transaction; none is ever edited.
///
/// A job is two rows of one number (`sequence`): `jobs` is written once, at submission; `states` is what changes, and
/// is narrow, because every move rewrites its row. `events` is history, audit and feed: a row a settled attempt and a
/// row an act, chained by `previous`, so that a job's history needs no index. One counter numbers jobs and events, so
/// that one cursor reads the feed of both.
enum Schema {
  /// "Stnt": tells a Stint database from other files.
  static let applicationID: Int64 = 0x5374_6E74

  // The conditions of the partial indexes are comparisons, not IN lists: for those SQLite would build a table of the
  // list at every update.
  static let migrations: [String] = [
    """
    CREATE TABLE counter (next_sequence INTEGER NOT NULL, probe INTEGER NOT NULL);
    INSERT INTO counter VALUES (1, 0);

    CREATE TABLE lanes (
      lane INTEGER PRIMARY KEY, queue TEXT NOT NULL, type TEXT NOT NULL,
      blocked INTEGER NOT NULL DEFAULT 0, scheduled INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL DEFAULT 0,
      running INTEGER NOT NULL DEFAULT 0, retrying INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0,
      failed INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0,
      UNIQUE (queue, type));

    CREATE TABLE jobs (
      sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, lane INTEGER NOT NULL, params TEXT NOT NULL,
      max_retries INTEGER NOT NULL, retry TEXT, timeout INTEGER, stall_timeout INTEGER, tags TEXT, metadata TEXT,
      owner TEXT, created_at INTEGER NOT NULL, submitted_by TEXT NOT NULL, submitted_from TEXT NOT NULL,
      submitted_status INTEGER NOT NULL);
    CREATE INDEX jobs_owner ON jobs (owner, sequence) WHERE owner IS NOT NULL;

    CREATE TABLE states (
      sequence INTEGER PRIMARY KEY, status INTEGER NOT NULL, lane INTEGER NOT NULL, priority INTEGER NOT NULL,
      revision INTEGER NOT NULL, run_at INTEGER NOT NULL, due_at INTEGER NOT NULL, attempt INTEGER NOT NULL,
      retry_count INTEGER NOT NULL, losses INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, worker INTEGER,
      lease_until INTEGER, cancel_requested_at INTEGER, cancelled_by TEXT, start_within INTEGER, deadline_at INTEGER,
      expires_at INTEGER, outcome INTEGER, last_event INTEGER);
    CREATE INDEX states_pending ON states (lane, priority, due_at, sequence) WHERE status = 2;
    CREATE INDEX states_due ON states (due_at, sequence) WHERE status = 1 OR status = 4;
    CREATE INDEX states_running ON states (sequence) WHERE status = 3;
    CREATE INDEX states_ended ON states (status, sequence) WHERE status >= 5;
    CREATE INDEX states_expires ON states (expires_at, sequence) WHERE expires_at IS NOT NULL;

    CREATE TABLE events (
      sequence INTEGER PRIMARY KEY, previous INTEGER, job INTEGER NOT NULL, kind INTEGER NOT NULL,
      status INTEGER NOT NULL, revision INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL,
      started_at INTEGER, worker INTEGER, error_type TEXT, error_message TEXT, result TEXT, actor TEXT, origin TEXT);

    CREATE TABLE progress (
      sequence INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, percent REAL NOT NULL, message TEXT);

    CREATE TABLE tags (
      key TEXT NOT NULL, value TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (key, value, sequence))
      WITHOUT ROWID;
    CREATE INDEX tags_sequence ON tags (sequence);

    CREATE TABLE worker_names (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, boot TEXT NOT NULL);
    CREATE TABLE workers (
      id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, state TEXT NOT NULL, slots INTEGER NOT NULL,
      types TEXT NOT NULL, processed INTEGER NOT NULL, started_at INTEGER NOT NULL, seen_at INTEGER NOT NULL)
      WITHOUT ROWID;
    """,
    """
    ALTER TABLE jobs ADD COLUMN escalated_from TEXT;
    ALTER TABLE states ADD COLUMN escalated_to TEXT;
    ALTER TABLE workers ADD COLUMN supervisor TEXT;
    CREATE INDEX events_failed ON events (at) WHERE error_type IS NOT NULL;

    CREATE TABLE output (
      job INTEGER NOT NULL, attempt INTEGER NOT NULL, number INTEGER NOT NULL, stream INTEGER NOT NULL,
      at INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (job, attempt, number)) WITHOUT ROWID;
    CREATE TABLE checkpoints (job INTEGER PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE queues (name TEXT PRIMARY KEY, max_pending INTEGER) WITHOUT ROWID;
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE workers ADD COLUMN abandoned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE workers ADD COLUMN heard_boot TEXT;
    ALTER TABLE workers ADD COLUMN heard_at INTEGER;
    CREATE TABLE clock (boot TEXT NOT NULL, ahead INTEGER NOT NULL);
    """,
    """
    ALTER TABLE jobs ADD COLUMN secret_params TEXT;
    """,
  ]

  static let version = migrations.count

  /// Refuses a database that is newer, or that belongs to another program, before anything of it is changed.
  ///
  /// - Throws: ``StoreError``; `missing` for an empty file where a store must exist.
  static func examine(_ connection: SQLiteConnection, mustExist: Bool) throws {
    let path = connection.path
    let found = Int(try connection.integer("PRAGMA user_version") ?? 0)
    let application = try connection.integer("PRAGMA application_id") ?? 0
    let tables = try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
    if mustExist, tables == 0, application == 0 { throw StoreError.missing(location: path) }
    guard application == applicationID || (tables == 0 && application == 0) else {
      throw StoreError.unavailable("\(path) is a database of another program, not Stint's", effect: .notApplied)
    }
    guard found <= version else { throw StoreError.tooNew(found: found, supported: version, location: path) }
  }

  /// Brings the database to ``version``, unless another process has just done so.
  static func migrate(_ connection: SQLiteConnection) throws {
    // Without the lock for writing where that is not needed: whoever only reads must not wait for writers.
    guard try connection.integer("PRAGMA user_version") ?? 0 < version else { return }
    try connection.execute("BEGIN IMMEDIATE")
    defer { if connection.isInTransaction { try? connection.execute("ROLLBACK") } }
    let found = Int(try connection.integer("PRAGMA user_version") ?? 0)
    guard found < version else { return try connection.execute("COMMIT") }
    for number in found..<version { try connection.execute(migrations[number]) }
    try connection.execute("PRAGMA application_id = \(applicationID)")
    try connection.execute("PRAGMA user_version = \(version)")
    try connection.execute("COMMIT")
  }
}
