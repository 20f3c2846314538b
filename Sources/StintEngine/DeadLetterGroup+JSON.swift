public import StintCore
public import StintStore

extension DeadLetterGroup {
  /// Writes the group as one of the `groups` of `GET /api/dead-letters`.
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("type", type)
      json.member("error", error.rawValue)
      json.member("count", Int64(count))
      json.member("oldest", oldest)
      json.member("newest", newest)
      json.member("message", message)
    }
  }
}
