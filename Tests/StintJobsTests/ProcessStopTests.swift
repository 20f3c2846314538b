import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintJobs

/// Processes that are asked to stop, or that leave others behind. What is checked is that nobody is left once the
/// handler has ended: not sooner, not later.
@Suite("Stopping processes", .timeLimit(.minutes(5)))
struct ProcessStopTests {
  /// A child that ignores what can be ignored, in the command's group.
  private static let stubborn = "sh -c 'trap \"\" TERM HUP INT; echo stubborn $$; while :; do sleep 100; done' &"

  /// A grandchild in a session of its own that closed every file, and was handed to another parent.
  private static let escaped = """
    mkfifo "$HOME/told"
    setsid sh -c '( trap "" TERM HUP INT; echo $$ > "$HOME/told"; exec sh -c "echo \\$\\$ > $HOME/told; exec <&- >&- 2>&-; exec sleep 1000" ) &' &
    """

  @Test("A cancelled command gets SIGTERM at once, and what it still says is kept")
  func politely() async throws {
    let trial = try ProcessTrial()
    let job = try trial.start(
      script: "trap 'echo bye; printf last; exit 0' TERM; echo ready $$; while :; do sleep 100 & wait $!; done")
    let process = try await trial.heard.process("ready ")
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.heard.text().hasSuffix("bye\nlast"))
    #expect(!isAlive(process))
    #expect(try trial.leftovers.isEmpty)
  }

  @Test("The whole group gets SIGTERM, and SIGKILL after the grace")
  func group() async throws {
    let trial = try ProcessTrial(grace: .milliseconds(300))
    let job = try trial.start(
      script:
        "\(Self.stubborn)\ntrap '' TERM; echo leader $$; sleep 1000 & echo other $!; while :; do wait; sleep 1; done")
    let processes = [
      try await trial.heard.process("stubborn "), try await trial.heard.process("leader "),
      try await trial.heard.process("other "),
    ]
    #expect(processes.allSatisfy(isAlive))
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(!processes.contains(where: isAlive))
  }

  @Test("Others of the group have the grace too, when their leader goes first")
  func membersHaveTheGrace() async throws {
    let trial = try ProcessTrial()
    let job = try trial.start(
      script: """
        sh -c 'trap "sleep 0.3; echo saved; exit" TERM; echo member $$; while :; do sleep 100 & wait $!; done' &
        wait
        """)
    let member = try await trial.heard.process("member ")
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.heard.text().hasSuffix("saved\n"))
    #expect(!isAlive(member))
  }

  @Test("A stopped process is woken to hear that it must go")
  func stopped() async throws {
    let trial = try ProcessTrial(grace: .seconds(30))
    let job = try trial.start(script: "echo ready $$; kill -STOP $$; echo never")
    let process = try await trial.heard.process("ready ")
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(!isAlive(process))
  }

  @Test("What a command leaves behind in its group goes with it")
  func leftBehind() async throws {
    let trial = try ProcessTrial()
    let job = try trial.start(
      script:
        "mkfifo $HOME/f\nsh -c 'trap \"\" TERM HUP; echo $$ > $HOME/f; sleep 1000' &\nread p < $HOME/f; echo left $p")
    let result = try await job.value
    #expect(result["exit_code"] == 0)
    let process = try await trial.heard.process("left ")
    #expect(!isAlive(process))
    #expect(trial.heard.pieces(.notice).joined().contains("had left behind"))
  }

  #if os(Linux)
    @Test("A grandchild in another session, with another parent and without files, goes too", arguments: [true, false])
    func escapes(isCancelled: Bool) async throws {
      let trial = try ProcessTrial(grace: .milliseconds(100))
      let script =
        "\(Self.escaped)\nexec 3<> \"$HOME/told\"; read a <&3; read b <&3; exec 3<&-; echo first $a; echo second $b; "
      let job = try trial.start(script: script + (isCancelled ? "trap '' TERM; while :; do sleep 100; done" : "exit 7"))
      let second = try await trial.heard.process("second ")
      if isCancelled {
        #expect(isAlive(second))
        job.cancel()
      }
      let outcome = await job.result
      #expect(throws: (any Error).self) { try outcome.get() }
      #expect(!isAlive(second))
      if !isCancelled { #expect("\(outcome)".contains("exit code 7")) }
    }

    @Test("Orphans that end by themselves while the command runs do not stay as zombies")
    func orphans() async throws {
      let trial = try ProcessTrial()
      let script = """
        mkfifo $HOME/f
        for i in 1 2 3 4 5; do (setsid sh -c 'echo $$ >> $HOME/pids' &); done
        while [ "$(wc -l < $HOME/pids 2>/dev/null || echo 0)" -lt 5 ]; do :; done
        for p in $(cat $HOME/pids); do while [ -e /proc/$p ]; do :; done; done
        echo gone
        """
      _ = try await trial.run(script: script)
      #expect(trial.heard.text() == "gone\n")
    }

    @Test("Should somebody kill the guardian, the command goes and the attempt fails")
    func killedGuardian() async throws {
      let trial = try ProcessTrial()
      let job = try trial.start(script: "echo guardian $PPID; echo leader $$; exec sleep 1000")
      let guardian = try await trial.heard.process("guardian ")
      let leader = try await trial.heard.process("leader ")
      #expect(try String(contentsOfFile: "/proc/\(guardian)/comm", encoding: .utf8) == "job-guardian\n")
      kill(guardian, SIGKILL)
      let error = await #expect(throws: ProcessFault.self) { try await job.value }
      #expect(error?.description.contains("was killed") == true)
      // It is no child of this process, so that there is nothing to wait for: the kernel kills it with the guardian.
      while isAlive(leader) { await Task.yield() }
    }

    @Test("What a killed guardian can not end any more, the worker ends: also what got away")
    func killedGuardianOfMany() async throws {
      let trial = try ProcessTrial()
      let job = try trial.start(
        script: """
          setsid sh -c 'trap "" TERM HUP; echo away $$; while :; do sleep 100; done' &
          (setsid sh -c 'echo orphan $$; exec <&- >&- 2>&-; exec sleep 1000' &)
          echo guardian $PPID
          exec sleep 1000
          """)
      let others = [try await trial.heard.process("away "), try await trial.heard.process("orphan ")]
      let guardian = try await trial.heard.process("guardian ")
      let line = try String(contentsOfFile: "/proc/\(guardian)/cmdline", encoding: .utf8)
      #expect(line.split(separator: "\0") == ["stint job-guardian"])
      kill(guardian, SIGKILL)
      let error = await #expect(throws: ProcessFault.self) { try await job.value }
      #expect(!others.contains(where: isAlive))
      let text = error?.description ?? ""
      #expect(
        text.contains("was killed, and the command with it; so were ") && text.hasSuffix("that it had left"), "\(text)")
      #expect(try trial.leftovers.isEmpty)
    }

    @Test("What a killed worker and its killed guardian leave, the next worker removes; what lives is left alone")
    func sweep() async throws {
      let trial = try ProcessTrial()
      let parent = trial.policy.temporaryFolder
      let living = try AttemptFolder(in: parent)
      let left = "\(parent)/stint-attempt-left00"
      try FileManager.default.createDirectory(
        atPath: left + "/own/deep", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try Data("{}".utf8).write(to: URL(fileURLWithPath: left + "/params.json"))
      let others = ["stint-attempt-open00", "another"]
      for name in others {
        try FileManager.default.createDirectory(atPath: "\(parent)/\(name)", withIntermediateDirectories: true)
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(parent)/\(others[0])")
      try FileManager.default.createSymbolicLink(atPath: parent + "/stint-attempt-link00", withDestinationPath: left)
      let survivor = Process()
      survivor.executableURL = URL(fileURLWithPath: "/bin/sh")
      survivor.arguments = ["-c", "while :; do sleep 100; done"]
      survivor.environment = ["STINT_JOB_PARAMS": left + "/params.json", "PATH": "/usr/bin:/bin"]
      try survivor.run()
      trial.policy.removeLeftovers()
      survivor.waitUntilExit()
      #expect(survivor.terminationReason == .uncaughtSignal && survivor.terminationStatus == SIGKILL)
      let name = String(living.path.split(separator: "/").last ?? "")
      let kept = try trial.leftovers
      #expect(Set(kept) == Set(others + [name, "stint-attempt-link00"]))
      living.remove()
    }
  #endif

  @Test("The signals that end a worker do not end the guardian before it has cleaned up")
  func deafGuardian() async throws {
    let trial = try ProcessTrial()
    let job = try trial.start(
      script: "echo guardian $PPID; kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; echo still")
    let result = try await job.value
    #expect(result["exit_code"] == 0 && trial.heard.text().hasSuffix("still\n"))
  }

  @Test("A command that is to stop before it was started never is")
  func beforeTheStart() throws {
    let child = ChildProcess()
    child.stop(grace: .zero)
    let launch = ChildProcess.Launch(file: "/bin/echo", arguments: ["echo"], environment: [:])
    #expect(throws: CancellationError.self) { try child.run(launch) { _, _ in } }
    child.stop(grace: .zero)
  }

  @Test("A program that is still open for writing for a moment is waited for")
  func freshProgram() async throws {
    let trial = try ProcessTrial()
    let program = try trial.write("program", "#!/bin/sh\necho fresh\n", mode: 0o700)
    var writer: Descriptor? = try Descriptor(program, O_WRONLY)
    let job = try trial.start(Exec.handler(trial.policy), ["command": [.string(program)]])
    // By the time that another one has come and gone, the first has been refused by the kernel; on a busy machine the
    // file is closed before, for it is not waited for without end.
    let second = try ProcessTrial()
    let other = try second.start(script: "echo other")
    await withTaskGroup(of: Void.self) { group in
      group.addTask { _ = await other.result }
      group.addTask { try? await Task.sleep(for: .milliseconds(500)) }
      await group.next()
      #expect(writer != nil)
      writer = nil
      group.cancelAll()
    }
    _ = try await job.value
    #expect(trial.heard.text() == "fresh\n")
    #expect(["", "other\n"].contains(second.heard.text()))
  }

  @Test("Many at once do not hold each other's pipes open")
  func many() async throws {
    let trial = try ProcessTrial()
    let slow = try trial.start(script: "echo ready; exec sleep 1000")
    _ = try await trial.heard.line("ready")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<32 {
        group.addTask {
          let other = try ProcessTrial()
          _ = try await other.run(script: "cat; echo \(number)", ["stdin": "in\n"])
          #expect(other.heard.text() == "in\n\(number)\n")
        }
      }
      try await group.waitForAll()
    }
    slow.cancel()
    _ = await slow.result
  }
}
