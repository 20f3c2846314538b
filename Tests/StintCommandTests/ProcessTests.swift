import Foundation
import StintCore
import Testing

/// Commands and tools through the real binary: what is left of them when it is killed, and what it says of them.
@Suite(.timeLimit(.minutes(5))) struct ProcessTests {
  /// A leader, a child that ignores signals, and a grandchild in another session with another parent and no open
  /// files; each tells its number to the FIFO `told`, the leader its parent's too, which is the guardian.
  private static let family = """
    sh -c 'trap "" TERM HUP INT; echo $$ >> told; while :; do sleep 100; done' &
    setsid sh -c '(trap "" TERM HUP INT; echo $$ > ignored; exec sh -c "echo \\$\\$ >> told; exec <&- >&- 2>&-; exec sleep 1000") &' &
    trap '' TERM
    echo $PPID >> told; echo $$ >> told
    while :; do sleep 100; done
    """

  private func submission(of script: String) throws -> [String] {
    let command = RawJSON(["sh", "-c", .string(script)]).text
    return ["submit", "exec", "--param", "command=\(command)", "--id", "family", "--wait"]
  }

  /// The numbers that come out of a FIFO, one a line; read on a thread that waits in the kernel.
  private func numbers(_ count: Int, from path: String) async throws -> [pid_t] {
    // For writing too, so that it does not end between two writers.
    let descriptor = open(path, O_RDWR)
    try #require(descriptor != -1)
    let text = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count(where: { $0 == 0x0A }) < count, read(descriptor, &byte, 1) == 1 { bytes.append(byte) }
        close(descriptor)
        continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
      }
    }
    return text.split(separator: "\n").compactMap { pid_t($0) }
  }

  private func isAlive(_ process: pid_t) -> Bool {
    guard kill(process, 0) == 0 else { return false }
    let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    return line == nil || line?.split(separator: ")").last?.split(separator: " ").first != "Z"
  }

  #if os(Linux)
    @Test func nothingOutlivesAKilledWorkerByASecond() async throws {
      try await Program.with { program in
        let temporary = program.path("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        #expect(mkfifo(program.path("told"), 0o600) == 0)
        let worker = try Child(
          program, try submission(of: Self.family), environment: ["TMPDIR": temporary, "HOME": program.folder])
        let processes = try await numbers(4, from: program.path("told"))
        #expect(processes.count == 4 && processes.allSatisfy(isAlive))
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).count == 1)
        worker.send(SIGKILL)
        let deadline = ContinuousClock.now + .seconds(1)
        // They are no children of this process: the kernel tells nobody here of their end.
        func isAnythingLeft() throws -> Bool {
          try processes.contains(where: isAlive)
            || !FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty
        }
        while try isAnythingLeft(), ContinuousClock.now < deadline { await Task.yield() }
        #expect(!processes.contains(where: isAlive))
        // Params may hold secrets: the guardian takes the files along.
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        _ = try await worker.exit()
      }
    }

    @Test func cancellingEndsTheWholeFamily() async throws {
      try await Program.with(environment: ["STINT_WORKERS_CANCEL_GRACE_SECONDS": "1"]) { program in
        #expect(mkfifo(program.path("told"), 0o600) == 0)
        let worker = try Child(program, try submission(of: Self.family))
        let processes = try await numbers(4, from: program.path("told"))
        #expect(try await program.run("cancel", "family").code == 0)
        #expect(try await worker.exit() == 2, "\(worker.err)")
        #expect(!processes.contains(where: isAlive))
      }
    }
  #endif

  @Test func toolsOfTheConfiguration() async throws {
    try await Program.with(environment: ["TOOL_KEY": "key-0123456789"]) { program in
      try program.write(
        "stint.yaml",
        """
        tools:
          shout:
            command: [sh, -c, 'echo "$1" | tr a-z A-Z; echo "$TOOL_KEY" >&2; exit "$2"', shout, "${params.text}", "${params.code}"]
            env: [TOOL_KEY, TOOL_NOT_SET]
            retry: none
            params:
              - { name: text, type: string, required: true }
              - { name: code, type: integer, default: 0 }
              - { name: file, type: path, path_under: no-such-folder }
        """)
      let done = try await program.run("submit", "shout", "--param", "text=$(id); \"x\"", "--wait", "--json")
      #expect(done.code == 0 && done.json["result"]?["exit_code"] == 0, "\(done.err)")
      let failed = try await program.run(
        "submit", "shout", "--param", "text=x", "--param", "code=3", "--wait", "--json")
      #expect(failed.code == 1)
      #expect(failed.json["error"]?["message"] == "the command ended with exit code 3: ***", "\(failed.out)")
      let refused = try await program.run("submit", "shout", "--param", "text=-x", "--param", "file=../x")
      #expect(refused.code == 65)
      for part in ["text: \"-x\" begins with", "file: \"../x\" must be a relative path beneath no-such-folder"] {
        #expect(refused.err.contains(part), "\(refused.err)")
      }
      let doctor = try await program.run("doctor")
      for part in ["shout", "TOOL_KEY", "not set here: TOOL_NOT_SET", "no such folder: no-such-folder"] {
        #expect(doctor.out.contains(part), "\(doctor.out)")
      }
      let json = try await program.run("doctor", "--json")
      #expect(json.json["tools"]?.array?.first?["name"] == "shout")
      for output in [done, failed, doctor, json] {
        #expect(!(output.out + output.err).contains("key-0123456789"))
      }
    }
  }

  @Test func secretsStayHiddenWhereNobodyKnowsTheTool() async throws {
    try await Program.with { program in
      try program.write(
        "stint.yaml",
        """
        tools:
          leak:
            command: [cat]
            stdin: "${params.pw} ${params.other}"
            params:
              - { name: pw, type: string, secret: true }
              - { name: other, type: string, secret: true, default: default-secret, choices: [default-secret] }
        """)
      var said = try await program.run("submit", "leak", "--id", "leak", "--param", "pw=Tr0ub4dor-secret", "--json")
      #expect(said.code == 0 && said.json["params"]?["pw"] == "***", "\(said.err)")
      for arguments in [["job-types"], ["job-types", "--json"], ["submit", "leak", "--param", "other=x"]] {
        let output = try await program.run(arguments)
        #expect(!(output.out + output.err).contains("-secret"), "\(output.out) \(output.err)")
        if arguments[0] == "submit" { #expect(output.code == 65) }
      }
      try program.write("stint.yaml", "")
      for arguments in [["show", "leak"], ["show", "leak", "--json"], ["list", "--json"]] {
        said = try await program.run(arguments)
        #expect(said.code == 0 && said.out.contains("***") && !said.out.contains("-secret"), "\(said.out) \(said.err)")
      }
    }
  }

  @Test func aToolCanNotTakeABuiltInName() async throws {
    try await Program.with { program in
      try program.write("stint.yaml", "tools: {prime: {command: [echo]}}")
      let output = try await program.run("list")
      #expect(output.code == 65 && output.err.contains("tools.prime"), "\(output.err)")
    }
  }
}
