import NIOCore
import StintCore
import StintEngine
import StintHTTP
import StintStore
import Testing

/// Many sockets, many events, slow readers, and a server that stops.
@Suite(.serialized) struct SocketLoadTests {
  /// What a client knows from its messages: its jobs' statuses, and which of them it must ask for.
  private struct Mirror {
    var statuses: [String: String] = [:]
    var unknown: Set<String> = []
    var states = 0

    mutating func take(_ message: JSONValue) {
      switch message.type {
      case "queue_state":
        states += 1
        statuses = [:]
        unknown = []
        for job in message["jobs"]?.array ?? [] { set(job) }
      case "job_created", "job_changed": if let job = message["job"] { set(job) }
      case "changed": for id in message["job_ids"]?.array ?? [] { unknown.insert(id.string ?? "") }
      case "jobs_removed": for id in message["job_ids"]?.array ?? [] { statuses[id.string ?? ""] = nil }
      default:
        guard let id = message.jobID, let type = message.type, type.hasPrefix("job_") else { return }
        if type != "job_progress" { statuses[id] = type == "job_started" ? "running" : String(type.dropFirst(4)) }
        unknown.remove(id)
      }
    }

    /// Whether it has the job, or was told to ask for it.
    func knows(_ id: String) -> Bool { statuses[id] != nil || unknown.contains(id) }

    private mutating func set(_ job: JSONValue) {
      guard let id = job["id"]?.string else { return }
      statuses[id] = job["status"]?.string
      unknown.remove(id)
    }
  }

  /// `count` jobs that nobody runs.
  private func waiting(_ name: String, _ count: Int, text: String = "") -> [NewJob] {
    (0..<count).map { index in
      var job = NewJob("large", params: text.isEmpty ? [:] : ["text": .string(text)])
      job.id = "\(name)-\(index)"
      job.delay = .seconds(100_000)
      return job
    }
  }

  @Test func aSlowReaderHoldsNothingUpAndEndsWithTheTruth() async throws {
    try await withServer(slots: 1) { server in
      try await SocketClient.open(server.port, receiveBuffer: 4_096, seconds: 120) { slow in
        _ = try await slow.message("queue_state")
        try await slow.reads(false)
        try await SocketClient.open(server.port, seconds: 120) { quick in
          var mirror = Mirror()
          mirror.take(try await quick.message("queue_state"))
          // First single events, more of them than the connection's buffers and its own hold.
          let text = String(repeating: "x", count: 4_000)
          for step in 0..<60 {
            _ = try await server.client.submit(waiting("single-\(step)", 40, text: text), by: tester)
            for _ in 0..<40 { mirror.take(try await quick.message("job_created")) }
            server.time.advance(by: .milliseconds(260))
          }
          #expect(mirror.statuses.count == 2_400)
          // Then 5,000 events a second, for three seconds.
          for step in 0..<12 {
            let stored = try await server.client.submit(waiting("burst-\(step)", 625), by: tester)
            for job in stored { _ = try await server.client.cancel(job.id, by: tester) }
            server.time.advance(by: .milliseconds(250))
          }
          server.time.advance(by: .seconds(2))
          _ = try await server.client.submit(waiting("last", 1), by: tester)
          let bursts = (0..<12).flatMap { step in (0..<625).map { "burst-\(step)-\($0)" } }
          var types: [String: Int] = [:]
          repeat {
            let message = try await advancing(server.time, by: .milliseconds(1)) { try await quick.message() }
            types[message.type ?? "", default: 0] += 1
            mirror.take(message)
            // A state may still be on its way when the last event is told.
          } while !mirror.knows("last-0") || mirror.states == 1 && !bursts.allSatisfy(mirror.knows)
          // All at once or in parts, as the feed came to read them: but never one by one.
          let condensed = (types["changed"] ?? 0) + (types["queue_state"] ?? 0)
          #expect(condensed > 0 && types["job_created"] ?? 0 <= 600, "\(types)")
          #expect(server.http.openSockets == 2)
          // It reads again: what the connection held, then a state, and that is the truth.
          let before = slow.received
          try await slow.reads(true)
          var late = Mirror()
          while !late.knows("last-0") || late.states == 0 { late.take(try await slow.message()) }
          #expect(late.states > 0)
          #expect(late.statuses.count >= 500)
          let jobs = try await server.call("GET", "/api/jobs?limit=1000").json.array ?? []
          for job in jobs {
            guard let id = job["id"]?.string, let status = late.statuses[id], !late.unknown.contains(id) else {
              continue
            }
            #expect(status == job["status"]?.string, "\(id)")
          }
          let kept = slow.received - before
          #expect(kept < 9 << 20, "of 13 MB of events and the state, \(kept) bytes were kept for it")
        }
      }
    }
  }

  /// More than a socket's buffer at once, right after its state was read: it gets a new one, that has it all.
  @Test func aBatchLargerThanTheBufferEndsInANewState() async throws {
    try await withServer(slots: 1) { server in
      try await SocketClient.open(server.port, seconds: 240) { socket in
        for round in 0..<3 {
          if round > 0 { try await socket.send("get_state") }
          _ = try await socket.message { $0.type == "queue_state" }
          var jobs = waiting("round-\(round)", 25)
          let note = JSONValue.string(String(repeating: "n", count: 60_000))
          for index in jobs.indices { jobs[index].metadata = .object([JSONMember("note", note)]) }
          _ = try await server.client.submit(jobs, by: tester)
          let state = try await advancing(server.time, by: .milliseconds(20)) {
            try await socket.message { $0.type == "queue_state" }
          }
          let ids = Set((state["jobs"]?.array ?? []).compactMap { $0["id"]?.string })
          #expect(jobs.allSatisfy { ids.contains($0.id ?? "") })
          server.time.advance(by: .seconds(2))
        }
      }
    }
  }

  /// Answers to pings are for those who read; they do not pile up for one that does not.
  @Test func pingsOfAClientThatDoesNotReadCostNothing() async throws {
    try await withServer { server in
      try await SocketClient.open(server.port, receiveBuffer: 4_096, seconds: 240) { socket in
        _ = try await socket.message("queue_state")
        try await socket.reads(false)
        let ping = SocketClient.frame(0x89, [UInt8](repeating: 0x70, count: 125))
        var thousand = ByteBuffer()
        for _ in 0..<1_000 { thousand.writeImmutableBuffer(ping) }
        let sent = 150_000
        for _ in 0..<sent / 1_000 { try await socket.send(bytes: thousand) }
        try await socket.reads(true)
        try await socket.send("ping")
        var answers = 0
        reading: while true {
          switch try await socket.event() {
          case .pong: answers += 1
          case .message(let json) where json.type == "pong": break reading
          default: continue
          }
        }
        #expect(answers < sent / 2, "\(answers) answers were kept")
      }
    }
  }

  @Test func keepsTwoHundredClientsInStep() async throws {
    try await withServer { server in
      let hold = Hold()
      try await withThrowingTaskGroup(of: [JSONValue].self) { group in
        for _ in 0..<200 {
          group.addTask {
            try await SocketClient.open(server.port, seconds: 120) { socket in
              _ = try await socket.message("queue_state")
              await hold.wait()
              var messages: [JSONValue] = []
              repeat { messages.append(try await socket.message()) } while messages.last?.type != "jobs_removed"
              return messages
            }
          }
        }
        await hold.entered(200)
        #expect(server.http.openSockets == 200)
        #expect(server.client.hub.subscriberCount == 1, "all of them share one subscription")
        for index in 0..<30 { _ = try await server.submit("count", params: ["n": 2], id: "job-\(index)") }
        try await eventually("all are over") { try await server.client.stats().counts[.completed] == 30 }
        _ = try await server.client.remove([.completed], by: tester)
        await hold.release()
        var first: [JSONValue]?
        for try await messages in group {
          // A job that is over at once may be told of without its start.
          #expect(messages.count { $0.type == "job_created" } == 30)
          #expect(messages.count { $0.type == "job_completed" } == 30)
          if let first { #expect(messages == first) } else { first = messages }
        }
      }
      try await eventually("all places are free") { server.http.openSockets == 0 }
      try await eventually("the subscription is free") { server.client.hub.subscriberCount == 0 }
    }
  }

  @Test func aThousandSocketsOpenedAndDroppedLeaveNothing() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.limits.sockets = 1_000
    try await withServer(configuration: configuration) { server in
      try await openAThousand(atOnce: 500, counted: { server.http.openSockets }) { hold in
        try await SocketClient.open(server.port, seconds: 120) { socket in
          _ = try await socket.message("queue_state")
          await hold.wait()
          try await socket.drop()
        }
      }
      try await eventually("descriptors are free") { openConnections(of: server.port) == 0 }
      try await eventually("the subscription is free") { server.client.hub.subscriberCount == 0 }
      try await SocketClient.open(server.port) { socket in _ = try await socket.message("queue_state") }
    }
  }

  @Test func aGracefulStopClosesSocketsAndWaitsForNobody() async throws {
    try await withServer(slots: 1) { server in
      _ = try await server.client.submit(
        waiting("job", 500, text: String(repeating: "x", count: 4_000)), by: tester)
      try await SocketClient.open(server.port, receiveBuffer: 4_096) { slow in
        try await slow.reads(false)
        try await SocketClient.open(server.port) { quick in
          _ = try await quick.message("queue_state")
          for _ in 0..<10 {
            server.time.advance(by: .milliseconds(300))
            try await slow.send("get_state")
            try await quick.send("get_state")
            _ = try await quick.message("queue_state")
          }
          await server.stop()
          #expect(try await quick.closed() == 1_001)
          try await quick.send(frame: 0x88, [0x03, 0xE9])
          try await quick.ended()
          try await eventually("the slow one is closed too") { server.http.openSockets == 0 }
        }
      }
    }
  }
}
