/// Why a text is not JSON, and where.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let reason: String
  /// The offset of the byte where it was noticed, from 0.
  public let offset: Int

  /// The reason and the place.
  public var description: String { "\(reason) at byte \(offset)" }
}

/// Reads JSON as RFC 8259 defines it, with a limit of depth; refuses doubled keys, lone surrogates and bad UTF-8.
///
/// Ours, because submission is the hot path and the usual decoders neither limit depth, nor keep whole numbers
/// exact, nor notice doubled keys.
public struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var offset = 0
  private let depthLimit: Int

  /// The value that `bytes` spell, nested `depth` levels deep at most. Throws ``JSONSyntaxError``.
  public static func parse(_ bytes: [UInt8], depth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
    let result: Result<JSONValue, JSONSyntaxError> = bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(bytes: buffer, depthLimit: depth)
      do throws(JSONSyntaxError) { return .success(try parser.document()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  private func fault(_ reason: String) -> JSONSyntaxError { JSONSyntaxError(reason: reason, offset: offset) }

  private mutating func document() throws(JSONSyntaxError) -> JSONValue {
    skipSpace()
    guard offset < bytes.count else { throw fault("no value") }
    let value = try value(depth: 0)
    skipSpace()
    guard offset == bytes.count else { throw fault("more text after the value") }
    return value
  }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard offset < bytes.count else { throw fault("the text ends where a value should be") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fault("unexpected character")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
    for index in 0..<word.utf8CodeUnitCount {
      guard offset < bytes.count, bytes[offset] == word.utf8Start[index] else { throw fault("expected \(word)") }
      offset += 1
    }
    return value
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= depthLimit else { throw fault("nested more than \(depthLimit) levels deep") }
    offset += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(elements) }
    while true {
      skipSpace()
      elements.append(try value(depth: depth))
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw fault("expected , or ]") }
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= depthLimit else { throw fault("nested more than \(depthLimit) levels deep") }
    offset += 1
    var members: [JSONMember] = []
    var seen: Set<String> = []
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw fault("expected a key in quotes") }
      let key = try string()
      // A set only pays for itself once an object is wide; a doubled key is refused either way.
      if members.count == 8 { seen = Set(members.map(\.key)) }
      let doubled = members.count < 8 ? members.contains { $0.key == key } : !seen.insert(key).inserted
      if doubled { throw fault("the key \"\(key)\" appears twice") }
      skipSpace()
      guard take(":") else { throw fault("expected :") }
      skipSpace()
      members.append(JSONMember(key, try value(depth: depth)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw fault("expected , or }") }
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = offset
    var isWhole = true
    _ = take("-")
    let first = offset
    digits()
    guard offset > first else { throw fault("expected a digit") }
    if bytes[first] == UInt8(ascii: "0"), offset > first + 1 { throw fault("a number may not begin with 0") }
    if take(".") {
      isWhole = false
      let fraction = offset
      digits()
      guard offset > fraction else { throw fault("expected a digit after the point") }
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      let exponent = offset
      digits()
      guard offset > exponent else { throw fault("expected a digit in the exponent") }
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    if isWhole, let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw fault("a number too large") }
    return .number(number)
  }

  private mutating func digits() {
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    offset += 1
    let start = offset
    // The usual string has no escapes: find its end, take it whole.
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\") {
      guard bytes[offset] >= 0x20 else { throw fault("a control character in a string") }
      offset += 1
    }
    guard offset < bytes.count else { throw fault("a string without an end") }
    if bytes[offset] == UInt8(ascii: "\"") {
      let slice = UnsafeBufferPointer(rebasing: bytes[start..<offset])
      offset += 1
      return try text(slice)
    }
    var unescaped = Array(bytes[start..<offset])
    while true {
      guard offset < bytes.count else { throw fault("a string without an end") }
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        return try unescaped.withTypedBuffer { buffer throws(JSONSyntaxError) in try text(buffer) }
      case UInt8(ascii: "\\"): try escape(into: &unescaped)
      case 0..<0x20: throw fault("a control character in a string")
      default: unescaped.append(byte)
      }
    }
  }

  private func text(_ utf8: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else { throw fault("text that is not UTF-8") }
    return text
  }

  private mutating func escape(into unescaped: inout [UInt8]) throws(JSONSyntaxError) {
    guard offset < bytes.count else { throw fault("a string without an end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
    case UInt8(ascii: "b"): unescaped.append(0x08)
    case UInt8(ascii: "f"): unescaped.append(0x0C)
    case UInt8(ascii: "n"): unescaped.append(0x0A)
    case UInt8(ascii: "r"): unescaped.append(0x0D)
    case UInt8(ascii: "t"): unescaped.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        guard take("\\"), take("u") else { throw fault("half of a surrogate pair") }
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw fault("half of a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
      unescaped.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw fault("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard offset < bytes.count, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
        throw fault("expected four hexadecimal digits")
      }
      code = code << 4 + UInt32(digit)
      offset += 1
    }
    return code
  }
}

extension [UInt8] {
  fileprivate func withTypedBuffer(
    _ body: (UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> String
  ) throws(JSONSyntaxError) -> String {
    let result: Result<String, JSONSyntaxError> = withUnsafeBufferPointer { buffer in
      do throws(JSONSyntaxError) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
