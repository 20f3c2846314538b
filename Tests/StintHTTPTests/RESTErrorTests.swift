import StintCore
import StintEngine
import StintHTTP
import StintStore
import Testing

@Suite struct RESTErrorTests {
  /// The shape of SPEC §7, whatever the error.
  static func check(_ reply: Reply, _ status: Int, _ type: String, _ what: String = "") {
    #expect(reply.status == status, "\(what): \(reply.text)")
    #expect(reply["Content-Type"] == "application/json", "\(what)")
    let json = try? reply.json
    #expect(json?["type"]?.string == type, "\(what)")
    #expect(json?["code"]?.integer == Int64(status), "\(what)")
    #expect(json?["error"]?.string?.isEmpty == false, "\(what)")
  }

  @Test func namesWhatIsWrongWithASubmission() async throws {
    let cases: [(body: String, status: Int, type: String, part: String)] = [
      (#"{"type":"#, 400, "malformed", "byte 8"),
      (#"{"type":"noop","type":"noop"}"#, 400, "malformed", "twice"),
      (String(repeating: "[", count: 80), 400, "malformed", "64 levels"),
      ("", 400, "malformed", "byte 0"),
      ("42", 422, "invalid_params", "an integer"),
      ("[]", 422, "invalid_params", "at least one"),
      (#"{"params":{}}"#, 422, "invalid_params", "type"),
      (#"{"type":"nop"}"#, 422, "unknown_type", "noop"),
      (#"{"type":"noop","colour":"red"}"#, 422, "invalid_params", "colour"),
      (#"{"type":"count","params":{"n":11}}"#, 422, "invalid_params", "1 to 10"),
      (#"{"type":"count","params":{"n":1},"id":"a b"}"#, 422, "invalid_params", "id"),
      (#"{"type":"noop","depends_on":["x"]}"#, 422, "invalid_params", "depends_on"),
    ]
    try await withServer { server in
      for wrong in cases {
        let reply = try await server.call("POST", "/api/jobs", wrong.body)
        Self.check(reply, wrong.status, wrong.type, wrong.body)
        #expect(reply.text.contains(wrong.part), "\(reply.text)")
      }
      let many = try await server.call("POST", "/api/jobs", #"{"type":"count","queue":"a b","max_retries":-1}"#)
      #expect(
        try many.json["details"]?.array?.compactMap { $0["param"]?.string }.sorted() == ["max_retries", "n", "queue"])
      #expect(try await server.call("GET", "/api/jobs").text == "[]", "nothing is stored")
    }
  }

  @Test func namesWhatIsWrongWithARequest() async throws {
    try await withServer { server in
      func check(_ method: String, _ path: String, _ status: Int, _ type: String, _ body: String? = nil) async throws {
        Self.check(try await server.call(method, path, body), status, type, "\(method) \(path)")
      }
      try await check("GET", "/api/nothing", 404, "not_found")
      try await check("GET", "/api/jobs/", 404, "not_found")
      try await check("GET", "/api/jobs/unknown-id", 404, "not_found")
      try await check("DELETE", "/api/jobs/unknown-id", 404, "not_found")
      try await check("POST", "/api/jobs/unknown-id/retry", 404, "not_found")
      try await check("GET", "/api/jobs/unknown-id/history", 404, "not_found")
      try await check("GET", "/api/jobs/unknown-id/progress", 404, "not_found")
      try await check("GET", "/api/jobs/a%20b", 422, "invalid_params")
      try await check("GET", "/api/jobs?colour=red", 422, "invalid_params")
      try await check("GET", "/api/stats?colour=red", 422, "invalid_params")
      for query in [
        "limit=0", "limit=1001", "limit=ten", "status=done", "status=", "tag=team", "since=yesterday", "until=",
        "before=x", "type=a%20b", "q=", "limit=1&limit=2",
      ] {
        try await check("GET", "/api/jobs?\(query)", 422, "invalid_params")
      }
      try await check("PROPFIND", "/api/jobs", 405, "method_not_allowed")
    }
  }

  @Test func readsPercentEscapesStrictly() async throws {
    try await withServer { server in
      for path in ["/api/jobs/%FF", "/api/jobs/%2", "/api/jobs?q=%zz", "/api/jobs?q=%C3%28"] {
        try await Wire.open(server.port) { wire in
          try await wire.send("GET \(path) HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\n")
          let text = try await wire.read { $0.contains("}") }
          #expect(text.hasPrefix("HTTP/1.1 400 "), "\(path): \(text)")
          #expect(text.contains(#""type":"malformed""#), "\(path)")
        }
      }
    }
  }

  @Test func saysWhichMethodsAPathHas() async throws {
    try await withServer { server in
      let reply = try await server.call("PATCH", "/api/jobs")
      Self.check(reply, 405, "method_not_allowed")
      #expect(reply["Allow"] == "GET, HEAD, POST, DELETE")
      #expect(try await server.call("POST", "/api/jobs/some-id/history").headers["allow"] == "GET, HEAD")
    }
  }

  @Test func wantsJSONBodies() async throws {
    try await withServer { server in
      for type in ["text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
        let reply = try await server.call("POST", "/api/jobs", "{}", headers: ["content-type": type])
        Self.check(reply, 415, "unsupported_media_type", type)
      }
      let fine = try await server.call(
        "POST", "/api/jobs", #"{"type":"noop"}"#, headers: ["content-type": "Application/JSON; charset=utf-8"])
      #expect(fine.status == 201)
    }
  }

  @Test func refusesALargeBodyWithoutReadingIt() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.limits.bodyBytes = 1_000
    try await withServer(configuration: configuration) { server in
      // Announced: answered before a byte of it is sent.
      try await Wire.open(server.port) { wire in
        try await wire.send(
          "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: 900000000\r\n\r\n")
        let text = try await wire.readAll()
        #expect(text.hasPrefix("HTTP/1.1 413 "))
        #expect(text.contains(#""type":"too_large""#))
      }
      // Not announced: answered once it is over the limit, although there is no end to it.
      try await Wire.open(server.port) { wire in
        try await wire.send(
          "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n")
        try await wire.send("600\r\n" + String(repeating: " ", count: 0x600) + "\r\n")
        let text = try await wire.readAll()
        #expect(text.hasPrefix("HTTP/1.1 413 "))
        #expect(text.contains("allowed are 1000"))
      }
      // The connection of a small body goes on.
      #expect(try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#).status == 201)
    }
  }

  @Test func answersWhatIsNoHTTP() async throws {
    try await withServer { server in
      for garbage in [
        "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{03}\u{01}\u{02}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
      ] {
        try await Wire.open(server.port) { wire in
          try await wire.send(garbage)
          let text = try await wire.readAll()
          #expect(text.hasPrefix("HTTP/1.1 400 "), "\(garbage.debugDescription): \(text)")
          #expect(text.contains(#""type":"malformed""#), "\(garbage.debugDescription)")
        }
      }
      // What was asked before the garbage is answered first.
      try await Wire.open(server.port) { wire in
        try await wire.send("GET /health/live HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\nGARBAGE\r\n\r\n")
        let text = try await wire.readAll()
        #expect(text.hasPrefix("HTTP/1.1 200 "))
        #expect(text.contains("HTTP/1.1 400 "))
      }
      // A body that breaks off.
      try await Wire.open(server.port) { wire in
        try await wire.send(
          "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"typ\r\nzz\r\n")
        let text = try await wire.readAll()
        #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text)")
        #expect(text.contains(#""type":"malformed""#))
      }
    }
  }

  @Test func letsAClientAskBeforeItSendsABody() async throws {
    try await withServer { server in
      try await Wire.open(server.port) { wire in
        let body = #"{"type":"noop"}"#
        try await wire.send(
          "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        try await wire.read { $0.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n") }
        try await wire.send(body)
        let text = try await wire.read { $0.contains("HTTP/1.1 201 ") }
        #expect(text.contains("HTTP/1.1 201 "))
      }
    }
  }

  @Test func closesConnectionsThatNeverFinishARequest() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.idleTimeout = .milliseconds(200)
    try await withServer(configuration: configuration) { server in
      for part in ["", "GET / HTTP/1.1\r\nHo", "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\n"] {
        try await Wire.open(server.port) { wire in
          // It may be closed before this is sent, on a busy machine.
          try? await wire.send(part)
          let text = try await wire.readAll()
          #expect(text.isEmpty, "closed without an answer")
        }
      }
      try await Wire.open(server.port) { wire in
        try? await wire.send(
          "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: 10\r\n\r\n{")
        let text = try await wire.readAll()
        #expect(!text.contains("HTTP/1.1 2"))
      }
    }
  }

  @Test func answersHEADWhereGETIs() async throws {
    try await withServer { server in
      let id = try await server.submit("noop")
      _ = try await server.end(of: id)
      for path in ["/", "/api/jobs", "/api/jobs/\(id)", "/api/stats", "/health/live", "/openapi.json"] {
        let get = try await server.call("GET", path)
        let head = try await server.call("HEAD", path)
        #expect(head.status == 200, "\(path)")
        #expect(head.text.isEmpty)
        #expect(head["Content-Length"] == get["Content-Length"], "\(path)")
      }
      #expect(try await server.call("HEAD", "/api/jobs/\(id)/progress").status == 200)
      #expect(try await server.call("HEAD", "/api/jobs/nothing-here").status == 404)
    }
  }

  @Test func serves503WhileTheStoreIsAway() async throws {
    let away = StintError(.storeUnavailable, "The store is away")
    try await withServer(client: { FailingClient(error: away, base: $0) }) { server in
      for path in ["/api/jobs", "/api/jobs/some-id", "/api/stats", "/api/workers", "/api/job-types", "/health/ready"] {
        let reply = try await server.call("GET", path)
        Self.check(reply, 503, "store_unavailable", path)
        #expect(reply["Retry-After"] == "1")
      }
      #expect(try await server.call("GET", "/health/live").status == 200)
      Self.check(try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#), 503, "store_unavailable")
      Self.check(try await server.call("GET", "/api/jobs/some-id/progress"), 503, "store_unavailable")
      #expect(server.http.openStreams == 0)
    }
  }

  @Test func saysWhenAQueueIsFull() async throws {
    let full = StintError(.queueFull, "The queue default holds 100 jobs, and that many are allowed")
    try await withServer(client: { FailingClient(error: full, base: $0) }) { server in
      let reply = try await server.call("POST", "/api/jobs", #"{"type":"noop"}"#)
      Self.check(reply, 429, "queue_full")
      #expect(reply["Retry-After"] != nil)
    }
  }

  @Test func isNotReadyWhenTheStoreHangs() async throws {
    let hold = Hold()
    try await withServer(client: { FailingClient(error: nil, base: $0, hold: hold) }) { server in
      let answers = Answers()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 { group.addTask { answers.add(try await server.call("GET", "/health/ready")) } }
        await hold.entered()
        // The engine sleeps too: move on until the second is over for those who wait for the check.
        while answers.all.count < 2 {
          server.time.advance(by: .milliseconds(200))
          await Task.yield()
        }
        try await group.waitForAll()
      }
      for reply in answers.all { Self.check(reply, 503, "store_unavailable") }
      await hold.release()
    }
  }
}

/// Answers as they come.
final class Answers: Sendable {
  private let replies = Locked<[Reply]>([])
  var all: [Reply] { replies.withLock { $0 } }
  func add(_ reply: Reply) { replies.withLock { $0.append(reply) } }
}

/// Holds whoever comes until it is released.
actor Hold {
  private var isReleased = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  private var count = 0

  func wait() async {
    count += 1
    for watcher in watchers where watcher.count <= count { watcher.continuation.resume() }
    watchers.removeAll { $0.count <= count }
    if !isReleased { await withCheckedContinuation { waiting.append($0) } }
  }

  /// Returns once so many came.
  func entered(_ wanted: Int = 1) async {
    if count < wanted { await withCheckedContinuation { watchers.append((wanted, $0)) } }
  }

  func release() {
    isReleased = true
    for one in waiting { one.resume() }
    waiting = []
  }
}

/// A client whose store is away, or hangs.
struct FailingClient: JobFeed {
  var error: StintError?
  let base: LocalClient
  var hold: Hold?

  private func fail() throws(StintError) { if let error { throw error } }

  func submit(_ jobs: [NewJob], by actor: Actor) async throws(StintError) -> [Job] {
    try fail()
    return try await base.submit(jobs, by: actor)
  }
  func jobs(_ ids: [JobID]) async throws(StintError) -> [Job?] {
    try fail()
    return try await base.jobs(ids)
  }
  func list(_ query: JobQuery) async throws(StintError) -> JobPage {
    try fail()
    return try await base.list(query)
  }
  func cancel(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    try fail()
    return try await base.cancel(id, by: actor)
  }
  func retry(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    try fail()
    return try await base.retry(id, by: actor)
  }
  func remove(_ statuses: Set<JobStatus>, by actor: Actor) async throws(StintError) -> Int {
    try fail()
    return try await base.remove(statuses, by: actor)
  }
  func history(_ id: JobID) async throws(StintError) -> [Event] {
    try fail()
    return try await base.history(id)
  }
  func jobTypes() async throws(StintError) -> [JobType] {
    try fail()
    return try await base.jobTypes()
  }
  func stats() async throws(StintError) -> Stats {
    try fail()
    return try await base.stats()
  }
  func workers() async throws(StintError) -> [WorkerInfo] {
    try fail()
    return try await base.workers()
  }
  func watch(_ id: JobID) async throws(StintError) -> JobUpdates {
    try fail()
    return try await base.watch(id)
  }
  func output(_ id: JobID, after place: OutputPlace?, follows: Bool) async throws(StintError) -> OutputUpdates {
    try fail()
    return try await base.output(id, after: place, follows: follows)
  }
  func deadLetters(_ filter: JobFilter) async throws(StintError) -> [DeadLetterGroup] {
    try fail()
    return try await base.deadLetters(filter)
  }
  func requeue(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Requeued {
    try fail()
    return try await base.requeue(filter, dryRun: dryRun, by: actor)
  }
  func purgeDeadLetters(_ filter: JobFilter, dryRun: Bool, by actor: Actor) async throws(StintError) -> Int {
    try fail()
    return try await base.purgeDeadLetters(filter, dryRun: dryRun, by: actor)
  }
  func setWorkers(_ count: Int, by actor: Actor) async throws(StintError) -> Int {
    try fail()
    return try await base.setWorkers(count, by: actor)
  }
  func workerCount() async throws(StintError) -> WorkerCount? {
    try fail()
    return try await base.workerCount()
  }
  func subscribe(buffer: Int) -> Subscription { base.subscribe(buffer: buffer) }
  func check() async throws(StintError) {
    await hold?.wait()
    try fail()
  }
}
