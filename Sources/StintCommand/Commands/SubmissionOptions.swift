import ArgumentParser
import StintCore

/// The options of a submission, as they stand on the command line.
struct SubmissionOptions: ParsableArguments {
  @Argument(help: "The job type (see `stint job-types`).")
  var type: String?

  @Option(
    name: [.customLong("param"), .customShort("p")],
    help: ArgumentHelp(
      "A param, read as its type wants it. Repeat it for each param; a list is JSON, or the same key repeated.",
      valueName: "key=value"))
  var params: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file with the body of POST /api/jobs, JSON or YAML, one job or many; - is standard input. Flags win.",
      valueName: "file"))
  var jobFile: String?

  @Option(help: "Your own id for the job; one that exists is refused.")
  var id: String?

  @Option(help: "The queue.")
  var queue: String?

  @Option(help: "critical, high, normal or low.")
  var priority: String?

  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp("A label to filter by; may be repeated.", valueName: "key=value"))
  var tags: [String] = []

  @Option(help: ArgumentHelp("A JSON object kept with the job.", valueName: "json"))
  var metadata: String?

  @Option(help: "Whose job it is.")
  var owner: String?

  @Option(help: ArgumentHelp("Not before this time has passed: 90s, 5m, 1h30m.", valueName: "duration"))
  var delay: String?

  @Option(help: ArgumentHelp("Not before this instant: ISO 8601 or Unix seconds.", valueName: "time"))
  var at: String?

  @Option(
    help: ArgumentHelp(
      "Delays between attempts: default, fast, slow, none, or a JSON object.", valueName: "preset|json"))
  var retry: String?

  @Option(help: ArgumentHelp("Counted failures that are followed by another attempt.", valueName: "n"))
  var maxRetries: String?

  @Option(help: ArgumentHelp("The longest an attempt may take.", valueName: "duration"))
  var timeout: String?

  @Option(help: ArgumentHelp("The longest an attempt may show no sign of life.", valueName: "duration"))
  var stallTimeout: String?

  @Option(help: ArgumentHelp("The longest the job may wait once it is due.", valueName: "duration"))
  var startWithin: String?

  @Option(help: ArgumentHelp("When it must be over: a duration from now, or an instant.", valueName: "duration|time"))
  var deadline: String?

  @Flag(help: "Submit a type that no worker has published yet; its params are not checked.")
  var allowUnknownType = false

  func validate() throws {
    if type == nil, jobFile == nil { throw ValidationError("Give a job TYPE, or --job-file FILE.") }
    if delay != nil, at != nil { throw ValidationError("Give either --delay or --at, not both.") }
    for pair in params + tags where pair.pair(separatedBy: "=") == nil {
      throw ValidationError("\"\(pair.escapedForTerminal)\" is no key=value.")
    }
  }
}

extension SubmissionOptions {
  /// The submissions that these options and the job file make.
  ///
  /// - Parameters:
  ///   - file: the text of the job file, if there is one.
  ///   - types: what is known; params are read as these want them.
  ///   - now: what a deadline given as a duration counts from.
  /// - Throws: ``StintCore/StintError`` naming what does not fit.
  func jobs(file: String?, types: JobTypes, limits: Limits, now: Timestamp) throws(StintError) -> [NewJob] {
    guard let file, let name = jobFile else {
      return try NewJob.list(json: try merged(into: [], types: types), limits: limits, now: now)
    }
    let source = name == "-" ? "standard input" : name
    var bodies = try Self.bodies(file, source: source, depth: limits.jsonDepth)
    if id != nil, case .array(let elements) = bodies, elements.count > 1 {
      throw StintError(.invalidParams, "--id names one job, but \(source) holds \(elements.count)")
    }
    if case .array(let elements) = bodies {
      var merged: [JSONValue] = []
      for element in elements { merged.append(try self.merged(element, types: types)) }
      bodies = .array(merged)
    } else {
      bodies = try merged(bodies, types: types)
    }
    return try NewJob.list(json: bodies, limits: limits, now: now)
  }

  /// Whether the job file's answer is a list.
  func isList(file: String?) -> Bool {
    guard let file, let name = jobFile, let bodies = try? Self.bodies(file, source: name, depth: 64) else {
      return false
    }
    return bodies.array != nil
  }

  /// A job file's text: JSON where its name or its first character says so, else YAML; several YAML documents are a
  /// list.
  static func bodies(_ text: String, source: String, depth: Int) throws(StintError) -> JSONValue {
    let first = text.first { !$0.isWhitespace }
    guard let first else { throw StintError(.malformed, "\(source) is empty; expected is a job, or a list of jobs") }
    let isYAML = source.hasSuffix(".yaml") || source.hasSuffix(".yml")
    if !isYAML, source.hasSuffix(".json") || first == "{" || first == "[" {
      do throws(JSONSyntaxError) {
        return try JSONParser.parse(Array(text.utf8), depth: depth)
      } catch { throw StintError(.malformed, "\(source) is no JSON: \(error)") }
    }
    let documents = try YAMLText.parse(text, source: source)
    guard documents.count != 1 else { return documents[0] }
    return .array(documents)
  }

  private func merged(_ body: JSONValue, types: JobTypes) throws(StintError) -> JSONValue {
    // What is no object is refused by whoever reads it.
    guard let members = body.object else { return body }
    return try merged(into: members, types: types)
  }

  private func merged(into members: [JSONMember], types: JobTypes) throws(StintError) -> JSONValue {
    var members = members
    func set(_ key: String, _ value: JSONValue, instead: [String] = []) {
      members.removeAll { $0.key == key || instead.contains($0.key) }
      members.append(JSONMember(key, value))
    }
    func text(_ key: String, _ value: String?, instead: [String] = []) {
      if let value { set(key, .string(value), instead: instead) }
    }
    text("type", type, instead: ["job_type"])
    text("id", id)
    text("queue", queue)
    text("priority", priority)
    text("owner", owner)
    text("delay", delay, instead: ["delay_seconds", "run_at"])
    if let at { set("run_at", NumberText.parse(at) ?? .string(at), instead: ["delay", "delay_seconds"]) }
    text("timeout_seconds", timeout, instead: ["timeout"])
    text("stall_timeout_seconds", stallTimeout, instead: ["stall_timeout"])
    text("start_within_seconds", startWithin, instead: ["start_within"])
    if let deadline { set("deadline_at", NumberText.parse(deadline) ?? .string(deadline), instead: ["deadline"]) }
    if let maxRetries { set("max_retries", NumberText.parse(maxRetries) ?? .string(maxRetries)) }
    if allowUnknownType { set("allow_unknown_type", true) }
    if let retry { set("retry", retry.hasPrefix("{") ? try Self.json(retry, option: "--retry") : .string(retry)) }
    if let metadata { set("metadata", try Self.json(metadata, option: "--metadata")) }
    if !tags.isEmpty {
      let given = tags.map { Self.pair($0) }.map { JSONMember($0.key, .string($0.value)) }
      set("tags", .object(Self.merge(members.first { $0.key == "tags" }?.value, given)))
    }
    if !params.isEmpty {
      let name = members.first { $0.key == "type" || $0.key == "job_type" }?.value.string
      let given = try ParamText.params(params.map { Self.pair($0) }, type: name.flatMap { types[$0] })
      set("params", .object(Self.merge(members.first { $0.key == "params" }?.value, given)))
    }
    return .object(members)
  }

  /// The members of `old`, with `new` in place of those of the same keys.
  private static func merge(_ old: JSONValue?, _ new: [JSONMember]) -> [JSONMember] {
    let keys = Set(new.map(\.key))
    return (old?.object ?? []).filter { !keys.contains($0.key) } + new
  }

  private static func pair(_ text: String) -> (key: String, value: String) {
    text.pair(separatedBy: "=") ?? (text, "")
  }

  private static func json(_ text: String, option: String) throws(StintError) -> JSONValue {
    do throws(JSONSyntaxError) {
      return try JSONParser.parse(Array(text.utf8))
    } catch {
      throw StintError(.malformed, "\(option) \(JSONValue.string(text).excerpt()) is no JSON: \(error)")
    }
  }
}

/// Params as text on the command line, read as the job type's schema wants them.
enum ParamText {
  /// The params of `key=value` pairs. Throws ``StintCore/StintError`` where JSON was wanted and is not there, or where a
  /// key that takes one value is repeated. What else does not fit the type is found when it is submitted.
  static func params(
    _ pairs: [(key: String, value: String)], type: JobType?
  ) throws(StintError) -> [JSONMember] {
    var order: [String] = []
    var texts: [String: [String]] = [:]
    for (key, value) in pairs {
      if texts[key] == nil { order.append(key) }
      texts[key, default: []].append(value)
    }
    var members: [JSONMember] = []
    for key in order {
      let param = type?.params.first { $0.name == key }
      members.append(JSONMember(key, try value(key, texts[key] ?? [], param: param)))
    }
    return members
  }

  private static func value(_ key: String, _ texts: [String], param: Param?) throws(StintError) -> JSONValue {
    if param?.type == .array, texts.count > 1 || texts.first?.first(where: { !$0.isWhitespace }) != "[" {
      return .array(texts.map { .string($0) })
    }
    guard texts.count == 1, let text = texts.first else {
      throw StintError(.invalidParams, "--param \(key) is given \(texts.count) times; it takes one value")
    }
    switch param?.type {
    case .integer: return NumberText.parse(text) ?? .string(text)
    case .number: return NumberText.parse(text) ?? .string(text)
    case .boolean: return text == "true" ? true : text == "false" ? false : .string(text)
    case .string, .path: return .string(text)
    case .array, .object:
      do throws(JSONSyntaxError) {
        return try JSONParser.parse(Array(text.utf8))
      } catch {
        throw StintError(.malformed, "--param \(key) \(JSONValue.string(text).excerpt()) is no JSON: \(error)")
      }
    case nil:
      // No schema says what is wanted: JSON where it is JSON, else text.
      return (try? JSONParser.parse(Array(text.utf8))) ?? .string(text)
    }
  }
}
