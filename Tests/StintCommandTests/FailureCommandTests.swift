import Foundation
import StintCore
import Testing

/// Dead letters, output, escalation and full queues by the real binary, on a store and on a server.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FailureCommandTests {
  /// Where a command finds its jobs.
  enum Way: String, CaseIterable, Sendable { case store, url }

  private static let atOnce = #"{"strategy": "immediate", "base_seconds": 0, "jitter": 0}"#

  /// Two tools of which the second takes over after the first failed twice, and a queue that holds two.
  private static let configuration = """
    tools:
      first: { command: [sh, -c, "echo first tries; printf 'a \\\\033[31mremark\\\\n' >&2; exit 3"] }
      second: { command: [sh, -c, "echo second does it"] }
    escalation:
      first: { on_failure: second, max_retries_before_escalation: 1 }
    queues:
      small: { max_pending: 2 }
    """

  private func with(_ way: Way, _ body: (Program, [String]) async throws -> Void) async throws {
    try await Program.with { program in
      try program.write("stint.yaml", Self.configuration)
      try await Server.with(program) { server in
        try await body(
          program, way == .url ? ["--url", server.url] : ["--store", "sqlite:\(program.path("stint.db"))"])
      }
    }
  }

  private func fail(_ id: String, _ program: Program, _ door: [String]) async throws {
    let output = try await program.run(
      ["submit", "countdown", "-p", "seconds=60", "--timeout", "50ms", "--max-retries", "0", "--id", id, "--wait"]
        + door)
    #expect(output.code == 1, "\(output)")
  }

  @Test(arguments: Way.allCases) func deadLettersFromTheListToThePurge(_ way: Way) async throws {
    try await with(way) { program, door in
      let none = try await program.run(["dead", "list"] + door)
      #expect(none.code == 0 && none.out == "No dead letters.\n", "\(none)")
      for id in ["dead-0001", "dead-0002", "dead-0003"] { try await fail(id, program, door) }
      #expect(try await program.run(["submit", "prime", "--id", "fine-0001", "--wait"] + door).code == 0)

      let list = try await program.run(["dead", "list", "--limit", "2", "--json"] + door)
      #expect(list.json["total"] == 3 && list.json["groups"]?.array?.count == 1, "\(list)")
      let group = list.json["groups"]?.array?.first
      #expect(group?["type"] == "countdown" && group?["error"] == "timeout" && group?["count"] == 3)
      #expect(list.json["jobs"]?.array?.map { $0["id"] } == ["dead-0003", "dead-0002"])
      let table = try await program.run(["dead", "list", "--error", "timeout", "--type", "countdown"] + door)
      #expect(table.out.contains("timeout") && table.out.contains("dead-0001"), "\(table)")
      #expect(try await program.run(["dead", "list", "--error", "stalled"] + door).out == "No dead letters.\n")
      #expect(try await program.run(["stats"] + door).out.contains("3 dead letters"))

      let shown = try await program.run(["dead", "show", "dead-0001"] + door)
      #expect(shown.out.contains("attempt 1  ") && shown.out.contains("  timeout: The attempt took longer"), "\(shown)")
      let json = try await program.run(["dead", "show", "dead-0001", "--json"] + door).json
      #expect(json["history"]?.array?.count == 2 && json["chain"]?.array?.map { $0["id"] } == ["dead-0001"])

      let dry = try await program.run(["dead", "requeue", "--all", "--dry-run"] + door)
      #expect(dry.code == 0 && dry.out == "3 dead letters would be requeued\n", "\(dry)")
      let one = try await program.run(["dead", "requeue", "dead-0002", "--json"] + door)
      #expect(one.json == ["requeued": 1, "skipped": 0, "dry_run": false], "\(one)")
      #expect(try await program.run(["wait", "dead-0002"] + door).code == 1)
      #expect(try await program.run(["show", "dead-0002", "--json"] + door).json["attempt"] == 2)
      let some = try await program.run(["dead", "requeue", "--type", "countdown", "-q", "0003"] + door)
      #expect(some.out == "1 dead letter requeued\n", "\(some)")
      #expect(try await program.run(["wait", "dead-0003"] + door).code == 1)

      let would = try await program.run(["dead", "purge", "--error", "timeout", "--dry-run", "--json"] + door)
      #expect(would.json == ["removed": 3, "dry_run": true], "\(would)")
      #expect(try await program.run(["dead", "purge", "dead-0001"] + door).out == "1 dead letter removed\n")
      #expect(try await program.run(["dead", "purge", "--all"] + door).out == "2 dead letters removed\n")
      #expect(try await program.run(["list", "--json"] + door).json.array?.map { $0["id"] } == ["fine-0001"])
    }
  }

  @Test(arguments: Way.allCases) func aToolThatFailsTwiceEscalatesToOneThatSucceeds(_ way: Way) async throws {
    try await with(way) { program, door in
      let submit = ["submit", "first", "--retry", Self.atOnce, "--id", "chain-0001", "--follow"]
      let follow = try await program.run(submit + door)
      #expect(follow.code == 0, "\(follow)")
      #expect(follow.out.contains("takes over") && follow.out.contains("second"), "\(follow.out)")
      #expect(follow.out.contains("err | a \\x1b[31mremark\n"), "\(follow.out)")
      #expect(follow.out.contains("out | second does it\n") && !follow.out.contains("\u{1B}"), "\(follow.out)")
      #expect(follow.out.components(separatedBy: "first tries").count == 3, "\(follow.out)")

      let json = try await program.run(
        ["submit", "first", "--retry", Self.atOnce, "--id", "chain-0002", "--follow", "--json"] + door)
      let told = try json.out.split(separator: "\n").map { try JSONParser.parse(Array($0.utf8)) }
      let taken = try #require(told.first { $0["event"] == "escalated" }?["escalated_to"])
      let said = told.first { $0["text"] == "second does it\n" }
      #expect(said?["job_id"] == taken && told.last?["event"] == "complete" && told.last?["job_id"] == taken, "\(json)")
      let names = told.drop { $0["event"] != "escalated" }.dropFirst().filter { $0["event"] == "status" }
      #expect(names.allSatisfy { $0["job_id"] == taken }, "\(json)")

      let shown = try await program.run(["show", "chain-0001", "--json"] + door).json
      #expect(shown["status"] == "failed" && shown["attempt"] == 2)
      #expect(shown["chain"]?.array?.map { $0["type"] } == ["first", "second"])
      let next = try #require(shown["escalated_to"]?.string)
      let page = try await program.run(["show", next] + door)
      #expect(page.out.contains("first chain-0001 failed → second"), "\(page.out)")
      #expect(page.out.contains("JOB") && page.out.contains("handler: "), "\(page.out)")
      #expect(try await program.run(["wait", "chain-0001"] + door).code == 0)
      #expect(try await program.run(["list"] + door).out.contains("took over"))
      #expect(try await program.run(["dead", "list"] + door).out == "No dead letters.\n")
      let dead = try await program.run(["dead", "show", "chain-0001"] + door)
      #expect(dead.code == 65 && dead.err.contains("it is no dead letter"), "\(dead)")

      let logs = try await program.run(["logs", "chain-0001"] + door)
      #expect(logs.code == 0 && logs.out == "first tries\nfirst tries\nsecond does it\n", "\(logs)")
      #expect(logs.err.contains("-- attempt 2 --") && logs.err.contains("-- attempt 1 of "), "\(logs.err)")
      #expect(logs.err.components(separatedBy: "a \\x1b[31mremark\n").count == 3, "\(logs.err)")
      let second = try await program.run(["logs", "chain-0001", "--attempt", "2", "--json"] + door)
      let objects = try second.out.split(separator: "\n").map { try JSONParser.parse(Array($0.utf8)) }
      #expect(objects.allSatisfy { $0["attempt"] == 2 && $0["job_id"] == "chain-0001" }, "\(second)")
      #expect(Set(objects.map { $0["stream"] }) == ["stdout", "stderr"])
      let all = try await program.run(["logs", "chain-0001", "--follow", "--json"] + door)
      let last = try all.out.split(separator: "\n").last.map { try JSONParser.parse(Array($0.utf8)) }
      #expect(last?["event"] == "end" && last?["status"] == "completed" && last?["job_id"]?.string == next, "\(all)")
    }
  }

  @Test func aCommandWithoutWorkersRunsWhatTakesOverToo() async throws {
    try await Program.with { program in
      try program.write("stint.yaml", Self.configuration)
      let follow = try await program.run("submit", "first", "--retry", Self.atOnce, "--follow")
      #expect(follow.code == 0 && follow.out.contains("out | second does it\n"), "\(follow)")
    }
  }

  @Test(arguments: Way.allCases) func outputWhileItRuns(_ way: Way) async throws {
    try await Program.with { program in
      let script = "echo begins; while [ ! -e go ]; do sleep 0.05; done; echo ends"
      try program.write("stint.yaml", "tools: {slow: {command: [sh, -c, \"\(script)\"], cwd: \(program.folder)}}\n")
      try await Server.with(program) { server in
        let door = way == .url ? ["--url", server.url] : ["--store", "sqlite:\(program.path("stint.db"))"]
        #expect(try await program.run(["submit", "slow", "--id", "slow-0001"] + door).code == 0)
        let follow = try Child(program, ["follow", "slow-0001"] + door)
        let logs = try Child(program, ["logs", "slow-0001", "--follow"] + door)
        try await follow.line("live output") { $0 == "out | begins" }
        try await logs.line("live output") { $0 == "begins" }
        // What is there now, without waiting.
        #expect(try await program.run(["logs", "slow-0001"] + door).out == "begins\n")
        try program.write("go", "")
        #expect(try await follow.exit() == 0)
        #expect(try await logs.exit() == 0)
        #expect(logs.out == "begins\nends\n")
        let lines = follow.out.split(separator: "\n")
        #expect(lines.last?.contains("completed") ?? false, "the end comes after the output: \(follow.out)")
        #expect(lines.contains("out | ends"), "\(follow.out)")
      }
    }
  }

  @Test(arguments: Way.allCases) func retryingSaysWhichAttemptAndWhen(_ way: Way) async throws {
    try await with(way) { program, door in
      let retry = #"{"strategy": "linear", "base_seconds": 5400, "max_delay_seconds": 5400, "jitter": 0}"#
      let submit = ["submit", "second", "-p", "x=1"]
      #expect(try await program.run(submit + door).code == 65)
      let output = try await program.run(
        ["submit", "countdown", "-p", "seconds=60", "--timeout", "50ms", "--retry", retry, "--id", "again-0001"] + door)
      #expect(output.code == 0, "\(output)")
      let follow = try Child(program, ["follow", "again-0001"] + door)
      try await follow.line("the retry") { $0.contains("retrying after attempt 1, next in 1h") }
      follow.send(SIGINT)
      _ = try await follow.exit()
      #expect(try await program.run(["list"] + door).out.contains("after attempt 1, next in 1h; timeout: "))
      let shown = try await program.run(["show", "again-0001"] + door).out
      #expect(shown.contains("next attempt:") && shown.contains("1, 1 of 3 retries used"), "\(shown)")
      let json = try await program.run(["show", "again-0001", "--json"] + door).json
      #expect(json["next_retry_at"]?.number != nil && json["attempt"] == 1)
    }
  }

  @Test(arguments: Way.allCases) func aFullQueueEndsWith75(_ way: Way) async throws {
    try await with(way) { program, door in
      let submit = ["submit", "prime", "--queue", "small", "--delay", "1h"] + door
      // From several processes at once: exactly as many as the queue holds get in.
      let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
        for _ in 0..<5 { group.addTask { try await program.run(submit).code } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(codes.sorted() == [0, 0, 75, 75, 75])
      let full = try await program.run(submit + ["--json"])
      #expect(full.code == 75 && full.error["type"] == "queue_full" && full.error["code"] == 429, "\(full)")
      let batch = try await program.run(
        ["submit", "--job-file", "-"] + door, input: #"[{"type": "prime"}, {"type": "prime", "queue": "small"}]"#)
      #expect(batch.code == 75, "\(batch)")
      #expect(try await program.run(["list", "--json"] + door).json.array?.count == 2)
    }
  }

  @Test(arguments: Way.allCases) func badInput(_ way: Way) async throws {
    try await with(way) { program, door in
      try await fail("dead-0001", program, door)
      func refused(_ arguments: [String], _ code: Int32, _ texts: String...) async throws {
        let output = try await program.run(arguments + door)
        #expect(output.code == code && output.out.isEmpty, "\(arguments): \(output)")
        for text in texts { #expect(output.err.contains(text), "\(arguments): \(output.err)") }
      }
      for command in ["requeue", "purge"] {
        try await refused(["dead", command], 64, "--all")
        try await refused(["dead", command, "--all", "--type", "x"], 64, "one of these alone")
        try await refused(["dead", command, "dead-0001", "--all"], 64, "one of these alone")
        try await refused(["dead", command, "--dry-run"], 64, "--all")
        try await refused(["dead", command, "none-such", "dead-0001"], 66, "none-such")
        try await refused(["dead", command, "dead-0001", "none-such"], 66, "none-such")
        try await refused(["dead", command, "--error", "oops"], 65, "\"oops\" is no kind of error", "timeout")
        try await refused(["dead", command, "--since", "soon"], 65, "--since")
        try await refused(["dead", command, "--tag", "x"], 64, "key=value")
      }
      #expect(try await program.run(["show", "dead-0001", "--json"] + door).json["attempt"] == 1)
      try await refused(["dead", "list", "--limit", "0"], 64, "1 to 1000")
      try await refused(["dead", "list", "--error", ""], 65, "is no kind of error")
      try await refused(["dead", "show", "none-such"], 66, "none-such")
      try await refused(["dead", "show"], 64, "id")
      try await refused(["dead", "frobnicate"], 64)
      try await refused(["logs", "none-such"], 66, "none-such")
      try await refused(["logs", "dead-0001", "--attempt", "2"], 65, "--attempt 2", "1 attempt")
      try await refused(["logs", "dead-0001", "--attempt", "0"], 65, "--attempt 0")
      try await refused(["logs", "dead-0001", "--attempt", "x"], 64, "--attempt")
      try await refused(["logs"], 64, "id")
      #expect(try await program.run(["submit", "prime", "--id", "fine-0001", "--wait"] + door).code == 0)
      try await refused(["dead", "show", "fine-0001"], 65, "is completed")
      try await refused(["dead", "requeue", "fine-0001"], 65, "is completed")
      #expect(try await program.run(["logs", "fine-0001"] + door).out.isEmpty)
    }
  }

  @Test func execIsShutOverHTTPUnlessAllowed() async throws {
    try await Program.with { program in
      let submit = ["submit", "exec", "-p", #"command=["sh", "-c", "echo here"]"#, "--wait"]
      try await Server.with(program) { server in
        let refused = try await program.run(submit + ["--url", server.url])
        #expect(refused.code == 77 && refused.err.contains("exec"), "\(refused)")
        #expect(try await program.run(submit + ["--store", "sqlite:stint.db"]).code == 0)
      }
      try program.write("stint.yaml", "http: {allow_exec: true}\n")
      try await Server.with(program) { server in
        let allowed = try await program.run(submit + ["--url", server.url])
        #expect(allowed.code == 0, "\(allowed)")
      }
    }
  }

  @Test func aRuleForATypeOfLaterWorkersIsAWarning() async throws {
    try await Program.with { program in
      try program.write("stint.yaml", "escalation: {prmie: {on_failure: prime}}\n")
      let report = try await program.run("doctor", "--store", "memory:", "--json")
      let warning = report.json["warnings"]?.array?.first?.string ?? ""
      #expect(report.code == 0 && warning.hasPrefix("escalation.prmie: "), "\(report)")
      #expect(warning.hasSuffix("Did you mean \"prime\"?"), "\(warning)")
      #expect(try await program.run("doctor", "--store", "memory:").out.contains("note: escalation.prmie"))
      try await Server.with(program) { server in
        try await server.child.note("escalation.prmie")
        #expect(server.child.err.split(separator: "\n").count { $0.contains("escalation.prmie") } == 1)
      }
    }
  }

  @Test func rulesThatCanNotBeEndTheCommand() async throws {
    try await Program.with { program in
      for (rules, text) in [
        ("prime: {on_failure: prme}", "Did you mean"),
        ("prime: {on_failure: fetch, params: {urls: '${params.limit}'}}", "${params.limit} is an integer"),
        ("prime: {on_failure: fibonacci}", "map them"),
        (
          "prime: {on_failure: countdown, params: {seconds: 3}}, countdown: {on_failure: prime, params: {limit: 200}}",
          "is a loop"
        ),
        ("prime: {on_failure: exec, params: {command: [ls]}}", "allow"),
      ] {
        try program.write("stint.yaml", "escalation: {\(rules)}\n")
        for command in [["serve", "--port", "0"], ["submit", "prime"], ["doctor"]] {
          let output = try await program.run(command)
          #expect(output.code == 65 && output.err.contains("escalation."), "\(rules) \(command): \(output)")
          #expect(output.err.contains(text), "\(rules): \(output.err)")
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: program.folder) == ["stint.yaml"])
    }
  }
}
