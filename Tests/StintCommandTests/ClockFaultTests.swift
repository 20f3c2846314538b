import Foundation
import StintCore
import Testing

/// The real binary on a machine whose wall clock is set back and forward while it works.
///
/// What must hold: leases, timeouts and waits are measured by the clock that counts since the start, so nothing is
/// executed twice, given up or left lying; what is shown of how long something took is what passed.
@Suite(.timeLimit(.minutes(5)), .enabled(if: FaultyMachine.library != nil, FaultyMachine.whyNot))
struct ClockFaultTests {
  static let environment = [
    "STINT_WORKERS_LEASE_SECONDS": "60", "STINT_WORKERS_HEARTBEAT_SECONDS": "5", "STINT_WORKERS_POLL_SECONDS": "0.2",
  ]
  private static let hours: Int64 = 3_600

  @Test(arguments: [["--workers", "4"], ["--processes", "4", "--workers", "1"]])
  func aClockThatIsSetRepeatsNothingAndHoldsUpNothing(_ arguments: [String]) async throws {
    try await FaultyMachine.with(environment: Self.environment) { program, machine in
      try await Server.with(program, arguments) { server in
        let url = ["--url", server.url]
        let submit = ["submit", "countdown"] + url
        func submitted(_ id: String, seconds: Int, _ options: String...) async throws {
          let output = try await program.run(submit + ["-p", "seconds=\(seconds)", "--id", id] + options)
          #expect(output.code == 0, "\(output)")
        }
        for id in ["back", "both"] {
          try await submitted(id, seconds: id == "back" ? 6 : 50, "--timeout", "60s")
          try await program.follow(id, on: server, until: "\"running\"")
        }
        // Fails and is to be retried fifteen seconds later, by the clock of now.
        let failing = ["submit", "exec", "-p", "command=[\"false\"]", "--id", "fails", "--max-retries", "1"]
        let retry = ["--retry", "{\"strategy\": \"linear\", \"base_seconds\": 15, \"jitter\": 0}"]
        let output = try await program.run(failing + retry)
        #expect(output.code == 0, "\(output)")
        let follow = try Child(program, ["follow", "back"] + url)
        try await program.follow("fails", on: server, until: "\"retrying\"")
        machine.setClock(-2 * Self.hours)
        try await submitted("after", seconds: 1, "--start-within", "10s")
        #expect(try await program.run(["wait", "after", "back"] + url).code == 0)
        #expect(try await follow.exit() == 0, "a stream goes on")
        let wait = try await program.run(["wait", "fails"] + url)
        #expect(wait.code == 1, "its retry did not wait for two hours: \(wait)")

        // Behind four slots that are taken, it must not be said to have waited for an hour.
        for id in ["a", "b", "c"] {
          try await submitted(id, seconds: 8, "--timeout", "40s")
          try await program.follow(id, on: server, until: "\"running\"")
        }
        try await submitted("waits", seconds: 1, "--start-within", "60s")
        machine.setClock(1 * Self.hours)
        let workers = try await program.run(["stats", "--json"] + url).json
        #expect(workers["worker"]?["capacity"] == 4, "no worker is taken for gone: \(workers)")
        #expect(try await program.run(["wait", "both", "a", "b", "c", "waits"] + url).code == 0)
        machine.setClock(0)
        try await submitted("last", seconds: 1)
        #expect(try await program.run(["wait", "last"] + url).code == 0)

        for id in ["back", "both", "after", "a", "b", "c", "waits", "last"] {
          let job = try await program.run(["show", id, "--json"] + url).json
          #expect(job["status"] == "completed" && job["attempt"] == 1 && job["losses"] == 0, "\(job)")
          let took = try #require(job["duration_seconds"]?.number)
          #expect(took > 0.9 && took < 60, "\(id) took \(took)")
        }
        let stats = try await program.run(["stats", "--json"] + url).json
        let mean = stats["avg_duration_ms"]?.number ?? 0
        #expect(mean >= 0 && mean < 60_000, "\(stats)")
        let fails = try await program.run(["show", "fails", "--json"] + url).json
        #expect(fails["status"] == "failed" && fails["attempt"] == 2, "\(fails)")
      }
      try await program.audit()
    }
  }

  /// In truth the processes of a machine share its clock; those of containers and of several machines may not.
  @Test func processesWhoseClocksDifferWorkOnOneFile() async throws {
    try await FaultyMachine.with(environment: Self.environment) { program, machine in
      let ahead = try FaultyMachine(program, "ahead")
      ahead.setClock(Self.hours)
      var elsewhere = program
      elsewhere.environment.merge(ahead.environment) { $1 }
      try await Server.with(program, ["--workers", "2"]) { server in
        let workers = try Child(elsewhere, ["start-workers", "--count", "2"])
        try await workers.line("that they joined") { $0.contains("2 jobs at once") }
        // Each has two slots, and these last: neither can take all of them.
        for number in 1...4 {
          let from = number.isMultiple(of: 2) ? program : elsewhere
          let submit = ["submit", "countdown", "-p", "seconds=10", "--id", "job-\(number)"]
          #expect(try await from.run(submit).code == 0)
        }
        try await workers.line("what they run") { $0.contains("started") }
        for from in [program, elsewhere] {
          let stats = try await from.run("stats", "--json").json
          #expect(stats["worker"]?["capacity"] == 4, "each knows of the other: \(stats)")
        }
        #expect(try await program.run("wait", "--all", "--url", server.url).code == 0)
        for number in 1...4 {
          let job = try await program.run("show", "job-\(number)", "--json").json
          #expect(job["status"] == "completed" && job["attempt"] == 1 && job["losses"] == 0, "\(job)")
          let took = try #require(job["duration_seconds"]?.number)
          #expect(took > 9.9 && took < 60, "took \(took)")
        }
        workers.send(SIGTERM)
        #expect(try await workers.exit() == 0, "\(workers.err)")
        // Killed, its job comes back with its lease, by the clock that both share.
        let short = ["STINT_WORKERS_LEASE_SECONDS": "6", "STINT_WORKERS_HEARTBEAT_SECONDS": "2"]
        let doomed = try Child(elsewhere, ["start-workers", "--count", "2"], environment: short)
        try await doomed.line("that they joined") { $0.contains("2 jobs at once") }
        #expect(try await elsewhere.run("submit", "countdown", "-p", "seconds=60", "--id", "first").code == 0)
        #expect(try await elsewhere.run("submit", "countdown", "-p", "seconds=60", "--id", "second").code == 0)
        #expect(try await elsewhere.run("submit", "countdown", "-p", "seconds=60", "--id", "third").code == 0)
        try await doomed.line("that they run one of these") { line in
          line.contains("started") && ["first", "second", "third"].contains { line.contains($0) }
        }
        doomed.send(SIGKILL)
        _ = try await doomed.exit()
        for id in ["first", "second", "third"] {
          #expect(try await program.run("cancel", id, "--url", server.url).code == 0)
        }
        for id in ["first", "second", "third"] {
          #expect(try await program.run("wait", id, "--url", server.url).code == 2)
          let job = try await program.run("show", id, "--json").json
          #expect(job["attempt"]?.integer ?? 0 <= 2 && job["duration_seconds"]?.number ?? 0 >= 0, "\(job)")
        }
      }
      try await program.audit()
    }
  }
}
