import Foundation
import StintCore
import StintSQLite
import StintStore
import StintTesting
import Testing

/// A machine whose wall clock and whose disk do what a test says, while the program runs: a library that is preloaded
/// into it, `Tests/faults/faults.c`. What it is to do stands in a file that both have mapped.
final class FaultyMachine: Sendable {
  /// What can be set or read; the same in `faults.c`.
  enum Knob: Int {
    /// Microseconds that the wall clock is ahead.
    case clockOffset
    /// Microseconds that each sync of the database takes.
    case syncDelay
    /// Microseconds that the next sync takes, once.
    case nextSync
    /// Not 0: syncs wait.
    case isHeld
    /// Syncs that wait now.
    case waiting
    /// Syncs that are over.
    case done
  }

  private let path: String
  private let file: Int32

  /// A machine without faults, for a program in this folder.
  init(_ program: Program, _ name: String = "faults") throws {
    path = program.path(name)
    file = open(path, O_RDWR | O_CREAT, 0o600)
    try #require(file >= 0 && ftruncate(file, 48) == 0)
  }

  deinit { close(file) }

  /// What a process needs in its environment to be on this machine.
  var environment: [String: String] { ["LD_PRELOAD": Self.library ?? "", "STINT_FAULTS": path] }

  func set(_ knob: Knob, _ value: Int64) {
    var value = value
    #expect(pwrite(file, &value, 8, off_t(knob.rawValue * 8)) == 8)
  }

  func get(_ knob: Knob) -> Int64 {
    var value: Int64 = 0
    #expect(pread(file, &value, 8, off_t(knob.rawValue * 8)) == 8)
    return value
  }

  /// Sets the wall clock to so many seconds off the true time.
  func setClock(_ seconds: Int64) { set(.clockOffset, seconds * 1_000_000) }

  /// Lets each sync take so long.
  func slowDown(milliseconds: Int64) { set(.syncDelay, milliseconds * 1_000) }

  /// Waits until as many syncs wait.
  func syncs(waiting count: Int64) async throws {
    // Nothing tells of this; looked at with a pause, bounded.
    for _ in 0..<3_000 {
      if get(.waiting) >= count { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("The disk was not asked to sync")
  }

  /// Runs `body` with a program on a machine of this kind.
  static func with(
    environment: [String: String] = [:], _ body: (Program, FaultyMachine) async throws -> Void
  ) async throws {
    try await Program.with(environment: environment) { program in
      let machine = try FaultyMachine(program)
      var program = program
      program.environment.merge(machine.environment) { $1 }
      try await body(program, machine)
    }
  }

  /// The library, compiled once; nil where that can not be.
  static let library: String? = {
    #if os(Linux)
      let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../faults/faults.c")
      let made = FileManager.default.temporaryDirectory.appending(path: "stint-faults-\(getpid()).so")
      for compiler in ["clang", "cc", "gcc"] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [compiler, "-shared", "-fPIC", "-O1", "-o", made.path, source.path, "-ldl"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { continue }
        process.waitUntilExit()
        if process.terminationStatus == 0 { return made.path }
      }
    #endif
    return nil
  }()

  static let whyNot: Comment = "a library can be preloaded on Linux only, and a C compiler is needed"
}

extension Program {
  /// Reads all of a store that nobody writes to any more: every promise was kept, to these jobs too.
  func audit(_ file: String = "stint.db", submitted: Set<JobID> = []) async throws {
    let store = try await SQLiteStore.open(path: path(file), creation: .mustExist)
    var told = Auditor.Acknowledged()
    told.submitted = submitted
    let findings = try await Auditor.audit(store, told: told, isOver: true)
    #expect(findings == [])
    await store.close()
  }

  /// Waits until the job's stream has said these words.
  func follow(_ id: String, on server: Server, until words: String) async throws {
    try await follow(id, on: server, until: words) { $0.contains(words) }
  }

  /// Follows the job until it has come some way, however late the follower is.
  func followProgress(of id: String, on server: Server) async throws {
    try await follow(id, on: server, until: "progress") {
      $0.contains("\"percent\":") && !$0.contains("\"percent\":0,")
    }
  }

  private func follow(
    _ id: String, on server: Server, until what: String, where isWanted: @escaping @Sendable (String) -> Bool
  ) async throws {
    let follow = try Child(self, ["follow", id, "--url", server.url, "--json"])
    defer { follow.send(SIGKILL) }
    try await follow.line("\(what) of \(id)", where: isWanted)
  }
}
