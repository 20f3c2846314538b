import StintCore
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

@testable import StintHTTP

/// What workers say of their attempts, and what comes of it.
@Suite(.timeLimit(.minutes(5))) struct WorkerSettleTests {
  @Test func completesWithAResult() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("done-1")
      let updates = try await server.client.watch(JobID(known: "done-1"))
      let reply = try await server.work("complete", claimed.body(["result": ["pages": [1, 2]]]))
      #expect(reply.status == 200 && reply.text == #"{"status":"completed"}"#, "\(reply.text)")
      var last: JobUpdate?
      for try await update in updates { last = update }
      guard case .ended(let job)? = last else { return #expect(Bool(false), "watchers see the end") }
      #expect(job.status == .completed && job.result?.text == #"{"pages":[1,2]}"#)
      #expect(try await server.client.stats().completed == 1)
      let none = try await server.running("done-2")
      #expect(try await server.work("complete", none.body()).status == 200)
      #expect(try await server.job("done-2").result == nil)
    }
  }

  /// A body of `/fail`, and what the job is then.
  struct End: Sendable {
    let body: KeyValuePairs<String, JSONValue>
    let status: JobStatus
    let kind: Cause.Kind
    var error: JobError.Kind?
    var retries = 0
    var dueIn: Duration?
  }

  @Test(arguments: [
    End(body: ["message": "no"], status: .retrying, kind: .failed, error: .handler, retries: 1, dueIn: .seconds(1)),
    End(
      body: ["message": "no", "type": "handler", "give_up": false, "snooze_seconds": nil], status: .retrying,
      kind: .failed, error: .handler, retries: 1),
    End(
      body: ["message": "later", "retry_after_seconds": 90], status: .retrying, kind: .failed, error: .handler,
      retries: 1, dueIn: .seconds(90)),
    End(body: ["message": "never", "give_up": true], status: .failed, kind: .gaveUp, error: .handler),
    End(body: ["message": "what?", "type": "undecodable"], status: .failed, kind: .undecodable, error: .undecodable),
    End(
      body: ["type": "timeout", "message": "the page never came"], status: .retrying, kind: .timedOut, error: .timeout,
      retries: 1),
    End(
      body: ["type": "stalled", "message": "no answer"], status: .retrying, kind: .stalled, error: .stalled, retries: 1),
    End(body: ["type": "timeout"], status: .retrying, kind: .timedOut, error: .timeout, retries: 1),
    End(body: ["type": "stalled"], status: .retrying, kind: .stalled, error: .stalled, retries: 1),
    End(body: ["snooze_seconds": 60], status: .scheduled, kind: .snoozed, dueIn: .seconds(60)),
    End(body: ["release": true], status: .pending, kind: .released),
  ]) func endsAnAttemptInEveryWay(_ end: End) async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("end-1") {
        $0.retry = RetryPolicy(strategy: .exponential, base: .seconds(1), jitter: 0)
      }
      let reply = try await server.work("fail", claimed.body(end.body))
      #expect(reply.status == 200 && reply.text == #"{"status":"\#(end.status.rawValue)"}"#, "\(reply.text)")
      let job = try await server.job("end-1")
      #expect(job.status == end.status && job.state.retryCount == end.retries && job.state.losses == 0)
      #expect(job.error?.type == end.error)
      if let message = claimed.body(end.body)["message"]?.string { #expect(job.error?.message == message) }
      if job.error?.type == .timeout { #expect(job.error?.message.contains("its timeout") == false, "it has none") }
      if let dueIn = end.dueIn { #expect(job.state.dueAt - server.time.now() == dueIn) }
      #expect(try await server.kinds("end-1") == [.submitted, end.kind])
      // The answer may be lost: the same again is the same.
      let again = try await server.work("fail", claimed.body(end.body))
      #expect(again.status == 200 && again.text == reply.text, "\(again.text)")
      #expect(try await server.kinds("end-1") == [.submitted, end.kind], "stored once")
      let other = try await server.work("complete", claimed.body())
      RESTErrorTests.check(other, 409, "superseded")
    }
  }

  @Test(arguments: [
    (#"{"token":"T"}"#, ["message"]), (#"{"message":"m"}"#, ["token"]),
    (#"{"token":"T","message":7}"#, ["message", "message"]),
    (#"{"token":"T","message":"m","type":"poison"}"#, ["type"]),
    (#"{"token":"T","message":"m","retry_after_seconds":-1}"#, ["retry_after_seconds"]),
    (#"{"token":"T","message":"m","give_up":true,"retry_after_seconds":1}"#, ["give_up"]),
    (#"{"token":"T","snooze_seconds":1,"release":true}"#, ["release"]),
    (#"{"token":"T","message":"m","type":"timeout","give_up":true}"#, ["give_up"]),
    (#"{"token":"T","message":"m","undecodable":true}"#, ["undecodable"]),
    (#"[{"token":"T","message":"m"},{"token":"T"}]"#, ["1.message"]),
    (#"{"token":"T","snooze_seconds":31536001}"#, ["message", "snooze_seconds"]),
  ]) func namesEveryFaultOfAFailure(_ body: String, _ params: [String]) async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("job-1")
      let headers = ["authorization": "Bearer worker-token"]
      let text = body.replacing(#""T""#, with: #""\#(claimed.token)""#)
      let reply = try await server.call("POST", "/api/worker/fail", text, headers: headers)
      RESTErrorTests.check(reply, 422, "invalid_params", body)
      let named = try (reply.json["details"]?.array ?? []).compactMap { $0["param"]?.string }
      #expect(Set(named) == Set(params), "\(reply.text)")
      #expect(try await server.job("job-1").status == .running)
    }
  }

  @Test func settlesABatchInOrder() async throws {
    try await withServer(configuration: workersAllowed) { server in
      for id in ["a-1", "a-2", "a-3"] { try await server.pending(id) }
      let all = try await server.claim(["python"], ["count": 100])
      _ = try await server.work("fail", all[1].body(["message": "no", "give_up": true]))
      let body: JSONValue = [
        all[0].body(["result": 1]), all[1].body(["result": 2]), ["token": "lease_nonsense"], all[2].body(),
      ]
      let reply = try await server.work("complete", body)
      let results = try reply.json.array ?? []
      #expect(reply.status == 200 && results.count == 4, "\(reply.text)")
      #expect(results[0] == ["status": "completed"] && results[3] == ["status": "completed"])
      #expect(results[1]["type"] == "superseded" && results[1]["code"] == 409)
      #expect(results[2]["type"] == "forbidden" && results[2]["code"] == 403)
      #expect(try await server.job("a-2").status == .failed)
      let again = try await server.work("complete", body)
      #expect(again.text == reply.text)
      RESTErrorTests.check(try await server.work("complete", []), 413, "too_large")
    }
  }

  @Test func countsTheFirstEntryOfAnAttemptInABatch() async throws {
    try await withServer(configuration: workersAllowed) { server in
      for route in ["complete", "fail"] {
        let id = "batch-\(route)"
        let claimed = try await server.running(id)
        let said: [KeyValuePairs<String, JSONValue>] =
          route == "complete"
          ? [["result": 1], ["result": 1], ["result": 2]]
          : [["message": "a"], ["message": "a"], ["message": "b"]]
        let body = JSONValue.array(said.map { claimed.body($0) })
        let status = route == "complete" ? "completed" : "retrying"
        for _ in 0..<2 {
          let reply = try await server.work(route, body)
          let results = try reply.json.array ?? []
          #expect(results.count == 3, "\(reply.text)")
          #expect(results[0]["status"]?.string == status && results[1] == results[0], "\(reply.text)")
          #expect(results[2]["type"] == "superseded" && results[2]["code"] == 409)
          #expect(results[2]["error"]?.string?.contains("the job is \(status)") == true, "\(reply.text)")
        }
        #expect(try await server.kinds(id).count == 2, "stored once")
      }
      #expect(try await server.job("batch-complete").result?.text == "1")
      #expect(try await server.job("batch-fail").error?.message == "a")
    }
  }

  @Test func theSameAgainIsTheSameAndAnotherIsNot() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("once-1")
      for _ in 0..<3 { #expect(try await server.work("complete", claimed.body(["result": 1])).status == 200) }
      RESTErrorTests.check(try await server.work("complete", claimed.body(["result": 2])), 409, "superseded")
      RESTErrorTests.check(try await server.work("fail", claimed.body(["message": "no"])), 409, "superseded")
      #expect(try await server.job("once-1").result?.text == "1")
      #expect(try await server.kinds("once-1") == [.submitted, .succeeded])
      _ = try await server.client.remove([.completed], by: tester)
      RESTErrorTests.check(try await server.work("complete", claimed.body(["result": 1])), 409, "superseded")
    }
  }

  @Test func refusesTokensThatAreNotItsOwn() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("own-1")
      let job = try await server.job("own-1")
      let forged = LeaseSeal(secret: [UInt8](repeating: 0, count: 32)).text(
        of: LeaseToken(job: job.id, attempt: 1, revision: job.state.revision, lease: .seconds(30)))
      let last = claimed.token.last == "A" ? "Q" : "A"
      let wrong = [
        "", "lease_", "nonsense", forged, String(claimed.token.dropLast(2)), claimed.token.dropLast(5) + last + "AAAA",
        "lease_" + String(repeating: "A", count: 600), claimed.token.uppercased(), claimed.token + "=",
      ]
      for token in wrong {
        let body: JSONValue = ["token": .string(token)]
        RESTErrorTests.check(try await server.work("complete", body), 403, "forbidden", token)
        RESTErrorTests.check(try await server.work("progress", body), 403, "forbidden", token)
        #expect(try await server.leases([token]) == [["status": "unknown"]])
      }
      #expect(try await server.job("own-1").status == .running)
    }
  }

  @Test func limitsTheResult() async throws {
    var configuration = workersAllowed
    configuration.limits.resultBytes = 100
    try await withServer(configuration: configuration) { server in
      let claimed = try await server.running("large-1")
      let text = JSONValue.string(String(repeating: "r", count: 200))
      let reply = try await server.work("complete", claimed.body(["result": text]))
      RESTErrorTests.check(reply, 413, "too_large")
      #expect(reply.text.contains("202") && reply.text.contains("100"))
      #expect(try await server.job("large-1").status == .running, "the worker may still say what it wants")
    }
  }

  @Test func showsProgress() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("steps-1")
      var updates = try await server.client.watch(JobID(known: "steps-1")).makeAsyncIterator()
      _ = try await updates.next()
      let body = claimed.body(["percent": 140, "message": "nearly"])
      let reply = try await server.work("progress", body)
      #expect(reply.text == #"{"cancel_requested":false,"cancelled_by":null}"#)
      #expect(try await updates.next() == .progress(Progress(percent: 100, message: "nearly")))
      #expect(try await server.job("steps-1").progress == Progress(percent: 100, message: "nearly"))
      #expect(try await server.work("progress", claimed.body()).status == 200, "a mere sign of life")
      for (wrong, param) in [
        (["percent": "1"] as KeyValuePairs<String, JSONValue>, "percent"), (["message": "m"], "percent"),
        (["percent": 1, "text": "m"], "text"),
      ] {
        let reply = try await server.work("progress", claimed.body(wrong))
        RESTErrorTests.check(reply, 422, "invalid_params")
        #expect(try reply.json["details"]?.array?.map { $0["param"]?.string } == [param])
      }
      RESTErrorTests.check(try await server.work("progress", ["percent": 1]), 422, "invalid_params")
      _ = try await server.client.cancel(JobID(known: "steps-1"), by: tester)
      let asked = try await server.work("progress", claimed.body(["percent": 50])).json
      #expect(asked == ["cancel_requested": true, "cancelled_by": "tester"])
    }
  }

  @Test func letsALeaseTokenSpeakForItsOwnAttempt() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let own = try await server.running("own-1")
      let other = try await server.running("other-1")
      #expect(try await server.work("progress", ["percent": 5], token: own.token).status == 200)
      #expect(try await server.work("progress", own.body(["percent": 6]), token: own.token).status == 200)
      #expect(try await server.work("output", ["chunks": [["text": "hello\n"]]], token: own.token).status == 200)
      let lease = try await server.work("heartbeat", ["leases": [.string(own.token)]], token: own.token)
      #expect(try lease.json["leases"]?.array?.first?["status"] == "renewed")
      for (route, body) in [
        ("progress", other.body(["percent": 7])), ("output", other.body(["chunks": [["text": "no"]]])),
        ("heartbeat", ["leases": [.string(own.token), .string(other.token)]]),
        ("heartbeat", ["leases": [.string(own.token)], "worker_id": "py-aaaaaaaa"]),
        ("heartbeat", ["leases": [], "leaving": true]),
      ] as [(String, JSONValue)] {
        RESTErrorTests.check(try await server.work(route, body, token: own.token), 403, "forbidden", route)
      }
      for route in ["claim", "complete", "fail"] {
        RESTErrorTests.check(try await server.work(route, own.body(), token: own.token), 403, "forbidden", route)
      }
      let people = ["authorization": "Bearer \(own.token)"]
      #expect(try await server.call("GET", "/api/jobs", headers: people).status == 200, "open to all on loopback")
      #expect(try await server.job("own-1").progress?.percent == 6)
      #expect(try await server.job("other-1").progress == nil)
    }
    // Without a worker token too: what a subprocess was given is enough.
    try await withServer { server in
      let reply = try await server.work("progress", ["percent": 5], token: "lease_none")
      RESTErrorTests.check(reply, 401, "unauthorized")
    }
  }

  @Test func cutsOutputThatIsTooLong() async throws {
    var configuration = workersAllowed
    configuration.limits.outputBytes = 10
    try await withServer(configuration: configuration) { server in
      let claimed = try await server.running("long-1")
      for text in ["12345", "678é→!", "more"] {
        #expect(try await server.work("output", claimed.body(["chunks": [["text": .string(text)]]])).status == 200)
      }
      let kept = try await server.engine.store.output(JobID(known: "long-1"), after: nil, limit: 100)
      #expect(kept.map(\.text) == ["12345", "678é", "[output cut after 10 bytes]\n"])
      #expect(kept.last?.stream == .notice)
    }
  }

  @Test func keepsACheckpointForTheNextAttempt() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let first = try await server.running("resumed-1")
      #expect(first.job["checkpoint"] == .null)
      let reply = try await server.work("progress", first.body(["percent": 50, "checkpoint": ["page": 7]]))
      #expect(reply.status == 200, "\(reply.text)")
      _ = try await server.work("fail", first.body(["release": true]))
      #expect(try await server.claim().first?.job["checkpoint"] == ["page": 7])
    }
  }

  @Test func takesOutput() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("loud-1")
      let chunks: JSONValue = [
        ["text": "one\n"], ["stream": "stderr", "text": "two\n"],
        ["stream": "event", "text": #"{"event":"built"}"#],
      ]
      #expect(try await server.work("output", claimed.body(["chunks": chunks])).status == 200)
      // Sent again with its number, it stands there once.
      for _ in 0..<2 {
        let more: KeyValuePairs<String, JSONValue> = ["number": 4, "chunks": [["text": "four\n"], ["text": "five\n"]]]
        #expect(try await server.work("output", claimed.body(more)).status == 200)
      }
      #expect(try await server.work("output", claimed.body(["chunks": [["text": "six\n"]]])).status == 200)
      let kept = try await server.engine.store.output(JobID(known: "loud-1"), after: nil, limit: 100)
      #expect(kept.map(\.text) == ["one\n", "two\n", #"{"event":"built"}"#, "four\n", "five\n", "six\n"])
      #expect(kept.map(\.stream) == [.stdout, .stderr, .event, .stdout, .stdout, .stdout])
      #expect(kept.map(\.place) == (1...6).map { OutputPlace(attempt: 1, number: $0) })
      for (wrong, param) in [
        ([] as JSONValue, "chunks"), ([7], "chunks.0"), ([["stream": "stdout"]], "chunks.0.text"),
        ([["stream": "notice", "text": "x"]], "chunks.0.stream"), ([["text": "x", "at": 1]], "chunks.0.at"),
        ([["stream": "event", "text": "plain"]], "chunks.0.text"), (nil, "chunks"),
      ] {
        let reply = try await server.work("output", claimed.body(["chunks": wrong]))
        RESTErrorTests.check(reply, 422, "invalid_params", param)
        #expect(try reply.json["details"]?.array?.contains { $0["param"]?.string == param } == true, "\(reply.text)")
      }
    }
  }
}
