public import StintCore
import StintEngine
public import StintStore

/// Dead letters and the number of workers, over HTTP.
extension RemoteClient {
  /// Ids that one request may name.
  private static let idsInBody = 1_000

  /// See ``StintEngine/JobClient/deadLetters(_:)``.
  public func deadLetters(_ filter: JobFilter) async throws(StintError) -> [DeadLetterGroup] {
    guard let query = try FilterQuery(filter) else { return [] }
    let json = try await ask(.GET, "/api/dead-letters?\(try query.text())limit=1").json
    guard let elements = json["groups"]?.array else { throw strange("no groups of dead letters") }
    var groups: [DeadLetterGroup] = []
    for element in elements {
      guard let group = DeadLetterGroup(json: element) else { throw strange("a group with something else in it") }
      groups.append(group)
    }
    return groups
  }

  /// See ``StintEngine/JobClient/requeue(_:dryRun:by:)``.
  public func requeue(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Requeued {
    guard let query = try FilterQuery(filter) else { return Requeued() }
    if query.isIdsAlone, let ids = query.ids {
      var all = Requeued()
      for part in Self.parts(of: ids, Self.idsInBody) {
        let some = try await requeue(JSONMember("ids", .array(part.map { .string($0.text) })), dryRun)
        all.count += some.count
        all.skipped += some.skipped
      }
      return all
    }
    let (json, isImpossible) = try query.body()
    if isImpossible { return Requeued() }
    return try await requeue(json.map { JSONMember("filter", $0) } ?? JSONMember("all", true), dryRun)
  }

  private func requeue(_ which: JSONMember, _ isDryRun: Bool) async throws(StintError) -> Requeued {
    let body = RawJSON(.object([which, JSONMember("dry_run", .bool(isDryRun))])).bytes
    let json = try await ask(.POST, "/api/dead-letters/requeue", body: body).json
    // A server of an earlier version has none.
    let skipped = json["skipped"] == nil ? 0 : try count("skipped", json)
    return Requeued(count: try count("requeued", json), skipped: skipped)
  }

  /// See ``StintEngine/JobClient/purgeDeadLetters(_:dryRun:by:)``.
  public func purgeDeadLetters(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Int {
    guard let query = try FilterQuery(filter) else { return 0 }
    if query.isIdsAlone, let ids = query.ids, ids.count > FilterQuery.idsInQuery {
      var count = 0
      for part in Self.parts(of: ids, FilterQuery.idsInQuery) {
        count += try await purgeDeadLetters(.ids(Set(part)), dryRun: dryRun, by: actor)
      }
      return count
    }
    let text = try query.text()
    let target = "/api/dead-letters?\(text.isEmpty ? "all=true&" : text)dry_run=\(dryRun)"
    return try count("removed", try await ask(.DELETE, target).json)
  }

  /// See ``StintEngine/JobClient/setWorkers(_:by:)``.
  public func setWorkers(_ count: Int, by actor: Actor) async throws(StintError) -> Int {
    let body = RawJSON(["count": .integer(Int64(count))]).bytes
    return try self.count("count", try await ask(.PUT, "/api/workers", body: body).json)
  }

  /// See ``StintEngine/JobClient/workerCount()``.
  public func workerCount() async throws(StintError) -> WorkerCount? {
    let json = try await ask(.GET, "/api/workers/count").json
    guard let unit = json["unit"]?.string.flatMap({ WorkerCount.Unit(rawValue: $0) }) else { return nil }
    return WorkerCount(try count("count", json), unit)
  }

  private func count(_ name: String, _ json: JSONValue) throws(StintError) -> Int {
    guard let count = json[name]?.integer.flatMap({ Int(exactly: $0) }) else { throw strange("no number \(name)") }
    return count
  }

  private static func parts(of ids: Set<JobID>, _ size: Int) -> [[JobID]] {
    let sorted = ids.sorted { $0.text < $1.text }
    return stride(from: 0, to: sorted.count, by: size).map { Array(sorted[$0..<min($0 + size, sorted.count)]) }
  }
}

extension DeadLetterGroup {
  /// A group from its wire form.
  init?(json: JSONValue) {
    func instant(_ key: String) -> Timestamp? { json[key]?.number.flatMap { Timestamp(seconds: $0) } }
    guard let type = json["type"]?.string, let error = json["error"]?.string.flatMap(JobError.Kind.init(rawValue:)),
      let count = json["count"]?.integer.flatMap({ Int(exactly: $0) }), let oldest = instant("oldest"),
      let newest = instant("newest")
    else { return nil }
    self.init(
      type: type, error: error, count: count, oldest: oldest, newest: newest, message: json["message"]?.string ?? "")
  }
}
