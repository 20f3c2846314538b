extension Param {
  /// What a value must look like beyond its type, where it goes to a process or names a file.
  public enum Form: Sendable, Hashable {
    /// Part of a process's argument: no NUL character; no `-` at its beginning unless that is allowed, for the process
    /// would take it for an option.
    case argument(allowsLeadingDash: Bool)
    /// As `argument`, after the values of other params: where all of one of the lists have no text, it begins the
    /// argument and may not begin with `-`.
    case laterArgument(after: [[String]])
    /// A relative path that stays beneath a folder. What is on the disk is for whoever opens the file to look at.
    case path(root: String)
    /// A command and its arguments.
    case command
    /// Environment variables by name, none of them one that decides what a process loads or who it takes Stint for.
    case environment
  }
}

extension Param.Form {
  /// Whether nobody may set the environment variable for a process: `LD_*`, `DYLD_*`, `PATH` and `STINT_*`.
  public static func isReserved(_ name: String) -> Bool {
    name == "PATH" || ["LD_", "DYLD_", "STINT_"].contains { name.hasPrefix($0) }
  }

  /// What is wrong with the name of an environment variable; nil if nothing.
  public static func fault(inVariable name: String) -> String? {
    let shown = JSONValue.string(name).excerpt()
    let rest = name.utf8.dropFirst()
    func isLetter(_ byte: UInt8) -> Bool {
      byte == 0x5F || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    guard let first = name.utf8.first, isLetter(first), rest.allSatisfy({ isLetter($0) || (0x30...0x39).contains($0) })
    else { return "\(shown) is no name of a variable; allowed are letters, digits and _, no digit first" }
    guard isReserved(name) else { return nil }
    return "\(shown) can not be set; never allowed are PATH, LD_*, DYLD_* and STINT_*"
  }

  /// What is wrong with a value, shown as `given`; nil if nothing.
  public func fault(in value: JSONValue, given: String) -> String? {
    switch self {
    case .argument(let allowsLeadingDash):
      let text = value.argumentText
      if text.utf8.contains(0) { return "\(given) has a NUL character, which no argument can hold" }
      if !allowsLeadingDash, text.utf8.first == UInt8(ascii: "-") {
        return "\(given) begins with \"-\" and would be taken for an option"
      }
      return nil
    case .laterArgument: return Self.argument(allowsLeadingDash: true).fault(in: value, given: given)
    case .path(let root):
      let text = value.string ?? ""
      let steps = text.split(separator: "/", omittingEmptySubsequences: false)
      let isPlain = !text.isEmpty && !text.utf8.contains(0) && !text.hasPrefix("/") && !steps.contains("..")
      return isPlain ? nil : "\(given) must be a relative path beneath \(root), without \"..\""
    case .command:
      let words = (value.array ?? []).map { $0.string ?? "" }
      if words.first?.isEmpty == true { return "the first element, the program, is empty" }
      let wrong = words.firstIndex { $0.utf8.contains(0) }
      return wrong.map { "element \($0) has a NUL character, which no argument can hold" }
    case .environment:
      for member in value.object ?? [] {
        if let fault = Self.fault(inVariable: member.key) { return fault }
        guard let text = member.value.string else {
          return "\(member.key) is \(member.value.kind), expected a string"
        }
        if text.utf8.contains(0) { return "\(member.key) has a NUL character, which no variable can hold" }
      }
      return nil
    }
  }

  /// What is wrong with a value among others, shown as `given`; nil if nothing.
  func fault(in value: JSONValue, given: String, among params: [JSONMember]) -> String? {
    guard case .laterArgument(let lists) = self, value.argumentText.utf8.first == UInt8(ascii: "-") else { return nil }
    let first = lists.first { names in
      params.allSatisfy { !names.contains($0.key) || $0.value.argumentText.isEmpty }
    }
    guard let first else { return nil }
    return "\(given) begins with \"-\" and would be taken for an option, for \(first.joined(separator: ", ")) is empty"
  }

  /// How it travels between the processes of one store.
  var json: JSONValue {
    switch self {
    case .argument(let allowsLeadingDash): ["kind": "argument", "allow_leading_dash": .bool(allowsLeadingDash)]
    case .laterArgument(let lists):
      ["kind": "later_argument", "after": .array(lists.map { .array($0.map { .string($0) }) })]
    case .path(let root): ["kind": "path", "root": .string(root)]
    case .command: ["kind": "command"]
    case .environment: ["kind": "environment"]
    }
  }

  /// A form from its wire form.
  init?(json: JSONValue) {
    switch json["kind"]?.string {
    case "argument": self = .argument(allowsLeadingDash: json["allow_leading_dash"]?.bool ?? false)
    case "later_argument":
      self = .laterArgument(after: (json["after"]?.array ?? []).map { ($0.array ?? []).compactMap(\.string) })
    case "path":
      guard let root = json["root"]?.string else { return nil }
      self = .path(root: root)
    case "command": self = .command
    case "environment": self = .environment
    default: return nil
    }
  }
}

extension JSONValue {
  /// The value as a process gets it inside an argument: text as it is, nothing for null, all else as JSON.
  public var argumentText: String {
    switch self {
    case .null: ""
    case .string(let text): text
    default: RawJSON(self).text
    }
  }
}
