import Foundation
import StintCore
import Testing

/// The real binary on a disk that is slow or hangs, and on a database that somebody else has locked.
@Suite(.timeLimit(.minutes(5))) struct StoreFaultTests {
  static let both = [["--workers", "2"], ["--processes", "2", "--workers", "1"]]
  private static let leases = [
    "STINT_WORKERS_LEASE_SECONDS": "60", "STINT_WORKERS_HEARTBEAT_SECONDS": "5", "STINT_WORKERS_POLL_SECONDS": "0.2",
  ]

  private func submit(_ program: Program, _ server: Server, _ id: String, seconds: Int) async throws {
    let submit = ["submit", "countdown", "-p", "seconds=\(seconds)", "--id", id, "--url", server.url]
    let done = try await program.run(submit)
    #expect(done.code == 0, "\(done)")
  }

  private func job(_ id: String, _ program: Program) async throws -> JSONValue {
    try await program.run("show", id, "--json").json
  }

  private func count(_ words: String, in text: String) -> Int { text.components(separatedBy: words).count - 1 }

  // MARK: A slow disk

  @Test(.enabled(if: FaultyMachine.library != nil, FaultyMachine.whyNot))
  func nothingIsAcknowledgedBeforeItIsOnDisk() async throws {
    try await FaultyMachine.with(environment: Self.leases) { program, machine in
      try await Server.with(program, ["--workers", "1"]) { server in
        let long = ["submit", "countdown", "-p", "seconds=60", "--id"]
        for arguments in [["over-http", "--url", server.url], ["by-file"]] {
          machine.set(.isHeld, 1)
          let child = try Child(program, long + arguments)
          try await machine.syncs(waiting: 1)
          #expect(try await program.run("list", "--url", server.url).code == 0, "reads do not wait for the disk")
          #expect(child.isRunning && child.out.isEmpty, "\(child.out)")
          machine.set(.isHeld, 0)
          #expect(try await child.exit() == 0, "\(child.err)")
        }
        for id in ["over-http", "by-file"] {
          #expect(try await program.run("cancel", id, "--url", server.url).code == 0)
        }
      }
    }
  }

  @Test(.enabled(if: FaultyMachine.library != nil, FaultyMachine.whyNot), arguments: both)
  func aSlowDiskCostsTimeAndNothingElse(_ arguments: [String]) async throws {
    let environment = Self.leases.merging(["STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0.5"]) { $1 }
    try await FaultyMachine.with(environment: environment) { program, machine in
      let server = try await Server.start(program, arguments)
      let workers = try Child(program, ["start-workers", "--count", "2"])
      try await workers.line("that they joined") { $0.contains("2 jobs at once") }
      machine.slowDown(milliseconds: 250)
      for id in ["one", "two", "three", "cancelled"] {
        try await submit(program, server, id, seconds: id == "cancelled" ? 60 : 6)
      }
      try await workers.line("what they run: the lock is left to them too") { $0.contains("started") }
      try await program.follow("cancelled", on: server, until: "running")
      #expect(try await program.run("cancel", "cancelled", "--url", server.url).code == 0)
      #expect(try await program.run("wait", "cancelled", "--url", server.url).code == 2)
      // Longer than a heartbeat: the leases are longer still.
      machine.set(.nextSync, 6_000_000)
      try await machine.syncs(waiting: 1)
      for command in ["stats", "list"] {
        #expect(try await program.run(command, "--url", server.url).code == 0)
        #expect(try await program.run(command).code == 0)
      }
      #expect(try await program.run("wait", "one", "two", "three", "--url", server.url).code == 0)
      for id in ["one", "two", "three"] {
        let job = try await job(id, program)
        #expect(job["attempt"] == 1 && job["losses"] == 0, "\(job)")
      }
      workers.send(SIGTERM)
      #expect(try await workers.exit() == 0, "\(workers.err)")
      try await submit(program, server, "left", seconds: 60)
      try await program.followProgress(of: "left", on: server)
      server.child.send(SIGTERM)
      #expect(try await server.child.exit() == 0, "\(server.child.err)")
      let left = try await job("left", program)
      #expect(left["status"] == "pending" && left["losses"] == 0 && left["retry_count"] == 0, "\(left)")
      #expect(left["progress"]?["percent"]?.number ?? 0 > 0, "with its last progress: \(left)")

      let again = try await Server.start(program, arguments)
      try await program.follow("left", on: again, until: "running")
      again.child.send(SIGINT)
      try await again.child.note("Once more")
      again.child.send(SIGINT)
      #expect(try await again.child.exit() == 130, "\(again.child.err)")
      let given = try await job("left", program)
      #expect(given["status"] == "pending" && given["losses"] == 0, "\(given)")
    }
  }

  @Test(.enabled(if: FaultyMachine.library != nil, FaultyMachine.whyNot), arguments: both)
  func aDiskThatHangsIsNamedAndEverythingGoesOnWhenItIsBack(_ arguments: [String]) async throws {
    try await FaultyMachine.with(environment: Self.leases) { program, machine in
      try await Server.with(program, [arguments[0], "3"] + arguments.dropFirst(2)) { server in
        for id in ["one", "two"] {
          try await submit(program, server, id, seconds: 8)
          try await program.follow(id, on: server, until: "running")
        }
        let short = [
          "submit", "countdown", "-p", "seconds=60", "--id", "short", "--timeout", "8s", "--max-retries", "0",
        ]
        let begin = ContinuousClock.now
        #expect(try await program.run(short).code == 0)
        try await program.followProgress(of: "short", on: server)
        machine.set(.isHeld, 1)
        try await machine.syncs(waiting: 1)
        let late = ["submit", "countdown", "-p", "seconds=1", "--id", "late", "--url", server.url]
        let refused = try await program.run(late + ["--json"])
        #expect(refused.code == 69 && refused.error["type"] == "store_unavailable", "\(refused)")
        #expect(refused.err.contains("has not answered for"), "\(refused)")
        #expect(try await program.run("list", "--url", server.url).code == 0, "reads go on")
        let held = (ContinuousClock.now - begin) / .seconds(1)
        machine.set(.isHeld, 0)
        for id in ["one", "two"] {
          #expect(try await program.run("wait", id, "--url", server.url).code == 0)
          let job = try await job(id, program)
          #expect(job["attempt"] == 1 && job["losses"] == 0, "its outcome waited for the disk: \(job)")
        }
        #expect(try await program.run("wait", "short", "--url", server.url).code == 1)
        let timed = try await job("short", program)
        #expect(timed["error"]?["type"] == "timeout", "\(timed)")
        #expect(timed["duration_seconds"]?.number ?? 60 < held, "its time was up while the disk hung: \(timed)")
        // What was on its way when the disk hung may be stored or not; once again, it is there once.
        let again = try await program.run(late)
        #expect([0, 65].contains(again.code) || again.err.contains("exists"), "\(again)")
        #expect(try await program.run("wait", "late", "--url", server.url).code == 0)
      }
    }
  }

  // MARK: A locked database

  /// Somebody who holds the lock for writing until told to let go.
  private func lock(_ program: Program) async throws -> Child {
    let script = """
      import sqlite3, time
      database = sqlite3.connect('stint.db', isolation_level=None, timeout=30)
      database.execute('BEGIN EXCLUSIVE')
      print('locked', flush=True)
      time.sleep(600)
      """
    let child = try Child(program, ["-c", script], command: ["python3"])
    try await child.line("that it is locked") { $0 == "locked" }
    return child
  }

  private func unlock(_ child: Child) async throws {
    child.send(SIGKILL)
    _ = try await child.exit()
  }

  @Test(arguments: both) func callersAreToldOfALockAndWorkersWaitForIt(_ arguments: [String]) async throws {
    try await Program.with(environment: Self.leases) { program in
      try await Server.with(program, arguments) { server in
        // They end while it is locked.
        for id in ["one", "two"] {
          try await submit(program, server, id, seconds: 12)
          try await program.follow(id, on: server, until: "running")
        }
        let lock = try await lock(program)
        let refused = ["submit", "countdown", "-p", "seconds=1", "--json", "--id"]
        async let over = program.run(refused + ["over-http", "--url", server.url])
        async let by = program.run(refused + ["by-file"])
        for output in try await [over, by] {
          #expect(output.code == 69 && output.error["type"] == "store_unavailable", "\(output)")
          #expect(output.err.contains("is locked by another process"), "\(output)")
        }
        try await server.child.note("settling failed")
        try await unlock(lock)
        for id in ["one", "two"] {
          #expect(try await program.run("wait", id, "--url", server.url).code == 0)
          let job = try await job(id, program)
          #expect(job["attempt"] == 1 && job["losses"] == 0, "its outcome waited for the store: \(job)")
        }
        try await submit(program, server, "later", seconds: 1)
        #expect(try await program.run("wait", "later", "--url", server.url).code == 0)
        #expect(try await program.run("list", "--json").json.array?.count == 3, "what was refused is not there")
        // Said once by each who found it, not each second.
        let said = count("settling failed", in: server.child.err)
        #expect((1...2).contains(said), "\(server.child.err)")
        #expect(server.child.err.contains("settling works again"), "\(server.child.err)")
      }
    }
  }

  @Test(arguments: both) func aLockThatEndsInTimeDoesNotKeepWorkersFromGivingBack(_ arguments: [String]) async throws {
    let environment = Self.leases.merging(["STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0.2"]) { $1 }
    try await Program.with(environment: environment) { program in
      let server = try await Server.start(program, arguments)
      try await submit(program, server, "one", seconds: 60)
      try await program.followProgress(of: "one", on: server)
      let lock = try await lock(program)
      server.child.send(SIGTERM)
      try await server.child.note("settling failed")
      try await unlock(lock)
      #expect(try await server.child.exit() == 0, "\(server.child.err)")
      let job = try await job("one", program)
      #expect(
        job["status"] == "pending" && job["losses"] == 0 && job["retry_count"] == 0, "\(server.child.err)\n\(job)")
      #expect(job["progress"]?["percent"]?.number ?? 0 > 0, "with its last progress: \(job)")
    }
  }

  @Test(arguments: both) func aLockThatDoesNotEndDoesNotHoldUpTheStop(_ arguments: [String]) async throws {
    let environment = Self.leases.merging([
      "STINT_WORKERS_SHUTDOWN_TIMEOUT_SECONDS": "0.2", "STINT_WORKERS_LEASE_SECONDS": "8",
      "STINT_WORKERS_HEARTBEAT_SECONDS": "2",
    ]) { $1 }
    try await Program.with(environment: environment) { program in
      let server = try await Server.start(program, arguments)
      try await submit(program, server, "one", seconds: 60)
      try await program.follow("one", on: server, until: "running")
      let lock = try await lock(program)
      let begin = ContinuousClock.now
      server.child.send(SIGTERM)
      #expect(try await server.child.exit() == 0, "\(server.child.err)")
      #expect(ContinuousClock.now - begin < .seconds(25), "the stop was held up")
      #expect(server.child.err.contains("comes back when its leases end"), "\(server.child.err)")
      #expect(try await job("one", program)["status"] == "running", "nobody could be told")
      try await unlock(lock)
      try await Server.with(program, arguments) { again in
        try await program.follow("one", on: again, until: "\"attempt\":2,")
        #expect(try await program.run("cancel", "one", "--url", again.url).code == 0)
      }
    }
  }
}
