import StintCore
import StintEngine
import StintHTTP
import Testing

/// What a client of `/ws/queue` sends, good and bad.
@Suite struct SocketCommandTests {
  /// Sends, and reads the error that must come.
  private func refusal(_ socket: SocketClient, _ text: String) async throws -> JSONValue {
    try await socket.sendText(text)
    return try await socket.message("error")
  }

  private func check(_ error: JSONValue, _ code: Int64, _ type: String, _ what: String) {
    #expect(error["code"] == .integer(code), "\(what): \(error.excerpt(limit: 300))")
    #expect(error["error_type"] == .string(type), "\(what): \(error.excerpt(limit: 300))")
    #expect(error["message"]?.string?.isEmpty == false, "\(what)")
    #expect(keys(error).isSubset(of: ["type", "message", "code", "error_type", "details", "job", "request_id"]))
  }

  @Test func staysOpenWhateverComes() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let malformed = [
          "", " ", "no json", "{", "[]", "null", "3", "\"ping\"", "{\"type\":\"ping\"", "{\"type\":\"ping\"} {}",
          "{\"type\":\"ping\",\"type\":\"ping\"}", String(repeating: "[", count: 10_000),
        ]
        for text in malformed { check(try await refusal(socket, text), 400, "malformed", text) }
        let invalid = [
          "{}", #"{"type":null}"#, #"{"type":7}"#, #"{"type":"Ping"}"#, #"{"type":"drop_table"}"#,
          #"{"type":"ping","extra":1}"#, #"{"type":"get_state","job_id":"a"}"#,
          #"{"type":"clear_completed","all":true}"#,
          #"{"type":"cancel_job"}"#, #"{"type":"cancel_job","job_id":3}"#, #"{"type":"cancel_job","job_id":"a b"}"#,
          #"{"type":"retry_job","job_id":""}"#, #"{"type":"retry_job","job_id":"a","force":true}"#,
          #"{"type":"create_job"}"#, #"{"type":"create_job","job_type":7}"#,
          #"{"type":"create_job","job_type":"count","params":{"n":99}}"#,
          #"{"type":"create_job","job_type":"count","params":[]}"#,
          #"{"type":"create_job","job_type":"noop","options":{}}"#,
          #"{"type":"ping","request_id":7}"#,
          #"{"type":"ping","request_id":"\#(String(repeating: "r", count: 129))"}"#,
        ]
        server.time.advance(by: .seconds(1))
        for text in invalid {
          let error = try await refusal(socket, text)
          check(error, 422, "invalid_params", text)
          #expect(error["details"]?.array?.isEmpty == false, "\(text): \(error)")
        }
        try await socket.send(frame: 0x82, [1, 2, 3])
        check(try await socket.message("error"), 415, "unsupported_media_type", "a binary message")
        try await socket.send("ping")
        #expect(try await socket.message() == ["type": "pong"])
      }
    }
  }

  @Test func namesWhatIsWrongAndRepeatsTheRequest() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let faults = #"{"type":"create_job","job_type":"count","params":{"n":99,"m":1},"request_id":"r-1"}"#
        let error = try await refusal(socket, faults)
        check(error, 422, "invalid_params", faults)
        #expect(Set(error["details"]?.array?.compactMap { $0["param"]?.string } ?? []) == ["n", "m"])
        #expect(error["request_id"] == "r-1")
        let rest = try await server.call("POST", "/api/jobs", #"{"type":"count","params":{"n":99,"m":1}}"#).json
        #expect(error["details"] == rest["details"] && error["message"] == rest["error"])
        let wrongType = try await refusal(socket, #"{"type":"create_job","job_type":7}"#)
        #expect(wrongType["details"]?.array?.first?["param"] == "job_type")
        let both = try await refusal(
          socket, #"{"type":"create_job","job_type":"count","priority":"z","params":{"n":99}}"#)
        #expect(both["details"]?.array?.map { $0["param"] } == ["priority", "n"])
        let unknown = try await refusal(socket, #"{"type":"create_job","job_type":"nop","request_id":"r-2"}"#)
        check(unknown, 422, "unknown_type", "an unknown type")
        for (type, code, kind) in [("cancel_job", 404, "not_found"), ("retry_job", 404, "not_found")] {
          let text = #"{"type":"\#(type)","job_id":"nowhere","request_id":"r-3"}"#
          let error = try await refusal(socket, text)
          check(error, Int64(code), kind, text)
          #expect(error["request_id"] == "r-3")
        }
        let id = try await server.submit("login", params: ["password": "hunter2"], id: "job-1")
        _ = try await server.end(of: id)
        _ = try await socket.message { $0.type == "job_completed" }
        check(try await refusal(socket, #"{"type":"cancel_job","job_id":"job-1"}"#), 409, "illegal_move", "over")
        check(try await refusal(socket, #"{"type":"retry_job","job_id":"job-1"}"#), 409, "illegal_move", "completed")
        let twice = try await refusal(socket, #"{"type":"create_job","job_type":"noop","id":"job-1"}"#)
        check(twice, 409, "duplicate_id", "an id that exists")
        #expect(twice["job"]?["params"]?["password"] == "***")
      }
    }
  }

  @Test func takesEveryOptionOfREST() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let options = #"""
          "queue":"slow","priority":"high","delay":"5m","max_retries":2,"retry":"fast","timeout_seconds":9,
          "tags":{"team":"video"},"metadata":{"a":[1]},"owner":"ada"
          """#
        try await socket.sendText(#"{"type":"create_job","job_type":"noop","id":"ws",\#(options)}"#)
        let ours = try #require(try await socket.message("job_created")["job"])
        let reply = try await server.call("POST", "/api/jobs", #"{"type":"noop","id":"rest",\#(options)}"#)
        let theirs = try reply.json
        #expect(keys(ours) == keys(theirs))
        for key in keys(ours) where key != "id" { #expect(ours[key] == theirs[key], "\(key)") }
      }
    }
  }

  @Test func takesFiftyCommandsASecond() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        for _ in 0..<50 { try await socket.send("ping") }
        try await socket.send("create_job", ["job_type": "noop", "request_id": "one-too-many"])
        try await socket.send(frame: 0x82, [1])
        // A refusal does not wait until the others are done.
        var messages: [JSONValue] = []
        for _ in 0..<52 { messages.append(try await socket.message()) }
        #expect(messages.count { $0 == ["type": "pong"] } == 50)
        let errors = messages.filter { $0.type == "error" }
        for error in errors { check(error, 429, "quota_exceeded", "one too many") }
        #expect(errors.map { $0["request_id"] } == ["one-too-many", nil])
        #expect(try await server.client.stats().counts.total == 0, "it is not done")
        server.time.advance(by: .seconds(1))
        try await socket.send("ping")
        #expect(try await socket.message() == ["type": "pong"])
      }
    }
  }

  @Test func letsAReadOnlyTokenReadAndAnOwnerWin() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      try await SocketClient.open(server.port, headers: ["Authorization: Bearer read-token"]) { reader in
        _ = try await reader.message("queue_state")
        for text in [
          #"{"type":"create_job","job_type":"noop"}"#, #"{"type":"cancel_job","job_id":"a"}"#,
          #"{"type":"retry_job","job_id":"a"}"#, #"{"type":"clear_completed"}"#,
        ] {
          check(try await refusal(reader, text), 403, "forbidden", text)
        }
        try await reader.send("ping")
        #expect(try await reader.message() == ["type": "pong"])
        server.time.advance(by: .milliseconds(300))
        try await reader.send("get_state")
        _ = try await reader.message("queue_state")
        try await SocketClient.open(server.port, headers: ["Authorization: Bearer ada-token"]) { ada in
          _ = try await ada.message("queue_state")
          try await ada.send("create_job", ["job_type": "noop", "owner": "bob", "id": "job-1"])
          #expect(try await reader.message("job_created")["job"]?["owner"] == "ada")
          let history = try await server.client.history(JobID(known: "job-1"))
          #expect(history.first?.actor?.name == "ada")
        }
      }
    }
  }

  @Test func readsFragmentsAndSkipsWhatIsTooLarge() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let text = Array(#"{"type":"create_job","job_type":"noop","id":"job-1","metadata":{"ä":"ö"}}"#.utf8)
        for (index, byte) in text.enumerated() {
          let first: UInt8 = (index == 0 ? 0x01 : 0x00) | (index == text.count - 1 ? 0x80 : 0)
          try await socket.send(frame: first, [byte])
          if index == 10 { try await socket.send(frame: 0x89, [1, 2, 3]) }
        }
        #expect(try await socket.message("job_created")["job"]?["metadata"]?["ä"] == "ö")
        let part = [UInt8](repeating: 0x20, count: 600_000)
        try await socket.send(frame: 0x01, part)
        try await socket.send(frame: 0x80, part)
        check(try await socket.message { $0.type == "error" }, 413, "too_large", "in two parts")
        try await socket.send("ping")
        #expect(try await socket.message { $0.type == "pong" } == ["type": "pong"])
        // A single frame is refused by its length: it can not be skipped.
        try await socket.send(frame: 0x81, [UInt8](repeating: 0x20, count: 1 << 20 + 1))
        #expect(try await socket.closed() == 1_009)
      }
    }
  }

  @Test func closesAsTheProtocolSays() async throws {
    try await withServer { server in
      let wrong: [(code: Int?, frames: [(UInt8, [UInt8], Bool)])] = [
        (1_000, [(0x88, [0x03, 0xE8], true)]), (3_000, [(0x88, [0x0B, 0xB8, 0x6F, 0x6B], true)]),
        (nil, [(0x88, [], true)]), (1_002, [(0x88, [0x03, 0xED], true)]), (1_002, [(0x81, [0x7B, 0x7D], false)]),
        (1_002, [(0xC1, [0x7B, 0x7D], true)]), (1_002, [(0x80, [0x7B], true)]), (1_002, [(0x09, [], true)]),
        (1_002, [(0x89, [UInt8](repeating: 0, count: 126), true)]), (1_007, [(0x81, [0xFF, 0xFE], true)]),
        (1_002, [(0x01, [0x7B], true), (0x81, [0x7D], true)]),
      ]
      for (code, frames) in wrong {
        try await SocketClient.open(server.port) { socket in
          _ = try await socket.message("queue_state")
          for (first, content, isMasked) in frames {
            try await socket.send(frame: first, content, isMasked: isMasked)
          }
          #expect(try await socket.closed() == code, "\(frames)")
          // Whoever began, the server ends the connection once both have said so.
          if let code, code == 1_002 || code == 1_007 { try? await socket.send(frame: 0x88, [0x03, 0xE8]) }
          try await socket.ended()
        }
      }
      try await eventually("places are free") { server.http.openSockets == 0 }
    }
  }

  @Test func closesWhoeverGivesNoSignOfLife() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { silent in
        _ = try await silent.message("queue_state")
        try await SocketClient.open(server.port) { lively in
          _ = try await lively.message("queue_state")
          func ping(_ socket: SocketClient) async throws {
            while true { if case .ping = try await socket.event() { return } }
          }
          for _ in 0..<3 {
            server.time.advance(by: .seconds(20))
            try await ping(lively)
            try await lively.send(frame: 0x8A, [])
            // The pong is read before the next second begins.
            try await lively.send("ping")
            _ = try await lively.message { $0.type == "pong" }
            await server.time.waitForSleepers()
          }
          try await silent.ended()
          try await lively.send("ping")
          _ = try await lively.message { $0.type == "pong" }
        }
      }
    }
  }

  @Test func saysWhenTheStoreIsAway() async throws {
    let away = StintError(.storeUnavailable, "The store is away")
    try await withServer(client: { FailingClient(error: away, base: $0) }) { server in
      try await SocketClient.open(server.port) { socket in
        check(try await socket.message("error"), 503, "store_unavailable", "in place of the state")
        check(
          try await refusal(socket, #"{"type":"create_job","job_type":"noop","request_id":"r"}"#), 503,
          "store_unavailable", "a command")
      }
    }
  }
}
