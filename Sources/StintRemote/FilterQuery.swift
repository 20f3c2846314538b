import StintCore

/// A filter as the query string of `GET /api/jobs`, or as the body of a requeue, each condition once.
struct FilterQuery {
  private var statuses: Set<JobStatus>?
  private var names: [String: String] = [:]
  private var tags: [(key: String, value: String)] = []
  private var since: Timestamp?
  private var until: Timestamp?
  private var search: String?
  /// Only these jobs.
  private(set) var ids: Set<JobID>?
  private var isImpossible = false

  /// The query of a filter; nil where no job can match. Throws `unsupported` for what the query can not say.
  init?(_ filter: JobFilter) throws(StintError) {
    try add(filter)
    if isImpossible || statuses?.isEmpty ?? false || ids?.isEmpty ?? false { return nil }
  }

  /// How many ids one query may name.
  static let idsInQuery = 100

  /// Whether ids are all that it says.
  var isIdsAlone: Bool { ids != nil && statuses == nil && names.isEmpty && tags.isEmpty && isWithoutTimesAndText }

  private var isWithoutTimesAndText: Bool { since == nil && until == nil && search == nil }

  private mutating func add(_ filter: JobFilter) throws(StintError) {
    switch filter {
    case .all: break
    case .statuses(let wanted): statuses = statuses?.intersection(wanted) ?? wanted
    case .type(let type): add("type", type)
    case .queue(let queue): add("queue", queue)
    case .owner(let owner): add("owner", owner)
    case .idFragment(let fragment):
      if names["id"] != nil, names["id"] != fragment { throw tooMuch("two parts of an id") }
      add("id", fragment)
    case .ids(let wanted): ids = ids?.intersection(wanted) ?? wanted
    case .tag(let key, let value):
      if key.isEmpty { isImpossible = true }
      tags.append((key, value))
    case .since(let instant): since = max(since ?? instant, instant)
    case .until(let instant): until = min(until ?? instant, instant)
    case .escalated(let escalated): add("escalated", String(escalated))
    case .errorType(let type): add("error", type.rawValue)
    case .text(let text):
      if text.isEmpty { break }
      if search != nil, search != text { throw tooMuch("two texts") }
      search = text
    case .and(let filters): for filter in filters { try add(filter) }
    }
  }

  private func tooMuch(_ what: String) -> StintError {
    StintError(.unsupported, "A list over HTTP can not be filtered by \(what); filter what it gives")
  }

  private mutating func add(_ key: String, _ value: String) {
    if !Name.isLegal(value) || names[key] ?? value != value { isImpossible = true }
    names[key] = value
  }

  /// `name=value&` for each condition. Throws `unsupported` for what the query can not say.
  func text() throws(StintError) -> String {
    if let key = tags.map(\.key).first(where: { $0.unicodeScalars.contains(":") }) {
      throw tooMuch("the tag key \(key), for its colon,")
    }
    if let ids, ids.count > Self.idsInQuery { throw tooMuch("\(ids.count) ids at once") }
    var text = ""
    func add(_ key: String, _ value: String) { text += "\(key)=\(Self.encode(value))&" }
    if let statuses { add("status", statuses.map(\.rawValue).sorted().joined(separator: ",")) }
    for (key, value) in names.sorted(by: { $0.key < $1.key }) { add(key, value) }
    for tag in tags { add("tag", "\(tag.key):\(tag.value)") }
    if let since { add("since", Self.seconds(since)) }
    if let until { add("until", Self.seconds(until)) }
    if let search { add("q", search) }
    if let ids { add("ids", ids.map(\.text).sorted().joined(separator: ",")) }
    return text
  }

  /// The `filter` of a requeue's body; nil where it has no condition. Throws `unsupported` for what it can not say, and
  /// gives `isImpossible` where no job can match.
  func body() throws(StintError) -> (json: JSONValue?, isImpossible: Bool) {
    if statuses != nil || ids != nil { throw tooMuch("status, or ids with other conditions,") }
    for name in ["id", "escalated"] where names[name] != nil { throw tooMuch(name) }
    var members = names.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }
    var pairs: [String: String] = [:]
    for tag in tags where pairs.updateValue(tag.value, forKey: tag.key) ?? tag.value != tag.value {
      return (nil, true)
    }
    if !pairs.isEmpty {
      let sorted = pairs.sorted { $0.key < $1.key }
      members.append(JSONMember("tags", .object(sorted.map { JSONMember($0.key, .string($0.value)) })))
    }
    if let since { members.append(JSONMember("since", .number(since.seconds))) }
    if let until { members.append(JSONMember("until", .number(until.seconds))) }
    if let search { members.append(JSONMember("q", .string(search))) }
    return (members.isEmpty ? nil : .object(members), false)
  }

  private static func seconds(_ instant: Timestamp) -> String {
    var writer = JSONWriter()
    writer.timestamp(instant)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: ":"), UInt8(ascii: ","):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        encoded += byte < 16 ? "%0" : "%"
        encoded += String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }
}
