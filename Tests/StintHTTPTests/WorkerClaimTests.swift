import StintCore
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

/// Who may work, and what a claim gives.
@Suite(.timeLimit(.minutes(5))) struct WorkerClaimTests {
  private static let routes = ["claim", "heartbeat", "progress", "output", "complete", "fail"]

  @Test func isShutWithoutAWorkerToken() async throws {
    try await withServer { server in
      for route in Self.routes {
        for token in [nil, "any-token"] {
          let reply = try await server.work(route, ["worker": "py", "types": ["python"]], token: token)
          RESTErrorTests.check(reply, 401, "unauthorized", route)
          #expect(reply.text.contains("http.worker_token_file"), "\(reply.text)")
          #expect(reply["WWW-Authenticate"] == "Bearer")
        }
      }
    }
  }

  @Test func opensWithAWorkerTokenAndNoOther() async throws {
    var configuration = SecurityTests.guarded
    configuration.tokens.append(AccessToken(text: "worker-token", scope: .worker))
    try await withServer(configuration: configuration) { server in
      let body: JSONValue = ["worker": "py", "types": ["python"]]
      #expect(try await server.work("claim", body).status == 200)
      for route in Self.routes {
        RESTErrorTests.check(try await server.work(route, body, token: nil), 401, "unauthorized", route)
        RESTErrorTests.check(try await server.work(route, body, token: "guess"), 401, "unauthorized", route)
        for token in ["full-token", "ada-token", "read-token"] {
          RESTErrorTests.check(try await server.work(route, body, token: token), 403, "forbidden", route)
        }
      }
      let worker = ["authorization": "Bearer worker-token"]
      for (method, path) in [("GET", "/api/jobs"), ("POST", "/api/jobs"), ("GET", "/api/stats"), ("GET", "/ws/queue")] {
        RESTErrorTests.check(try await server.call(method, path, "{}", headers: worker), 403, "forbidden", path)
      }
      let session = try await server.call("POST", "/api/session", #"{"token":"worker-token"}"#)
      RESTErrorTests.check(session, 403, "forbidden")
      #expect(session["Set-Cookie"] == nil)
    }
    let foreign = HTTPConfiguration(host: "0.0.0.0", tokens: workersAllowed.tokens)
    #expect(throws: StintError.self, "a worker token does not guard the rest") { try foreign.check() }
  }

  @Test func limitsTries() async throws {
    var configuration = workersAllowed
    configuration.tokenTriesPerMinute = 3
    try await withServer(configuration: configuration) { server in
      for _ in 0..<3 { #expect(try await server.work("claim", [:], token: "guess").status == 401) }
      RESTErrorTests.check(
        try await server.work("claim", [:], token: "worker-token"), 429, "quota_exceeded", "it could be guessed")
    }
  }

  @Test func othersWrongTokensKeepNobodyOut() async throws {
    let worker = "a-worker-token-of-some-length"
    let person = "a-person's-token-of-some-length"
    var configuration = HTTPConfiguration(
      port: 0, tokens: [AccessToken(text: worker, scope: .worker), AccessToken(text: person)])
    configuration.tokenTriesPerMinute = 3
    try await withServer(configuration: configuration) { server in
      try await server.pending("mine-1")
      let claim = try await server.work("claim", ["worker": "py", "types": ["python"]], token: worker)
      let lease = try #require(try claim.json["jobs"]?.array?.first?["lease"]?["token"]?.string)
      for _ in 0..<3 { #expect(try await server.work("claim", [:], token: "guess").status == 401) }
      for guess in ["guess", "a-worker-token-of-some-lengtH", lease.uppercased()] {
        RESTErrorTests.check(try await server.work("claim", [:], token: guess), 429, "quota_exceeded", guess)
      }
      let beat = try await server.work("heartbeat", ["leases": [.string(lease)]], token: worker)
      #expect(beat.status == 200, "\(beat.text)")
      #expect(try await server.work("progress", [:], token: lease).status == 200)
      #expect(try await server.call("GET", "/api/jobs", headers: ["authorization": "Bearer \(person)"]).status == 200)
    }
  }

  @Test func aLeaseTokenWhereItOpensNothingIsNoGuess() async throws {
    var configuration = SecurityTests.guarded
    configuration.tokens += workersAllowed.tokens
    configuration.tokenTriesPerMinute = 3
    try await withServer(configuration: configuration) { server in
      let lease = try await server.running("mine-1").token
      for _ in 0..<4 {
        for route in ["claim", "complete", "fail"] {
          let reply = try await server.work(route, ["token": .string(lease)], token: lease)
          RESTErrorTests.check(reply, 403, "forbidden", route)
        }
        let headers = ["authorization": "Bearer \(lease)"]
        RESTErrorTests.check(try await server.call("GET", "/api/jobs", headers: headers), 403, "forbidden")
        #expect(try await server.work("heartbeat", ["leases": [.string(lease)]], token: lease).status == 200)
      }
      for route in Self.routes {
        let reply = try await server.work(route, [:], token: "lease_AAAA")
        #expect(reply.status == (Self.routes.prefix(3).contains(route) ? 401 : 429), "\(route)")
      }
    }
  }

  @Test func publishesTypesThatSubmissionsAreCheckedAgainst() async throws {
    try await withServer(configuration: workersAllowed) { server in
      RESTErrorTests.check(
        try await server.call("POST", "/api/jobs", #"{"type":"thumbnail"}"#), 422, "unknown_type")
      let body: JSONValue = [
        "worker": "py", "host": "box", "pid": 4711, "slots": 4,
        "job_types": [
          [
            "name": "thumbnail", "description": "Makes a picture small", "aliases": ["thumb"], "max_retries": 1,
            "timeout_seconds": 60, "retry": ["strategy": "linear", "base_seconds": 2],
            "params": [
              ["name": "file", "type": "string", "required": true],
              ["name": "width", "type": "integer", "default": 100, "min": 1, "max": 1_000],
              ["name": "key", "type": "string", "secret": true],
            ],
          ]
        ],
      ]
      let reply = try await server.work("claim", body)
      #expect(reply.status == 200 && reply.text.contains(#""jobs":[]"#), "\(reply.text)")
      let worker = try #require(try reply.json["worker_id"]?.string)
      #expect(worker.hasPrefix("py-") && worker.count == 11)
      let wrong = try await server.call("POST", "/api/jobs", #"{"type":"thumbnail","params":{"width":0,"size":1}}"#)
      RESTErrorTests.check(wrong, 422, "invalid_params")
      #expect(try wrong.json["details"]?.array?.map { $0["param"] } == ["file", "width", "size"])
      let params = #"{"file":"a.png","key":"hush"}"#
      let ids = try await ["thumbnail", "thumb"].asyncMap { type in
        let reply = try await server.call("POST", "/api/jobs", #"{"type":"\#(type)","params":\#(params)}"#)
        #expect(reply.status == 201)
        return try reply.json["id"]?.string ?? ""
      }
      let listed = try await server.call("GET", "/api/workers").json.array?.first { $0["id"]?.string == worker }
      #expect(listed?["host"] == "box" && listed?["pid"] == 4711 && listed?["slots"] == 4, "\(listed ?? nil)")
      #expect(listed?["types"] == ["thumbnail"] && listed?["state"] == "idle")

      let again = JSONValue.object(
        (body.object ?? []) + [
          JSONMember("worker_id", .string(worker)), JSONMember("count", 10), JSONMember("lease_seconds", 45),
        ])
      let claim = try await server.work("claim", again).json
      #expect(claim["worker_id"]?.string == worker)
      #expect(claim["jobs"]?.array?.compactMap { $0["id"]?.string } == ids)
      for job in claim["jobs"]?.array ?? [] {
        #expect(job["params"] == ["file": "a.png", "width": 100, "key": "hush"], "whole, and nothing hidden")
        #expect(job["status"] == "running" && job["attempt"] == 1 && job["max_retries"] == 1)
        #expect(job["worker_id"]?.string == worker && job["lease"]?["seconds"] == 45)
      }
      let busy = try await server.call("GET", "/api/workers").json.array?.first { $0["id"]?.string == worker }
      #expect(busy?["state"] == "busy" && busy?["jobs"]?.array?.count == 2)
      #expect(try await server.call("GET", "/api/jobs/\(ids[0])").json["params"]?["key"] == "***")
    }
  }

  @Test func givesWhatIsAskedForInOrder() async throws {
    try await withServer(configuration: workersAllowed) { server in
      try await server.pending("low-1") { $0.priority = .low }
      try await server.pending("other-1") { $0.queue = "other" }
      try await server.pending("normal-1")
      try await server.pending("normal-2")
      try await server.pending("high-1") { $0.priority = .high }
      #expect(try await server.claim(["python"], ["queues": ["other"], "count": 5]).map(\.id) == ["other-1"])
      #expect(try await server.claim(["elsewhere"]).isEmpty)
      #expect(try await server.claim(["python"], ["count": 3]).map(\.id) == ["high-1", "normal-1", "normal-2"])
      #expect(try await server.claim().map(\.id) == ["low-1"])
      #expect(try await server.claim().isEmpty)
    }
  }

  @Test func aTypeThatIsOnlyNamedTakesAnyParams() async throws {
    try await withServer(configuration: workersAllowed) { server in
      _ = try await server.claim(["python", "count"])
      let any = try await server.call("POST", "/api/jobs", #"{"type":"python","params":{"whatever":[1]}}"#)
      #expect(any.status == 201, "\(any.text)")
      // What others say of a type stays.
      let known = try await server.call("POST", "/api/jobs", #"{"type":"count","params":{"whatever":[1]}}"#)
      RESTErrorTests.check(known, 422, "invalid_params")
    }
  }

  @Test func claimsByTheAliasOfATypeThatAnotherWorkerDescribes() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claim: JSONValue = ["worker": "py", "types": ["om"]]
      let id = try #require(try await server.work("claim", claim).json["worker_id"])
      let omega: JSONValue = ["worker": "other", "job_types": [["name": "omega", "aliases": ["om"]]]]
      #expect(try await server.work("claim", omega).status == 200)
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"omega","id":"omega-1"}"#).status == 201)
      // Also by a worker that was there before the type was described.
      server.time.advance(by: .seconds(6))
      let again: JSONValue = ["worker": "py", "worker_id": id, "types": ["om"]]
      let first = try await server.work("claim", again)
      #expect(try first.json["jobs"]?.array?.map { $0["id"]?.string } == ["omega-1"], "\(first.text)")
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"omega","id":"omega-2"}"#).status == 201)
      #expect(try await server.claim(["om"]).map(\.id) == ["omega-2"])
    }
  }

  @Test func whoOnlyNamesATypeDoesNotKeepWhatOthersOnceSaidOfIt() async throws {
    try await withServer(configuration: workersAllowed) { server in
      func describe(_ id: JSONValue, _ params: JSONValue) async throws -> JSONValue {
        let claim: JSONValue = [
          "worker": "other", "worker_id": id, "job_types": [["name": "omega", "params": params]],
        ]
        return try await server.work("claim", claim).json["worker_id"] ?? .null
      }
      let other = try await describe(.null, [["name": "old", "type": "string"]])
      let naming = try await server.work("claim", ["worker": "py", "types": ["omega"]]).json["worker_id"] ?? .null
      _ = try await describe(other, [["name": "new", "type": "string"]])
      server.time.advance(by: .seconds(6))
      _ = try await server.work("claim", ["worker": "py", "worker_id": naming, "types": ["omega"]])
      let submit = #"{"type":"omega","params":{"new":"text"}}"#
      #expect(try await server.call("POST", "/api/jobs", submit).status == 201)
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"omega","params":{"old":"text"}}"#).status == 422)
    }
  }

  @Test(arguments: [
    (#"{}"#, ["types", "worker"]), (#"[]"#, ["body", "types", "worker"]),
    (#"{"worker":"a b","types":["t"]}"#, ["worker"]), (#"{"worker":7,"types":["t"]}"#, ["worker"]),
    (#"{"worker":"py"}"#, ["types"]), (#"{"worker":"py","types":[]}"#, ["types"]),
    (#"{"worker":"py","types":["a",1,"b c"]}"#, ["types.1", "types.1"]),
    (#"{"worker":"py","types":["a","b","a"]}"#, ["types.2"]),
    (
      #"{"worker":"py","job_types":[{"name":"a","aliases":["b"]},{"name":"b","aliases":["c","c"]},{"name":"a"}]}"#,
      [
        "job_types.1.aliases.1", "job_types.1.name", "job_types.2.name",
      ]
    ),
    (#"{"worker":"py","types":["t"],"count":0}"#, ["count"]),
    (#"{"worker":"py","types":["t"],"count":101}"#, ["count"]),
    (#"{"worker":"py","types":["t"],"count":1.5}"#, ["count"]),
    (#"{"worker":"py","types":["t"],"wait_seconds":31}"#, ["wait_seconds"]),
    (#"{"worker":"py","types":["t"],"wait_seconds":"1"}"#, ["wait_seconds"]),
    (#"{"worker":"py","types":["t"],"lease_seconds":0.5}"#, ["lease_seconds"]),
    (#"{"worker":"py","types":["t"],"lease_seconds":3601}"#, ["lease_seconds"]),
    (#"{"worker":"py","types":["t"],"queues":[]}"#, ["queues"]),
    (#"{"worker":"py","types":["t"],"pid":-1,"host":"","slots":0,"more":1}"#, ["host", "more", "pid", "slots"]),
    (#"{"worker":"py","types":["t"],"worker_id":"other-abcdefgh"}"#, ["worker_id"]),
    (#"{"worker":"py","types":["t"],"worker_id":"py-abcdefg"}"#, ["worker_id"]),
    (#"{"worker":"py","job_types":[{}]}"#, ["job_types.0.name"]),
    (#"{"worker":"py","job_types":[7]}"#, ["job_types.0", "job_types.0.name"]),
    (
      #"{"worker":"py","job_types":[{"name":"t","retry":"often","max_retries":-1,"typ":1}]}"#,
      [
        "job_types.0.max_retries", "job_types.0.retry", "job_types.0.typ",
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","retry":{"jitter":2},"timeout_seconds":0,"aliases":[""]}]}"#,
      [
        "job_types.0.aliases.0", "job_types.0.retry.jitter", "job_types.0.timeout_seconds",
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"text"}]}]}"#,
      [
        "job_types.0.params.0.type"
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"integer","min":3,"max":2}]}]}"#,
      [
        "job_types.0.params.0.max"
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"integer","max":2,"default":3}]}]}"#,
      [
        "job_types.0.params.0.default"
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"boolean","min":3,"min_items":1}]}]}"#,
      [
        "job_types.0.params.0.min", "job_types.0.params.0.min_items",
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"string","choices":["x",1]}]}]}"#,
      [
        "job_types.0.params.0.choices.1"
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"array"},{"name":"a","type":"array"}]}]}"#,
      [
        "job_types.0.params.1.name"
      ]
    ),
    (
      #"{"worker":"py","job_types":[{"name":"t","params":[{"name":"a","type":"path","max":9}]}]}"#,
      [
        "job_types.0.params.0.type"
      ]
    ),
  ]) func namesEveryFaultOfAClaim(_ body: String, _ params: [String]) async throws {
    try await withServer(configuration: workersAllowed) { server in
      let headers = ["authorization": "Bearer worker-token"]
      let reply = try await server.call("POST", "/api/worker/claim", body, headers: headers)
      RESTErrorTests.check(reply, 422, "invalid_params", body)
      let named = try (reply.json["details"]?.array ?? []).compactMap { $0["param"]?.string }
      #expect(named.sorted() == params, "\(reply.text)")
      #expect(try await server.client.workers().count <= 1, "nobody became known")
    }
  }

  @Test func readsNothingElseThanJSON() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let headers = ["authorization": "Bearer worker-token"]
      for route in Self.routes {
        let path = "/api/worker/\(route)"
        RESTErrorTests.check(try await server.call("POST", path, "{", headers: headers), 400, "malformed", route)
        let text = ["content-type": "text/plain"].merging(headers) { $1 }
        RESTErrorTests.check(
          try await server.call("POST", path, "{}", headers: text), 415, "unsupported_media_type", route)
        RESTErrorTests.check(try await server.call("GET", path), 405, "method_not_allowed", route)
      }
    }
  }
}

extension Sequence where Self: Sendable, Element: Sendable {
  /// Each element through `transform`, one after the other.
  func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
