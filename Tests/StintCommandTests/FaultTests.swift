import Foundation
import StintCore
import StintSQLite
import StintStore
import Testing

/// What a machine does to the real binary: processes stopped, disks full, files that can not be written or are gone.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FaultTests {
  // MARK: Stopped

  /// Stops a process where it does not hold the database's lock: as long as one that does is stopped, nobody writes.
  private func stop(_ child: Child) async throws {
    // No event tells of this; looked at with a pause, bounded.
    for _ in 0..<200 {
      child.send(SIGSTOP)
      var looks = 0
      while looks < 1_000, try !String(contentsOfFile: "/proc/\(child.pid)/stat", encoding: .utf8).contains(") T ") {
        looks += 1
        try await Task.sleep(for: .milliseconds(1))
      }
      // The lock for writing is byte 120 of the file's index.
      let locks = try String(contentsOfFile: "/proc/locks", encoding: .utf8).split(separator: "\n")
      if !locks.contains(where: { $0.contains(" WRITE \(child.pid) ") && $0.hasSuffix(" 120 120") }) { return }
      child.send(SIGCONT)
      try await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("The process held the lock whenever it was stopped")
  }

  @Test func aWorkerStoppedBeyondItsLeaseWritesInVain() async throws {
    let environment = [
      "STINT_WORKERS_LEASE_SECONDS": "6", "STINT_WORKERS_HEARTBEAT_SECONDS": "1", "STINT_WORKERS_POLL_SECONDS": "0.2",
    ]
    try await Program.with(environment: environment) { program in
      #expect(try await program.run("submit", "countdown", "-p", "seconds=10", "--id", "one").code == 0)
      let stopped = try Child(program, ["start-workers", "--count", "1"])
      try await stopped.line("that it began") { $0.contains("one started") }
      try await stop(stopped)
      let lasting = ["STINT_WORKERS_LEASE_SECONDS": "60"]
      let other = try Child(program, ["start-workers", "--count", "1"], environment: lasting)
      #expect(try await program.run("wait", "one").code == 0)
      let before = try await program.run("show", "one", "--json").json
      stopped.send(SIGCONT)
      // It ends once the attempt that it still has is settled, and that is refused.
      stopped.send(SIGTERM)
      #expect(try await stopped.exit() == 0, "\(stopped.err)")
      other.send(SIGTERM)
      #expect(try await other.exit() == 0, "\(other.err)")
      let after = try await program.run("show", "one", "--json").json
      #expect(after == before && after["status"] == "completed", "\(after)")
      #expect(after["attempt"] == 2 && after["losses"] == 1 && after["retry_count"] == 0, "\(after)")
      let history = try await program.run("show", "one").out
      #expect(history.contains("lost its lease"), "\(history)")
      let store = try await SQLiteStore.open(path: program.path("stint.db"), creation: .mustExist)
      let events = try await store.history([JobID(known: "one")])[0]
      await store.close()
      #expect(events.map(\.kind) == [.submitted, .lost, .succeeded] && events.map(\.attempt) == [0, 1, 2])
      #expect(events.count == 3 && events[1].workerID != events[2].workerID)
      #expect(!stopped.out.contains("✓") && stopped.out.contains("one lost  "), "\(stopped.out)")
      try await program.audit("stint.db", submitted: [JobID(known: "one")])
    }
  }

  // MARK: Disks

  /// Whether a small disk can be made here; decided by making one.
  private static let canMount: Bool = {
    guard getuid() == 0 else { return false }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-disk-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    guard mount("tmpfs", folder.path, "tmpfs", 0, "size=64k") == 0 else { return false }
    return umount2(folder.path, Int32(MNT_DETACH)) == 0
  }()

  private static let whyNot: Comment = "no tmpfs can be mounted here: that takes root, with the right to mount"

  /// A disk of its own for the store, `disk/stint.db`.
  private func withDisk(_ body: (Program) async throws -> Void) async throws {
    try await Program.with(environment: ["STINT_STORE": "sqlite:disk/stint.db"]) { program in
      let path = program.path("disk")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try #require(mount("tmpfs", path, "tmpfs", 0, "size=2m") == 0)
      defer { umount2(path, Int32(MNT_DETACH)) }
      try await body(program)
    }
  }

  /// Takes all the space that a disk has left; how many bytes that was.
  private func fill(_ path: String) throws -> Int {
    let file = open(path, O_WRONLY | O_CREAT, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    let block = [UInt8](repeating: 7, count: 4_096)
    var taken = 0
    while true {
      let count = write(file, block, block.count)
      if count <= 0 { return taken }
      taken += count
    }
  }

  @Test(.enabled(if: canMount, whyNot), arguments: [["--workers", "3"], ["--processes", "1"]])
  func aFullDiskIsNamedAndWorkGoesOnOnceThereIsSpace(_ arguments: [String]) async throws {
    try await withDisk { program in
      var acknowledged: Set<JobID> = []
      try await Server.with(program, arguments + ["--log-level", "error"]) { server in
        let submit = ["submit", "countdown", "-p", "seconds=1", "--url", server.url, "--id"]
        #expect(try await program.run(submit + ["runs"]).code == 0)
        acknowledged.insert(JobID(known: "runs"))
        let taken = try fill(program.path("disk/fill"))
        #expect(taken > 0)
        // What the log still has room for may be taken.
        let large = "{\"text\":\"\(String(repeating: "a", count: 50_000))\"}"
        var refused: Program.Output?
        for number in 1...50 where refused == nil {
          let output = try await program.run(submit + ["full-\(number)", "--metadata", large])
          if output.code == 0 { acknowledged.insert(JobID(known: "full-\(number)")) } else { refused = output }
        }
        let error = try #require(refused, "a full disk took everything")
        #expect(error.code == 69 && error.err.contains("is full"), "\(error)")
        let json = try await program.run(submit + ["full", "--metadata", large, "--json"])
        #expect(json.code == 69 && json.error["type"] == "store_unavailable" && json.error["code"] == 503, "\(json)")
        // Reading goes on.
        #expect(try await program.run("show", "runs", "--url", server.url).code == 0)
        try FileManager.default.removeItem(atPath: program.path("disk/fill"))
        let wait = try await program.run(["wait", "runs", "--url", server.url])
        #expect(wait.code == 0, "\(wait)")
        #expect(try await program.run(submit + ["later", "--wait"]).code == 0)
        acknowledged.insert(JobID(known: "later"))
        #expect(try await program.run("wait", "--all", "--url", server.url).code == 0)
        let runs = try await program.run("show", "runs", "--url", server.url, "--json").json
        #expect(runs["attempt"] == 1 && runs["losses"] == 0, "its outcome waited for the disk: \(runs)")
      }
      try await program.audit("disk/stint.db", submitted: acknowledged)
    }
  }

  @Test(.enabled(if: canMount, whyNot)) func aReadOnlyDiskIsNamedAndKeepsItsJobs() async throws {
    try await withDisk { program in
      let path = program.path("disk")
      #expect(try await program.run("submit", "prime", "-p", "limit=100", "--id", "kept").code == 0)
      let readOnly = UInt(MS_REMOUNT | MS_RDONLY)
      try #require(mount("tmpfs", path, "tmpfs", readOnly, nil) == 0)
      for command in [["submit", "prime", "-p", "limit=100"], ["serve", "--port", "0"], ["start-workers"]] {
        let output = try await program.run(command)
        #expect(output.code == 69 && output.err.contains("read-only"), "\(command): \(output)")
      }
      try #require(mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), nil) == 0)
      try await Server.with(program) { server in
        let wait = try await program.run("wait", "kept", "--url", server.url)
        #expect(wait.code == 0, "\(wait)")
      }
      try await program.audit("disk/stint.db", submitted: [JobID(known: "kept")])
    }
  }

  // MARK: Files

  /// As root everything may be written: for root, the read-only disk above is the case.
  @Test(.enabled(if: getuid() != 0, "root may write every file")) func aReadOnlyFileIsNamed() async throws {
    try await Program.with { program in
      let submit = ["submit", "prime", "-p", "limit=100"]
      #expect(try await program.run(submit + ["--id", "kept"]).code == 0)
      chmod(program.path("stint.db"), 0o400)
      let refused = try await program.run(submit)
      #expect(refused.code == 69 && refused.err.contains("read-only"), "\(refused)")
      chmod(program.path("stint.db"), 0o600)
      #expect(try await program.run(submit + ["--id", "later"]).code == 0)
      #expect(try await program.run("show", "kept").code == 0)
    }
  }

  @Test(arguments: [["--workers", "2"], ["--processes", "1", "--workers", "2"]])
  func aFileThatIsMovedAwayIsNamedAndGoesOnWhenItIsBack(_ arguments: [String]) async throws {
    let environment = ["STINT_STORE": "sqlite:here/stint.db", "STINT_WORKERS_POLL_SECONDS": "0.2"]
    try await Program.with(environment: environment) { program in
      let (here, away) = (program.path("here"), program.path("away"))
      try FileManager.default.createDirectory(atPath: here, withIntermediateDirectories: true)
      try await Server.with(program, arguments + ["--log-level", "error"]) { server in
        let submit = ["submit", "countdown", "-p", "seconds=1", "--url", server.url, "--id"]
        for id in ["one", "two", "waits"] { #expect(try await program.run(submit + [id]).code == 0) }
        try FileManager.default.moveItem(atPath: here, toPath: away)
        let refused = try await program.run(submit + ["refused", "--json"])
        #expect(refused.code == 69 && refused.error["type"] == "store_unavailable", "\(refused)")
        #expect(refused.err.contains("moved or removed"), "\(refused)")
        // Nothing else makes a second store there meanwhile.
        let missing = try await program.run("list")
        #expect(missing.code == 69, "\(missing)")
        try FileManager.default.moveItem(atPath: away, toPath: here)
        for id in ["one", "two", "waits"] {
          #expect(try await program.run("wait", id, "--url", server.url).code == 0)
          let job = try await program.run("show", id, "--url", server.url, "--json").json
          #expect(job["attempt"] == 1 && job["losses"] == 0, "\(job)")
        }
        #expect(try await program.run("show", "refused", "--url", server.url).code != 0)
        #expect(try await program.run(submit + ["later", "--wait"]).code == 0)
      }
      let acknowledged = Set(["one", "two", "waits", "later"].map { JobID(known: $0) })
      try await program.audit("here/stint.db", submitted: acknowledged)
    }
  }
}
