import StintCore
import StintEngine
import StintHTTP
import StintStore
import Testing

@Suite struct RESTJobTests {
  @Test func submitsOneAndShowsIt() async throws {
    try await withServer { server in
      let reply = try await server.call("POST", "/api/jobs", #"{"type":"gate","params":{"n":1},"tags":{"team":"a"}}"#)
      #expect(reply.status == 201)
      let id = try #require(try reply.json["id"]?.string)
      #expect(reply["Location"] == "/api/jobs/\(id)")
      #expect(try reply.json["status"]?.string == "pending")
      try await server.gate.entered()
      let shown = try await server.call("GET", "/api/jobs/\(id)")
      #expect(shown.status == 200)
      #expect(try shown.json["status"]?.string == "running")
      #expect(try shown.json["params"] == ["n": 1])
      #expect(try shown.json["tags"]?["team"]?.string == "a")
    }
  }

  @Test func submitsABatchAllOrNothing() async throws {
    try await withServer { server in
      let good = try await server.call("POST", "/api/jobs", #"[{"type":"noop","id":"a1"},{"type":"noop","id":"a2"}]"#)
      #expect(good.status == 201)
      #expect(try good.json.array?.compactMap { $0["id"]?.string } == ["a1", "a2"])
      let bad = try await server.call("POST", "/api/jobs", #"[{"type":"noop","id":"b1"},{"type":"nope"}]"#)
      #expect(bad.status == 422)
      #expect(bad.fault == "unknown_type")
      #expect(try await server.call("GET", "/api/jobs/b1?exact=true").status == 404)
    }
  }

  @Test func answersADuplicateIDWithTheJob() async throws {
    try await withServer { server in
      let body = #"{"type":"login","id":"mine","params":{"user":"ada","password":"lovelace"}}"#
      #expect(try await server.call("POST", "/api/jobs", body).status == 201)
      let again = try await server.call("POST", "/api/jobs", body)
      #expect(again.status == 409)
      #expect(again.fault == "duplicate_id")
      #expect(try again.json["job"]?["id"]?.string == "mine")
      #expect(!again.text.contains("lovelace"))
    }
  }

  @Test func neverShowsASecretParam() async throws {
    try await withServer { server in
      let reply = try await server.call(
        "POST", "/api/jobs", #"{"type":"login","id":"mine","params":{"user":"ada","password":"lovelace"}}"#)
      #expect(try reply.json["params"] == ["user": "ada", "password": "***"])
      for path in ["/api/jobs", "/api/jobs/mine", "/api/jobs/mine/history"] {
        let shown = try await server.call("GET", path)
        #expect(shown.status == 200)
        #expect(!shown.text.contains("lovelace"), "\(path)")
      }
    }
  }

  @Test func neverShowsWhatWasSecretWhenNobodyKnowsTheTypeAnyMore() async throws {
    let store = MemoryStore()
    let at = Timestamp(microseconds: 1_764_230_400_000_000)
    let spec = JobSpec(
      id: JobID(known: "old"), type: "gone", params: RawJSON(["user": "ada", "password": "lovelace"]), createdAt: at,
      secretParams: ["password"])
    _ = try await store.insert([[Job(spec: spec, state: JobState(status: .pending, revision: 0, runAt: at))]], at: at)
    try await withServer(store: store) { server in
      let one = try await server.call("GET", "/api/jobs/old")
      #expect(try one.json["params"] == ["user": "ada", "password": "***"])
      let list = try await server.call("GET", "/api/jobs")
      #expect(list.text.contains(#""password":"***""#))
    }
  }

  @Test func listsByFilterAndPage() async throws {
    try await withServer { server in
      for index in 0..<5 {
        var job = NewJob("noop")
        job.id = "job-\(index)"
        job.tags = index % 2 == 0 ? ["team": "x:y", "n": "\(index)"] : [:]
        job.owner = index == 3 ? "ada" : nil
        let stored = try await server.client.submit([job], by: tester)[0]
        _ = try await server.end(of: stored.id)
        server.time.advance(by: .seconds(10))
      }
      func ids(_ query: String) async throws -> [String] {
        let reply = try await server.call("GET", "/api/jobs\(query)")
        #expect(reply.status == 200, "\(query): \(reply.text)")
        return try reply.json.array?.compactMap { $0["id"]?.string } ?? []
      }
      #expect(try await ids("") == ["job-4", "job-3", "job-2", "job-1", "job-0"])
      #expect(try await ids("?status=completed,queued&type=noop&queue=default").count == 5)
      #expect(try await ids("?status=in_progress,failed") == [])
      #expect(try await ids("?owner=ada") == ["job-3"])
      #expect(try await ids("?tag=team:x:y&tag=n:2") == ["job-2"])
      #expect(try await ids("?q=JOB-4") == ["job-4"])
      #expect(try await ids("?id=job-") == ["job-4", "job-3", "job-2", "job-1", "job-0"])
      let start = ManualTimeStart.seconds
      #expect(try await ids("?since=\(start + 10)&until=\(start + 30)") == ["job-2", "job-1"])
      #expect(try await ids("?since=2025-11-27T08:00:20%2B00:00") == ["job-4", "job-3", "job-2"])
      #expect(try await ids("?since=2025-11-27T09:00:20+01:00") == ["job-4", "job-3", "job-2"])

      let first = try await server.call("GET", "/api/jobs?limit=2&status=completed")
      let link = try #require(first["Link"])
      #expect(link.hasSuffix(#"; rel="next""#))
      let next = String(link.dropFirst().prefix { $0 != ">" })
      #expect(next.hasPrefix("/api/jobs?limit=2&status=completed&before="))
      let second = try await server.call("GET", next)
      #expect(try second.json.array?.compactMap { $0["id"]?.string } == ["job-2", "job-1"])
    }
  }

  @Test func leavesLargeParamsAndResultsOutOfLists() async throws {
    try await withServer { server in
      let id = try await server.submit("large", params: ["text": .string(String(repeating: "p", count: 5_000))])
      _ = try await server.end(of: id)
      let listed = try await server.call("GET", "/api/jobs").json.array?.first
      #expect(listed?["params"] == .null)
      #expect(listed?["result"] == .null)
      #expect(listed?["truncated"]?.bool == true)
      let whole = try await server.call("GET", "/api/jobs/\(id)").json
      #expect(whole["result"]?.string?.count == 8_000)
      #expect(whole["truncated"] == nil)
    }
  }

  @Test func cancelsRetriesAndTellsTheHistory() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      let cancelled = try await server.call("DELETE", "/api/jobs/\(id)")
      #expect(cancelled.status == 200)
      #expect(try cancelled.json == ["success": true])
      #expect(try await server.end(of: id).status == .cancelled)
      let again = try await server.call("DELETE", "/api/jobs/\(id)")
      #expect(again.status == 409)
      #expect(again.fault == "illegal_move")
      let retried = try await server.call("POST", "/api/jobs/\(id)/retry")
      #expect(retried.status == 200)
      #expect(try retried.json["status"]?.string == "pending")
      try await server.gate.entered(2)
      server.gate.open()
      #expect(try await server.end(of: id).status == .completed)
      #expect(try await server.call("POST", "/api/jobs/\(id)/retry").status == 409)
      let history = try await server.call("GET", "/api/jobs/\(id)/history").json.array ?? []
      #expect(
        history.compactMap { $0["event"]?.string } == [
          "submitted", "cancel_requested", "stopped", "retried", "succeeded",
        ])
      #expect(history[3]["by"]?.string == "anonymous")
      #expect(history[3]["from"]?.string == "http 127.0.0.1")
    }
  }

  @Test func removesWhatIsOver() async throws {
    try await withServer { server in
      let done = try await server.submit("noop")
      _ = try await server.end(of: done)
      let failed = try await server.submit("fail")
      _ = try await server.end(of: failed)
      let reply = try await server.call("DELETE", "/api/jobs?status=completed")
      #expect(try reply.json == ["success": true, "removed": 1])
      #expect(try await server.call("GET", "/api/jobs/\(done)").status == 404)
      #expect(try await server.call("GET", "/api/jobs/\(failed)").status == 200)
      for query in ["", "?status=", "?status=running", "?status=completed,pending"] {
        let refused = try await server.call("DELETE", "/api/jobs\(query)")
        #expect(refused.status == 422, "\(query)")
        #expect(refused.fault == "invalid_params")
      }
    }
  }

  @Test func tellsManyStatesInOrder() async throws {
    try await withServer { server in
      let a = try await server.submit("noop", id: "job-a")
      _ = try await server.end(of: a)
      for reply in [
        try await server.call("GET", "/api/jobs/status?ids=gone,job-a"),
        try await server.call("POST", "/api/jobs/status", #"{"ids":["gone","job-a"]}"#),
      ] {
        #expect(reply.status == 200)
        #expect(try reply.json.array?.compactMap { $0["id"]?.string } == ["gone", "job-a"])
        #expect(try reply.json.array?.compactMap { $0["status"]?.string } == ["not_found", "completed"])
      }
      let many = Array(repeating: "x", count: 101).joined(separator: ",")
      #expect(try await server.call("GET", "/api/jobs/status?ids=\(many)").status == 413)
      #expect(try await server.call("GET", "/api/jobs/status").status == 422)
      #expect(try await server.call("GET", "/api/jobs/status?ids=a%20b").status == 422)
      #expect(try await server.call("POST", "/api/jobs/status", "[]").status == 422)
    }
  }

  @Test func takesShortIDs() async throws {
    try await withServer { server in
      _ = try await server.submit("noop", id: "abcdef-1-22223333")
      _ = try await server.submit("noop", id: "abcdef-2-44445555")
      #expect(try await server.call("GET", "/api/jobs/abcdef-1").json["id"]?.string == "abcdef-1-22223333")
      #expect(try await server.call("GET", "/api/jobs/44445555").json["id"]?.string == "abcdef-2-44445555")
      let ambiguous = try await server.call("GET", "/api/jobs/abcdef")
      #expect(ambiguous.status == 422)
      #expect(ambiguous.text.contains("abcdef-2-44445555"))
      #expect(try await server.call("GET", "/api/jobs/abcde").status == 404)
      #expect(try await server.call("GET", "/api/jobs/abcdef-1?exact=true").status == 404)
      #expect(try await server.call("GET", "/api/jobs/abcdef-1?exact=maybe").status == 422)
    }
  }
}

/// The wall clock of ``StintTesting/ManualTime`` at its start, in seconds.
enum ManualTimeStart {
  static let seconds = 1_764_230_400
}
