import CSQLite
import Foundation
import StintCore

/// The yardstick for SQLite: a loop of bare C calls that only claims and completes by the thousand, with full
/// durability. Jobs have ids of 36 characters, as users give and get them, and 200 bytes of params. No history, no
/// results, no fencing, no events.
struct RawLoop {
  let directory: String
  let jobs: Int

  /// Claims and completions of a job a second. Throws ``StintError`` where SQLite does not do as it is told.
  func perSecond() throws -> Double {
    let path = directory + "/.stint-raw-loop-\(getpid()).db"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
    var opened: OpaquePointer?
    guard sqlite3_open(path, &opened) == SQLITE_OK, let database = opened else {
      throw StintError(.storeUnavailable, "The raw loop can not open \(path)")
    }
    defer { sqlite3_close(database) }
    func execute(_ sql: String) throws {
      guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else {
        throw StintError(.storeUnavailable, "The raw loop failed: \(String(cString: sqlite3_errmsg(database)))")
      }
    }
    func prepare(_ sql: String) throws -> OpaquePointer {
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
        throw StintError(.storeUnavailable, "The raw loop failed: \(String(cString: sqlite3_errmsg(database)))")
      }
      return statement
    }
    try execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    try execute(
      """
      CREATE TABLE jobs (id TEXT PRIMARY KEY, status TEXT NOT NULL, priority INTEGER NOT NULL, due INTEGER NOT NULL,
        attempt INTEGER NOT NULL, worker TEXT, lease INTEGER, payload TEXT NOT NULL);
      CREATE INDEX pending ON jobs (priority, due, id) WHERE status = 'pending';
      BEGIN;
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(jobs))
      INSERT INTO jobs SELECT printf('01932c5e-7f3a-7c11-b1a7-%012x', i), 'pending', 2, 0, 0, NULL, NULL, printf('%.200c', 'x') FROM n;
      COMMIT;
      PRAGMA wal_checkpoint(TRUNCATE);
      """)
    let claim = try prepare(
      """
      UPDATE jobs SET status = 'running', attempt = attempt + 1, worker = 'w', lease = 1 WHERE id IN
      (SELECT id FROM jobs WHERE status = 'pending' ORDER BY priority, due, id LIMIT 1000) RETURNING id
      """)
    let complete = try prepare(
      "UPDATE jobs SET status = 'completed', lease = NULL WHERE id = ?1 AND status = 'running'")
    defer {
      sqlite3_finalize(claim)
      sqlite3_finalize(complete)
    }
    let start = ContinuousClock.now
    var done = 0
    var ids: [[CChar]] = []
    while done < jobs {
      ids.removeAll(keepingCapacity: true)
      try execute("BEGIN IMMEDIATE")
      while sqlite3_step(claim) == SQLITE_ROW {
        let text = sqlite3_column_blob(claim, 0)?.assumingMemoryBound(to: CChar.self)
        ids.append(Array(UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(claim, 0)))))
      }
      sqlite3_reset(claim)
      try execute("COMMIT")
      guard !ids.isEmpty else { break }
      try execute("BEGIN IMMEDIATE")
      for id in ids {
        id.withUnsafeBufferPointer { text in
          sqlite3_bind_text(complete, 1, text.baseAddress, Int32(text.count), nil)
          sqlite3_step(complete)
          sqlite3_reset(complete)
        }
      }
      try execute("COMMIT")
      done += ids.count
    }
    return Double(done) / (ContinuousClock.now - start).seconds
  }
}
