/// Text with placeholders, `${params.NAME}`, taken apart once: a value that is put in is never looked at again.
package struct ParamTemplate: Sendable, Hashable {
  private enum Part: Hashable {
    case text(String)
    case param(String)
  }

  private var parts: [Part] = []
  /// What is wrong with it; nil if nothing. What is wrong stands for itself.
  package private(set) var fault: String?

  /// Takes `text` apart.
  package init(_ text: String) {
    var rest = Substring(text)
    while let start = rest.firstRange(of: "${") {
      if start.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<start.lowerBound]))) }
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        fault = "\"${\" without \"}\"; a placeholder is ${params.NAME}"
        rest = rest[start.lowerBound...]
        break
      }
      let inside = rest[start.upperBound..<end]
      if inside.hasPrefix("params."), Name.isLegal(String(inside.dropFirst(7))) {
        parts.append(.param(String(inside.dropFirst(7))))
      } else {
        fault = "\"${\(inside)}\" is no placeholder; one is ${params.NAME}"
        parts.append(.text("${\(inside)}"))
      }
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
  }

  private static func names(of parts: some Sequence<Part>) -> [String] {
    parts.compactMap { part in if case .param(let name) = part { name } else { nil } }
  }

  /// The params that it names, in order.
  package var names: [String] { Self.names(of: parts) }

  /// The params whose values may begin the text: those before all that is fixed.
  package var beginning: [String] {
    Self.names(of: parts.prefix { part in if case .param = part { true } else { false } })
  }

  /// The param that it is, with nothing around it; nil where there is more, or less.
  package var only: String? {
    guard parts.count == 1, case .param(let name) = parts[0] else { return nil }
    return name
  }

  /// The text with the values in their places; nothing for a param that has none.
  package func filled(_ values: [String: String]) -> String { filled { name in values[name] } }

  private func filled(_ value: (String) -> String?) -> String {
    parts.reduce(into: "") { text, part in
      switch part {
      case .text(let fixed): text += fixed
      case .param(let name): text += value(name) ?? ""
      }
    }
  }
}

// MARK: In values

extension ParamTemplate {
  /// `value` with all placeholders in it filled in. A text that is one placeholder and nothing else becomes the param's
  /// value with its type; nil where that param is not there.
  package static func fill(_ value: JSONValue, from params: [JSONMember]) -> JSONValue? {
    func param(_ name: String) -> JSONValue? { params.first { $0.key == name }?.value }
    switch value {
    case .string(let text):
      let template = ParamTemplate(text)
      if let name = template.only { return param(name) }
      return .string(template.filled { name in param(name).map { $0.string ?? RawJSON($0).text } })
    case .array(let elements): return .array(elements.compactMap { fill($0, from: params) })
    case .object(let members):
      return .object(
        members.compactMap { member in fill(member.value, from: params).map { JSONMember(member.key, $0) } })
    default: return value
    }
  }

  /// The params that the texts in `value` name, in order.
  package static func names(in value: JSONValue) -> [String] { all(in: value).flatMap(\.names) }

  /// What is wrong with the texts in `value`.
  package static func faults(in value: JSONValue) -> [String] { all(in: value).compactMap(\.fault) }

  private static func all(in value: JSONValue) -> [ParamTemplate] {
    switch value {
    case .string(let text): [ParamTemplate(text)]
    case .array(let elements): elements.flatMap { all(in: $0) }
    case .object(let members): members.flatMap { all(in: $0.value) }
    default: []
    }
  }
}
