import Foundation
import StintCore
import Testing

/// Each command by the real binary, on a store and on a server.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EndToEndTests {
  /// Where a command finds its jobs.
  enum Way: String, CaseIterable, Sendable { case store, url }

  /// Runs `body` with the arguments that lead to jobs: a store with a server's workers on it, or that server.
  private func with(_ way: Way, _ body: (Program, [String]) async throws -> Void) async throws {
    try await Program.with { program in
      try await Server.with(program) { server in
        try await body(
          program, way == .url ? ["--url", server.url] : ["--store", "sqlite:\(program.path("stint.db"))"])
      }
    }
  }

  private func id(_ output: Program.Output) throws -> String {
    try #require(output.json["id"]?.string, "\(output)")
  }

  @Test(arguments: Way.allCases) func aJobFromSubmissionToItsRemoval(_ way: Way) async throws {
    try await with(way) { program, door in
      let submitted = try await program.run(
        ["submit", "prime", "-p", "limit=100", "--tag", "team=a b", "--json"] + door)
      #expect(submitted.code == 0, "\(submitted.err)")
      let id = try id(submitted)

      let waited = try await program.run(["wait", String(id.suffix(8)), "--json"] + door)
      #expect(waited.code == 0, "\(waited)")
      let job = waited.json
      #expect(job["status"] == "completed" && job["result"]?["count"] == 25 && job["error"] == JSONValue.null)
      #expect(job["attempt"] == 1 && job["tags"] == ["team": "a b"])

      let listed = try await program.run(
        ["list", "--status", "completed,queued", "--tag", "team=a b", "--json"] + door)
      #expect(listed.code == 0 && listed.json.array?.map { $0["id"]?.string } == [id])
      let table = try await program.run(["list"] + door)
      #expect(table.out.hasPrefix("ID ") && table.out.contains(String(id.suffix(8))) && !table.out.contains("\u{1B}"))

      let shown = try await program.run(["show", String(id.prefix(20)), "--json"] + door)
      #expect(shown.json["history"]?.array?.map { $0["event"] } == ["submitted", "succeeded"])
      let page = try await program.run(["show", id] + door)
      #expect(page.code == 0 && page.out.contains("team=a b") && page.out.contains("succeeded"))

      let again = try await program.run(["retry", id] + door)
      #expect(again.code == 65 && again.err.contains("only failed and cancelled"), "\(again)")
      let stop = try await program.run(["cancel", id, "--json"] + door)
      #expect(stop.code == 65 && stop.error["type"] == "illegal_move", "\(stop)")

      let stats = try await program.run(["stats", "--json"] + door)
      #expect(stats.json["completed"] == 1 && stats.json["worker"]?["capacity"] == 3)
      #expect(try await program.run(["stats"] + door).out.contains("completed  1"))
      let cleared = try await program.run(["clear", "--json"] + door)
      #expect(cleared.json == ["removed": 1])
      #expect(try await program.run(["show", id] + door).code == 66)
      #expect(try await program.run(["list"] + door).out == "No jobs.\n")
    }
  }

  @Test(arguments: Way.allCases) func oneErrorNamesEveryFaultOfASubmission(_ way: Way) async throws {
    try await with(way) { program, door in
      let wrong = try await program.run(
        ["submit", "prime", "-p", "limit=abc", "-p", "foo=1", "--priority", "z", "--max-retries", "-1"]
          + ["--timeout", "-5", "--json"] + door)
      let params = wrong.error["details"]?.array?.map { $0["param"]?.string }
      #expect(wrong.code == 65 && params?.count == 5, "\(wrong)")
      for param in ["priority", "timeout_seconds", "max_retries", "limit", "foo"] {
        #expect(params?.contains(param) == true, "\(param): \(wrong)")
      }
    }
  }

  @Test(arguments: Way.allCases) func cancelAndRetry(_ way: Way) async throws {
    try await with(way) { program, door in
      let waiting = try id(await program.run(["submit", "prime", "--delay", "1h", "--id", "later-1", "--json"] + door))
      let first = try await program.run(["cancel", waiting, "--json"] + door)
      #expect(first.code == 0 && first.json["status"] == "cancelled", "\(first)")
      let waited = try await program.run(["wait", waiting] + door)
      #expect(waited.code == 2 && waited.out.contains("cancelled"), "\(waited)")
      let retried = try await program.run(["retry", waiting] + door)
      #expect(retried.code == 0, "\(retried)")
      #expect(try await program.run(["wait", waiting] + door).code == 0)

      // A running one: asked to stop while its progress is shown.
      let long = try id(await program.run(["submit", "countdown", "-p", "seconds=60", "--json"] + door))
      let follow = try Child(program, ["follow", long] + door)
      try await follow.line("progress") { $0.contains("seconds remaining") }
      #expect(try await program.run(["cancel", long] + door).code == 0)
      #expect(try await follow.exit() == 2)
      #expect(follow.out.contains("countdown \(long.suffix(8)) cancelled") && !follow.out.contains("\u{1B}"))
      let both = try await program.run(["wait", waiting, long, "--json"] + door)
      #expect(both.code == 2 && both.json.array?.map { $0["status"] } == ["completed", "cancelled"])
    }
  }

  @Test(arguments: Way.allCases) func submitAndStayWithIt(_ way: Way) async throws {
    try await with(way) { program, door in
      let wait = try await program.run(["submit", "fibonacci", "-p", "count=5", "--wait"] + door)
      #expect(wait.code == 0 && wait.out.contains("[1,1,2,3,5]") && wait.err.isEmpty, "\(wait)")
      let follow = try await program.run(["submit", "countdown", "-p", "seconds=1", "--follow", "--json"] + door)
      let events = try follow.out.split(separator: "\n").map { try JSONParser.parse(Array($0.utf8))["event"]?.string }
      #expect(follow.code == 0 && events.first == "status" && events.contains("progress"), "\(follow)")
      #expect(events.last == "complete")
      let many = try await program.run(
        ["submit", "--job-file", "-", "--wait", "--json"] + door,
        input: "- {type: prime, params: {limit: 100}}\n- {type: fibonacci, params: {count: 2}}\n")
      #expect(many.code == 0 && many.json.array?.map { $0["type"] } == ["prime", "fibonacci"], "\(many)")
      let all = try await program.run(["wait", "--all", "--json"] + door)
      #expect(all.code == 0 && all.json == [], "\(all)")
    }
  }

  @Test(arguments: Way.allCases) func badInputHasOneClearErrorAndStoresNothing(_ way: Way) async throws {
    try await with(way) { program, door in
      func refused(_ arguments: [String], _ code: Int32, _ texts: String..., input: String? = nil) async throws {
        let output = try await program.run(arguments + door, input: input)
        #expect(output.code == code, "\(arguments): \(output)")
        #expect(output.out.isEmpty, "\(arguments): \(output)")
        for text in texts { #expect(output.err.contains(text), "\(arguments): \(output.err)") }
      }
      try await refused(["submit", "prme"], 65, "Unknown job type \"prme\"", "Did you mean \"prime\"?")
      try await refused(["submit", "prime", "-p", "limit=5"], 65, "limit", "5 is out of range", "100 to 100000")
      try await refused(
        ["submit", "prime", "-p", "limit=x", "-p", "size=1"], 65, "limit", "\"x\"", "size", "unknown param")
      try await refused(["submit", "prime", "--id", "a b"], 65, "id", "A-Z a-z 0-9")
      try await refused(["submit", "--job-file", "-"], 65, "no JSON", input: #"{"type": "#)
      try await refused(["submit", "--job-file", "none.json"], 66, "none.json")
      try await refused(["submit", "--job-file", "-"], 65, "Job 1", input: #"[{"type": "prime"}, {"type": "prme"}]"#)
      try await refused(["submit", "prime", "--depends-on", "x"], 64, "--depends-on")
      try await refused(["submit"], 64, "Give a job TYPE")
      try await refused(["submit", "prime", "--wait", "--follow"], 64, "not both")
      try await refused(["show", "no-such-job"], 66, "Job not found: no-such-job")
      try await refused(["show", "abc"], 66, "6 or more")
      try await refused(["wait"], 64, "--all")
      try await refused(["wait", "no-such-job"], 66, "no-such-job")
      try await refused(["follow", "a b"], 65, "is no job id")
      try await refused(["cancel", "no-such-job", "none-such-2"], 66, "no-such-job", "none-such-2")
      try await refused(["retry", "no-such-job"], 66, "no-such-job")
      try await refused(["clear", "--status", "running"], 65, "running", "completed")
      try await refused(["list", "--status", "done"], 65, "\"done\" is no status", "pending, running")
      try await refused(["list", "--limit", "0"], 64, "1 to 1000")
      try await refused(["list", "--since", "tomorrow"], 65, "--since", "ISO 8601")
      #expect(try await program.run("frobnicate").code == 64)
      #expect(try await program.run(["list", "--json"] + door).json == [])

      #expect(try await program.run(["submit", "prime", "--id", "mine-0001", "--delay", "1h"] + door).code == 0)
      try await refused(["submit", "prime", "--id", "mine-0001"], 65, "mine-0001 exists", "prime, scheduled")
      #expect(try await program.run(["submit", "prime", "--id", "mine-0002", "--delay", "1h"] + door).code == 0)
      try await refused(["show", "mine-00"], 65, "ambiguous", "mine-0001", "mine-0002")
    }
  }

  @Test func bothWaysGiveTheSame() async throws {
    try await Program.with { program in
      try await Server.with(program) { server in
        let local = ["--store", "sqlite:stint.db", "--json"]
        let remote = ["--url", server.url, "--json"]
        #expect(
          try await program.run(["submit", "prime", "--id", "same-0001", "--metadata", #"{"a": [1, 2.5]}"#] + local)
            .code == 0)
        #expect(
          try await program.run(
            ["submit", "echo", "-p", "message=\u{1B}[31m", "-p", "delay=1", "--id", "same-0002"] + remote
          ).code == 0)
        #expect(try await program.run(["submit", "prime", "--delay", "1h", "--id", "same-0003"] + remote).code == 0)
        #expect(try await program.run(["wait", "same-0001", "same-0002"] + remote).code == 0)
        for command in [
          ["list"], ["list", "--type", "echo"], ["show", "same-0001"], ["show", "same-0002"], ["job-types"],
          ["wait", "same-0001"], ["list", "-q", "same-0002"], ["list", "--limit", "1"],
        ] {
          let (a, b) = (try await program.run(command + local), try await program.run(command + remote))
          #expect(a.code == b.code && a.json == b.json, "\(command): \(a.out) \(b.out)")
        }
        // What a job says can not drive the terminal.
        let shown = try await program.run("show", "same-0002", "--url", server.url)
        #expect(shown.out.contains("[31m") && !shown.out.contains("\u{1B}"), "\(shown.out)")
      }
    }
  }

  @Test func withoutAWorkerTheCommandRunsTheJobItself() async throws {
    try await Program.with { program in
      let output = try await program.run("submit", "prime", "-p", "limit=100", "--wait", "--json")
      #expect(output.code == 0 && output.err.contains("this process runs the job"), "\(output)")
      #expect(output.json["result"]?["count"] == 25)
      // Others are left alone.
      #expect(try await program.run("submit", "prime", "--id", "left-alone").code == 0)
      #expect(try await program.run("submit", "prime", "--wait").code == 0)
      #expect(try await program.run("show", "left-alone", "--json").json["status"] == "pending")
      let memory = try await program.run("submit", "countdown", "-p", "seconds=1", "--follow", "--store", "memory:")
      #expect(memory.code == 0 && memory.out.contains("completed"), "\(memory)")
      #expect(try await program.run("list", "--store", "memory:").code == 65)
    }
  }

  @Test func anInterruptedCommandGivesItsJobBack() async throws {
    try await Program.with { program in
      let child = try Child(program, ["submit", "countdown", "-p", "seconds=60", "--id", "mine-0001", "--follow"])
      try await child.line("progress") { $0.contains("seconds remaining") }
      child.send(SIGINT)
      #expect(try await child.exit() == 130)
      let job = try await program.run("show", "mine-0001", "--json").json
      #expect(job["status"] == "pending" && job["retry_count"] == 0, "\(job)")
      let watching = try Child(program, ["list", "--watch"])
      try await watching.line("the list") { $0.contains("mine-0001") }
      watching.send(SIGINT)
      #expect(try await watching.exit() == 130)
    }
  }

  @Test func readCommandsNeverMakeAStore() async throws {
    try await Program.with { program in
      for command in [
        ["list"], ["show", "abcdef"], ["wait", "--all"], ["follow", "abcdef"], ["cancel", "abcdef"],
        ["retry", "abcdef"], ["clear"], ["stats"], ["doctor"],
      ] {
        let output = try await program.run(command)
        #expect(output.code == 69 && output.err.contains("There is no store at stint.db"), "\(command): \(output)")
      }
      #expect(try await program.run("job-types").code == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: program.folder) == [])
    }
  }

  @Test func storesThatCanNotBeOpened() async throws {
    try await Program.with { program in
      try FileManager.default.createDirectory(atPath: program.path("folder"), withIntermediateDirectories: false)
      try program.write("text.db", String(repeating: "not a database, ", count: 500))
      #expect(try await program.run("submit", "prime", "--store", "sqlite:newer.db").code == 0)
      let made = Process()
      made.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      made.arguments = [
        "python3", "-c", "import sqlite3,sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 999')",
        program.path("newer.db"),
      ]
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        made.terminationHandler = { _ in continuation.resume() }
        do { try made.run() } catch { continuation.resume(throwing: error) }
      }
      let cases = [
        ("folder", "is a folder"), ("text.db", "text.db"), ("newer.db", "version 999"), ("none/x.db", "none/x.db"),
      ]
      for (path, text) in cases {
        for command in [["list"], ["submit", "prime"], ["serve", "--port", "0"], ["doctor"]] {
          let output = try await program.run(command + ["--store", "sqlite:\(path)"])
          #expect(output.code == 69 && output.err.contains(text), "\(command) \(path): \(output)")
        }
      }
      let postgres = try await program.run("list", "--store", "postgres://localhost/x")
      #expect(postgres.code == 65 && postgres.err.contains("not available in this version"))
      let nobody = try await program.run("list", "--url", "http://127.0.0.1:1")
      #expect(nobody.code == 69 && nobody.err.contains("127.0.0.1:1"), "\(nobody)")
    }
  }

  @Test func aFileThatMayNotBeReadIsNoStore() async throws {
    // For root nothing is unreadable.
    guard getuid() != 0 else { return }
    try await Program.with { program in
      #expect(try await program.run("submit", "prime").code == 0)
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: program.path("stint.db"))
      #expect(try await program.run("list").code == 69)
    }
  }

  @Test func configurationFromEverySource() async throws {
    try await Program.with(environment: ["STINT_WORKERS_SLOTS": "5"]) { program in
      try program.write("stint.yaml", "store: sqlite:other.db\nworkers: {slots: 4, poll_seconds: 2}\n")
      #expect(try await program.run("submit", "prime").code == 0)
      let doctor = try await program.run("doctor", "--json")
      #expect(doctor.code == 0, "\(doctor)")
      let settings = doctor.json["settings"]?.array ?? []
      func setting(_ key: String) -> [JSONValue?] {
        let found = settings.first { $0["key"]?.string == key }
        return [found?["value"], found?["from"]]
      }
      #expect(setting("store") == ["sqlite:other.db", "stint.yaml"])
      #expect(setting("workers.slots") == [5, "environment STINT_WORKERS_SLOTS"])
      #expect(setting("workers.poll_seconds") == [2, "stint.yaml"])
      #expect(setting("http.port") == [8080, "default"])
      let store = doctor.json["store"]
      #expect(store?["write_and_read"] == "ok" && store?["synchronous"] == "full" && store?["durable"] == true)
      #expect(store?["disk_sync_ms"]?.number != nil && store?["schema_version"]?.integer != nil)
      #expect(try await program.run("doctor").out.contains("environment STINT_WORKERS_SLOTS"))
      try program.write("bad.yaml", "http: {prot: 1}")
      let bad = try await program.run("list", "--config", "bad.yaml")
      #expect(bad.code == 65 && bad.err.contains("http.prot") && bad.err.contains("http.port"), "\(bad)")
      #expect(try await program.run("list", "--config", "none.yaml").code == 66)
    }
  }

  @Test func theStoresLawsFromTheCommandLine() async throws {
    try await Program.with { program in
      #expect(try await program.run("submit", "prime").code == 0)
      let output = try await program.run("doctor", "--verify-store", "--json")
      let laws = output.json["laws"]?.array ?? []
      #expect(output.code == 0 && laws.count > 10, "\(output)")
      #expect(laws.allSatisfy { $0["violation"] == .null })
      let left = try FileManager.default.contentsOfDirectory(atPath: program.folder)
      #expect(!left.contains { $0.hasPrefix(".stint") }, "\(left)")
    }
  }

  @Test func onATerminalThereAreColoursAndABarThatRedraws() async throws {
    try await Program.with(environment: ["TERM": "xterm"]) { program in
      var program = program
      program.hasTerminal = true
      let follow = try await program.run("submit", "countdown", "-p", "seconds=1", "--follow")
      #expect(follow.code == 0, "\(follow)")
      #expect(follow.out.contains("\r\u{1B}[K[------------------------]   0%  1 second remaining..."), "\(follow.out)")
      #expect(follow.out.contains("\u{1B}[32mcountdown"), "\(follow.out)")
      #expect(try await program.run("list").out.contains("\u{1B}[32mcompleted\u{1B}[0m"))
      program.environment["NO_COLOR"] = "1"
      #expect(try await !program.run("list").out.contains("\u{1B}"))
      let watch = try Child(program, ["list", "--watch"])
      try await watch.line("the second drawing") { _ in watch.out.components(separatedBy: "\u{1B}[H").count > 2 }
      watch.send(SIGKILL)
      _ = try await watch.exit()
    }
  }

  @Test func helpAndVersion() async throws {
    try await Program.with { program in
      let bare = try await program.run()
      #expect(bare.code == 0 && bare.out.contains("SUBCOMMANDS"))
      #expect(try await program.run("--version").out.first?.isNumber == true)
      let help = try await program.run("submit", "--help")
      #expect(help.code == 0 && help.out.contains("Examples:"))
    }
  }
}
