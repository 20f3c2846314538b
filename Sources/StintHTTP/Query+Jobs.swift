import StintCore

extension Query {
  /// The jobs that `GET /api/jobs` is asked for. Throws `invalid_params`, naming every parameter that does not fit.
  func jobs() throws(StintError) -> JobQuery {
    var reader = FilterReader()
    for item in items { reader.read(item) }
    if reader.ids.count > 100 { throw StintError(.tooLarge, "\(reader.ids.count) ids; allowed are 100") }
    guard reader.faults.isEmpty else { throw StintError.invalid("Invalid query", reader.faults) }
    var query = JobQuery(limit: reader.limit, before: reader.before)
    query.filter = reader.filter
    return query
  }

  /// The filter in the body of a requeue, and what is wrong with it: at least one condition, named as in the query.
  static func deadLetterFilter(_ json: JSONValue) -> (filter: JobFilter?, faults: [StintError.Detail]) {
    let names = ["type", "error", "queue", "owner", "tags", "since", "until", "q"]
    let allowed = names.joined(separator: ", ")
    guard let members = json.object, !members.isEmpty else {
      return (nil, [.init(param: "filter", message: "\(json.excerpt()): expected at least one of \(allowed)")])
    }
    var reader = FilterReader()
    for member in members {
      let given = member.value
      switch member.key {
      case "tags":
        guard let tags = given.object, !tags.isEmpty, tags.allSatisfy({ !$0.key.isEmpty && $0.value.string != nil })
        else {
          reader.fault(member.key, "\(given.excerpt()): expected an object of text")
          continue
        }
        reader.filters += tags.map { .tag(key: $0.key, value: $0.value.string ?? "") }
      case "since", "until":
        if let text = given.string {
          reader.read(Item(name: member.key, value: text))
        } else if let instant = given.number.flatMap({ Timestamp(seconds: $0) }) {
          reader.filters.append(member.key == "since" ? .since(instant) : .until(instant))
        } else {
          reader.fault(member.key, "\(given.excerpt()): expected Unix seconds or ISO 8601")
        }
      case _ where names.contains(member.key):
        guard let text = given.string else {
          reader.fault(member.key, "\(given.excerpt()) is \(given.kind), expected a string")
          continue
        }
        reader.read(Item(name: member.key, value: text))
      default: reader.fault(member.key, "unknown; allowed: \(allowed)")
      }
    }
    let faults = reader.faults.map { StintError.Detail(param: "filter.\($0.param)", message: $0.message) }
    return (faults.isEmpty ? reader.filter : nil, faults)
  }

  /// The statuses in `status`. Throws `invalid_params` where it is missing, or names others than `allowed`.
  func statuses(allowed: [JobStatus]) throws(StintError) -> Set<JobStatus> {
    let names = allowed.map(\.rawValue).joined(separator: ", ")
    guard let text = self["status"], !text.isEmpty else {
      throw StintError.invalid("Invalid query", [.init(param: "status", message: "is required; allowed: \(names)")])
    }
    var statuses: Set<JobStatus> = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let status = JobStatus(name: String(name)), allowed.contains(status) else {
        let message = "\(JSONValue.string(String(name)).excerpt()) is not allowed; allowed: \(names)"
        throw StintError.invalid("Invalid query", [.init(param: "status", message: message)])
      }
      statuses.insert(status)
    }
    return statuses
  }

  /// The ids in `text`, `limit` at most. Throws `invalid_params` or `too_large`.
  static func ids(_ texts: [String], limit: Int) throws(StintError) -> [JobID] {
    guard texts.count <= limit else {
      throw StintError(.tooLarge, "\(texts.count) ids; allowed are \(limit)")
    }
    var ids: [JobID] = []
    var faults: [StintError.Detail] = []
    for text in texts {
      if let id = JobID(text) {
        ids.append(id)
      } else {
        faults.append(
          .init(param: "ids", message: "\(JSONValue.string(text).excerpt()) is no job id: an id is \(Name.rule)"))
      }
    }
    guard faults.isEmpty else { throw StintError.invalid("Invalid ids", faults) }
    return ids
  }
}

/// Reads the filters of a list and collects the faults.
private struct FilterReader {
  var filters: [JobFilter] = []
  var ids: [String] = []
  var limit = 100
  var before: Int64?
  var faults: [StintError.Detail] = []

  /// All of the conditions.
  var filter: JobFilter { filters.isEmpty ? .all : filters.count == 1 ? filters[0] : .and(filters) }

  mutating func read(_ item: Query.Item) {
    let value = item.value
    switch item.name {
    case "status": statuses(value)
    case "type": name(item) { .type($0) }
    case "queue": name(item) { .queue($0) }
    case "owner": name(item) { .owner($0) }
    case "id": name(item) { .idFragment($0) }
    case "ids":
      ids = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let legal = ids.compactMap { JobID($0) }
      guard legal.count == ids.count else { return fault(item, "expected ids joined by commas: \(Name.rule)") }
      filters.append(.ids(Set(legal)))
    case "escalated":
      guard let escalated = Bool(value) else { return fault(item, "allowed are true and false") }
      filters.append(.escalated(escalated))
    case "error":
      guard let type = JobError.Kind(rawValue: value) else {
        let names = JobError.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        return fault(item, "allowed are \(names)")
      }
      filters.append(.errorType(type))
    case "tag":
      guard let tag = value.pair(separatedBy: ":") else { return fault(item, "expected key:value") }
      filters.append(.tag(key: tag.key, value: tag.value))
    case "since": instant(item) { .since($0) }
    case "until": instant(item) { .until($0) }
    case "q":
      guard !value.isEmpty else { return fault(item, "expected some text") }
      filters.append(.text(value))
    case "limit":
      guard let number = Int(value), (1...1_000).contains(number) else { return fault(item, "allowed is 1 to 1000") }
      limit = number
    case "before":
      guard let number = Int64(value), number >= 0 else {
        return fault(item, "expected a number of the Link header of the page before")
      }
      before = number
    default: break
    }
  }

  mutating func fault(_ name: String, _ message: String) { faults.append(.init(param: name, message: message)) }

  private mutating func fault(_ item: Query.Item, _ message: String) {
    fault(item.name, "\(JSONValue.string(item.value).excerpt()): \(message)")
  }

  private mutating func statuses(_ text: String) {
    var statuses: Set<JobStatus> = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let status = JobStatus(name: String(name)) else {
        return fault(Query.Item(name: "status", value: String(name)), "allowed are \(JobStatus.names)")
      }
      statuses.insert(status)
    }
    filters.append(.statuses(statuses))
  }

  private mutating func name(_ item: Query.Item, _ filter: (String) -> JobFilter) {
    guard Name.isLegal(item.value) else { return fault(item, "expected \(Name.rule)") }
    filters.append(filter(item.value))
  }

  private mutating func instant(_ item: Query.Item, _ filter: (Timestamp) -> JobFilter) {
    // A + that was not escaped reads as a space, and in a time it can only have been a +.
    let text = String(item.value.map { $0 == " " ? "+" : $0 })
    guard let instant = Double(text).flatMap({ Timestamp(seconds: $0) }) ?? Timestamp(iso8601: text) else {
      return fault(item, "expected Unix seconds or ISO 8601")
    }
    filters.append(filter(instant))
  }
}
