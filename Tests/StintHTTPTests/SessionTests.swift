import StintCore
import StintHTTP
import StintTesting
import Testing

@Suite struct SessionTests {
  private func cookie(_ reply: Reply) throws -> [String: String] {
    let field = try #require(reply["Set-Cookie"])
    #expect(field.hasPrefix("stint_session="))
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
      #expect(field.contains("; \(attribute)"), "\(field)")
    }
    #expect(!field.contains("token"))
    return ["cookie": "other=1; " + String(field.prefix { $0 != ";" })]
  }

  private func signIn(_ server: TestServer, _ token: String) async throws -> Reply {
    try await server.call("POST", "/api/session", #"{"token": "\#(token)"}"#)
  }

  @Test func aTokenBecomesACookieThatCountsLikeIt() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      RESTErrorTests.check(try await server.call("GET", "/api/session"), 401, "unauthorized", "no token")
      let ada = try await signIn(server, "ada-token")
      #expect(ada.status == 200)
      #expect(try ada.json == ["token_required": true, "owner": "ada", "read_only": false])
      let headers = try cookie(ada)
      #expect(try await server.call("GET", "/api/session", headers: headers).json["owner"]?.string == "ada")
      let job = try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#, headers: headers)
      #expect(job.status == 201)
      #expect(try job.json["owner"]?.string == "ada")

      let reader = try cookie(try await signIn(server, "read-token"))
      #expect(try await server.call("GET", "/api/jobs", headers: reader).status == 200)
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#, headers: reader).status == 403)
      // A page elsewhere gains nothing from the browser's cookie.
      var foreign = headers
      foreign["origin"] = "https://evil.example"
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#, headers: foreign).status == 403)
    }
  }

  @Test func onlyARealCookieCountsAndOnlyForAWhile() async throws {
    let headers = try await withServer(configuration: SecurityTests.guarded) { server in
      let headers = try cookie(try await signIn(server, "full-token"))
      let value = try #require(headers["cookie"])
      for wrong in [
        "stint_session=", "stint_session=x", "stint_session=99999999999.AAAA", value + "A",
        String(value.dropLast(9)), value.replacing("stint_session=", with: "stint_session=9"),
      ] {
        let reply = try await server.call("GET", "/api/stats", headers: ["cookie": wrong])
        RESTErrorTests.check(reply, 401, "unauthorized", wrong)
      }
      #expect(try await server.call("GET", "/api/stats", headers: headers).status == 200)
      return headers
    }
    // Another server with the same tokens takes it: a restart ends no session. One with others does not.
    try await withServer(configuration: SecurityTests.guarded) { server in
      #expect(try await server.call("GET", "/api/stats", headers: headers).status == 200)
      server.time.advance(by: .seconds(30 * 86_400 - 1))
      #expect(try await server.call("GET", "/api/stats", headers: headers).status == 200)
      server.time.advance(by: .seconds(2))
      RESTErrorTests.check(try await server.call("GET", "/api/stats", headers: headers), 401, "unauthorized", "old")
    }
    try await withServer(configuration: HTTPConfiguration(port: 0, tokens: [AccessToken(text: "new-token")])) {
      server in
      let reply = try await server.call("GET", "/api/stats", headers: headers)
      #expect(reply.status == 401)
    }
  }

  @Test func guessingIsLimited() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      for _ in 0..<20 {
        RESTErrorTests.check(try await signIn(server, "guess"), 401, "unauthorized", "a guess")
      }
      RESTErrorTests.check(try await signIn(server, "full-token"), 429, "quota_exceeded", "after too many")
      server.time.advance(by: .seconds(61))
      #expect(try await signIn(server, "full-token").status == 200)
    }
  }

  @Test func signingOutTakesTheCookieBack() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      let reply = try await server.call("DELETE", "/api/session")
      #expect(reply.status == 200)
      #expect(reply["Set-Cookie"] == "stint_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
    }
  }

  @Test func withoutTokensNobodyNeedsASession() async throws {
    try await withServer { server in
      let open: JSONValue = ["token_required": false, "owner": nil, "read_only": false]
      #expect(try await server.call("GET", "/api/session").json == open)
      let reply = try await signIn(server, "anything")
      #expect(reply.status == 200 && reply["Set-Cookie"] == nil)
      #expect(try reply.json == open)
    }
  }

  @Test func whatIsNoTokenIsRefused() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      for body in ["{}", "[]", #"{"token": 1}"#, #"{"token": "a", "more": 1}"#, "null"] {
        RESTErrorTests.check(try await server.call("POST", "/api/session", body), 422, "invalid_params", body)
      }
      RESTErrorTests.check(try await server.call("POST", "/api/session", "{"), 400, "malformed", "{")
    }
  }
}
