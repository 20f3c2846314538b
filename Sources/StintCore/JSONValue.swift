/// A JSON value that keeps the order of an object's keys and the exactness of whole numbers.
public enum JSONValue: Sendable, Hashable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A whole number within 64 bits.
  case integer(Int64)
  /// Any other number; always finite.
  case number(Double)
  /// Text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// An object; each key once, in the order it was written.
  case object([JSONMember])

  /// The value of an object's key; nil for a missing key and for anything that is not an object.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The text, if it is text.
  public var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// The whole number: an integer, or a number without a fraction such as `3.0`.
  public var integer: Int64? {
    switch self {
    case .integer(let value): return value
    case .number(let value): return Int64(exactly: value)
    default: return nil
    }
  }

  /// The number, whole or not.
  public var number: Double? {
    switch self {
    case .integer(let value): return Double(value)
    case .number(let value): return value
    default: return nil
    }
  }

  /// The truth value, if it is one.
  public var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The elements, if it is a list.
  public var array: [JSONValue]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  /// The members, if it is an object.
  public var object: [JSONMember]? {
    if case .object(let members) = self { return members }
    return nil
  }

  /// What it is, in a word, for messages: `an integer`, `a string`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The value as compact JSON text, cut to `limit` characters: for messages.
  public func excerpt(limit: Int = 60) -> String {
    let text = RawJSON(self).text
    return text.count <= limit ? text : String(text.prefix(limit)) + "…"
  }
}

/// One key and its value in a JSON object.
public struct JSONMember: Sendable, Hashable {
  /// The key.
  public let key: String
  /// The value.
  public var value: JSONValue

  /// A member from its key and value.
  public init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  /// Text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A whole number.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A list.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { JSONMember($0.0, $0.1) })
  }
  /// `null`
  public init(nilLiteral: ()) { self = .null }
}

/// JSON text as bytes, known to be well-formed: how params and results travel, undecoded, through store and engine.
public struct RawJSON: Sendable, Hashable {
  /// Compact UTF-8 JSON.
  public let bytes: [UInt8]

  /// `{}`
  public static let emptyObject = RawJSON(wellFormed: Array("{}".utf8))
  /// `null`
  public static let null = RawJSON(wellFormed: Array("null".utf8))

  /// Takes bytes that the caller knows to be well-formed JSON (a store reading back what it wrote, an encoder's output).
  public init(wellFormed bytes: [UInt8]) { self.bytes = bytes }

  /// The compact text of a value.
  public init(_ value: JSONValue) {
    var writer = JSONWriter()
    writer.value(value)
    self.bytes = writer.bytes
  }

  /// The text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Parses the bytes again. Throws ``JSONSyntaxError`` only if they were not well-formed after all.
  public func parsed() throws(JSONSyntaxError) -> JSONValue {
    try JSONParser.parse(bytes, depth: 512)
  }
}
