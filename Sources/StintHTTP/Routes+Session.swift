import HTTPTypes
import StintCore

extension Route {
  private static let schema = Schemas.object([
    "token_required": ["type": "boolean"], "owner": Schemas.text, "read_only": ["type": "boolean"],
  ])

  /// A token for a cookie, so that a browser needs to be told it once.
  static let session: [Route] = [
    Route(
      method: .get, path: "/api/session", name: "showSession", summary: "What the caller may do.",
      successes: [Success(status: 200, description: "It is let in.", schema: schema)],
      run: { exchange in describe(exchange.access, exchange) }),
    Route(
      method: .post, path: "/api/session", name: "signIn", summary: "Exchanges a token for a cookie.",
      body: [
        "type": "object", "properties": ["token": ["type": "string"]], "required": ["token"],
        "additionalProperties": false,
      ],
      successes: [
        Success(
          status: 200, description: "The cookie counts like the token, for thirty days.", schema: schema,
          headers: ["Set-Cookie"])
      ],
      errors: [.unauthorized, .quotaExceeded], isOpen: true, run: signIn),
    Route(
      method: .delete, path: "/api/session", name: "signOut", summary: "Takes the cookie back.",
      successes: [
        Success(
          status: 200, description: "The browser forgets it.",
          schema: Schemas.object(["success": ["type": "boolean"]]), headers: ["Set-Cookie"])
      ],
      isOpen: true,
      run: { _ in
        var answer = Answer.json { $0.object { $0.member("success", true) } }
        answer.headers[.setCookie] = SessionCookie.cleared
        return answer
      }),
  ]

  @Sendable private static func signIn(_ exchange: Exchange) async throws(StintError) -> Answer {
    let json = try exchange.json()
    guard let members = json.object, members.count == 1, let token = json["token"]?.string else {
      throw StintError(.invalidParams, "Expected {\"token\": \"...\"}, and nothing else")
    }
    let gatekeeper = exchange.service.gatekeeper
    let now = exchange.service.time.now()
    guard gatekeeper.needsToken else { return describe(Gatekeeper.Access(), exchange) }
    let entry = try gatekeeper.signIn(token, from: exchange.address, at: now)
    var answer = describe(entry.access, exchange)
    answer.headers[.setCookie] = entry.cookie
    return answer
  }

  @Sendable private static func describe(_ access: Gatekeeper.Access, _ exchange: Exchange) -> Answer {
    .json { json in
      json.object { json in
        json.member("token_required", exchange.service.gatekeeper.needsToken)
        json.member("owner", access.owner)
        json.member("read_only", access.isReadOnly)
      }
    }
  }
}
