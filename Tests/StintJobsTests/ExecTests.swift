import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintJobs

@Suite("exec", .timeLimit(.minutes(5)))
struct ExecTests {
  @Test("Output comes while the command runs, line by line, each stream in order")
  func streams() async throws {
    let trial = try ProcessTrial()
    let gate = trial.path("gate")
    #expect(mkfifo(gate, 0o600) == 0)
    let job = try trial.start(script: "echo one; echo two; read line < \(gate); echo three; echo four >&2; printf five")
    _ = try await trial.heard.line("two")
    #expect(trial.heard.pieces(.stdout) == ["one\n", "two\n"])
    // For reading too, so that opening it does not wait for the command.
    let writer = try Descriptor(gate, O_RDWR)
    #expect(write(writer.number, "go\n", 3) == 3)
    let result = try await job.value
    #expect(trial.heard.pieces(.stdout) == ["one\n", "two\n", "three\n", "five"])
    #expect(trial.heard.pieces(.stderr) == ["four\n"])
    #expect(result["exit_code"] == 0)
    #expect((result["duration"]?.number ?? -1) > 0)
    #expect(result.object?.count == 2)
    #expect(try trial.leftovers.isEmpty)
  }

  @Test("Bytes that are no UTF-8 are repaired, long lines come in pieces")
  func oddOutput() async throws {
    let trial = try ProcessTrial()
    let script = #"printf 'caf\303\251 \377!\n'; head -c 40000 /dev/zero | tr '\0' x; echo"#
    _ = try await trial.run(script: script)
    #expect(trial.heard.text() == "café \u{FFFD}!\n" + String(repeating: "x", count: 40_000) + "\n")
    #expect(trial.heard.pieces(.stdout).allSatisfy { $0.utf8.count <= ProcessWatch.outputLimit + 3 })
  }

  @Test("Another exit code than 0 is a failure that names it and the last line of standard error")
  func exitCode() async throws {
    let trial = try ProcessTrial()
    #expect(
      try await trial.failure(script: "echo bad >&2; echo worse >&2; echo >&2; exit 3")
        == "the command ended with exit code 3: worse")
    let quiet = try ProcessTrial()
    #expect(try await quiet.failure(script: "exit 255") == "the command ended with exit code 255")
    #expect(try trial.leftovers.isEmpty)
  }

  @Test("A signal is a failure that names it")
  func signalled() async throws {
    let trial = try ProcessTrial()
    #expect(try await trial.failure(script: "kill -SEGV $$") == "the command was ended by signal 11 (SIGSEGV)")
  }

  @Test("The environment is what was asked for and nothing of the worker's")
  func environment() async throws {
    let trial = try ProcessTrial(environment: ["LANG": "C.UTF-8", "AWS_SECRET": "leak", "STINT_TOKEN": "leak"])
    _ = try await trial.start(
      Exec.handler(trial.policy), ["command": ["env"], "env": ["COLOUR": "blue", "HOME": "/nowhere"]]
    ).value
    let lines = trial.heard.text().split(separator: "\n").map {
      $0.split(separator: "=", maxSplits: 1).map(String.init)
    }
    let variables = Dictionary(lines.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { $1 }
    #expect(
      Set(variables.keys) == [
        "PATH", "HOME", "LANG", "COLOUR", "STINT_JOB_ID", "STINT_JOB_ATTEMPT", "STINT_JOB_PARAMS", "STINT_JOB_EVENTS",
      ])
    // What a submission gives as environment may be secret: it reaches the process, and is not shown.
    #expect(variables["COLOUR"] == "blue" && variables["HOME"] == "***" && variables["LANG"] == "C.UTF-8")
    #expect(variables["STINT_JOB_ID"] == "trial" && variables["STINT_JOB_ATTEMPT"] == "1")
  }

  @Test("A server's URL and token reach the process, the token never its output")
  func access() async throws {
    let trial = try ProcessTrial()
    let access = AttemptAccess(url: "http://127.0.0.1:1", token: "attempt-token-0123")
    let command: JSONValue = [
      "sh", "-c", "echo $STINT_JOB_URL $STINT_JOB_TOKEN; test $STINT_JOB_TOKEN = attempt-token-0123",
    ]
    _ = try await trial.start(Exec.handler(trial.policy), ["command": command], access: access).value
    #expect(trial.heard.text() == "http://127.0.0.1:1 ***\n")
  }

  @Test("It begins like any program: three open files, no signal blocked or ignored")
  func beginning() async throws {
    let trial = try ProcessTrial()
    let before = signal(SIGUSR1, SIG_IGN)
    defer { signal(SIGUSR1, before) }
    _ = try await trial.start(Exec.handler(trial.policy), ["command": ["ls", "/proc/self/fd"]]).value
    // The fourth is the folder that is listed.
    #expect(trial.heard.text() == "0\n1\n2\n3\n")
    let other = try ProcessTrial()
    let command: JSONValue = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
    _ = try await other.start(Exec.handler(other.policy), ["command": command]).value
    let lines = other.heard.text().split(separator: "\n")
    // Signals 32 and 33 belong to the C library: nobody can set them.
    let masks = lines.compactMap { UInt64($0.suffix(16), radix: 16) }
    #expect(masks.count == 2 && masks.allSatisfy { $0 & ~(3 << 31) == 0 }, "\(lines)")
  }

  @Test("Working directory and standard input are those of the params")
  func folderAndInput() async throws {
    let trial = try ProcessTrial()
    let text = String(repeating: "ä line\n", count: 40_000)
    _ = try await trial.run(script: "pwd; wc -c", ["cwd": .string(trial.folder), "stdin": .string(text)])
    let folder = URL(fileURLWithPath: trial.folder).resolvingSymlinksInPath().path
    #expect(trial.heard.text().split(separator: "\n").map(\.trimmed) == [folder, "\(text.utf8.count)"])
    // Without, there is nothing to read, and nothing to wait for.
    let other = try ProcessTrial()
    _ = try await other.run(script: "wc -c")
    #expect(other.heard.text().trimmed == "0")
  }

  @Test("What can not be started is an error that names the command and why")
  func notStarted() async throws {
    let trial = try ProcessTrial()
    func failure(_ params: JSONValue) async throws -> String {
      let task = try trial.start(Exec.handler(trial.policy), params)
      return await #expect(throws: ProcessFault.self) { try await task.value }?.description ?? ""
    }
    #expect(
      try await failure(["command": ["stint-no-such-program"]]).hasPrefix(
        "the command \"stint-no-such-program\" was not found in PATH"))
    #expect(
      try await failure(["command": ["/no/such/file"]])
        == "the command \"/no/such/file\" can not be started: No such file or directory")
    let plain = try trial.write("plain", "#!/bin/sh\n", mode: 0o600)
    #expect(try await failure(["command": [.string(plain)]]).hasSuffix("can not be started: Permission denied"))
    let script = try trial.write("script", "#!/no/such/interpreter\n", mode: 0o700)
    #expect(try await failure(["command": [.string(script)]]).contains("the first line of \"\(script)\" names"))
    #expect(
      try await failure(["command": ["ls"], "cwd": "/no/such/folder"])
        == "the command \"ls\" can not be started: the working directory \"/no/such/folder\": No such file or directory"
    )
    #expect(try trial.leftovers.isEmpty)
  }

  @Test(
    "Submissions are refused that could not work or would go too far",
    arguments: [
      (["command": []], "0 elements"), (["command": [""]], "the program, is empty"),
      (["command": ["a", 1]], "element 1"), (["command": ["a", "b\0c"]], "NUL"), ([:], "is required"),
      (["command": ["a"], "env": ["LD_PRELOAD": "x"]], "\"LD_PRELOAD\" can not be set"),
      (["command": ["a"], "env": ["PATH": "x"]], "\"PATH\" can not be set"),
      (["command": ["a"], "env": ["STINT_JOB_TOKEN": "x"]], "\"STINT_JOB_TOKEN\" can not be set"),
      (["command": ["a"], "env": ["A=B": "x"]], "no name of a variable"),
      (["command": ["a"], "env": ["A": 1]], "A is an integer"), (["command": ["a"], "cwd": ""], "characters"),
      (["command": ["a"], "shell": true], "unknown param"),
    ] as [(JSONValue, String)])
  func refused(_ params: JSONValue, _ message: String) throws {
    let faults = Exec.type.check(params.object ?? []).faults
    #expect(faults.count == 1 && faults[0].message.contains(message), "\(faults)")
    // The same from a type as other processes know it through the store.
    var writer = JSONWriter()
    Exec.type.write(to: &writer, isWhole: true)
    let known = try #require(JobType(json: try JSONParser.parse(writer.bytes)))
    #expect(known.check(params.object ?? []).faults == faults)
    #expect(known.isLocalOnly)
  }
}

extension StringProtocol {
  /// Without space at its ends.
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
