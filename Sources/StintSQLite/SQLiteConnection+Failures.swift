import StintCore
import StintStore

/// Reads about failures, output and queues.
extension SQLiteConnection {
  func queues() throws -> [QueueRecord] {
    let select = try statement("SELECT name, max_pending FROM queues ORDER BY name")
    defer { select.reset() }
    var queues: [QueueRecord] = []
    while try select.step() {
      queues.append(QueueRecord(name: select.text(0), maxPending: select.optionalInteger(1).map(Int.init)))
    }
    return queues
  }

  static let outputQuery = """
    SELECT o.attempt, o.number, o.stream, o.at, o.text FROM output o
    WHERE o.job = (SELECT sequence FROM jobs WHERE id = ?1) AND (o.attempt, o.number) > (?2, ?3)
    ORDER BY o.attempt, o.number LIMIT ?4
    """

  func output(_ id: JobID, after place: OutputPlace?, limit: Int) throws -> [OutputChunk] {
    let select = try statement(Self.outputQuery)
    select.bind(1, id.text)
    select.bind(2, place?.attempt ?? 0)
    select.bind(3, place?.number ?? 0)
    select.bind(4, max(0, limit))
    defer { select.reset() }
    var chunks: [OutputChunk] = []
    while try select.step() {
      chunks.append(
        OutputChunk(
          attempt: select.int(0), number: select.int(1), stream: OutputChunk.Stream(code: select.int(2)) ?? .stdout,
          text: select.text(4), at: select.instant(3)))
    }
    return chunks
  }

  func checkpoint(_ id: JobID) throws -> RawJSON? {
    let select = try statement("SELECT value FROM checkpoints WHERE job = (SELECT sequence FROM jobs WHERE id = ?1)")
    select.bind(1, id.text)
    defer { select.reset() }
    return try select.step() ? select.optionalJSON(0) : nil
  }

  static let failuresQuery = """
    SELECT count(*) FROM (SELECT 1 FROM events e INDEXED BY events_failed
    CROSS JOIN jobs j ON j.sequence = e.job CROSS JOIN lanes l ON l.lane = j.lane
    WHERE e.error_type IS NOT NULL AND e.at >= ?1 AND l.type = ?2 LIMIT ?3)
    """

  func failures(ofType type: String, since: Timestamp, limit: Int) throws -> Int {
    let select = try statement(Self.failuresQuery)
    select.bind(1, since)
    select.bind(2, type)
    select.bind(3, max(0, limit))
    defer { select.reset() }
    return try select.step() ? select.int(0) : 0
  }

  func deadLetters(_ filter: JobFilter) throws -> [DeadLetterGroup] {
    let condition = SQLFilter(.and([.deadLetters, filter]))
    let select = try prepare(
      """
      SELECT l.type, o.error_type, count(*), min(s.completed_at), max(s.completed_at),
        substr(max(printf('%020d', s.completed_at) || o.error_message), 21)
      \(JobRow.tables(from: condition.lead))
      WHERE \(condition.sql) AND o.error_type IS NOT NULL
      GROUP BY l.type, o.error_type ORDER BY count(*) DESC, l.type, o.error_type
      """)
    condition.bind(to: select)
    var groups: [DeadLetterGroup] = []
    while try select.step() {
      groups.append(
        DeadLetterGroup(
          type: select.text(0), error: JobError.Kind(rawValue: select.text(1)) ?? .handler, count: select.int(2),
          oldest: select.instant(3), newest: select.instant(4), message: select.text(5)))
    }
    return groups
  }
}
