import StintCore
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

/// What a worker says through one server of a store, and then through another.
@Suite(.timeLimit(.minutes(5))) struct WorkerServersTests {
  /// Two servers on one store, whose clocks stand still unless a test moves them.
  private func withTwo(
    gateway: @escaping @Sendable (any ServingGateway) -> any ServingGateway = { $0 },
    _ body: @escaping @Sendable (_ a: TestServer, _ b: TestServer, _ clock: ManualTime) async throws -> Void
  ) async throws {
    let clock = ManualTime()
    let store = MemoryStore(leaseClock: clock.leaseClock)
    try await withServer(configuration: workersAllowed, store: store) { a in
      try await withServer(configuration: workersAllowed, store: store, gateway: gateway) { b in
        try await body(a, b, clock)
      }
    }
  }

  private func output(of id: String, _ server: TestServer) async throws -> [OutputChunk] {
    var pieces: [OutputChunk] = []
    for try await update in try await server.client.output(JobID(known: id), after: nil, follows: false) {
      if case .chunk(let chunk) = update { pieces.append(chunk) }
    }
    return pieces
  }

  @Test func outputWithoutNumbersIsWhole() async throws {
    try await withTwo { a, b, _ in
      let claimed = try await a.running("said-1")
      for number in 0..<6 {
        let body = claimed.body(["chunks": [["text": .string("\(number)\n")]]])
        #expect(try await (number % 2 == 0 ? b : a).work("output", body).status == 200)
      }
      let pieces = try await output(of: "said-1", a)
      #expect(pieces.map(\.text) == (0..<6).map { "\($0)\n" })
      #expect(pieces.map(\.number) == Array(1...6))
    }
  }

  @Test func outputThatAnotherServerWasQuickerWithIsSentAgain() async throws {
    let isTaken = Flag()
    let wrap: @Sendable (any ServingGateway) -> any ServingGateway = { base in
      WatchedGateway(base) { (base, reports) throws(StoreError) in
        guard let report = reports.first, let chunk = report.output.first, !isTaken.isSet else { return }
        isTaken.set()
        // Another server keeps something under the same number first.
        let other = OutputChunk(
          attempt: chunk.attempt, number: chunk.number, stream: .stdout, text: "theirs\n", at: chunk.at)
        try await base.record([AttemptReport(attempt: report.attempt, output: [other])])
      }
    }
    try await withTwo(gateway: wrap) { _, b, _ in
      let claimed = try await b.running("said-2")
      let body = claimed.body(["chunks": [["text": "mine\n"], ["text": "too\n"]]])
      #expect(try await b.work("output", body).status == 200)
      let pieces = try await output(of: "said-2", b)
      #expect(Set(pieces.map(\.text)) == ["theirs\n", "mine\n", "too\n"], "\(pieces)")
    }
  }

  @Test func anAttemptThatIsLostIsNoNeighbour() async throws {
    try await withTwo { a, b, clock in
      try await a.pending("bad-1")
      var body: [JSONMember] = [
        JSONMember("worker", "py"), JSONMember("types", ["python"]), JSONMember("lease_seconds", 1),
      ]
      for attempt in 1...3 {
        // The clock of the first server stands still: it has not looked after its leases since the claim.
        let reply = try await a.work("claim", .object(body))
        let jobs = try reply.json["jobs"]?.array ?? []
        #expect(jobs.first?["attempt"]?.integer == Int64(attempt), "\(reply.text)")
        if attempt == 1 { body.append(JSONMember("worker_id", try reply.json["worker_id"] ?? nil)) }
        guard attempt < 3 else { break }
        clock.advance(by: .seconds(2))
        try await b.passing { try await b.job("bad-1").status == .pending }
      }
      #expect(try await a.kinds("bad-1") == [.submitted, .lost, .lost, .claimed])
    }
  }

  @Test(arguments: ["progress", "output", "nothing"])
  func reportsThroughAnotherServerKeepAnAttemptFromStalling(_ what: String) async throws {
    try await withTwo { a, b, clock in
      let claimed = try await a.running("lively-\(what)") { $0.stallTimeout = .seconds(30) }
      for number in 1...6 {
        let body =
          switch what {
          case "progress": claimed.body(["percent": .integer(Int64(number))])
          case "output": claimed.body(["chunks": [["text": "still\n"]]])
          default: claimed.body()
          }
        clock.advance(by: .milliseconds(10))
        #expect(try await b.work(what == "output" ? "output" : "progress", body).status == 200)
        a.time.advance(by: .seconds(20))
      }
      #expect(try await a.job(claimed.id).status == .running)
      // Nothing more, and the attempt is stalled; the second server's clock stands still.
      try await a.passing { try await a.job(claimed.id).status != .running }
      #expect(try await a.job(claimed.id).error?.type == .stalled)
      #expect(try await a.work("complete", claimed.body()).status == 409)
    }
  }
}
