import StintCore
import StintEngine
import StintHTTP
import Testing

@Suite struct SSEStreamTests {
  @Test func tellsAJobsLifeFromItsPresentStateToItsEnd() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      let context = try await server.gate.entered()
      let started = ManualTimeStart.seconds
      try await Wire.open(server.port) { wire in
        try await wire.get("/api/jobs/\(id)/progress", server)
        let head = try await wire.read { $0.contains("event: status") && $0.contains("\n\n") }
        #expect(head.hasPrefix("HTTP/1.1 200 "))
        #expect(head.contains("Content-Type: text/event-stream\r\n"))
        #expect(head.contains("Cache-Control: no-cache\r\n"))
        #expect(head.contains(#"data: {"status":"running","started_at":\#(started),"attempt":1}"#))
        context.progress(30, "7 seconds remaining...")
        try await wire.read { $0.contains("event: progress") }
        server.time.advance(by: .seconds(2))
        server.gate.open()
        let all = try await wire.readAll()
        #expect(
          events(in: all).map(\.name) == ["status", "progress", "complete"])
        #expect(events(in: all)[1].data == #"{"percent":30,"message":"7 seconds remaining..."}"#)
        #expect(events(in: all)[2].data == #"{"status":"completed","result":{"ok":true},"duration":2}"#)
        #expect(all.hasSuffix("0\r\n\r\n"), "the stream ends well")
      }
      #expect(server.http.openStreams == 0)
    }
  }

  @Test func tellsTheEndOfAJobThatIsOver() async throws {
    try await withServer { server in
      let failed = try await server.submit("fail")
      _ = try await server.end(of: failed)
      let reply = try await server.call("GET", "/api/jobs/\(failed)/progress")
      #expect(
        reply.text == """
          event: failed
          data: {"status":"failed","error":{"type":"handler","message":"it can not be","attempt":1}}


          """)
      let cancelled = try await server.submit("gate")
      try await server.gate.entered()
      _ = try await server.client.cancel(cancelled, by: tester)
      _ = try await server.end(of: cancelled)
      let ended = try await server.call("GET", "/api/jobs/\(cancelled)/progress")
      #expect(ended.text == "event: cancelled\ndata: {\"status\":\"cancelled\"}\n\n")
    }
  }

  @Test func leavesOutALargeResult() async throws {
    try await withServer { server in
      let id = try await server.submit("large")
      _ = try await server.end(of: id)
      let reply = try await server.call("GET", "/api/jobs/\(id)/progress")
      #expect(
        reply.text
          == "event: complete\ndata: {\"status\":\"completed\",\"result\":null,\"duration\":0,\"truncated\":true}\n\n")
    }
  }

  @Test func saysThatItIsStillThere() async throws {
    try await withServer { server in
      var job = NewJob("noop")
      job.delay = .seconds(3_600)
      let id = try await server.client.submit([job], by: tester)[0].id
      try await Wire.open(server.port) { wire in
        try await wire.get("/api/jobs/\(id)/progress", server)
        try await wire.read { $0.contains("scheduled") }
        for count in 1...3 {
          try await eventually("comment \(count)") {
            server.time.advance(by: .seconds(1))
            return await wire.text.components(of: ": still here\n\n") >= count
          }
        }
        let seconds = server.time.uptime().seconds
        #expect(seconds >= 45, "three comments take 45 s")
        try await wire.drop()
      }
    }
  }

  @Test func staysOpenThroughARetry() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      try await Wire.open(server.port) { wire in
        try await wire.get("/api/jobs/\(id)/progress", server)
        try await wire.read { $0.contains("running") }
        _ = try await server.client.cancel(id, by: tester)
        let all = try await wire.readAll()
        #expect(events(in: all).last?.name == "cancelled")
      }
    }
  }

  @Test func refusesMoreStreamsThanAllowed() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.limits.streams = 2
    try await withServer(configuration: configuration) { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      try await Wire.open(server.port) { first in
        try await first.get("/api/jobs/\(id)/progress", server)
        try await first.read { $0.contains("running") }
        try await Wire.open(server.port) { second in
          try await second.get("/api/jobs/\(id)/progress", server)
          try await second.read { $0.contains("running") }
          #expect(server.http.openStreams == 2)
          let third = try await server.call("GET", "/api/jobs/\(id)/progress")
          RESTErrorTests.check(third, 429, "quota_exceeded")
          try await second.drop()
        }
        try await eventually("the place is free again") { server.http.openStreams == 1 }
      }
      try await eventually("all places are free again") { server.http.openStreams == 0 }
      server.gate.open()
      let fine = try await server.call("GET", "/api/jobs/\(id)/progress")
      #expect(fine.status == 200)
    }
  }
}

/// The events of a stream, whatever frames it.
func events(in text: String) -> [(name: String, data: String)] {
  var events: [(String, String)] = []
  var name: String?
  for line in text.split(whereSeparator: \.isNewline) {
    if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
    if line.hasPrefix("data: "), let named = name {
      events.append((named, String(line.dropFirst(6))))
      name = nil
    }
  }
  return events
}

extension Wire {
  /// Sends a GET.
  func get(_ path: String, _ server: TestServer) async throws {
    try await send("GET \(path) HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\n")
  }
}

extension String {
  /// How often `part` is in it.
  func components(of part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
