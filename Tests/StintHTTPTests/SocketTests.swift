import StintCore
import StintEngine
import StintHTTP
import Testing

/// `/ws/queue` from the client's side.
@Suite struct SocketTests {
  @Test func tellsTheStateAndThenWhatHappens() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port) { socket in
        let state = try await socket.message("queue_state")
        #expect(state["jobs"] == [])
        #expect(state["has_more"] == false)
        #expect(state["stats"]?["total"] == 0)
        try await socket.send("create_job", ["job_type": "gate", "params": ["n": 1], "id": "job-1"])
        let created = try await socket.message("job_created")
        #expect(created["job"]?["id"] == "job-1")
        let started = try await socket.message("job_started")
        #expect(started.jobID == "job-1")
        let context = try await server.gate.entered()
        server.time.advance(by: .milliseconds(60))
        context.progress(40, "half")
        let progress = try await socket.message("job_progress")
        #expect(progress["percent"] == 40)
        server.gate.open()
        let completed = try await socket.message("job_completed")
        #expect(completed["result"] == ["ok": true])
      }
    }
  }
}
