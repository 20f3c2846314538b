import Foundation
import StintCore
import Testing

/// What asks a command to stop: signals, a terminal that is shut, a reader that goes away.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StopTests {
  private static let environment = [
    "STINT_WORKERS_LEASE_SECONDS": "600", "STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0.2",
  ]

  private func isReleased(_ program: Program, _ id: String) async throws {
    let job = try await program.run("show", id, "--json").json
    #expect(job["status"] == "pending" && job["losses"] == 0 && job["attempt"] == 1, "\(job)")
  }

  private static let long = ["submit", "countdown", "-p", "seconds=60"]

  @Test(arguments: ["serve", "start-workers"]) func aTerminalThatIsShutStopsGracefully(command: String) async throws {
    try await Program.with(environment: Self.environment) { program in
      #expect(try await program.run(Self.long + ["--id", "one"]).code == 0)
      let child = try Child(program, [command] + (command == "serve" ? ["--port", "0"] : []))
      let follow = try Child(program, ["follow", "one", "--json"])
      try await follow.line("that it runs") { $0.contains("\"running\"") }
      child.send(SIGHUP)
      #expect(try await child.exit() == 0, "\(child.err)")
      try await isReleased(program, "one")
      follow.send(SIGHUP)
      #expect(try await follow.exit() == 130)
    }
  }

  @Test func nohupOutlivesTheTerminal() async throws {
    try await Program.with(environment: Self.environment) { program in
      let child = try Child(
        program, ["serve", "--port", "0", "--json"], command: ["/usr/bin/env", "nohup", Program.binary.path])
      try await child.line("where it listens") { $0.hasPrefix("{") }
      child.send(SIGHUP)
      child.send(SIGTERM)
      #expect(try await child.exit() == 0)
      let stops = child.err.split(separator: "\n").count { $0.contains("Once more") }
      #expect(stops == 1, "\(child.err)")
    }
  }

  @Test func aReaderThatGoesAwayMakesWorkersLeave() async throws {
    try await Program.with(environment: Self.environment) { program in
      #expect(try await program.run(Self.long + ["--delay", "1h", "--id", "zero"]).code == 0)
      let script = "set -o pipefail; \"$0\" \"$@\" | { head -n 1; exec <&-; echo gone >&2; }"
      let child = try Child(program, ["start-workers"], command: ["bash", "-c", script, Program.binary.path])
      try await child.note("gone")
      #expect(try await program.run(Self.long + ["--id", "one"]).code == 0)
      #expect(try await child.exit() == 0, "\(child.out) \(child.err)")
      #expect(child.out.split(separator: "\n").count == 1 && child.err.contains("Leaving"), "\(child.out) \(child.err)")
      try await isReleased(program, "one")
    }
  }

  @Test func aLogThatNobodyReadsStopsNeitherServerNorWorkerProcesses() async throws {
    try await Program.with(environment: Self.environment) { program in
      let script = "exec \"$0\" \"$@\" 2> >(head -n 1)"
      let child = try Child(
        program, ["serve", "--port", "0", "--processes", "1", "--json"],
        command: ["bash", "-c", script, Program.binary.path])
      try await child.line("where it listens") { $0.hasPrefix("{") }
      for id in ["one", "two"] {
        #expect(try await program.run("submit", "countdown", "-p", "seconds=1", "--id", id).code == 0)
        #expect(try await program.run("wait", id).code == 0)
      }
      child.send(SIGTERM)
      #expect(try await child.exit() == 0)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSecondSignalStillGivesBackWhatACommandRuns(
    signal: Int32
  ) async throws {
    try await Program.with(environment: Self.environment) { program in
      for id in ["one", "two", "three"] {
        let child = try Child(program, Self.long + ["--id", id, "--follow"])
        try await child.line("that it runs") { $0.contains("running, attempt 1") }
        child.send(signal)
        child.send(signal)
        child.send(SIGTERM)
        #expect(try await child.exit() == 130)
        try await isReleased(program, id)
      }
    }
  }
}
