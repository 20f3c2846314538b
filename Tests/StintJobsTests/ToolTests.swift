import Foundation
import StintCore
import StintEngine
import StintStore
import StintTesting
import Testing

@testable import StintJobs

@Suite("Named tools", .timeLimit(.minutes(5)))
struct ToolTests {
  private static let show = ["sh", "-c", #"for a in "$@"; do printf '[%s]' "$a"; done"#, "show"]

  private func string(_ name: String, required: Bool = true) -> Tool.Parameter {
    Tool.Parameter(Param(name, .string, required: required))
  }

  @Test("A value never becomes more than a part of its own argument")
  func templates() {
    var random = SystemRandomNumberGenerator()
    let parts = [
      "${params.a}", "${params.b}", " ", "'", "\"", ";", "$", "{", "}", "\n", "\\", "x", "é", "`", "*", "--",
    ]
    for _ in 0..<2_000 {
      func text(_ most: Int) -> String {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      }
      let values = ["a": text(6), "b": text(6)]
      let command = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        ["x${params.a}", "${params.b}", "${params.a}${params.b}", "-${params.a}y${params.a}", "plain"].randomElement(
          using: &random) ?? ""
      }
      let filled = command.map { ParamTemplate($0).filled(values) }
      #expect(filled.count == command.count)
      for (argument, template) in zip(filled, command) {
        // Each place taken once from the left: what was put in is not looked at again.
        let (a, b) = (values["a"] ?? "", values["b"] ?? "")
        let expected = [
          "x${params.a}": "x\(a)", "${params.b}": b, "${params.a}${params.b}": a + b,
          "-${params.a}y${params.a}": "-\(a)y\(a)",
          "plain": "plain",
        ]
        #expect(argument == expected[template])
      }
    }
  }

  @Test(
    "The process gets each value as one argument, whatever is in it",
    arguments: [
      "plain", "two words", "$(id)", "`id`", "; rm -rf /", "'\"\\", "*", "${params.b}", "a\nb", "--option", "", "ü🐌",
    ])
  func arguments(value: String) async throws {
    let trial = try ProcessTrial()
    let tool = Tool(
      name: "show", command: Self.show + ["x${params.a}", "--b=${params.b}", "${params.c}"],
      params: [
        string("a"), string("b"), Tool.Parameter(Param("c", .string), allowsLeadingDash: true),
      ])
    let params: JSONValue = ["a": .string(value), "b": .string(value), "c": .string(value)]
    _ = try await trial.start(tool.handler(trial.policy), params).value
    #expect(trial.heard.text() == "[x\(value)][--b=\(value)][\(value)]")
  }

  @Test("Other types stand in an argument as their JSON; a param that was not given as nothing")
  func otherTypes() async throws {
    let trial = try ProcessTrial()
    let tool = Tool(
      name: "show", command: Self.show + ["${params.n}", "${params.b}", "${params.o}", "${params.none}"],
      params: [
        Tool.Parameter(Param("n", .integer, default: 12)), Tool.Parameter(Param("b", .boolean)),
        Tool.Parameter(Param("o", .object)), string("none", required: false),
      ])
    _ = try await trial.start(tool.handler(trial.policy), ["b": true, "o": ["k": [1, "x"]]]).value
    #expect(trial.heard.text() == #"[12][true][{"k":[1,"x"]}][]"#)
  }

  @Test("A value that would begin an argument with - is refused, and one with NUL anywhere")
  func dashes() throws {
    let tool = Tool(
      name: "t", command: ["t", "${params.a}${params.b}", "--c=${params.c}", "${params.d}", "${params.n}"],
      params: [
        string("a"), string("b"), string("c"), Tool.Parameter(Param("d", .string), allowsLeadingDash: true),
        Tool.Parameter(Param("n", .integer)), string("unused", required: false),
      ])
    let type = try tool.handler().type
    func faults(_ key: String, _ value: JSONValue) -> String {
      var params: [JSONMember] = ["a", "b", "c"].map { JSONMember($0, "x") }
      params.removeAll { $0.key == key }
      return type.check(params + [JSONMember(key, value)]).faults.map { "\($0.param): \($0.message)" }.joined()
    }
    #expect(faults("a", "-x") == "a: \"-x\" begins with \"-\" and would be taken for an option")
    // After another value it does not begin the argument; where that is empty, it does.
    #expect(faults("b", "--x").isEmpty)
    let empty: [JSONMember] = [JSONMember("a", ""), JSONMember("b", "-x"), JSONMember("c", "x")]
    #expect(
      type.check(empty).faults.map(\.message) == [
        "\"-x\" begins with \"-\" and would be taken for an option, for a is empty"
      ])
    #expect(
      type.params[1].form.flatMap { Param(json: Self.published(Param("b", .string, form: $0)))?.form }
        == type.params[1].form)
    #expect(faults("n", -1).hasPrefix("n: "))
    #expect(faults("c", "-x").isEmpty && faults("d", "-x").isEmpty && faults("unused", "-x").isEmpty)
    for key in ["a", "b", "c", "d"] { #expect(faults(key, "x\0").contains("NUL"), "\(key)") }
  }

  private static func published(_ param: Param) -> JSONValue {
    var writer = JSONWriter()
    param.write(to: &writer, isWhole: true)
    return (try? JSONParser.parse(writer.bytes)) ?? .null
  }

  @Test("The argument is judged as it has become, also of what was stored before")
  func filled() async throws {
    let tool = Tool(
      name: "t", command: Self.show + ["${params.a}${params.b}"], params: [string("a", required: false), string("b")])
    let trial = try ProcessTrial()
    _ = try await trial.start(tool.handler(trial.policy), ["a": "x", "b": "-rf"]).value
    #expect(trial.heard.text() == "[x-rf]")
    let lax = Handler(JobType(name: "t", allowsOtherParams: true), run: try tool.handler(trial.policy).run)
    let stored = try trial.start(lax, ["b": "-rf"])
    await #expect(throws: UndecodableParams.self) { try await stored.value }
  }

  @Test("A value that was stored before the rules were is refused at the start of the attempt")
  func storedBefore() async throws {
    let trial = try ProcessTrial()
    let lax = Tool(
      name: "t", command: Self.show + ["${params.a}"],
      params: [Tool.Parameter(Param("a", .string), allowsLeadingDash: true)])
    let strict = Tool(name: "t", command: Self.show + ["${params.a}"], params: [string("a")])
    let run = try strict.handler(trial.policy).run
    let task = try trial.start(Handler(lax.handler(trial.policy).type, run: run), ["a": "-x"])
    await #expect(throws: UndecodableParams.self) { try await task.value }
    #expect(trial.heard.all.isEmpty)
  }

  @Test("Paths stay beneath their root, at submission and on the disk")
  func paths() async throws {
    let trial = try ProcessTrial()
    let manager = FileManager.default
    try manager.createDirectory(atPath: trial.path("root/inner"), withIntermediateDirectories: true)
    try manager.createDirectory(atPath: trial.path("root2"), withIntermediateDirectories: true)
    _ = try trial.write("secret", "secret")
    _ = try trial.write("root/inner/file", "text")
    try manager.createSymbolicLink(atPath: trial.path("root/out"), withDestinationPath: "../secret")
    try manager.createSymbolicLink(atPath: trial.path("root/sibling"), withDestinationPath: trial.path("root2"))
    try manager.createSymbolicLink(atPath: trial.path("root/nowhere"), withDestinationPath: "missing")
    try manager.createSymbolicLink(atPath: trial.path("root/good"), withDestinationPath: "inner/file")
    let tool = Tool(
      name: "t", command: Self.show + ["${params.f}"],
      params: [Tool.Parameter(Param("f", .path, required: true), pathRoot: trial.path("root"))])
    let handler = try tool.handler(trial.policy)
    for path in ["/etc/passwd", "../secret", "inner/../../secret", "", "..", "a\0b"] {
      #expect(!handler.type.check([JSONMember("f", .string(path))]).faults.isEmpty, "\(path)")
    }
    for path in ["out", "sibling/new", "sibling", "nowhere", "inner/file/below"] {
      let task = try trial.start(handler, ["f": .string(path)])
      let error = await #expect(throws: JobControl.self, "\(path)") { try await task.value }
      guard case .giveUp(let message)? = error else { continue }
      #expect(message.hasPrefix("f: \"\(path)\" "), "\(message)")
    }
    #expect(trial.heard.all.isEmpty)
    let error = #expect(throws: ProcessFault.self) {
      try BoundPath.resolve("out", beneath: trial.path("root"), isSecret: true)
    }
    #expect(error?.description.hasPrefix("*** leads out of ") == true)
    let root = URL(fileURLWithPath: trial.path("root")).resolvingSymlinksInPath().path
    for (path, expected) in [("inner/file", "inner/file"), ("./good", "inner/file"), ("-new/name", "-new/name")] {
      let other = try ProcessTrial()
      _ = try await other.start(handler, ["f": .string(path)]).value
      #expect(other.heard.text() == "[\(root)/\(expected)]")
    }
  }

  @Test("Variables are copied by name, and neither they nor secret params are ever shown")
  func secrets() async throws {
    let trial = try ProcessTrial(environment: ["TOOL_KEY": "key-0123456789", "OTHER": "leak"])
    let tool = Tool(
      name: "t",
      command: [
        "sh", "-c",
        "env | grep -c OTHER; echo \"$TOOL_KEY\" $1; echo \"{\\\"progress\\\": 1, \\\"message\\\": \\\"$TOOL_KEY\\\"}\" > $STINT_JOB_EVENTS; echo $TOOL_KEY >&2; [ \"$TOOL_KEY\" != key-0123456789 ]",
        "t", "${params.password}",
      ],
      params: [Tool.Parameter(Param("password", .string, secret: true))], environment: ["TOOL_KEY", "NOT_SET"])
    let task = try trial.start(tool.handler(trial.policy), ["password": "correct horse"])
    let error = await #expect(throws: ProcessFault.self) { try await task.value }
    #expect(trial.heard.text() == "0\n*** ***\n")
    #expect(trial.heard.text(.stderr) == "***\n")
    #expect(trial.heard.progress.map(\.message) == ["***"])
    #expect(error?.description == "the command ended with exit code 1: ***")
  }

  @Test("Working directory and input are the tool's own")
  func folderAndInput() async throws {
    let trial = try ProcessTrial()
    var tool = Tool(
      name: "t", command: ["sh", "-c", "pwd; cat"], params: [string("a")], folder: trial.folder,
      input: "a=${params.a}\n")
    _ = try await trial.start(tool.handler(trial.policy), ["a": "${params.a} -x"]).value
    let folder = URL(fileURLWithPath: trial.folder).resolvingSymlinksInPath().path
    #expect(trial.heard.text() == "\(folder)\na=${params.a} -x\n")
    tool.timeout = .seconds(9)
    tool.stallTimeout = .seconds(3)
    (tool.maxRetries, tool.retry) = (7, .standard)
    let type = tool.jobType
    #expect(type.timeout == .seconds(9) && type.stallTimeout == .seconds(3) && type.maxRetries == 7)
    #expect(!type.isLocalOnly)
  }

  @Test("A tool that fails twice succeeds at the third attempt, with what the second had kept")
  func failsTwice() async throws {
    let trial = try ProcessTrial()
    let script = """
      echo "attempt $STINT_JOB_ATTEMPT"
      [ -n "$STINT_JOB_CHECKPOINT" ] && cat "$STINT_JOB_CHECKPOINT" && echo
      echo "{\\"checkpoint\\": {\\"done\\": $STINT_JOB_ATTEMPT}}" > "$STINT_JOB_EVENTS"
      [ "$STINT_JOB_ATTEMPT" -ge 3 ] || { echo "not yet" >&2; exit 4; }
      echo '{"result": {"fine": true}}' > "$STINT_JOB_EVENTS"
      """
    let tool = Tool(
      name: "flaky", command: ["sh", "-c", script], maxRetries: 3,
      retry: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0))
    let engine = Engine(store: MemoryStore(), handlers: [try tool.handler(trial.policy)], configuration: .init())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await engine.run() }
      defer { group.cancelAll() }
      let actor = Actor(name: "ann", origin: "tests")
      let job = try await engine.client.submit([NewJob("flaky")], by: actor)[0]
      var last: Job?
      for try await update in try await engine.client.watch(job.id) {
        if case .ended(let ended) = update { last = ended }
      }
      #expect(last?.status == .completed && last?.state.attempt == 3 && last?.state.retryCount == 2)
      #expect(try last?.result?.parsed()["fine"] == true)
      let errors = try await engine.client.history(job.id).compactMap { $0.error?.message }
      #expect(errors == ["the command ended with exit code 4: not yet", "the command ended with exit code 4: not yet"])
      var said = ""
      for try await update in try await engine.client.output(job.id, after: nil) {
        if case .chunk(let chunk) = update, chunk.stream == .stdout { said += chunk.text }
      }
      #expect(said == "attempt 1\nattempt 2\n{\"done\":1}\nattempt 3\n{\"done\":2}\n")
    }
  }
}

@Suite("Tools in the configuration")
struct ToolReadingTests {
  private func faults(_ json: JSONValue) -> String {
    Tool.read(["aider": json]).faults.map { "\($0.param): \($0.message)" }.joined(separator: "\n")
  }

  @Test("A tool as in the manual")
  func whole() throws {
    let json: JSONValue = [
      "command": ["aider", "--yes", "--message-file", "${params.prompt_file}"], "timeout_seconds": 600,
      "stall_timeout_seconds": "2m", "env": ["OPENAI_API_KEY"], "retry": "fast", "description": "Edits code.",
      "cwd": "/srv/code", "stdin": "${params.note}",
      "params": [
        ["name": "prompt_file", "type": "path", "path_under": "prompts", "required": true],
        ["name": "note", "type": "string", "default": "", "max": 100, "secret": true, "allow_leading_dash": true],
      ],
    ]
    let (tools, faults) = Tool.read(["aider": json])
    #expect(faults.isEmpty, "\(faults)")
    let tool = try #require(tools.first)
    #expect(
      tool.timeout == .seconds(600) && tool.stallTimeout == .seconds(120) && tool.environment == ["OPENAI_API_KEY"])
    #expect(tool.maxRetries == 5 && tool.retry?.strategy == .linear && tool.folder == "/srv/code")
    #expect(tool.params[0].pathRoot == "prompts" && tool.params[0].param.isRequired)
    #expect(tool.params[1].param.isSecret && tool.params[1].allowsLeadingDash)
    let type = try tool.handler().type
    #expect(type.name == "aider" && type.description == "Edits code.")
    #expect(type.params[0].form == .path(root: "prompts") && type.params[1].form == nil)
  }

  @Test(
    "What is wrong is named with its place, its value and what is allowed",
    arguments: [
      ([:], "aider.command: null is not allowed; allowed is a list of strings"),
      (["command": "aider --yes"], "aider.command: \"aider --yes\" is not allowed; allowed is a list of strings"),
      (["command": []], "aider.command: is empty"), (["command": ["a", 1]], "aider.command[1]: 1 is not allowed"),
      (
        ["command": ["${params.x}"], "params": [["name": "x", "type": "string"]]],
        "aider.command[0]: \"${params.x}\" has a placeholder"
      ),
      (
        ["command": ["a", "${params.promt}"], "params": [["name": "prompt", "type": "string"]]],
        "aider.command[1]: ${params.promt} names no param; allowed: prompt. Did you mean \"prompt\"?"
      ),
      (["command": ["a", "${HOME}"]], "\"${HOME}\" is no placeholder"),
      (["command": ["a", "${params.x"]], "without \"}\""),
      (["command": ["a"], "stdin": "${params.x}"], "aider.stdin: ${params.x}"),
      (["command": ["a"], "env": ["LD_PRELOAD"]], "aider.env: \"LD_PRELOAD\" can not be set"),
      (["command": ["a"], "env": ["PATH"]], "never allowed are PATH"),
      (["command": ["a"], "env": ["STINT_HTTP_PORT"]], "\"STINT_HTTP_PORT\" can not be set"),
      (["command": ["a"], "env": ["KEY=value"]], "no name of a variable"),
      (["command": ["a"], "env": ["KEY": "value"]], "aider.env: "),
      (["command": ["a"], "timeout_seconds": 0], "aider.timeout_seconds: 0"),
      (["command": ["a"], "timeout_seconds": "soon"], "aider.timeout_seconds: \"soon\""),
      (["command": ["a"], "retry": "always"], "aider.retry: \"always\" is no preset"),
      (["command": ["a"], "retry": ["jitter": 3]], "aider.retry.jitter: 3"),
      (["command": ["a"], "comand": []], "aider.comand: is no setting of a tool. Did you mean \"command\"?"),
      (["command": ["a"], "params": [["name": "f", "type": "path"]]], "aider.params.f: a path needs path_under"),
      (["command": ["a"], "params": [["name": "f", "type": "string", "path_under": "x"]]], "path_under is for"),
      (
        ["command": ["a"], "params": [["name": "f", "type": "text"]]], "aider.params[0].type: \"text\" is not allowed"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "integer", "default": "x"]]],
        "aider.params.f: its default \"x\""
      ),
      (
        ["command": ["a", "${params.f}"], "params": [["name": "f", "type": "string", "default": "-x"]]],
        "its default \"-x\" begins"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "string"], ["name": "f", "type": "string"]]],
        "is there twice"
      ),
      (["command": ["a"], "cwd": "/srv/${params.x}"], "aider.cwd: \"/srv/${params.x}\" has a placeholder"),
      (
        ["command": ["a"], "params": [["name": "f", "type": "integer", "min": 5, "max": 1]]],
        "aider.params.f.min: 5 is more than max, 1"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "array", "min_items": 2, "max_items": 1]]],
        "aider.params.f.min_items: 2 is more than max_items, 1"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "string", "required": true, "default": "a"]]],
        "aider.params.f.default: \"a\" would never be used"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "integer", "max": 1, "default": 7]]],
        "aider.params.f: its default 7 is out of range, allowed is 1 or less"
      ),
      (
        ["command": ["a"], "params": [["name": "f", "type": "integer", "max": 1, "choices": [1, 7]]]],
        "aider.params.f.choices: its choice 7 is out of range"
      ),
      (["command": ["a"], "params": ["x": 1]], "aider.params: "), ("echo", "aider: \"echo\" is not allowed"),
    ] as [(JSONValue, String)])
  func wrong(_ json: JSONValue, _ message: String) {
    #expect(faults(json).contains(message), "\(faults(json))")
  }

  @Test("A name that is no name is refused")
  func names() {
    #expect(Tool.read(["a b": ["command": ["x"]]]).faults.count == 1)
  }
}
