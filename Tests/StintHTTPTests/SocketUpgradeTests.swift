import NIOCore
import StintCore
import StintEngine
import StintHTTP
import Testing

/// Which handshakes become sockets, and what all others are answered.
@Suite struct SocketUpgradeTests {
  /// Sends a handshake that must be refused: the answer, and the connection goes on after it.
  private func refused(
    _ port: Int, _ status: Int, _ type: String, path: String = "/ws/queue", headers: [String]
  ) async throws {
    try await Wire.open(port) { wire in
      try await wire.send(SocketClient.handshake(port, path: path, headers: headers))
      let text = try await wire.read { $0.hasSuffix("}") }
      let what = "\(path) \(headers)"
      #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(what): \(text)")
      let body = text.split(separator: "\r\n\r\n", maxSplits: 1).last.map { Array($0.utf8) } ?? []
      let json = try JSONParser.parse(body, depth: 8)
      #expect(json["code"] == .integer(Int64(status)) && json["type"] == .string(type), "\(what): \(text)")
      #expect(json["error"]?.string?.isEmpty == false)
      try await wire.send("GET /health/live HTTP/1.1\r\nHost: localhost:\(port)\r\n\r\n")
      let next = try await wire.read { $0.contains("\"live\"") }
      #expect(next.contains("HTTP/1.1 200 "), "the connection goes on after \(what)")
    }
  }

  @Test func opensWithTheRightHeaders() async throws {
    try await withServer { server in
      let origin = "Origin: http://localhost:\(server.port)"
      for headers in [[], ["connection: keep-alive, upgrade"], ["upgrade: WebSocket"], [origin]] {
        try await SocketClient.connect(server.port, headers: headers) { socket in
          guard case .opened(let head) = try await socket.event() else { return #expect(Bool(false), "\(headers)") }
          #expect(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
          #expect(head.contains("\r\nUpgrade: websocket\r\n") && head.contains("\r\nConnection: Upgrade\r\n"))
          _ = try await socket.message("queue_state")
        }
      }
    }
  }

  @Test func readsWhatComesRightBehindTheHandshake() async throws {
    try await withServer { server in
      // Requests before it are answered first, and the socket's first messages are not lost.
      try await Wire.open(server.port) { wire in
        var all = ByteBuffer(string: "GET /health/live HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\n")
        all.writeString(SocketClient.handshake(server.port))
        all.writeImmutableBuffer(SocketClient.frame(0x81, Array(#"{"type":"ping"}"#.utf8)))
        try await wire.send(all)
        let text = try await wire.read { $0.contains("\"pong\"") && $0.contains("queue_state") }
        #expect(text.contains("HTTP/1.1 101 Switching Protocols\r\n"))
        let parts = text.split(separator: "HTTP/1.1 ")
        #expect(parts.count == 2 && parts[0].hasPrefix("200 ") && parts[1].hasPrefix("101 "), "\(text)")
      }
    }
  }

  @Test func answersWhatIsNoHandshake() async throws {
    try await withServer { server in
      for headers in [
        ["Sec-WebSocket-Version: 8"], ["Sec-WebSocket-Key: short"], ["Upgrade: h2c"], ["Connection: keep-alive"],
      ] {
        try await refused(server.port, 426, "upgrade_required", headers: headers)
      }
      try await refused(server.port, 404, "not_found", path: "/ws/other", headers: [])
      try await refused(server.port, 422, "invalid_params", path: "/ws/queue?x=1", headers: [])
      let plain = try await server.call("GET", "/ws/queue")
      RESTErrorTests.check(plain, 426, "upgrade_required")
      #expect(plain["Upgrade"] == "websocket")
      #expect(try await server.call("HEAD", "/ws/queue").status == 426)
      #expect(try await server.call("POST", "/ws/queue", "{}").status == 405)
      // As curl --http2 asks: an ordinary answer, and more of them on the same connection.
      try await Wire.open(server.port) { wire in
        let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
        let host = "Host: localhost:\(server.port)\r\n"
        for _ in 0..<3 {
          try await wire.send("GET /health/live HTTP/1.1\r\n\(host)\(h2c)\r\nGET /api/stats HTTP/1.1\r\n\(host)\r\n")
        }
        let body = "Content-Type: application/json\r\nContent-Length: 15\r\n"
        try await wire.send("POST /api/jobs HTTP/1.1\r\n\(host)\(h2c)\(body)\r\n")
        try await wire.send(#"{"type":"noop"}"#)
        let text = try await wire.read { $0.contains("201 Created") }
        #expect(text.split(separator: "HTTP/1.1 200 OK").count == 6, "\(text)")
      }
      let openAPI = try await server.call("GET", "/openapi.json").json["paths"]?["/ws/queue"]?["get"]
      #expect(openAPI?["responses"]?["426"] != nil && openAPI?["responses"]?["101"] != nil)
    }
  }

  @Test func refusesOtherPagesOtherNamesAndStrangers() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      let token = "Authorization: Bearer full-token"
      try await refused(server.port, 403, "forbidden", headers: [token, "Origin: https://evil.example"])
      try await refused(server.port, 403, "forbidden", headers: [token, "Origin: null"])
      try await refused(server.port, 403, "forbidden", headers: [token, "Host: evil.example:\(server.port)"])
      try await refused(server.port, 401, "unauthorized", headers: [])
      try await refused(server.port, 401, "unauthorized", path: "/ws/queue?token=full-token", headers: [])
      try await refused(server.port, 401, "unauthorized", headers: ["Authorization: Bearer wrong"])
      #expect(server.http.openSockets == 0)
      for headers in [[token], [token, "Origin: https://board.example"], [token, "Host: stint.example"]] {
        try await SocketClient.open(server.port, headers: headers) { socket in
          _ = try await socket.message("queue_state")
        }
      }
    }
  }

  @Test func countsAWrongTokenOnce() async throws {
    var configuration = SecurityTests.guarded
    configuration.tokenTriesPerMinute = 3
    try await withServer(configuration: configuration) { server in
      for _ in 0..<3 {
        try await refused(server.port, 401, "unauthorized", headers: ["Authorization: Bearer guess"])
      }
      try await refused(server.port, 429, "quota_exceeded", headers: ["Authorization: Bearer full-token"])
    }
  }

  @Test func hasSoManyPlaces() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.limits.sockets = 2
    try await withServer(configuration: configuration) { server in
      try await SocketClient.open(server.port) { first in
        _ = try await first.message("queue_state")
        try await SocketClient.open(server.port) { second in
          _ = try await second.message("queue_state")
          try await refused(server.port, 429, "quota_exceeded", headers: [])
          try await second.drop()
        }
        try await eventually("a place is free") { server.http.openSockets == 1 }
        try await SocketClient.open(server.port) { third in
          _ = try await third.message("queue_state")
          #expect(server.http.openSockets == 2)
        }
      }
    }
  }
}
