import CSQLite
import Foundation
import StintCore

/// An attempt of a job.
struct KillAttempt: Hashable, CustomStringConvertible {
  let job: JobID
  let number: Int
  var description: String { "\(job) #\(number)" }
}

/// Which attempts run, as the file says it at a moment at which the server is stopped: read without disturbing it.
struct KillScene {
  struct Unreadable: Error { let message: String }

  /// An attempt that was claimed and has no outcome on disk.
  struct Held {
    /// The process of its worker.
    let pid: Int32
    /// Whether the file knows that it has begun. It takes that for granted of jobs claimed for a free slot.
    let hasBegun: Bool
    /// Whether its handler runs, as far as its process notes that.
    let runs: Bool
  }

  private(set) var held: [KillAttempt: Held] = [:]

  /// Throws where the server stands in the middle of a change of the file's index: nobody can read then.
  init(path: String) throws {
    var database: OpaquePointer?
    // It reads alone: closing it leaves the log as it is, for whoever opens the file next.
    defer { sqlite3_close_v2(database) }
    guard sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
      throw Unreadable(message: "open")
    }
    sqlite3_busy_timeout(database, 20)
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    let sql = """
      SELECT j.id, s.attempt, s.revision, s.started_at IS NOT NULL, w.id FROM states s
      JOIN jobs j ON j.sequence = s.sequence JOIN worker_names w ON w.number = s.worker WHERE s.status = 3
      """
    guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else {
      throw Unreadable(message: String(cString: sqlite3_errmsg(database)))
    }
    var running: [Int32: Set<Int64>] = [:]
    var code = sqlite3_step(statement)
    while code == SQLITE_ROW {
      let attempt = KillAttempt(job: JobID(known: text(statement, 0)), number: Int(sqlite3_column_int(statement, 1)))
      if let pid = Self.process(of: text(statement, 4)) {
        let noted = running[pid] ?? Self.running(in: pid)
        running[pid] = noted
        held[attempt] = Held(
          pid: pid, hasBegun: sqlite3_column_int(statement, 3) != 0,
          runs: noted.contains(sqlite3_column_int64(statement, 2)))
      }
      code = sqlite3_step(statement)
    }
    guard code == SQLITE_DONE else { throw Unreadable(message: String(cString: sqlite3_errmsg(database))) }
  }

  /// The revisions of the attempts that run in a worker process, from the memory that it shares with its supervisor.
  private static func running(in pid: Int32) -> Set<Int64> {
    let bytes = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/fd/4"))) ?? Data()
    return bytes.withUnsafeBytes { Set($0.bindMemory(to: Int64.self)).subtracting([0]) }
  }

  private func text(_ statement: OpaquePointer?, _ column: Int32) -> String {
    sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
  }

  /// The process of a worker: its id is host, process and letters.
  static func process(of worker: String) -> Int32? {
    worker.split(separator: "-").dropLast().last.flatMap { Int32($0) }
  }
}

/// A process of the system, by its number.
struct KillProcess: Hashable {
  let pid: Int32

  private func stat(_ path: String) -> [Substring] {
    let text = try? String(contentsOfFile: path, encoding: .utf8)
    return text?.split(separator: ")").last?.split(separator: " ") ?? []
  }

  /// Whose child it is; nil where it has gone or ended.
  var parent: Int32? {
    let fields = stat("/proc/\(pid)/stat")
    guard let state = fields.first, state != "Z", state != "X" else { return nil }
    return fields.dropFirst().first.flatMap { Int32($0) }
  }

  /// The processes that are its children and have not ended.
  static func children(of pid: Int32) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
    return all.filter { KillProcess(pid: $0).parent == pid }.sorted()
  }

  /// Whether all its threads stand still.
  var isStopped: Bool {
    // Twice: a thread that came while the first look was under way is seen by the second.
    (0..<2).allSatisfy { _ in
      let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
      return !tasks.isEmpty && tasks.allSatisfy { ["T", "t"].contains(stat("/proc/\(pid)/task/\($0)/stat").first) }
    }
  }

  /// Stops it; false where it has ended.
  func stop() async throws -> Bool {
    kill(pid, SIGSTOP)
    return try await waitUntilStopped()
  }

  /// Waits until all its threads stand still; false where it has ended.
  func waitUntilStopped() async throws -> Bool {
    try await wait { isStopped || parent == nil }
    return isStopped
  }

  /// Waits until it has ended.
  func waitUntilGone() async throws { try await wait { parent == nil } }

  /// No event tells of these; looked at with a pause, bounded.
  private func wait(until isTrue: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while !isTrue() {
      guard ContinuousClock.now < deadline else {
        throw Child.Late(description: "The process \(pid) neither stops nor ends")
      }
      try await Task.sleep(for: .microseconds(250))
    }
  }

  /// Locks of SQLite, by their byte in the file's index.
  enum Lock: Int {
    case writing = 120
    case checkpointing = 121
  }

  /// Whether it holds the lock of the database at `path`.
  func holds(_ lock: Lock, of path: String) -> Bool {
    // Asked of the system about this one byte: /proc/locks may skip some while others come and go. Closing the file
    // would let go of this process's own locks, of which there are none: nothing else has it open here meanwhile.
    let index = open("\(path)-shm", O_RDWR | O_CLOEXEC)
    guard index >= 0 else { return false }
    defer { close(index) }
    var asked = flock()
    asked.l_type = Int16(F_WRLCK)
    asked.l_whence = Int16(SEEK_SET)
    (asked.l_start, asked.l_len) = (off_t(lock.rawValue), 1)
    return fcntl(index, F_GETLK, &asked) == 0 && asked.l_type != Int16(F_UNLCK) && asked.l_pid == pid
  }
}
