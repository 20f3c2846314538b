import StintCore
import StintJobs

/// One thing that can be configured: the row from which validation, `stint doctor`, the environment's names and
/// docs/configuration.md derive.
struct Setting: Sendable {
  /// What a value may be.
  enum Kind: Sendable {
    /// Text, described in words.
    case text(String)
    /// A file's path, or null.
    case file
    /// An address of a server, or null.
    case url
    /// A whole number in a range.
    case integer(ClosedRange<Int64>)
    /// A number in a range.
    case number(ClosedRange<Double>)
    /// One of these words.
    case choice([String])
    /// A list of text; in the environment and on the command line separated by commas.
    case list(String)
    /// Tools by name; in the environment as JSON.
    case tools
    /// `true` or `false`.
    case boolean
    /// Rules of queues by name; in the environment as JSON.
    case queues
    /// Rules of escalation by job type; in the environment as JSON.
    case escalation
  }

  /// The key in stint.yaml, sections joined by dots.
  let key: String
  /// What it may be.
  let kind: Kind
  /// The value where nothing sets it.
  let defaultValue: JSONValue
  /// What it is for.
  let description: String

  /// `STINT_` and the key in capitals: `STINT_HTTP_PORT`.
  var environmentName: String {
    "STINT_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
  }

  /// What is allowed, in words.
  var allowed: String {
    switch kind {
    case .text(let words): words
    case .file: "a file's path, or null"
    case .url: "http://HOST:PORT or https://HOST:PORT, or null"
    case .integer(let range): "a whole number, \(range.lowerBound) to \(range.upperBound)"
    case .number(let range):
      "a number, \(JSONValue.number(range.lowerBound).excerpt()) to \(JSONValue.number(range.upperBound).excerpt())"
    case .choice(let words): words.joined(separator: ", ")
    case .list(let words): "a list of \(words)"
    case .tools: "names with a command each, as docs/tools.md says"
    case .boolean: "true, false"
    case .queues: "names of queues with their rules, as docs/failing.md says"
    case .escalation: "job types with a rule each, as docs/failing.md says"
    }
  }

  /// Whether the value is allowed.
  func allows(_ value: JSONValue) -> Bool {
    switch kind {
    case .text: value.string?.isEmpty == false
    case .file: value == .null || value.string.map { !$0.isEmpty && !$0.utf8.contains(0) } == true
    case .url: value == .null || value.string.map { $0.hasPrefix("http://") || $0.hasPrefix("https://") } == true
    case .integer(let range): value.integer.map(range.contains) == true
    case .number(let range): value.number.map(range.contains) == true
    case .choice(let words): value.string.map(words.contains) == true
    case .list: value.array?.allSatisfy { $0.string?.isEmpty == false } == true
    case .tools, .queues, .escalation: value == .null || value.object != nil
    case .boolean: value.bool != nil
    }
  }

  /// What is wrong inside a value that is allowed as a whole, each by its place beneath the key.
  func faults(in value: JSONValue) -> [StintError.Detail] {
    let faults: [StintError.Detail] =
      switch kind {
      case .tools: Tool.read(value).faults
      case .queues: QueueSettings.read(value).faults
      case .escalation: EscalationSettings.read(value).faults
      default: []
      }
    return faults.map { .init(param: "\(key).\($0.param)", message: $0.message) }
  }

  /// A value from the text of a flag or of the environment; not yet checked.
  func parsed(_ text: String) -> JSONValue {
    switch kind {
    case .text, .choice: return .string(text)
    case .file, .url: return text.isEmpty || text == "null" ? .null : .string(text)
    case .integer, .number: return NumberText.parse(text) ?? .string(text)
    case .list:
      let parts = text.split(separator: ",").map(\.trimmingSpaces).filter { !$0.isEmpty }
      return .array(parts.map { .string($0) })
    case .boolean: return Bool(text).map { .bool($0) } ?? .string(text)
    case .tools, .queues, .escalation: return (try? JSONParser.parse(Array(text.utf8))) ?? .string(text)
    }
  }
}

/// Numbers as people write them.
enum NumberText {
  /// A finite number; nil if the text is none.
  static func parse(_ text: String) -> JSONValue? {
    if let integer = Int64(text) { return .integer(integer) }
    guard DecimalText.isPlain(text), let number = Double(text), number.isFinite else { return nil }
    return .number(number)
  }
}

extension Setting {
  /// All settings of this version, in the order of the documentation.
  static let all: [Setting] = [
    Setting(
      key: "store", kind: .text("sqlite:PATH, or memory: (lost when the process ends)"),
      defaultValue: "sqlite:stint.db",
      description: "Where jobs live. A relative path counts from the working directory."),
    Setting(
      key: "url", kind: .url, defaultValue: nil,
      description: "A server that commands talk to instead of opening the store themselves. `serve` ignores it."),
    Setting(
      key: "http.host", kind: .text("an address or a name; other than loopback needs http.token_file"),
      defaultValue: "127.0.0.1", description: "The address `serve` listens on."),
    Setting(
      key: "http.port", kind: .integer(0...65_535), defaultValue: 8080,
      description: "The port `serve` listens on; 0 takes a free one."),
    Setting(
      key: "http.token_file", kind: .file, defaultValue: nil,
      description: """
        A file with the token that requests need, readable by its owner alone (mode 0600). `serve` asks for it, commands \
        with `--url` send it.
        """),
    Setting(
      key: "http.read_token_file", kind: .file, defaultValue: nil,
      description: "A file with a token that may only read, mode 0600."),
    Setting(
      key: "http.worker_token_file", kind: .file, defaultValue: nil,
      description: """
        A file with the token of workers in other processes, mode 0600: it opens the workers' routes of the HTTP API, \
        which are shut without it.
        """),
    Setting(
      key: "http.allowed_hosts", kind: .list("host names"), defaultValue: [],
      description: "Names by which the server may be called, besides loopback and the address it listens on."),
    Setting(
      key: "http.allowed_origins", kind: .list("origins such as https://board.example"), defaultValue: [],
      description: "Web pages of other origins that may call the server from a browser."),
    Setting(
      key: "http.allow_exec", kind: .boolean, defaultValue: false,
      description: """
        Whether `exec`, which runs any command, may be submitted, retried and requeued over HTTP and the WebSocket, and be \
        what a rule of escalation leads to.
        """),
    Setting(
      key: "http.web_root", kind: .file, defaultValue: nil,
      description: "A folder from which the dashboard is served instead of from the binary, for those who work on it."),
    Setting(
      key: "workers.slots", kind: .integer(1...10_000), defaultValue: 3, description: "Jobs at once in one process."),
    Setting(
      key: "workers.processes", kind: .integer(0...256), defaultValue: 0,
      description: """
        Worker processes under `serve`, each with workers.slots slots (1 where that is not set); 0 runs jobs in the server's \
        own process.
        """),
    Setting(
      key: "workers.max_restarts", kind: .integer(0...10_000), defaultValue: 10,
      description: "How many ended worker processes are replaced within workers.max_seconds; one more stops the server."
    ),
    Setting(
      key: "workers.max_seconds", kind: .number(0.1...3_600), defaultValue: 5,
      description: "See workers.max_restarts."),
    Setting(
      key: "workers.lease_seconds", kind: .number(1...86_400), defaultValue: 30,
      description: "How long a worker may be silent before its jobs are given to others."),
    Setting(
      key: "workers.heartbeat_seconds", kind: .number(0.1...28_800), defaultValue: 10,
      description: "How often a worker renews its leases; a third of workers.lease_seconds at most."),
    Setting(
      key: "workers.poll_seconds", kind: .number(0.05...60), defaultValue: 1,
      description: "How often to look for work without any hint."),
    Setting(
      key: "workers.cancel_grace_seconds", kind: .number(0...3_600), defaultValue: 10,
      description: "How long a cancelled job may take to stop before it is given up."),
    Setting(
      key: "workers.shutdown_timeout_seconds", kind: .number(0...3_600), defaultValue: 30,
      description: "How long a graceful stop waits for running jobs before it gives them back."),
    Setting(
      key: "workers.max_losses", kind: .integer(2...1_000), defaultValue: 3,
      description: """
        How often a job may take its worker down before it is a dead letter of type `poison`; 2 at least, for the last \
        time it runs alone, so that no other job can be to blame.
        """),
    Setting(
      key: "queues", kind: .queues, defaultValue: [:],
      description: """
        How many jobs may wait in a queue, by its name: see [failing.md](failing.md#queues-that-are-full). The store \
        remembers it for all who use it; `max_pending: null` takes it back.
        """),
    Setting(
      key: "escalation", kind: .escalation, defaultValue: [:],
      description: "Which type takes over when jobs of a type keep failing: see [failing.md](failing.md#escalation)."),
    Setting(
      key: "fetch.allow", kind: .list("addresses or ranges such as 10.0.0.0/8"), defaultValue: [],
      description: "Addresses that `fetch` may reach although they are not public."),
    Setting(
      key: "tools", kind: .tools, defaultValue: [:],
      description: "Commands that become job types: see [tools.md](tools.md). `stint doctor` shows their names alone."),
    Setting(
      key: "images.root", kind: .text("a folder's path"), defaultValue: "images",
      description: """
        The folder beneath which image jobs read and write; no job reaches anything outside. A relative path counts from \
        the working directory.
        """),
    Setting(
      key: "images.max_megapixels", kind: .integer(1...10_000), defaultValue: 100,
      description: "The largest image that is read or made, in millions of pixels."),
    Setting(
      key: "log.level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
      defaultValue: "info", description: "The least important log lines that are written."),
    Setting(
      key: "log.format", kind: .choice(["text", "json"]), defaultValue: "text",
      description: "key=value lines, or one JSON object a line; to standard error."),
  ]

  /// The setting of a key.
  static func named(_ key: String) -> Setting? { all.first { $0.key == key } }

  /// Keys that belong to features this version does not have.
  static let unavailable = [
    "schedules", "owners", "retention", "log.file",
  ]

  /// The first parts of keys that have several.
  static let sections = Set(all.map(\.key).filter { $0.contains(".") }.map { String($0.prefix { $0 != "." }) })
}

extension StringProtocol {
  /// The text without spaces and tabs at its ends.
  var trimmingSpaces: String {
    var rest = Substring(self)
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
