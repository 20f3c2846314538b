import Logging
import NIOCore
import StintCore
import StintEngine
import StintHTTP
import StintSQLite
import StintStore
import StintTesting
import Synchronization
import Testing

final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

/// Leases over HTTP: how they last, end, and wait.
@Suite(.timeLimit(.minutes(5))) struct WorkerLeaseTests {
  @Test func aSilentWorkerLosesItsJobAndItsLateWordChangesNothing() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let first = try await server.running("lost-1", lease: 2)
      // Renewed for as long as the worker speaks.
      for _ in 0..<5 {
        server.time.advance(by: .seconds(1))
        #expect(try await server.leases([first.token]) == [renewed])
      }
      try await server.passing { try await server.job("lost-1").status != .running }
      #expect(try await server.leases([first.token]) == [["status": "superseded"]])
      try await server.passing { try await server.job("lost-1").status == .pending }
      let second = try #require(try await server.claim().first)
      #expect(second.job["attempt"] == 2 && second.job["losses"] == 1 && second.job["retry_count"] == 0)
      let before = try await server.job("lost-1")
      for (route, body) in [
        ("complete", first.body(["result": "late"])), ("fail", first.body(["message": "late"])),
        ("progress", first.body(["percent": 99])), ("output", first.body(["chunks": [["text": "late"]]])),
      ] {
        RESTErrorTests.check(try await server.work(route, body), 409, "superseded", route)
      }
      #expect(try await server.leases([first.token, second.token]) == [["status": "superseded"], renewed])
      #expect(try await server.job("lost-1") == before)
      #expect(try await server.work("complete", second.body(["result": "done"])).status == 200)
      #expect(try await server.kinds("lost-1") == [.submitted, .lost, .succeeded])
      #expect(try await server.job("lost-1").result?.text == #""done""#)
    }
  }

  private let renewed: JSONValue = ["status": "renewed", "cancel_requested": false, "cancelled_by": nil]

  @Test func aHeartbeatBringsTheCancelAtOnce() async throws {
    try await withServer(configuration: workersAllowed) { server in
      for end in ["complete", "fail"] {
        let claimed = try await server.running("cancel-\(end)")
        let id = JobID(known: "cancel-\(end)")
        #expect(try await server.leases([claimed.token]) == [renewed])
        // No time passes: the answer comes by the hint.
        async let waiting = server.leases([claimed.token], wait: 10)
        await server.time.waitForSleepers(5)
        _ = try await server.client.cancel(id, by: tester)
        let asked: JSONValue = ["status": "renewed", "cancel_requested": true, "cancelled_by": "tester"]
        let told = try await waiting
        #expect(told == [asked])
        // The next one waits again: it was told.
        #expect(try await server.leases([claimed.token]) == [asked])
        let body = end == "fail" ? claimed.body(["message": "stopped"]) : claimed.body(["result": 1])
        let reply = try await server.work(end, body)
        #expect(try reply.json == ["status": "cancelled"], "once a cancel is acknowledged nothing else comes of it")
        #expect(try await server.job(id.text).status == .cancelled)
        #expect(try await server.work(end, body).json == ["status": "cancelled"])
      }
    }
  }

  @Test func clocksEndWhatDoesNotStop() async throws {
    let cases: [(id: String, change: @Sendable (inout NewJob) -> Void, status: JobStatus, error: JobError.Kind?)] = [
      ("timeout-1", { $0.timeout = .seconds(20) }, .retrying, .timeout),
      ("stall-1", { $0.stallTimeout = .seconds(20) }, .retrying, .stalled),
      (
        "deadline-1", { $0.deadline = Timestamp(microseconds: 1_764_230_400_000_000) + .seconds(20) }, .failed,
        .deadlineExceeded
      ),
      ("cancel-1", { _ in }, .cancelled, nil),
    ]
    for one in cases {
      try await withServer(configuration: workersAllowed) { server in
        let claimed = try await server.running(one.id, one.change)
        if one.status == .cancelled { _ = try await server.client.cancel(JobID(known: one.id), by: tester) }
        // The worker lives and says so, but does not end its attempt.
        for _ in 0..<9 {
          server.time.advance(by: .seconds(1))
          #expect(try await server.leases([claimed.token]).first?["status"] == "renewed", "\(one.id)")
        }
        try await server.passing {
          if try await server.job(one.id).status != .running { return true }
          _ = try await server.leases([claimed.token])
          return false
        }
        let job = try await server.job(one.id)
        #expect(job.status == one.status && job.error?.type == one.error, "\(one.id): \(job)")
        #expect(job.state.losses == 0)
        #expect(try await server.leases([claimed.token]) == [["status": "superseded"]])
        RESTErrorTests.check(try await server.work("complete", claimed.body()), 409, "superseded", one.id)
      }
    }
  }

  @Test func signsOfLifeKeepAnAttemptFromStalling() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("lively-1") { $0.stallTimeout = .seconds(3) }
      for route in ["progress", "output", "progress", "output", "progress"] {
        let body = route == "output" ? claimed.body(["chunks": [["text": "still\n"]]]) : claimed.body()
        server.time.advance(by: .seconds(2))
        #expect(try await server.work(route, body).status == 200)
      }
      #expect(try await server.work("complete", claimed.body()).status == 200)
    }
  }

  @Test func tokensAndLeasesOutliveTheServer() async throws {
    let time = ManualTime()
    let store = MemoryStore(leaseClock: time.leaseClock)
    let claimed = try await withServer(configuration: workersAllowed, store: store) { server in
      let claimed = try await server.running("long-1")
      _ = try await server.leases([claimed.token])
      return claimed
    }
    try await withServer(configuration: workersAllowed, store: store) { server in
      #expect(try await server.job("long-1").status == .running)
      #expect(try await server.work("progress", claimed.body(["percent": 50])).status == 200)
      let worker = claimed.job["worker_id"] ?? nil
      #expect(try await server.leases([claimed.token], worker: worker) == [renewed])
      let listed = try await server.call("GET", "/api/workers").json.array?.first { $0["id"] == worker }
      #expect(listed?["state"] == "busy" && listed?["types"] == ["python"])
      #expect(try await server.work("complete", claimed.body(["result": 1])).status == 200)
      #expect(try await server.kinds("long-1") == [.submitted, .succeeded])
    }
  }

  @Test func aJobThatTookWorkersDownRunsAlone() async throws {
    try await withServer(configuration: workersAllowed) { server in
      try await server.pending("bad-1")
      for attempt in 1...2 {
        let claimed = try await server.claim(["python"], ["lease_seconds": 1])
        #expect(claimed.map(\.id) == ["bad-1"] && claimed[0].job["attempt"]?.integer == Int64(attempt))
        try await server.passing { try await server.job("bad-1").status == .pending }
      }
      for id in ["good-1", "good-2"] { try await server.pending(id) }
      let body: JSONValue = ["worker": "py", "types": ["python"], "count": 10]
      let first = try await server.work("claim", body).json
      #expect(first["jobs"]?.array?.map { $0["id"]?.string } == ["bad-1"], "nothing beside it")
      let worker = first["worker_id"] ?? nil
      let again = JSONValue.object((body.object ?? []) + [JSONMember("worker_id", worker)])
      #expect(try await server.work("claim", again).json["jobs"] == [], "and nothing as long as it runs")
      let token = first["jobs"]?.array?.first?["lease"]?["token"] ?? nil
      #expect(try await server.work("complete", ["token": token]).status == 200)
      #expect(try await server.work("claim", again).json["jobs"]?.array?.count == 2)
    }
  }

  @Test func aWorkersEntrySaysWhatItDid() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("one-1")
      let id = claimed.job["worker_id"]?.string ?? ""
      func entry() async throws -> JSONValue? {
        try await server.call("GET", "/api/workers").json.array?.first { $0["id"]?.string == id }
      }
      #expect(try await entry()?["state"] == "busy")
      _ = try await server.work("complete", claimed.body())
      _ = try await server.leases([], worker: .string(id))
      #expect(try await entry()?["state"] == "idle")
      #expect(try await entry()?["processed"] == 1)
      server.time.advance(by: .seconds(61))
      #expect(try await entry() == nil, "silent for long")
      _ = try await server.leases([], worker: .string(id))
      #expect(try await entry() != nil)
      #expect(
        try await server.work("heartbeat", ["worker_id": .string(id), "leases": [], "leaving": true]).status == 200)
      #expect(try await entry() == nil)
    }
  }

  @Test func aWorkerThatHoldsALeaseStaysListed() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("quiet-1", lease: 600)
      let id = claimed.job["worker_id"]?.string
      @Sendable func silence() async throws -> Double? {
        try await server.call("GET", "/api/workers").json.array?.first { $0["id"]?.string == id }?["silence_seconds"]?
          .number
      }
      for _ in 0..<8 {
        server.time.advance(by: .seconds(20))
        try await eventually("its presence") { try await silence().map { $0 < 20 } ?? false }
      }
      let more = try await server.call("POST", "/api/jobs", #"{"type":"python","params":{"any":1}}"#)
      #expect(more.status == 201, "\(more.text)")
      _ = try await server.work("complete", claimed.body())
      server.time.advance(by: .seconds(61))
      try await eventually("its absence") { try await silence() == nil }
    }
  }

  // MARK: Long polls

  @Test func aClaimWaitsForAJobAndIsAnsweredAtOnce() async throws {
    try await withServer(configuration: workersAllowed) { server in
      _ = try await server.claim()
      await server.time.waitForSleepers(3)
      let quiet = server.time.sleeperCount
      async let waiting = server.claim(["python"], ["wait_seconds": 30])
      await server.time.waitForSleepers(quiet + 1)
      // No time passes.
      try await server.pending("awaited-1")
      let answered = try await waiting
      #expect(answered.map(\.id) == ["awaited-1"])
    }
  }

  @Test func aClaimEndsWithItsTime() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let begun = server.time.uptime()
      let isOver = Flag()
      async let passing: Void = server.passing { isOver.isSet }
      let answered = try await server.claim(["python"], ["wait_seconds": 5])
      isOver.set()
      try await passing
      #expect(answered.isEmpty)
      #expect(server.time.uptime() - begun >= .seconds(5))
    }
  }

  @Test func aGracefulStopEndsLongPolls() async throws {
    try await withServer(configuration: workersAllowed) { server in
      let claimed = try await server.running("kept-1")
      // Claims, presence, maintenance, and the desk's clock.
      await server.time.waitForSleepers(4)
      let quiet = server.time.sleeperCount
      async let waiting = server.claim(["python"], ["wait_seconds": 30])
      async let heartbeat = server.leases([claimed.token], wait: 30)
      await server.time.waitForSleepers(quiet + 2)
      await server.stop()
      let (answered, kept) = try await (waiting, heartbeat)
      #expect(answered.isEmpty && kept == [renewed])
    }
  }

  private func head(_ body: String, port: Int) -> String {
    """
    POST /api/worker/claim HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: Bearer worker-token\r
    Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
    """
  }

  @Test(arguments: [true, false]) func aClientThatLeftGetsNoJob(_ closesFully: Bool) async throws {
    try await withServer(configuration: workersAllowed) { server in
      _ = try await server.claim()
      await server.time.waitForSleepers(3)
      let quiet = server.time.sleeperCount
      try await Wire.open(server.port) { wire in
        try await wire.send(head(#"{"worker":"ghost","types":["python"],"wait_seconds":30}"#, port: server.port))
        await server.time.waitForSleepers(quiet + 1)
        if closesFully { try await wire.drop() } else { try await wire.finish() }
        try await eventually("the wait's end") { server.time.sleeperCount <= quiet }
      }
      try await server.pending("for-the-living")
      let claimed = try await server.claim()
      #expect(claimed.map(\.id) == ["for-the-living"] && claimed[0].job["attempt"] == 1)
    }
  }

  @Test func whatWasClaimedForAClientThatLeftGoesBackAtOnce() async throws {
    // A claim's jobs are given to the caller only once this lets it.
    let (claimed, goOn) = (Signal(), Signal())
    let wrap: @Sendable (any ServingGateway) -> any ServingGateway = { base in
      WatchedGateway(
        base,
        afterClaim: { request in
          guard request.worker.hasPrefix("ghost") else { return }
          claimed.notify()
          await goOn.wait()
        })
    }
    let lines = LogLines()
    try await withServer(configuration: workersAllowed, gateway: wrap, logger: Logger(label: "http") { _ in lines }) {
      server in
      try await server.pending("twice-1")
      try await Wire.open(server.port) { wire in
        try await wire.send(head(#"{"worker":"ghost","types":["python"]}"#, port: server.port))
        await claimed.wait()
        #expect(try await server.job("twice-1").status == .running)
        try await wire.drop()
        try await eventually("the connection's end") { lines.all.contains { $0.contains("left before") } }
      }
      goOn.notify()
      try await eventually("the job's return") { try await server.job("twice-1").status == .pending }
      #expect(try await server.kinds("twice-1") == [.submitted, .released])
      #expect(try await server.job("twice-1").state.losses == 0)
    }
  }
}
