import Foundation
import StintCore
import Testing

/// `stint serve --processes`: real worker processes, killed and stopped.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ProcessesTests {
  /// Leases long enough that only the supervisor can be the one who gives jobs back, and heartbeats that no process of a
  /// busy machine misses.
  private static let environment = [
    "STINT_WORKERS_LEASE_SECONDS": "600", "STINT_WORKERS_HEARTBEAT_SECONDS": "20",
  ]

  private func submit(_ program: Program, _ server: Server, _ id: String, seconds: Int = 60) async throws {
    let submit = ["submit", "countdown", "-p", "seconds=\(seconds)", "--id", id, "--url", server.url]
    let done = try await program.run(submit)
    #expect(done.code == 0, "\(done)")
  }

  /// Waits until this attempt of the job runs, or any where none is named; the worker's process.
  private func worker(_ program: Program, _ server: Server, of id: String, attempt: Int? = 1) async throws -> Int32 {
    let follow = try Child(program, ["follow", id, "--url", server.url, "--json"])
    defer { follow.send(SIGKILL) }
    let wanted = attempt.map { "\"attempt\":\($0)," } ?? "\"attempt\""
    try await follow.line("attempt \(wanted) of \(id)") { $0.contains(wanted) && $0.contains("\"running\"") }
    let job = try await program.run("show", id, "--url", server.url, "--json").json
    return try #require(job["worker_id"]?.string?.split(separator: "-").dropLast().last.flatMap { Int32($0) })
  }

  /// Whether it runs: one that has ended and that nobody has asked about yet does not.
  private func isThere(_ pid: Int32) -> Bool {
    guard kill(pid, 0) == 0 else { return false }
    let state = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return state?.contains(") Z ") != true
  }

  @Test func aKilledProcessCostsItsAttemptAndIsReplacedAtOnce() async throws {
    try await Program.with(environment: Self.environment) { program in
      try await Server.with(program, ["--processes", "2"]) { server in
        try await submit(program, server, "one")
        let first = try await worker(program, server, of: "one")
        #expect(first != server.child.pid)
        try await submit(program, server, "neighbour")
        let other = try await worker(program, server, of: "neighbour")
        #expect(other != first, "each process runs one job")
        kill(first, SIGKILL)
        let second = try await worker(program, server, of: "one", attempt: 2)
        #expect(second != first)
        let one = try await program.run("show", "one", "--url", server.url, "--json").json
        #expect(one["losses"] == 1 && one["retry_count"] == 0, "\(one)")
        let neighbour = try await program.run("show", "neighbour", "--url", server.url, "--json").json
        #expect(neighbour["losses"] == 0 && neighbour["attempt"] == 1)
        let history = try await program.run("show", "one", "--url", server.url)
        #expect(history.out.contains("killed by signal 9"), "\(history)")
        for id in ["one", "neighbour"] { #expect(try await program.run("cancel", id, "--url", server.url).code == 0) }
      }
    }
  }

  @Test func aStoppedProcessIsTakenForHungAndReplaced() async throws {
    let quick = Self.environment.merging(["STINT_WORKERS_HEARTBEAT_SECONDS": "1"]) { $1 }
    try await Program.with(environment: quick) { program in
      try await Server.with(program, ["--processes", "1"]) { server in
        try await submit(program, server, "one")
        let first = try await worker(program, server, of: "one")
        kill(first, SIGSTOP)
        let second = try await worker(program, server, of: "one", attempt: 2)
        #expect(second != first && !isThere(first))
        let shown = try await program.run("show", "one", "--url", server.url)
        #expect(shown.out.contains("hung and was killed"), "\(shown)")
        #expect(try await program.run("cancel", "one", "--url", server.url).code == 0)
      }
    }
  }

  @Test func aJobThatTakesItsProcessDownThreeTimesIsPoison() async throws {
    try await Program.with(environment: Self.environment) { program in
      try await Server.with(program, ["--processes", "1", "--workers", "2"]) { server in
        try await submit(program, server, "poison")
        for attempt in 1...3 {
          if attempt == 3 { try await submit(program, server, "neighbour") }
          kill(try await worker(program, server, of: "poison", attempt: attempt), SIGKILL)
        }
        let wait = try await program.run("wait", "poison", "--url", server.url, "--json")
        #expect(wait.code == 1 && wait.json["error"]?["type"] == "poison", "\(wait)")
        // It ran alone the last time: the neighbour, though it may have been claimed beside it, began only after it.
        _ = try await worker(program, server, of: "neighbour", attempt: nil)
        let neighbour = try await program.run("show", "neighbour", "--url", server.url, "--json").json
        #expect(neighbour["losses"] == 0 && neighbour["retry_count"] == 0, "\(neighbour)")
        #expect(try await program.run("cancel", "neighbour", "--url", server.url).code == 0)
      }
    }
  }

  @Test(arguments: ["tools: {", nil]) func aReplacementWorksWithWhatTheServerHadRead(later: String?) async throws {
    try await Program.with(environment: Self.environment) { program in
      try program.write("server.yaml", "tools: {nap: {command: [sleep, '60']}}")
      try await Server.with(program, ["--processes", "1", "--config", "server.yaml"]) { server in
        let run = try await program.run("submit", "nap", "--id", "one", "--url", server.url)
        #expect(run.code == 0, "\(run)")
        let first = try await worker(program, server, of: "one")
        if let later {
          try program.write("server.yaml", later)
        } else {
          try FileManager.default.removeItem(atPath: program.path("server.yaml"))
        }
        kill(first, SIGKILL)
        #expect(try await worker(program, server, of: "one", attempt: 2) != first)
        #expect(try await program.run("cancel", "one", "--url", server.url).code == 0)
      }
    }
  }

  @Test func processesThatEndTooOftenStopTheServer() async throws {
    let few = Self.environment.merging(["STINT_WORKERS_MAX_RESTARTS": "2", "STINT_WORKERS_MAX_SECONDS": "600"]) { $1 }
    try await Program.with(environment: few) { program in
      let server = try await Server.start(program, ["--processes", "1"])
      try await submit(program, server, "one")
      for attempt in 1...3 { kill(try await worker(program, server, of: "one", attempt: attempt), SIGKILL) }
      #expect(try await server.child.exit() == 70)
      #expect(server.child.err.contains("More than 2 worker processes ended within 10m"), "\(server.child.err)")
    }
  }

  @Test(arguments: ["0", "1"]) func aCommandReportsForItsOwnAttempt(processes: String) async throws {
    try await Program.with(environment: Self.environment) { program in
      try await Server.with(program, ["--processes", processes]) { server in
        // curl's own words: the token opens its own attempt's door, and no other.
        let script = """
          say() { curl -s -o /dev/null -w '%{http_code} ' -X POST -H 'Content-Type: application/json' \\
            -H "Authorization: Bearer $STINT_JOB_TOKEN" -d "$2" "$STINT_JOB_URL/api/$1"; }
          say worker/progress '{"token": "'$STINT_JOB_TOKEN'", "percent": 40, "message": "from outside"}'
          say worker/claim '{"worker": "w", "types": ["exec"]}'
          say jobs '{"type": "prime"}'
          """
        let command = String(decoding: try JSONEncoder().encode(["sh", "-c", script]), as: UTF8.self)
        // Straight into the store: exec is closed at the server's door.
        let submit = ["submit", "exec", "--param", "command=\(command)", "--id", "one"]
        #expect(try await program.run(submit).code == 0)
        // Not with the submission: that would run it itself where the worker process is not there yet.
        #expect(try await program.run("wait", "one").code == 0)
        let logs = try await program.run("logs", "one", "--url", server.url)
        #expect(logs.out.hasPrefix("200 403 "), "\(logs)")
        let shown = try await program.run("show", "one", "--url", server.url, "--json").json
        #expect(shown["progress"]?["message"] == "from outside", "\(shown)")
      }
    }
  }

  @Test func aKilledSupervisorTakesItsProcessesAlong() async throws {
    let short = ["STINT_WORKERS_LEASE_SECONDS": "6", "STINT_WORKERS_HEARTBEAT_SECONDS": "2"]
    try await Program.with(environment: short) { program in
      let server = try await Server.start(program, ["--processes", "1"])
      try await submit(program, server, "one")
      let process = try await worker(program, server, of: "one")
      server.child.send(SIGKILL)
      #expect(try await server.child.exit() == 128 + SIGKILL)
      // No event tells of the end of another's child: looked at with a pause, bounded.
      var looks = 0
      while isThere(process), looks < 100 {
        looks += 1
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(looks < 100, "the worker process outlived its supervisor by a second")
      // The job comes back with its lease, and the supervisor's end is not held against it.
      try await Server.with(program, ["--processes", "1"]) { server in
        _ = try await worker(program, server, of: "one", attempt: 2)
        let job = try await program.run("show", "one", "--url", server.url, "--json").json
        #expect(job["losses"] == 0 && job["retry_count"] == 0, "\(job)")
        #expect(try await program.run("cancel", "one", "--url", server.url).code == 0)
      }
    }
  }

  @Test func aGracefulStopGivesBackUncounted() async throws {
    let short = Self.environment.merging(["STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0.2"]) { $1 }
    try await Program.with(environment: short) { program in
      try await Server.with(program, ["--processes", "2"]) { server in
        for id in ["one", "two"] {
          try await submit(program, server, id)
          _ = try await worker(program, server, of: id)
        }
      }
      for id in ["one", "two"] {
        let job = try await program.run("show", id, "--json").json
        #expect(job["status"] == "pending" && job["losses"] == 0 && job["retry_count"] == 0, "\(job)")
      }
    }
  }

  @Test func aSecondSignalStopsAtOnceAndStillGivesBack() async throws {
    try await Program.with(environment: Self.environment) { program in
      let server = try await Server.start(program, ["--processes", "1"])
      try await submit(program, server, "one")
      _ = try await worker(program, server, of: "one")
      server.child.send(SIGINT)
      try await server.child.note("Once more")
      server.child.send(SIGINT)
      #expect(try await server.child.exit() == 130)
      let job = try await program.run("show", "one", "--json").json
      #expect(job["status"] == "pending" && job["losses"] == 0, "\(job)")
    }
  }

  @Test func aProcessThatDoesNotStopIsKilledAndNamed() async throws {
    try await Program.with(environment: Self.environment) { program in
      let server = try await Server.start(program, ["--processes", "1"])
      try await submit(program, server, "one")
      let stopped = try await worker(program, server, of: "one")
      kill(stopped, SIGSTOP)
      server.child.send(SIGINT)
      try await server.child.note("Once more")
      server.child.send(SIGINT)
      #expect(try await server.child.exit() == 130)
      #expect(server.child.err.contains("worker process did not stop well"), "\(server.child.err)")
      #expect(server.child.err.contains("killed by signal 9"), "\(server.child.err)")
      let job = try await program.run("show", "one", "--json").json
      #expect(job["status"] == "pending" && job["losses"] == 0, "\(job)")
    }
  }

  @Test func moreWorkersJoinFromAnotherTerminalAndLeave() async throws {
    try await Program.with(environment: Self.environment) { program in
      let missing = try await program.run("start-workers")
      #expect(missing.code == 69 && missing.err.contains("no store"), "\(missing)")
      try await Server.with(program, ["--workers", "1"]) { server in
        let workers = try Child(program, ["start-workers", "--count", "2"])
        try await workers.line("that they joined") { $0.contains("2 jobs at once") }
        for id in ["one", "two", "three"] { try await submit(program, server, id) }
        for id in ["one", "two", "three"] { _ = try await worker(program, server, of: id) }
        try await workers.line("what they run") { $0.contains("countdown") && $0.contains("started") }
        let stats = try await program.run("stats", "--url", server.url, "--json").json
        #expect(stats["worker"]?["capacity"] == 3, "\(stats)")
        // What another process runs is cancelled through the server.
        for (act, code) in [("cancel", Int32(0)), ("wait", 2)] {
          for id in ["one", "two", "three"] {
            #expect(try await program.run(act, id, "--url", server.url).code == code, "\(act) \(id)")
          }
        }
        workers.send(SIGTERM)
        #expect(try await workers.exit() == 0, "\(workers.err)")
      }
    }
    for bad in [["--count", "0"], ["--count", "x"], ["--url", "http://127.0.0.1:1"], ["--store", "memory:"]] {
      try await Program.with { program in
        let run = try await program.run(["start-workers"] + bad)
        #expect(run.code == 65 && run.err.hasPrefix("Error: "), "\(bad): \(run)")
      }
    }
  }
}
