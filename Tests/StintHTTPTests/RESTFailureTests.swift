import StintCore
import StintEngine
import StintHTTP
import StintStore
import Testing

/// Dead letters, output and the number of workers, over real sockets.
@Suite(.timeLimit(.minutes(5))) struct RESTFailureTests {
  /// Says two lines; at its first attempt it fails after them.
  private static let flaky = Handler(
    JobType(
      name: "flaky", maxRetries: 1, retry: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0))
  ) { context in
    context.output("attempt \(context.attempt)\n")
    context.output("a\u{1B}[31m \"remark\"\r\n", .stderr)
    if context.attempt == 1 { throw JobControl.giveUp("never") }
    return nil
  }

  private static let closed = Handler(JobType(name: "closed", localOnly: true)) { _ in
    throw JobControl.giveUp("it is closed")
  }

  @Test func deadLettersByGroupAndPage() async throws {
    try await withServer { server in
      var ids: [String] = []
      for index in 0..<3 {
        let id = try await server.submit("fail", id: "dead-\(index)")
        _ = try await server.end(of: id)
        ids.append(id.text)
      }
      _ = try await server.end(of: try await server.submit("noop"))
      let first = try await server.call("GET", "/api/dead-letters?type=fail&limit=2")
      let json = try first.json
      #expect(first.status == 200)
      #expect(json.object?.map(\.key) == ["total", "groups", "jobs"])
      #expect(json["total"] == 3)
      let group = try #require(json["groups"]?.array?.first)
      #expect(group.object?.map(\.key) == ["type", "error", "count", "oldest", "newest", "message"])
      #expect(group["type"] == "fail" && group["error"] == "handler" && group["count"] == 3)
      #expect(group["message"] == "it can not be")
      #expect(json["jobs"]?.array?.compactMap { $0["id"]?.string } == [ids[2], ids[1]])
      let link = try #require(first["Link"])
      #expect(link.hasPrefix("</api/dead-letters?type=fail&limit=2&before="))
      let next = String(link.dropFirst().prefix { $0 != ">" })
      let second = try await server.call("GET", next).json
      #expect(second["total"] == 3 && second["jobs"]?.array?.compactMap { $0["id"]?.string } == [ids[0]])
      for (query, total) in [
        ("error=timeout", 0), ("error=handler", 3), ("q=can+not", 3), ("ids=dead-0,dead-2,none", 2), ("queue=x", 0),
        ("tag=a:b", 0), ("since=0", 3), ("until=0", 0), ("owner=ann", 0), ("type=noop", 0),
      ] {
        #expect(
          try await server.call("GET", "/api/dead-letters?\(query)").json["total"] == .integer(Int64(total)), "\(query)"
        )
      }
      for query in ["error=x", "limit=0", "status=failed", "type=a%20b", "since=soon", "ids=a,,b"] {
        let reply = try await server.call("GET", "/api/dead-letters?\(query)")
        RESTErrorTests.check(reply, 422, "invalid_params", query)
      }
    }
  }

  @Test func requeueOneSomeAndAll() async throws {
    try await withServer { server in
      func fail(_ id: String) async throws { _ = try await server.end(of: try await server.submit("fail", id: id)) }
      for id in ["one", "two", "three"] { try await fail(id) }
      func requeue(_ body: String) async throws -> Reply {
        try await server.call("POST", "/api/dead-letters/requeue", body)
      }
      let dry = try await requeue(#"{"all": true, "dry_run": true}"#)
      #expect(try dry.json == ["requeued": 3, "skipped": 0, "dry_run": true])
      #expect(try await server.client.job(JobID(known: "one")).state.attempt == 1)
      #expect(try await requeue(#"{"ids": ["one"]}"#).json == ["requeued": 1, "skipped": 0, "dry_run": false])
      try await eventually("it ran again") { try await server.client.job(JobID(known: "one")).state.attempt == 2 }
      _ = try await server.end(of: JobID(known: "one"))
      let history = try await server.call("GET", "/api/jobs/one/history").json.array
      let retried = try #require(history?.first { $0["event"] == "retried" })
      #expect(retried["from"] == "http 127.0.0.1")
      let filter = #"{"filter": {"type": "fail", "error": "handler", "queue": "default", "since": 0, "q": "CAN NOT"}}"#
      #expect(try await requeue(filter).json["requeued"] == 3)
      for id in ["one", "two", "three"] { _ = try await server.end(of: JobID(known: id)) }
      #expect(try await requeue(#"{"filter": {"tags": {"a:b": "c"}}}"#).json["requeued"] == 0)
      #expect(try await requeue(#"{"all": true}"#).json["requeued"] == 3)
      RESTErrorTests.check(try await requeue(#"{"ids": ["none"]}"#), 404, "not_found")
      for body in [
        "{}", "[]", #"{"all": false}"#, #"{"all": true, "ids": ["one"]}"#, #"{"ids": []}"#, #"{"ids": ["a b"]}"#,
        #"{"ids": [1]}"#, #"{"filter": {}}"#, #"{"filter": {"status": "failed"}}"#, #"{"filter": {"type": 1}}"#,
        #"{"filter": {"tags": {}}}"#, #"{"filter": {"error": "x"}}"#, #"{"all": true, "dry_run": "yes"}"#,
        #"{"all": true, "dryrun": true}"#, #"{"dry_run": true}"#, #"{"filter": {"since": 1e300}}"#,
      ] {
        RESTErrorTests.check(try await requeue(body), 422, "invalid_params", body)
      }
      let many = (0...1_000).map { "\"a\($0)\"" }.joined(separator: ",")
      RESTErrorTests.check(try await requeue("{\"ids\": [\(many)]}"), 413, "too_large")
    }
  }

  @Test func purgeNeedsAFilterOrAll() async throws {
    try await withServer { server in
      for index in 0..<3 { _ = try await server.end(of: try await server.submit("fail", id: "dead-\(index)")) }
      let done = try await server.submit("noop")
      _ = try await server.end(of: done)
      for query in [
        "", "?all=false", "?all=true&type=fail", "?dry_run=true", "?all=false&type=fail", "?dry_run=1&all=true",
      ] {
        let reply = try await server.call("DELETE", "/api/dead-letters\(query)")
        RESTErrorTests.check(reply, 422, "invalid_params", query)
      }
      func purge(_ query: String) async throws -> JSONValue {
        try await server.call("DELETE", "/api/dead-letters?\(query)").json
      }
      #expect(try await purge("all=true&dry_run=true") == ["removed": 3, "dry_run": true])
      #expect(try await purge("ids=dead-1,\(done)&dry_run=false") == ["removed": 1, "dry_run": false])
      #expect(try await purge("all=true") == ["removed": 2, "dry_run": false])
      #expect(try await server.client.list(JobQuery()).jobs.map(\.id) == [done])
    }
  }

  @Test func readOnlyTokensChangeNothing() async throws {
    try await withServer(configuration: SecurityTests.guarded) { server in
      let headers = ["authorization": "Bearer read-token"]
      for (method, path, body) in [
        ("POST", "/api/dead-letters/requeue", #"{"all": true}"#), ("DELETE", "/api/dead-letters?all=true", nil),
        ("PUT", "/api/workers", #"{"count": 1}"#),
      ] {
        let reply = try await server.call(method, path, body, headers: headers)
        RESTErrorTests.check(reply, 403, "forbidden", "\(method) \(path)")
      }
      #expect(try await server.call("GET", "/api/dead-letters", headers: headers).status == 200)
      #expect(try await server.call("GET", "/api/dead-letters").status == 401)
    }
  }

  @Test func theNumberOfWorkers() async throws {
    try await withServer(slots: 2) { server in
      _ = try await server.end(of: try await server.submit("noop"))
      #expect(try await server.call("GET", "/api/workers/count").json == ["count": 2, "unit": "slots"])
      #expect(try await server.call("PUT", "/api/workers", #"{"count": 5}"#).json == ["count": 5])
      #expect(try await server.call("GET", "/api/workers/count").json == ["count": 5, "unit": "slots"])
      #expect(try await server.call("GET", "/api/workers").json.array?.first?["slots"] == 5)
      for _ in 0..<5 { _ = try await server.submit("gate") }
      try await server.gate.entered(5)
      let stats = try await server.call("GET", "/api/stats").json
      #expect(stats["worker"] == ["active": 5, "idle": 0, "capacity": 5, "processed": 1])
      let low = try await server.call("PUT", "/api/workers", #"{"count": -1}"#)
      #expect(low.text.contains("-1: allowed is 0 to 1000 slots"), "\(low.text)")
      for body in [#"{"count": -1}"#, #"{"count": 1001}"#, #"{"count": 1.5}"#, #"{"count": "3"}"#, "{}", "3"] {
        RESTErrorTests.check(try await server.call("PUT", "/api/workers", body), 422, "invalid_params", body)
      }
      #expect(try await server.call("PATCH", "/api/workers")["Allow"] == "PUT, GET, HEAD")
    }
  }

  @Test func whereNoWorkersRunThereIsNothingToScale() async throws {
    let client = LocalClient(store: MemoryStore(), logger: quiet)
    await #expect(throws: StintError(.unsupported, "No workers run here: there is nothing to scale")) {
      try await client.setWorkers(1, by: tester)
    }
    #expect(try await client.workerCount() == nil)
  }

  @Test func outputOfEveryAttemptAsEvents() async throws {
    try await withServer(handlers: [Self.flaky]) { server in
      let id = try await server.submit("flaky", id: "said")
      _ = try await server.end(of: id)
      let reply = try await server.call("GET", "/api/jobs/said/output")
      #expect(reply.status == 200)
      #expect(reply["Content-Type"] == "text/event-stream" && reply["Cache-Control"] == "no-cache")
      let at = ManualTimeStart.seconds
      #expect(
        reply.text == """
          event: attempt
          data: {"attempt":1,"job_id":"said"}

          id: 1-1
          event: output
          data: {"stream":"stdout","text":"attempt 1\\n","at":\(at),"attempt":1}

          id: 1-2
          event: output
          data: {"stream":"stderr","text":"a\\u001b[31m \\"remark\\"\\r\\n","at":\(at),"attempt":1}

          event: end
          data: [ERROR] never


          """)
      _ = try await server.client.retry(id, by: tester)
      _ = try await server.end(of: id)
      let rest = try await server.call("GET", "/api/jobs/said/output", headers: ["last-event-id": "1-1"])
      #expect(events(in: rest.text).map(\.name) == ["output", "attempt", "output", "output", "end"])
      #expect(events(in: rest.text).last?.data == "[DONE]")
      let gap = try await server.call("GET", "/api/jobs/said/output", headers: ["last-event-id": "2-0"])
      #expect(events(in: gap.text).map(\.name) == ["output", "output", "end"])
      for place in ["x", "1", "1-x", "-1-2", "1-1:a b", "1-1:other"] {
        let bad = try await server.call("GET", "/api/jobs/said/output", headers: ["last-event-id": place])
        RESTErrorTests.check(bad, 422, "invalid_params", place)
      }
      RESTErrorTests.check(try await server.call("GET", "/api/jobs/none-such/output"), 404, "not_found")
      RESTErrorTests.check(try await server.call("GET", "/api/jobs/said/output?follow=no"), 422, "invalid_params")
    }
  }

  @Test func outputLiveAndItsEnd() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      let context = try await server.gate.entered()
      try await Wire.open(server.port) { wire in
        try await wire.get("/api/jobs/\(id)/output", server)
        try await wire.read { $0.contains("event: attempt") }
        context.output("now\n")
        try await wire.read { $0.contains(#""text":"now\n""#) }
        let present = try await server.call("GET", "/api/jobs/\(id)/output?follow=false")
        #expect(events(in: present.text).map(\.name) == ["output", "attempt"].reversed())
        _ = try await server.client.cancel(id, by: tester)
        let all = try await wire.readAll()
        #expect(events(in: all).map(\.name) == ["attempt", "output", "end"])
        #expect(events(in: all).last?.data == "[ERROR] cancelled by tester")
      }
      #expect(server.http.openStreams == 0)
    }
  }

  @Test func outputGoesOnWithTheJobThatTakesOver() async throws {
    let first = Handler(JobType(name: "first", maxRetries: 0)) { context in
      context.output("first\n")
      throw JobControl.giveUp("over to you")
    }
    let second = Handler(JobType(name: "second")) { context in
      context.output("second\n")
      context.output("and last\n")
      return nil
    }
    let rules = try Escalations(["first": EscalationRule("second")], types: JobTypes([first.type, second.type]))
    try await withServer(handlers: [first, second], engine: { $0.escalations = rules }) { server in
      let id = try await server.submit("first", id: "chain")
      _ = try await server.end(of: id)
      let next = try #require(try await server.client.job(id).state.escalatedTo)
      let reply = try await server.call("GET", "/api/jobs/chain/output")
      let all = events(in: reply.text)
      #expect(all.map(\.name) == ["attempt", "output", "attempt", "output", "output", "end"])
      #expect(all[2].data == #"{"attempt":1,"job_id":"\#(next)"}"#)
      #expect(all.last?.data == "[DONE]")
      let place = "1-1:\(next)"
      #expect(reply.text.contains("id: \(place)\n"))
      let rest = try await server.call("GET", "/api/jobs/chain/output", headers: ["last-event-id": place])
      #expect(events(in: rest.text).map(\.name) == ["output", "end"])
      #expect(rest.text.contains("and last"))
      let remote = try await withRemote(server) { remote in
        try await remote.output(id).reduce(into: []) { $0.append($1) }
      }
      let local = try await server.client.output(id).reduce(into: []) { $0.append($1) }
      #expect(remote.dropLast() == local.dropLast())
      guard case .ended(let there)? = remote.last, case .ended(let here)? = local.last else {
        throw StintError(.internalError, "the output ends without the end of the job")
      }
      #expect(there.json() == here.json() && here.id == next)
      let socket = try await server.call("GET", "/api/jobs?escalated=true").json.array
      #expect(socket?.first?["escalated_to"]?.string == next.text)
      #expect(try await server.call("GET", "/api/dead-letters").json["total"] == 0)
    }
  }

  @Test func aFullQueueIsSaidWithATimeToTryAgain() async throws {
    try await withServer(engine: { $0.queueRules = [QueueRecord(name: "small", maxPending: 1)] }) { server in
      let body = #"{"type": "noop", "queue": "small", "delay": "1h"}"#
      #expect(try await server.call("POST", "/api/jobs", body).status == 201)
      let full = try await server.call("POST", "/api/jobs", body)
      RESTErrorTests.check(full, 429, "queue_full")
      #expect(full["Retry-After"] == "1")
      let batch = #"[{"type": "noop"}, \#(body)]"#
      let whole = try await server.call("POST", "/api/jobs", batch)
      RESTErrorTests.check(whole, 429, "queue_full")
      #expect(whole.text.contains("has 1; 1 more can not be"), "\(whole.text)")
      #expect(try await server.client.stats().counts.total == 1)
    }
  }

  @Test func localTypesAreShutAtEveryDoor() async throws {
    try await withServer(handlers: [Self.closed]) { server in
      let id = try await server.submit("closed", id: "by-hand")
      _ = try await server.end(of: id)
      _ = try await server.end(of: try await server.submit("fail", id: "open-1"))
      for (method, path, body) in [
        ("POST", "/api/jobs", #"{"type": "closed"}"#),
        ("POST", "/api/jobs", #"[{"type": "noop"}, {"type": "closed"}]"#),
        ("POST", "/api/jobs/by-hand/retry", nil),
        ("POST", "/api/dead-letters/requeue", #"{"ids": ["by-hand", "open-1"]}"#),
        ("POST", "/api/dead-letters/requeue", #"{"ids": ["by-hand"], "dry_run": true}"#),
      ] {
        RESTErrorTests.check(try await server.call(method, path, body), 403, "forbidden", "\(path) \(body ?? "")")
      }
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        try await socket.send("create_job", ["job_type": "closed"])
        #expect(try await socket.message("error")["error_type"] == "forbidden")
        try await socket.send("retry_job", ["job_id": "by-hand"])
        #expect(try await socket.message("error")["error_type"] == "forbidden")
      }
      let path = "/api/dead-letters/requeue"
      let refused = try await server.call("POST", path, #"{"ids": ["by-hand"]}"#)
      #expect(refused.text.contains("by-hand"), "\(refused.text)")
      // The others run again.
      for (body, counts) in [
        (#"{"all": true, "dry_run": true}"#, ["requeued": 1, "skipped": 1, "dry_run": true] as JSONValue),
        (#"{"filter": {"type": "closed"}}"#, ["requeued": 0, "skipped": 1, "dry_run": false]),
        (#"{"all": true}"#, ["requeued": 1, "skipped": 1, "dry_run": false]),
      ] {
        #expect(try await server.call("POST", path, body).json == counts, "\(body)")
      }
      #expect(try await server.client.job(id).state.attempt == 1)
      #expect(try await server.end(of: JobID(known: "open-1")).state.attempt == 2)
      #expect(try await server.client.stats().counts.total == 2)
    }
    try await withServer(handlers: [Self.closed], engine: { $0.allowsLocalOnlyTypes = true }) { server in
      let reply = try await server.call("POST", "/api/jobs", #"{"type": "closed"}"#)
      #expect(reply.status == 201)
    }
  }
}
