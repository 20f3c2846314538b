import StintCore
import StintEngine
import StintHTTP
import Testing

@Suite struct SecurityTests {
  static let guarded = HTTPConfiguration(
    port: 0,
    tokens: [
      AccessToken(text: "full-token"), AccessToken(text: "ada-token", owner: "ada"),
      AccessToken(text: "read-token", scope: .readOnly),
    ], allowedHosts: ["stint.example", "other.example:9000"], allowedOrigins: ["https://board.example"])

  private func bearer(_ token: String) -> [String: String] { ["authorization": "Bearer \(token)"] }

  @Test func answersOnlyToItsOwnNames() async throws {
    try await withServer(configuration: HTTPConfiguration(port: 0, allowedHosts: ["stint.example", "b.example:9000"])) {
      server in
      let port = server.port
      let allowed = [
        "localhost:\(port)", "LOCALHOST:\(port)", "127.0.0.1:\(port)", "[::1]:\(port)", "stint.example",
        "stint.example:1234", "b.example:9000",
      ]
      for host in allowed {
        #expect(try await server.call("GET", "/health/live", headers: ["host": host]).status == 200, "\(host)")
      }
      let refused = [
        "evil.example", "evil.example:\(port)", "localhost", "localhost:1", "127.0.0.1.evil.example:\(port)",
        "b.example", "stint.example.evil:80", "localhost.evil:\(port)",
      ]
      for host in refused {
        for path in ["/health/live", "/api/jobs", "/nowhere"] {
          let reply = try await server.call("GET", path, headers: ["host": host])
          RESTErrorTests.check(reply, 403, "forbidden", host)
        }
      }
      for lines in ["", "Host: localhost:\(port)\r\nHost: evil.example\r\n", "Host: \r\n", "Host: a b\r\n"] {
        try await Wire.open(port) { wire in
          try await wire.send("GET /api/jobs HTTP/1.1\r\n\(lines)Connection: close\r\n\r\n")
          let text = try await wire.readAll()
          #expect(text.hasPrefix("HTTP/1.1 400 "), "\(lines.debugDescription): \(text)")
        }
      }
    }
  }

  @Test func refusesOtherPages() async throws {
    let configuration = HTTPConfiguration(port: 0, allowedOrigins: ["https://board.example"])
    try await withServer(configuration: configuration) { server in
      let own = try await server.call("GET", "/api/stats", headers: ["origin": server.url])
      #expect(own.status == 200)
      #expect(own["Access-Control-Allow-Origin"] == nil)
      for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "https://board.example.evil"] {
        let reply = try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#, headers: ["origin": origin])
        RESTErrorTests.check(reply, 403, "forbidden", origin)
        #expect(reply["Access-Control-Allow-Origin"] == nil)
      }
      #expect(try await server.call("GET", "/api/jobs").text == "[]")
      let board = ["origin": "https://board.example"]
      let fine = try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#, headers: board)
      #expect(fine.status == 201)
      #expect(fine["Access-Control-Allow-Origin"] == "https://board.example")
      #expect(fine["Vary"] == "Origin")
      let missing = try await server.call("GET", "/api/jobs/unknown-id", headers: board)
      #expect(missing["Access-Control-Allow-Origin"] == "https://board.example")
    }
  }

  @Test func answersPreflightsOfAllowedOriginsAlone() async throws {
    let configuration = HTTPConfiguration(
      port: 0, tokens: [AccessToken(text: "t")], allowedOrigins: ["https://board.example"])
    try await withServer(configuration: configuration) { server in
      let ask = ["origin": "https://board.example", "access-control-request-method": "POST"]
      let reply = try await server.call("OPTIONS", "/api/jobs", headers: ask)
      #expect(reply.status == 204)
      #expect(reply["Access-Control-Allow-Methods"] == "GET, HEAD, POST, DELETE")
      #expect(reply["Access-Control-Allow-Headers"] == "Authorization, Content-Type")
      var other = ask
      other["origin"] = "https://evil.example"
      #expect(try await server.call("OPTIONS", "/api/jobs", headers: other).status == 403)
      #expect(try await server.call("OPTIONS", "/api/jobs", headers: ["authorization": "Bearer t"]).status == 405)
    }
  }

  @Test func wantsATokenForEverythingButHealth() async throws {
    try await withServer(configuration: Self.guarded) { server in
      for path in ["/api/session", "/api/jobs", "/api/stats", "/openapi.json", "/nowhere"] {
        let reply = try await server.call("GET", path)
        RESTErrorTests.check(reply, 401, "unauthorized", path)
        #expect(reply["WWW-Authenticate"] == "Bearer")
      }
      for path in ["/health/live", "/health/ready"] {
        #expect(try await server.call("GET", path).status == 200)
      }
      #expect(try await server.call("GET", "/api/jobs", headers: bearer("full-token")).status == 200)
      #expect(try await server.call("GET", "/api/jobs", headers: ["authorization": "bearer full-token"]).status == 200)
      for wrong in ["Bearer full-toke", "Bearer full-token2", "Basic full-token", "full-token", "Bearer"] {
        #expect(
          try await server.call("GET", "/api/jobs", headers: ["authorization": wrong]).status == 401, "\(wrong)")
      }
      #expect(try await server.call("GET", "/api/jobs?token=full-token").status == 401)
    }
  }

  @Test func letsATokensOwnerWin() async throws {
    try await withServer(configuration: Self.guarded) { server in
      let body = #"{"type":"noop","owner":"bob","id":"owned-job"}"#
      let reply = try await server.call("POST", "/api/jobs", body, headers: bearer("ada-token"))
      #expect(try reply.json["owner"]?.string == "ada")
      let history = try await server.call("GET", "/api/jobs/owned-job/history", headers: bearer("full-token"))
      #expect(try history.json.array?.first?["by"]?.string == "ada")
      let free = try await server.call(
        "POST", "/api/jobs", #"{"type":"noop","owner":"bob"}"#, headers: bearer("full-token"))
      #expect(try free.json["owner"]?.string == "bob")
    }
  }

  @Test func letsAReadOnlyTokenRead() async throws {
    try await withServer(configuration: Self.guarded) { server in
      let headers = bearer("read-token")
      let id = try await server.submit("noop", id: "some-job")
      _ = try await server.end(of: id)
      for path in ["/api/jobs", "/api/jobs/some-job", "/api/jobs/some-job/progress", "/api/stats"] {
        #expect(try await server.call("GET", path, headers: headers).status == 200, "\(path)")
      }
      #expect(try await server.call("POST", "/api/jobs/status", #"{"ids":[]}"#, headers: headers).status == 200)
      for (method, path) in [
        ("POST", "/api/jobs"), ("DELETE", "/api/jobs?status=completed"), ("DELETE", "/api/jobs/some-job"),
        ("POST", "/api/jobs/some-job/retry"),
      ] {
        let reply = try await server.call(method, path, "{}", headers: headers)
        RESTErrorTests.check(reply, 403, "forbidden", "\(method) \(path)")
      }
    }
  }

  @Test func limitsTries() async throws {
    var configuration = Self.guarded
    configuration.tokenTriesPerMinute = 5
    try await withServer(configuration: configuration) { server in
      for _ in 0..<5 { #expect(try await server.call("GET", "/api/jobs", headers: bearer("guess")).status == 401) }
      let over = try await server.call("GET", "/api/jobs", headers: bearer("guess"))
      RESTErrorTests.check(over, 429, "quota_exceeded")
      #expect(over["Retry-After"] != nil)
      #expect(
        try await server.call("GET", "/api/jobs", headers: bearer("full-token")).status == 429, "no guess is confirmed")
      #expect(try await server.call("GET", "/health/live").status == 200)
      server.time.advance(by: .seconds(61))
      #expect(try await server.call("GET", "/api/jobs", headers: bearer("full-token")).status == 200)
    }
  }

  @Test func saysOnEveryAnswerWhatABrowserMayDo() async throws {
    try await withServer { server in
      let id = try await server.submit("noop")
      _ = try await server.end(of: id)
      let replies = [
        try await server.call("GET", "/"), try await server.call("GET", "/nowhere"),
        try await server.call("GET", "/api/jobs/\(id)/progress"),
        try await server.call("GET", "/", headers: ["host": "evil.example"]),
      ]
      for reply in replies {
        #expect(reply["X-Content-Type-Options"] == "nosniff")
        #expect(reply["Referrer-Policy"] == "no-referrer")
        #expect(
          reply["Content-Security-Policy"] == "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
      }
      try await Wire.open(server.port) { wire in
        try await wire.send("GARBAGE\r\n\r\n")
        #expect(try await wire.readAll().contains("X-Content-Type-Options: nosniff"))
      }
    }
  }
}
