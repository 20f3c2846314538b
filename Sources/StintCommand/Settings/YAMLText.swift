import StintCore
import Yams

/// Reads YAML into the same values as JSON: scalars as in YAML's core schema, each key once, no tags.
enum YAMLText {
  /// The most values one text may hold, aliases written out.
  static let limit = 1_000_000

  /// The documents of a text. Throws ``StintCore/StintError`` of kind `malformed` that names `source` and the line.
  static func parse(_ text: String, source: String) throws(StintError) -> [JSONValue] {
    var reader = Reader(source: source)
    do {
      var documents: [JSONValue] = []
      for node in try parsed(text) { documents.append(try reader.value(node, depth: 0)) }
      return documents
    } catch let error as StintError {
      throw error
    } catch let error as YamlError {
      throw StintError(.malformed, "\(source) is no YAML: \(describe(error))")
    } catch {
      throw StintError(.malformed, "\(source) is no YAML: \(error)")
    }
  }

  private static func parsed(_ text: String) throws -> [Node] {
    var sequence = try Yams.compose_all(yaml: text, .basic)
    var nodes: [Node] = []
    while let node = sequence.next() { nodes.append(node) }
    if let error = sequence.error { throw error }
    return nodes
  }

  private static func describe(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "\(problem) at line \(mark.line), column \(mark.column)"
    case .reader(let problem, _, _, _): problem
    case .duplicatedKeysInMapping(let duplicates, _):
      "the key \(duplicates.map { JSONValue.string("\($0)").excerpt() }.joined(separator: ", ")) is given twice"
    default: String("\(error)".prefix { $0 != "\n" })
    }
  }

  private struct Reader {
    let source: String
    var count = 0

    mutating func value(_ node: Node, depth: Int) throws(StintError) -> JSONValue {
      count += 1
      guard count <= YAMLText.limit else { throw fault("holds more than \(YAMLText.limit) values") }
      guard depth <= 64 else { throw fault("is nested deeper than 64 levels") }
      switch node {
      case .scalar(let scalar): return Self.value(scalar)
      case .sequence(let sequence):
        var elements: [JSONValue] = []
        for element in sequence { elements.append(try value(element, depth: depth + 1)) }
        return .array(elements)
      case .mapping(let mapping):
        var members: [JSONMember] = []
        var seen: Set<String> = []
        for (key, element) in mapping {
          guard case .scalar(let scalar) = key else { throw fault("has a key that is not text") }
          guard seen.insert(scalar.string).inserted else {
            throw fault("has the key \(JSONValue.string(scalar.string).excerpt()) twice")
          }
          members.append(JSONMember(scalar.string, try value(element, depth: depth + 1)))
        }
        return .object(members)
      case .alias: throw fault("has an alias that refers to nothing")
      }
    }

    private func fault(_ what: String) -> StintError { StintError(.malformed, "\(source) \(what)") }

    /// Only plain text can be anything but text.
    private static func value(_ scalar: Node.Scalar) -> JSONValue {
      let text = scalar.string
      guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
      switch text {
      case "", "~", "null", "Null", "NULL": return .null
      case "true", "True", "TRUE": return .bool(true)
      case "false", "False", "FALSE": return .bool(false)
      default: return number(text) ?? .string(text)
      }
    }

    /// Decimal numbers; a leading zero or plus, and other bases, stay text.
    private static func number(_ text: String) -> JSONValue? {
      guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
        let value = try? JSONParser.parse(Array(text.utf8)), value.number != nil
      else { return nil }
      return value
    }
  }
}
