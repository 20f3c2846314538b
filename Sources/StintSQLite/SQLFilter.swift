import StintCore

/// A filter as SQL with bound values: the only place that turns one into the other.
struct SQLFilter: Sendable {
  private(set) var sql = ""
  private var values: [Value] = []

  private enum Value: Sendable {
    case text(String)
    case integer(Int64)
  }

  /// The table that a list begins with: the one whose index knows best which jobs are meant, newest first.
  private(set) var lead = "states s JOIN jobs j ON j.sequence = s.sequence"
  /// The column by which that table is ordered.
  private(set) var order = "s.sequence"

  init(_ filter: JobFilter) {
    sql = condition(filter)
    let parts = if case .and(let parts) = filter { parts } else { [filter] }
    for part in parts {
      switch part {
      case .tag(let key, let value):
        let (key, value) = (placeholder(.text(key)), placeholder(.text(value)))
        sql = "t.key = \(key) AND t.value = \(value) AND \(sql)"
        lead = "tags t CROSS JOIN states s ON s.sequence = t.sequence JOIN jobs j ON j.sequence = t.sequence"
        order = "t.sequence"
        return
      case .owner:
        lead = "jobs j INDEXED BY jobs_owner CROSS JOIN states s ON s.sequence = j.sequence"
        order = "j.sequence"
        return
      case .statuses([.running]):
        lead = "states s INDEXED BY states_running CROSS JOIN jobs j ON j.sequence = s.sequence"
        return
      default: continue
      }
    }
  }

  private mutating func placeholder(_ value: Value) -> String {
    values.append(value)
    // 1 and 2 are the statement's own.
    return "?\(values.count + 2)"
  }

  private mutating func condition(_ filter: JobFilter) -> String {
    switch filter {
    case .all: return "1"
    case .statuses(let statuses):
      if statuses == [.running] { return "s.status = 3" }
      // The planner folds an empty list away, and then finds no use for an index that was named. No status is -1.
      if statuses.isEmpty { return "s.status = -1" }
      let codes = statuses.map { String($0.code) }.sorted().joined(separator: ", ")
      // Named so that SQLite sees that the index of ended jobs applies.
      let ended = statuses.allSatisfy(\.isTerminal) ? "s.status >= 5 AND " : ""
      return "(\(ended)s.status IN (\(codes)))"
    case .type(let type): return "s.lane IN (SELECT lane FROM lanes WHERE type = \(placeholder(.text(type))))"
    case .queue(let queue): return "s.lane IN (SELECT lane FROM lanes WHERE queue = \(placeholder(.text(queue))))"
    case .owner(let owner): return "j.owner = \(placeholder(.text(owner)))"
    case .tag(let key, let value):
      let (key, value) = (placeholder(.text(key)), placeholder(.text(value)))
      return "s.sequence IN (SELECT sequence FROM tags WHERE key = \(key) AND value = \(value))"
    case .since(let instant): return "j.created_at >= \(placeholder(.integer(instant.microseconds)))"
    case .until(let instant): return "j.created_at < \(placeholder(.integer(instant.microseconds)))"
    case .text(let text):
      // Not LIKE, which ends at a NUL and refuses long texts.
      let needle = "lower(\(placeholder(.text(text))))"
      func has(_ hay: String) -> String { "instr(lower(\(hay)), \(needle))" }
      return """
        (\(has("j.id")) OR \(has("l.type")) OR \(has("l.queue")) OR \(has("o.error_message")) OR EXISTS
        (SELECT 1 FROM tags t WHERE t.sequence = s.sequence AND \(has("t.key || ':' || t.value"))))
        """
    case .idFragment(let fragment):
      let text = placeholder(.text(fragment))
      return """
        s.sequence IN (SELECT sequence FROM jobs WHERE id >= \(text) AND id < \(text) || '~'
        UNION SELECT sequence FROM jobs WHERE substr(id, -length(\(text))) = \(text))
        """
    case .ids(let ids):
      let list = placeholder(.text(RawJSON(.array(ids.map { .string($0.text) })).text))
      return "s.sequence IN (SELECT sequence FROM jobs WHERE id IN (SELECT value FROM json_each(\(list))))"
    case .escalated(let escalated): return "s.escalated_to IS \(escalated ? "NOT " : "")NULL"
    case .errorType(let type): return "o.error_type = \(placeholder(.text(type.rawValue)))"
    case .and(let filters):
      return filters.isEmpty ? "1" : "(" + filters.map { condition($0) }.joined(separator: " AND ") + ")"
    }
  }

  func bind(to statement: SQLiteStatement) {
    for (index, value) in values.enumerated() {
      switch value {
      case .text(let text): statement.bind(Int32(index + 3), text)
      case .integer(let integer): statement.bind(Int32(index + 3), integer)
      }
    }
  }
}
