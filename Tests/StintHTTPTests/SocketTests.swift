import StintCore
import StintEngine
import StintHTTP
import StintSQLite
import StintStore
import StintTesting
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `/ws/queue` from the client's side: what it is told.
@Suite struct SocketTests {
  @Test func tellsAJobsWholeLife() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        let state = try await socket.message("queue_state")
        #expect(keys(state) == ["type", "jobs", "stats", "has_more"])
        #expect(state["jobs"] == [])
        #expect(state["has_more"] == false)
        #expect(state["stats"] == (try await server.call("GET", "/api/stats").json))
        try await socket.send("create_job", ["job_type": "gate", "params": ["n": 1], "id": "job-1"])
        let created = try await socket.message("job_created")
        #expect(keys(created) == ["type", "job"])
        #expect(created["job"]?["id"] == "job-1" && created["job"]?["status"] == "pending")
        let started = try await socket.message("job_started")
        #expect(keys(started) == ["type", "job_id", "started_at", "attempt", "worker_id"])
        #expect(started.jobID == "job-1" && started["attempt"] == 1 && started["worker_id"]?.string != nil)
        #expect(started["started_at"]?.number == Double(server.time.now().microseconds) / 1_000_000)
        let context = try await server.gate.entered()
        server.time.advance(by: .milliseconds(60))
        context.progress(40, "half")
        let progress = try await socket.message("job_progress")
        #expect(progress == ["type": "job_progress", "job_id": "job-1", "percent": 40, "message": "half"])
        server.gate.open()
        let completed = try await socket.message("job_completed")
        #expect(
          keys(completed) == ["type", "job_id", "result", "completed_at", "duration_seconds", "attempt"])
        #expect(completed["result"] == ["ok": true] && completed["duration_seconds"] == 0.06)
        try await socket.send("clear_completed")
        #expect(try await socket.message("jobs_removed") == ["type": "jobs_removed", "job_ids": ["job-1"]])
      }
    }
  }

  @Test func tellsOfFailuresAndWhatPeopleDo() async throws {
    let flaky = Handler(JobType(name: "flaky")) { _ in throw StintError(.internalError, "it broke") }
    try await withServer(handlers: [flaky]) { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let retry: JSONValue = ["strategy": "linear", "base_seconds": 5, "jitter": 0]
        try await socket.send("create_job", ["job_type": "flaky", "id": "job-1", "max_retries": 1, "retry": retry])
        _ = try await socket.message("job_created")
        _ = try await socket.message("job_started")
        let retrying = try await socket.message("job_retrying")
        #expect(keys(retrying) == ["type", "job_id", "attempt", "retry_count", "next_retry_at", "error"])
        #expect(retrying["attempt"] == 1 && retrying["retry_count"] == 1)
        #expect(retrying["error"]?["type"] == "handler" && retrying["error"]?["message"]?.string?.isEmpty == false)
        server.time.advance(by: .seconds(5))
        let due = try await socket.message("job_changed")
        #expect(keys(due) == ["type", "job"] && due["job"]?["status"] == "pending")
        #expect(try await socket.message("job_started")["attempt"] == 2)
        let failed = try await socket.message("job_failed")
        #expect(
          keys(failed) == ["type", "job_id", "error", "escalated_to", "completed_at", "duration_seconds", "attempt"])
        #expect(failed["error"]?["attempt"] == 2)
        // A retry by a person, of a job that is then cancelled while it waits.
        try await socket.send("create_job", ["job_type": "noop", "id": "job-2", "delay": 60])
        #expect(try await socket.message("job_created")["job"]?["status"] == "scheduled")
        try await socket.send("cancel_job", ["job_id": "job-2"])
        let cancelled = try await socket.message("job_cancelled")
        #expect(keys(cancelled) == ["type", "job_id", "completed_at", "cancelled_by"])
        #expect(cancelled["cancelled_by"] == "anonymous")
        try await socket.send("retry_job", ["job_id": "job-2"])
        #expect(try await socket.message("job_changed")["job"]?["status"] == "pending")
        // A running one is asked to stop, and stops.
        try await socket.send("create_job", ["job_type": "gate", "id": "job-3"])
        _ = try await socket.message { $0.type == "job_started" && $0.jobID == "job-3" }
        try await server.gate.entered()
        try await socket.send("cancel_job", ["job_id": "job-3"])
        let asked = try await socket.message { $0.jobID == "job-3" }
        #expect(asked.type == "job_changed" && asked["job"]?["status"] == "running")
        #expect(asked["job"]?["cancel_requested_at"]?.number != nil)
        #expect(try await socket.message { $0.jobID == "job-3" }.type == "job_cancelled")
      }
    }
  }

  @Test func leavesOutWhatIsLargeAndHidesWhatIsSecret() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let text = JSONValue.string(String(repeating: "p", count: 5_000))
        try await socket.send("create_job", ["job_type": "large", "params": ["text": text], "id": "job-1"])
        let created = try await socket.message("job_created")
        #expect(created["job"]?["params"] == JSONValue.null && created["job"]?["truncated"] == true)
        let completed = try await socket.message { $0.type == "job_completed" }
        #expect(completed["result"] == JSONValue.null && completed["truncated"] == true)
        let params: JSONValue = ["user": "ada", "password": "hunter2"]
        try await socket.send("create_job", ["job_type": "login", "params": params, "id": "job-2"])
        let login = try await socket.message("job_created")
        #expect(login["job"]?["params"] == ["user": "ada", "password": "***"])
        _ = try await socket.message { $0.type == "job_completed" }
        server.time.advance(by: .milliseconds(300))
        try await socket.send("get_state")
        let state = try await socket.message("queue_state")
        #expect(state["jobs"] == (try await server.call("GET", "/api/jobs").json))
        #expect(!RawJSON(state).text.contains("hunter2"))
      }
    }
  }

  @Test func putsTheStateInOrderAndGivesEveryGroupItsShare() async throws {
    try await withServer(slots: 150) { server in
      var all: [NewJob] = []
      for index in 0..<120 {
        var job = NewJob("gate")
        job.id = "running-\(index)"
        all.append(job)
      }
      _ = try await server.client.submit(all, by: tester)
      try await server.gate.entered(120)
      for group in ["waiting", "ended"] {
        all = (0..<450).map { index in
          var job = NewJob("noop")
          job.id = "\(group)-\(index)"
          job.delay = .seconds(3_600)
          return job
        }
        let stored = try await server.client.submit(all, by: tester)
        if group == "ended" { for job in stored { _ = try await server.client.cancel(job.id, by: tester) } }
      }
      try await SocketClient.open(server.port) { socket in
        let state = try await socket.message("queue_state")
        let ids = try #require(state["jobs"]?.array).compactMap { $0["id"]?.string }
        let expected =
          (0..<120).reversed().map { "running-\($0)" } + (170..<450).reversed().map { "waiting-\($0)" }
          + (350..<450).reversed().map { "ended-\($0)" }
        #expect(ids.count == 500)
        #expect(ids == expected)
        #expect(state["has_more"] == true)
        #expect(state["stats"]?["total"] == 1_020)
      }
    }
  }

  @Test func keepsTwoClientsInStep() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { first in
        try await SocketClient.open(server.port) { second in
          #expect(try await first.message("queue_state") == second.message("queue_state"))
          let types = ["noop", "fail", "large", "login", "count"]
          for index in 0..<40 {
            let sender = index % 2 == 0 ? first : second
            let type = types[index % types.count]
            let params: JSONValue = type == "count" ? ["n": 3] : [:]
            try await sender.send("create_job", ["job_type": .string(type), "params": params])
          }
          try await eventually("all are over") {
            let counts = try await server.client.stats().counts
            return counts[.completed] + counts[.failed] == 40
          }
          try await first.send("clear_completed")
          func all(_ socket: SocketClient) async throws -> [JSONValue] {
            var messages: [JSONValue] = []
            repeat { messages.append(try await socket.message()) } while messages.last?.type != "jobs_removed"
            return messages
          }
          let (one, other) = (try await all(first), try await all(second))
          #expect(one == other)
          #expect(one.count { $0.type == "job_created" } == 40)
          #expect(one.count { $0.type == "job_completed" } == 32)
          #expect(one.count { $0.type == "job_failed" } == 8)
          #expect(one.last?["job_ids"]?.array?.count == 32)
        }
      }
    }
  }

  @Test func tellsFiguresWhenTheyDiffer() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let id = try await server.submit("noop")
        _ = try await server.end(of: id)
        @Sendable func figures() async throws -> JSONValue {
          while true {
            if case .message(let json) = try await socket.event(), json.type == "stats_update" { return json }
          }
        }
        var seen = try await advancing(server.time, by: .milliseconds(250)) { try await figures() }
        while seen["stats"]?["completed"] != 1 {
          seen = try await advancing(server.time, by: .milliseconds(250)) { try await figures() }
        }
        #expect(keys(seen) == ["type", "stats"])
        #expect(seen["stats"]?["totals"]?["enqueued"] == 1)
        // Nothing happens any more; the window's end is all that is still told.
        while seen["stats"]?["throughput"] != 0 {
          seen = try await advancing(server.time, by: .seconds(1)) { try await figures() }
        }
      }
    }
  }

  @Test func tellsOfOtherProcesses() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("stint.db").path
    let here = try await SQLiteStore.open(path: path)
    try await withServer(store: here, slots: 1) { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        let there = try await SQLiteStore.open(path: path)
        let other = LocalClient(store: there, types: [JobType(name: "noop")])
        var job = NewJob("noop")
        job.id = "job-1"
        job.delay = .seconds(100_000_000)
        _ = try await other.submit([job], by: tester)
        let state = try await socket.message("queue_state")
        #expect(state["jobs"]?.array?.first?["id"] == "job-1")
        await there.close()
      }
    }
    await here.close()
  }

  @Test func showsTheTruthAfterARestart() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("stint.db").path
    let before = try await SQLiteStore.open(path: path)
    let port = try await withServer(store: before) { server in
      try await SocketClient.open(server.port) { socket in
        _ = try await socket.message("queue_state")
        try await socket.send("create_job", ["job_type": "noop", "id": "job-1"])
        _ = try await socket.message { $0.type == "job_completed" }
        await server.stop()
        #expect(try await socket.closed() == 1_001)
      }
      return server.port
    }
    await before.close()
    // While nobody serves, somebody submits.
    let between = try await SQLiteStore.open(path: path)
    let away = LocalClient(store: between, types: [JobType(name: "noop")])
    var job = NewJob("noop")
    job.id = "job-2"
    _ = try await away.submit([job], by: tester)
    await between.close()
    let configuration = HTTPConfiguration(port: port)
    let after = try await SQLiteStore.open(path: path)
    try await withServer(configuration: configuration, store: after) { server in
      try await SocketClient.open(server.port) { socket in
        let state = try await socket.message("queue_state")
        let ids = Set((state["jobs"]?.array ?? []).compactMap { $0["id"]?.string })
        #expect(ids == ["job-1", "job-2"])
        _ = try await server.end(of: JobID(known: "job-2"))
        try await eventually("the state shows it") {
          server.time.advance(by: .milliseconds(300))
          try await socket.send("get_state")
          let state = try await socket.message { $0.type == "queue_state" }
          return state["jobs"]?.array?.allSatisfy { $0["status"] == "completed" } == true
        }
      }
    }
    await after.close()
  }
}

/// The keys of an object.
func keys(_ json: JSONValue) -> Set<String> { Set((json.object ?? []).map(\.key)) }

/// Moves time on, a step each millisecond, until `body` has what it waits for.
func advancing<Value: Sendable>(
  _ time: ManualTime, by step: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      while !Task.isCancelled {
        await time.waitForSleepers()
        time.advance(by: step)
        // The pace of the clock, no wait for anything: without it hours would pass while a message is on its way.
        try? await Task.sleep(for: .milliseconds(1))
      }
      return nil
    }
    defer { group.cancelAll() }
    while let value = try await group.next() { if let value { return value } }
    throw CancellationError()
  }
}
