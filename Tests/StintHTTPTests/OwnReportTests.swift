import StintCore
import StintEngine
import StintHTTP
import Testing

/// Reports about attempts that this server's own workers run.
@Suite(.timeLimit(.minutes(5))) struct OwnReportTests {
  @Test(arguments: ["progress", "heartbeat"]) func aReportIsASignOfLifeForTheStallClock(_ route: String) async throws {
    try await withServer(configuration: workersAllowed) { server in
      var job = NewJob("gate")
      job.stallTimeout = .seconds(5)
      job.maxRetries = 0
      let id = try await server.client.submit([job], by: tester)[0].id
      let access = try #require(try await server.gate.entered().serverAccess())
      let token = access.token
      let report: JSONValue = route == "heartbeat" ? ["leases": [.string(token)]] : ["token": .string(token)]
      for _ in 0..<4 {
        server.time.advance(by: .seconds(4))
        #expect(try await server.work(route, report, token: token).status == 200)
      }
      // Who says nothing more is stalled five seconds after the last word.
      #expect(try await server.client.job(id).status == .running)
      server.time.advance(by: .seconds(5))
      let ended = try await server.end(of: id)
      #expect(ended.error?.type == .stalled)
      #expect(ended.duration == .seconds(21))
    }
  }
}
