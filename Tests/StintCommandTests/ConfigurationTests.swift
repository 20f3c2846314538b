import StintCore
import StintStore
import Testing

@testable import StintCommand

@Suite struct ConfigurationTests {
  private func load(
    _ yaml: String? = nil, environment: [String: String] = [:], flags: [(String, String, String)] = []
  ) throws(StintError) -> Configuration {
    try Configuration(
      file: yaml.map { ($0, "stint.yaml") }, environment: environment,
      flags: flags.map { .init(key: $0.0, name: $0.1, text: $0.2) })
  }

  private func fault(
    _ yaml: String? = nil, environment: [String: String] = [:], flags: [(String, String, String)] = []
  ) -> String {
    do throws(StintError) {
      _ = try load(yaml, environment: environment, flags: flags)
      return "none"
    } catch {
      #expect(error.type.exitCode == 65)
      return error.description
    }
  }

  @Test func everyDefaultIsAllowed() throws {
    for setting in Setting.all {
      #expect(setting.allows(setting.defaultValue), "\(setting.key)")
      #expect(try load()[setting.key].origin == .byDefault)
    }
    #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
  }

  @Test func flagsBeforeEnvironmentBeforeFileBeforeDefaults() throws {
    let yaml = "http: {port: 1001}\nworkers:\n  slots: 7\nlog: {level: debug}\n"
    let environment = ["STINT_HTTP_PORT": "1002", "STINT_LOG_LEVEL": "error"]
    let all = try load(yaml, environment: environment, flags: [("http.port", "--port", "1003")])
    #expect(all.integer("http.port") == 1003)
    #expect(all["http.port"].origin == .flag("--port"))
    #expect(all.text("log.level") == "error")
    #expect(all["log.level"].origin == .environment("STINT_LOG_LEVEL"))
    #expect(all.integer("workers.slots") == 7)
    #expect(all["workers.slots"].origin == .file("stint.yaml"))
    #expect(all.text("store") == "sqlite:stint.db")
  }

  @Test func listsFromFileAndEnvironment() throws {
    #expect(try load("fetch: {allow: [10.0.0.0/8, \"fd00::/8\"]}").list("fetch.allow") == ["10.0.0.0/8", "fd00::/8"])
    #expect(
      try load(environment: ["STINT_FETCH_ALLOW": "10.0.0.0/8, 127.0.0.1"]).list("fetch.allow")
        == ["10.0.0.0/8", "127.0.0.1"])
  }

  @Test func aBadValueNamesKeyValueAndWhatIsAllowed() {
    let port = fault("http: {port: 70000}")
    for part in ["http.port", "70000", "stint.yaml", "0 to 65535"] { #expect(port.contains(part), "\(port)") }
    let level = fault(environment: ["STINT_LOG_LEVEL": "loud"])
    for part in ["log.level", "\"loud\"", "STINT_LOG_LEVEL", "trace, debug"] {
      #expect(level.contains(part), "\(level)")
    }
    let slots = fault(flags: [("workers.slots", "--workers", "many")])
    for part in ["workers.slots", "\"many\"", "--workers", "1 to 10000"] { #expect(slots.contains(part), "\(slots)") }
    let both = fault("http: {port: x}\nworkers: {slots: 0}")
    #expect(both.contains("http.port") && both.contains("workers.slots"))
  }

  @Test func anUnknownKeyGetsASuggestion() {
    #expect(fault("http: {prot: 1}").contains("Did you mean \"http.port\"?"))
    #expect(fault("stroe: sqlite:x.db").contains("Did you mean \"store\"?"))
    #expect(fault(environment: ["STINT_HTTP_PROT": "1"]).contains("Did you mean \"STINT_HTTP_PORT\"?"))
    #expect(fault(environment: ["STINT_STRICT": "1"]) == "none")
  }

  @Test func toolsAreReadAndEveryFaultIsNamed() throws {
    let all = try load(
      "tools: {a: {command: [x, '${params.p}'], params: [{name: p, type: string}]}, b: {command: [y]}}")
    #expect(all.tools.map(\.name) == ["a", "b"] && all.tools[0].command == ["x", "${params.p}"])
    #expect(try load(environment: ["STINT_TOOLS": #"{"c": {"command": ["z"]}}"#]).tools.map(\.name) == ["c"])
    #expect(try load("tools:").tools.isEmpty && load().tools.isEmpty)
    let faults = fault("tools: {a: {command: x}, b: {command: [y], env: [LD_PRELOAD]}}")
    for part in ["tools.a.command", "\"x\"", "stint.yaml", "a list of strings", "tools.b.env", "LD_PRELOAD"] {
      #expect(faults.contains(part), "\(faults)")
    }
    #expect(fault("tools: [a]").contains("tools: [\"a\"] (stint.yaml) is not allowed"))
    #expect(fault(environment: ["STINT_TOOLS": "a"]).contains("STINT_TOOLS"))
  }

  @Test(arguments: Setting.unavailable) func keysOfLaterVersionsAreRefused(_ key: String) {
    let parts = key.split(separator: ".")
    let yaml = parts.count == 2 ? "\(parts[0]): {\(parts[1]): 1}" : "\(key): {}"
    #expect(fault(yaml).contains("is not available in this version"))
  }

  @Test func queuesHaveRules() throws {
    let yaml = "queues:\n  default: {max_pending: 100}\n  mail: {max_pending: null}\n  other:\n"
    #expect(
      try load(yaml).queues == [QueueRecord(name: "default", maxPending: 100), QueueRecord(name: "mail")])
    #expect(
      try load(environment: ["STINT_QUEUES": #"{"a": {"max_pending": 1}}"#]).queues
        == [QueueRecord(name: "a", maxPending: 1)])
    for (yaml, texts) in [
      ("queues: {a: {max_pending: 0}}", ["queues.a.max_pending", "0 is not allowed", "1 to 1000000000"]),
      ("queues: {a: {max_pending: many}}", ["queues.a.max_pending", "\"many\""]),
      ("queues: {a: 5}", ["queues.a", "5", "expected are keys and values"]),
      ("queues: {a b: {max_pending: 5}}", ["queues.a b", "is no queue's name"]),
      ("queues: {a: {max_pendng: 5}}", ["queues.a.max_pendng", "Did you mean \"max_pending\"?"]),
      ("queues: {a: {concurrency: 5}}", ["queues.a.concurrency", "is not available in this version"]),
      ("queues: 5", ["queues", "5"]), ("queues: [a]", ["queues", "is not allowed"]),
    ] {
      let fault = fault(yaml)
      for text in texts + ["stint.yaml"] { #expect(fault.contains(text), "\(yaml): \(fault)") }
    }
  }

  @Test func rulesOfEscalation() throws {
    let yaml = """
      escalation:
        aider:
          on_failure: codex
          max_retries_before_escalation: 2
          params: {prompt: "${params.prompt_file}", level: 3}
          error_types: [timeout, handler]
          window: {failures: 5, seconds: 0.5}
        codex: {on_failure: person, params: null}
      """
    let rules = try load(yaml).escalation
    #expect(
      rules["aider"]
        == EscalationRule(
          "codex", retriesBefore: 2, params: [JSONMember("prompt", "${params.prompt_file}"), JSONMember("level", 3)],
          errorTypes: [.timeout, .handler], window: .init(failures: 5, within: .milliseconds(500))))
    #expect(rules["codex"] == EscalationRule("person"))
    for (rule, texts) in [
      ("{}", ["a.on_failure", "is required"]), ("5", ["escalation.a", "expected are keys and values"]),
      ("{on_failure: 5}", ["a.on_failure", "5"]), ("{on_failur: b}", ["Did you mean \"on_failure\"?"]),
      ("{on_failure: b, max_retries_before_escalation: -1}", ["a.max_retries_before_escalation", "-1", "0 to 10000"]),
      ("{on_failure: b, params: [1]}", ["a.params", "[1]"]),
      ("{on_failure: b, error_types: [cancelled]}", ["a.error_types", "handler, timeout, stalled, poison"]),
      ("{on_failure: b, error_types: []}", ["a.error_types"]),
      ("{on_failure: b, error_types: [deadline_exceeded]}", ["a.error_types"]),
      ("{on_failure: b, window: 5}", ["a.window", "failures"]),
      ("{on_failure: b, window: {failures: 0, seconds: 5}}", ["a.window.failures", "1 to 10000"]),
      ("{on_failure: b, window: {failures: 2}}", ["a.window.seconds", "is required"]),
      ("{on_failure: b, window: {failures: 2, seconds: 0}}", ["a.window.seconds"]),
      ("{on_failure: b, window: {failures: 2, seconds: 9, x: 1}}", ["a.window.x", "is no setting"]),
    ] {
      let fault = fault("escalation: {a: \(rule)}")
      for text in texts { #expect(fault.contains(text), "\(rule): \(fault)") }
    }
  }

  @Test func whetherExecIsOpen() throws {
    #expect(try !load().flag("http.allow_exec"))
    #expect(try load("http: {allow_exec: true}").flag("http.allow_exec"))
    #expect(try load(environment: ["STINT_HTTP_ALLOW_EXEC": "true"]).flag("http.allow_exec"))
    #expect(fault("http: {allow_exec: yes}").contains("allowed is true, false"))
    #expect(fault(environment: ["STINT_HTTP_ALLOW_EXEC": "1"]).contains("http.allow_exec"))
    #expect(fault("workers: {max_losses: 0}").contains("2 to 1000"))
  }

  @Test func aHeartbeatIsAThirdOfTheLeaseAtMost() {
    #expect(fault("workers: {lease_seconds: 12}").contains("workers.heartbeat_seconds: 10"))
    #expect(fault("workers: {lease_seconds: 12, heartbeat_seconds: 4}") == "none")
  }

  @Test func filesThatAreNoConfiguration() {
    #expect(fault("- a\n- b").contains("an array"))
    #expect(fault("http: 8080").contains("expected are keys and values"))
    #expect(fault("a: b: c").contains("stint.yaml is no YAML"))
    #expect(fault("store: a\nstore: b").contains("twice"))
    #expect(fault("") == "none")
    #expect(fault("http:") == "none")
  }

  @Test(arguments: [
    ("sqlite:a.db", StoreLocation.sqlite(path: "a.db")), ("sqlite:/var/a.db", .sqlite(path: "/var/a.db")),
    ("sqlite:///var/a.db", .sqlite(path: "/var/a.db")), ("memory:", .memory),
  ])
  func stores(_ text: String, _ location: StoreLocation) throws {
    #expect(try StoreLocation(text) == location)
  }

  @Test(arguments: ["sqlite:", "stint.db", "postgres://localhost/x", "redis://x", ""])
  func noStores(_ text: String) {
    #expect(throws: StintError.self) { try StoreLocation(text) }
  }
}

@Suite struct YAMLTests {
  @Test func scalarsAreReadAsInYAMLsCoreSchema() throws {
    let yaml = """
      text: hello
      quoted: "12"
      number: 12
      negative: -3
      fraction: 1.5
      truth: true
      word: yes
      octal: 0600
      time: 2026-11-21
      minutes: 1:30
      nothing:
      tilde: ~
      list: [1, a, {b: c}]
      """
    let expected: JSONValue = [
      "text": "hello", "quoted": "12", "number": 12, "negative": -3, "fraction": 1.5, "truth": true, "word": "yes",
      "octal": "0600", "time": "2026-11-21", "minutes": "1:30", "nothing": nil, "tilde": nil,
      "list": [1, "a", ["b": "c"]],
    ]
    #expect(try YAMLText.parse(yaml, source: "x") == [expected])
  }

  @Test func aliasesCanNotExplode() {
    var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      yaml += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
    }
    #expect(throws: StintError.self) { try YAMLText.parse(yaml, source: "x") }
  }

  @Test func deepNestingIsAnError() {
    let yaml = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(throws: StintError.self) { try YAMLText.parse(yaml, source: "x") }
  }
}
