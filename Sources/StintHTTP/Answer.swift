import HTTPTypes
import StintCore
import StintEngine

/// What a route gives back, before it is bytes on a connection.
struct Answer: Sendable {
  /// What stands in the body.
  enum Body: Sendable {
    /// Nothing.
    case empty
    /// Bytes of a type.
    case bytes([UInt8], type: String)
    /// Server-Sent Events, as long as the permit is held.
    case events(JobUpdates, StreamPermit)
    /// A job's output as Server-Sent Events, as long as the permit is held.
    case output(OutputUpdates, OutputStream, StreamPermit)
    /// A WebSocket in place of HTTP.
    case socket(SocketOpening)
  }

  var status: HTTPResponse.Status
  var headers = HTTPFields()
  var body: Body
  /// Called where the client has gone before it got the answer.
  var undelivered: (@Sendable () async -> Void)?

  /// JSON of the shape that `write` gives it.
  static func json(
    _ status: HTTPResponse.Status = .ok, capacity: Int = 1_024, _ write: (inout JSONWriter) -> Void
  ) -> Answer {
    var writer = JSONWriter(capacity: capacity)
    write(&writer)
    return Answer(status: status, body: .bytes(writer.bytes, type: "application/json"))
  }

  /// An error in SPEC §7's shape.
  init(_ error: StintError, secrets: SecretParams.Known = .none) {
    var writer = JSONWriter(capacity: 256)
    error.write(to: &writer, secrets: error.existing.map { secrets[$0.spec.type] } ?? [])
    self.init(
      status: HTTPResponse.Status(code: error.type.httpStatus), body: .bytes(writer.bytes, type: "application/json"))
    switch error.type {
    case .unauthorized: headers[.wwwAuthenticate] = "Bearer"
    case .upgradeRequired:
      headers[.upgrade] = "websocket"
      headers[.secWebSocketVersion] = "13"
    case .queueFull, .quotaExceeded, .storeUnavailable: headers[.retryAfter] = "1"
    default: break
    }
  }

  init(status: HTTPResponse.Status, headers: HTTPFields = HTTPFields(), body: Body) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// What stands on every answer: a browser runs nothing of it, shows it nowhere else, and tells no one.
  static let everywhere: HTTPFields = {
    var fields = HTTPFields()
    fields[.xContentTypeOptions] = "nosniff"
    fields[.contentSecurityPolicy] = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    fields[.referrerPolicy] = "no-referrer"
    return fields
  }()
}

extension HTTPField.Name {
  // The text is fixed and legal, so these are never nil.
  // swift-format-ignore: NeverForceUnwrap
  static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
  // swift-format-ignore: NeverForceUnwrap
  static let link = HTTPField.Name("Link")!
}
