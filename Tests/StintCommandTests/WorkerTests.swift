import Foundation
import StintCore
import Testing

/// A worker that is no program of Stint's: sixty lines of Python (`Tests/http/worker.py`), against the real server.
@Suite(.serialized, .timeLimit(.minutes(5))) struct WorkerTests {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("http/worker.py").path

  /// A program with a worker token, and a configuration that notices losses soon.
  private static func with(_ body: (Program, Server) async throws -> Void) async throws {
    let environment = ["STINT_WORKERS_POLL_SECONDS": "0.2", "STINT_WORKERS_CANCEL_GRACE_SECONDS": "5"]
    try await Program.with(environment: environment) { program in
      try program.write("worker-token", "0123456789abcdef\n")
      try await Server.with(program, ["--worker-token-file", "worker-token"]) { try await body(program, $0) }
    }
  }

  /// A worker that has claimed for the first time: its type is known.
  private func start(_ program: Program, _ server: Server, lease: Double = 30) async throws -> Child {
    let worker = try Child(
      program, [Self.script, server.url, "worker-token", "\(lease)"], command: ["/usr/bin/env", "python3"])
    try await worker.line("the first claim") { $0.hasPrefix("claimed") }
    return worker
  }

  private func submit(
    _ program: Program, _ server: Server, _ id: String, text: String, delay: Double = 0, more: [String] = []
  ) async throws {
    let params = ["-p", "text=\(text)", "-p", "delay=\(delay)"]
    let output = try await program.run(["submit", "count-words", "--id", id, "--url", server.url] + params + more)
    #expect(output.code == 0, "\(output)")
  }

  private func job(_ program: Program, _ server: Server, _ id: String) async throws -> JSONValue {
    try await program.run("show", id, "--url", server.url, "--json").json
  }

  /// Returns once the attempt has said this; the server tells.
  private func progress(_ program: Program, _ server: Server, _ id: String, _ text: String) async throws {
    let follow = try Child(program, ["follow", id, "--url", server.url])
    try await follow.line("\(text) of \(id)") { $0.contains(text) }
    follow.send(SIGKILL)
    _ = try await follow.exit()
  }

  @Test func theDocumentShowsThisWorker() throws {
    let page = URL(fileURLWithPath: #filePath + "/../../../docs/workers.md").standardizedFileURL
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains("```python\n" + (try String(contentsOfFile: Self.script, encoding: .utf8)) + "```"))
  }

  @Test func runsJobsOfATypeThatItPublishes() async throws {
    try await Self.with { program, server in
      let worker = try await start(program, server)
      defer { worker.send(SIGKILL) }
      let types = try await program.run("job-types", "--url", server.url, "--json").json.array ?? []
      #expect(types.contains { $0["name"] == "count-words" && $0["aliases"] == ["wc"] })
      let wrong = try await program.run("submit", "count-words", "-p", "txt=a", "--url", server.url)
      #expect(wrong.code == 65 && wrong.err.contains("txt") && wrong.err.contains("text"), "\(wrong)")

      let done = try await program.run(
        "submit", "wc", "-p", "text=one two three", "--wait", "--url", server.url, "--json")
      #expect(done.code == 0 && done.json["result"]?["words"] == 3, "\(done)")
      try await submit(program, server, "words-failing", text: "a fail b", more: ["--retry", "none"])
      #expect(try await program.run("wait", "words-failing", "--url", server.url).code == 1)
      let failed = try await job(program, server, "words-failing")
      #expect(failed["error"]?["message"] == "ValueError: a word that I do not like", "\(failed)")
      #expect(failed["progress"]?["message"] == "fail")

      try await submit(program, server, "words-stopped", text: "endless work", delay: 60)
      try await progress(program, server, "words-stopped", "endless")
      #expect(try await program.run("cancel", "words-stopped", "--url", server.url).code == 0)
      #expect(try await program.run("wait", "words-stopped", "--url", server.url).code == 2)
      let stopped = try await job(program, server, "words-stopped")
      #expect(stopped["duration_seconds"]?.number ?? 60 < 20, "it stopped long before its minute was over: \(stopped)")
    }
  }

  @Test func anotherFinishesWhatAKilledWorkerBegan() async throws {
    try await Self.with { program, server in
      let first = try await start(program, server, lease: 3)
      try await submit(program, server, "words-orphan", text: "one two", delay: 1)
      try await progress(program, server, "words-orphan", "one")
      let begun = try await job(program, server, "words-orphan")
      first.send(SIGKILL)
      #expect(try await first.exit() == 128 + SIGKILL)
      let second = try await start(program, server)
      defer { second.send(SIGKILL) }
      #expect(try await program.run("wait", "words-orphan", "--url", server.url).code == 0)
      let ended = try await job(program, server, "words-orphan")
      #expect(ended["attempt"] == 2 && ended["losses"] == 1 && ended["retry_count"] == 0, "\(ended)")
      #expect(ended["worker_id"] != begun["worker_id"] && ended["result"]?["worker"] == ended["worker_id"])
      #expect(ended["history"]?.array?.map { $0["event"] } == ["submitted", "worker_lost", "succeeded"])
    }
  }

  @Test func aWorkerThatSleptBeyondItsLeaseIsSuperseded() async throws {
    try await Self.with { program, server in
      let sleeper = try await start(program, server, lease: 3)
      try await submit(program, server, "words-slept", text: "one", delay: 2)
      try await progress(program, server, "words-slept", "one")
      sleeper.send(SIGSTOP)
      let other = try await start(program, server)
      defer { other.send(SIGKILL) }
      #expect(try await program.run("wait", "words-slept", "--url", server.url).code == 0)
      let ended = try await job(program, server, "words-slept")
      #expect(ended["attempt"] == 2 && ended["losses"] == 1, "\(ended)")
      sleeper.send(SIGCONT)
      // Its word comes too late, whatever it is, and it is told so.
      try await sleeper.line("the answer to the late word") { $0.hasSuffix("superseded") }
      sleeper.send(SIGKILL)
      _ = try await sleeper.exit()
      #expect(try await job(program, server, "words-slept") == ended, "nothing was changed")
    }
  }

  @Test func workGoesOnThroughARestartOfTheServer() async throws {
    try await Program.with(environment: ["STINT_WORKERS_POLL_SECONDS": "0.2"]) { program in
      try program.write("worker-token", "0123456789abcdef\n")
      let token = ["--worker-token-file", "worker-token"]
      let before = try await Server.start(program, token)
      let worker = try await start(program, before, lease: 30)
      defer { worker.send(SIGKILL) }
      try await submit(program, before, "words-long", text: "one two", delay: 2)
      try await progress(program, before, "words-long", "one")
      before.child.send(SIGKILL)
      _ = try await before.child.exit()
      try await Server.with(program, token + ["--port", "\(before.port)"]) { server in
        #expect(try await program.run("wait", "words-long", "--url", server.url).code == 0)
        let ended = try await job(program, server, "words-long")
        #expect(ended["attempt"] == 1 && ended["losses"] == 0, "\(ended)")
      }
    }
  }
}
