public import StintCore

extension Tool {
  /// The tools of a configuration's section: an object of names and what each is.
  ///
  /// - Returns: the tools that can be read, and every fault by its place, such as `aider.command[1]`.
  public static func read(_ json: JSONValue) -> (tools: [Tool], faults: [StintError.Detail]) {
    var (tools, faults): ([Tool], [StintError.Detail]) = ([], [])
    for member in json.object ?? [] {
      var reader = ToolReader(place: member.key)
      if let tool = reader.tool(member.key, member.value) {
        tools.append(tool)
        reader.faults += tool.faults
      }
      faults += reader.faults
    }
    return (tools, faults)
  }
}

/// Reads one tool, and keeps every fault on the way.
private struct ToolReader {
  let place: String
  var faults: [StintError.Detail] = []

  init(place: String) { self.place = place }

  private static let keys = [
    "command", "description", "params", "env", "cwd", "stdin", "timeout_seconds", "stall_timeout_seconds",
    "max_retries",
    "retry",
  ]
  private static let paramKeys = [
    "name", "type", "required", "default", "min", "max", "min_items", "max_items", "choices", "secret", "description",
    "path_under", "allow_leading_dash",
  ]

  mutating func tool(_ name: String, _ json: JSONValue) -> Tool? {
    guard check(json, keys: Self.keys, at: place) else { return nil }
    guard let command = texts(json["command"], at: "\(place).command") else { return nil }
    var tool = Tool(name: name, command: command)
    tool.description = text(json["description"], at: "\(place).description") ?? ""
    tool.environment = json["env"].flatMap { texts($0, at: "\(place).env") } ?? []
    tool.folder = text(json["cwd"], at: "\(place).cwd")
    tool.input = text(json["stdin"], at: "\(place).stdin")
    readOptions(json, &tool)
    switch json["params"] {
    case nil, .null?: break
    case .array(let elements)?:
      for (index, element) in elements.enumerated() {
        if let param = parameter(element, at: "\(place).params[\(index)]") { tool.params.append(param) }
      }
    case let other?: fault("\(place).params", other, "a list of params")
    }
    return tool
  }

  private static let options = ["timeout_seconds", "stall_timeout_seconds", "max_retries", "retry"]

  /// Retries and clocks, written as in a submission.
  private mutating func readOptions(_ json: JSONValue, _ tool: inout Tool) {
    let given = Self.options.compactMap { key in json[key].map { JSONMember(key, $0) } }
    do throws(StintError) {
      let options = try NewJob(json: .object([JSONMember("type", "tool")] + given), now: Timestamp(microseconds: 0))
      (tool.timeout, tool.stallTimeout) = (options.timeout, options.stallTimeout)
      (tool.maxRetries, tool.retry) = (options.maxRetries, options.retry)
    } catch {
      faults += error.details.map { .init(param: "\(place).\($0.param)", message: $0.message) }
    }
  }

  private mutating func parameter(_ json: JSONValue, at place: String) -> Tool.Parameter? {
    guard check(json, keys: Self.paramKeys, at: place) else { return nil }
    guard let name = json["name"]?.string else {
      fault("\(place).name", json["name"] ?? .null, "a string")
      return nil
    }
    let kinds = Param.Kind.allCases.map(\.rawValue)
    guard let type = json["type"]?.string.flatMap(Param.Kind.init(rawValue:)) else {
      fault("\(place).type", json["type"] ?? .null, kinds.joined(separator: ", "))
      return nil
    }
    var param = Param(name, type)
    param.isRequired = flag(json["required"], at: "\(place).required") ?? false
    param.defaultValue = json["default"].flatMap { $0 == .null ? Optional.none : $0 }
    param.min = number(json["min"], at: "\(place).min")
    param.max = number(json["max"], at: "\(place).max")
    param.minItems = whole(json["min_items"], at: "\(place).min_items")
    param.maxItems = whole(json["max_items"], at: "\(place).max_items")
    param.isSecret = flag(json["secret"], at: "\(place).secret") ?? false
    param.description = text(json["description"], at: "\(place).description") ?? ""
    if let choices = json["choices"], choices != .null {
      param.choices = choices.array
      if choices.array == nil { fault("\(place).choices", choices, "a list") }
    }
    return Tool.Parameter(
      param, pathRoot: text(json["path_under"], at: "\(place).path_under"),
      allowsLeadingDash: flag(json["allow_leading_dash"], at: "\(place).allow_leading_dash") ?? false)
  }

  /// Whether it is an object; every key that is unknown is a fault.
  private mutating func check(_ json: JSONValue, keys: [String], at place: String) -> Bool {
    guard let members = json.object else {
      fault(place, json, "keys and values")
      return false
    }
    for member in members where !keys.contains(member.key) {
      let suggestion = NearMiss.suggestion(for: member.key, among: keys)
      faults.append(
        .init(
          param: "\(place).\(member.key)",
          message: "is no setting of a tool.\(suggestion) Allowed: \(keys.joined(separator: ", "))"))
    }
    return true
  }

  private mutating func fault(_ place: String, _ value: JSONValue, _ allowed: String) {
    faults.append(.init(param: place, message: "\(value.excerpt()) is not allowed; allowed is \(allowed)"))
  }

  private mutating func read<Value>(
    _ value: JSONValue?, at place: String, _ allowed: String, _ convert: (JSONValue) -> Value?
  ) -> Value? {
    guard let value, value != .null else { return nil }
    let converted = convert(value)
    if converted == nil { fault(place, value, allowed) }
    return converted
  }

  private mutating func text(_ value: JSONValue?, at place: String) -> String? {
    read(value, at: place, "a string") { $0.string }
  }

  private mutating func flag(_ value: JSONValue?, at place: String) -> Bool? {
    read(value, at: place, "true or false") { $0.bool }
  }

  private mutating func number(_ value: JSONValue?, at place: String) -> Double? {
    read(value, at: place, "a number") { $0.number }
  }

  private mutating func whole(_ value: JSONValue?, at place: String) -> Int? {
    read(value, at: place, "a whole number, 0 or more") { $0.integer.flatMap { $0 >= 0 ? Int(exactly: $0) : nil } }
  }

  /// A list of strings.
  private mutating func texts(_ value: JSONValue?, at place: String) -> [String]? {
    guard let elements = value?.array else {
      fault(place, value ?? .null, "a list of strings")
      return nil
    }
    var texts: [String] = []
    for (index, element) in elements.enumerated() {
      if let text = element.string {
        texts.append(text)
      } else {
        fault("\(place)[\(index)]", element, "a string, in quotes")
      }
    }
    return texts
  }
}
