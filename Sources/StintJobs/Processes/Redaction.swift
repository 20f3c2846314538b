import StintCore

/// Replaces secrets by `***` in what a process says, as they are and as writers of JSON write them.
struct Redaction: Sendable {
  /// The shortest text that is taken for a secret: shorter ones occur by chance.
  static let shortest = 8

  /// What stands at a place.
  fileprivate enum Match: Equatable {
    case none
    /// The beginning of a secret; the bytes end before it does.
    case partial
    /// A secret, so many bytes long.
    case whole(Int)
  }

  private struct Secret {
    let text: String
    let bytes: [UInt8]
    let scalars: [Unicode.Scalar]
  }

  private let secrets: [Secret]
  /// The bytes with which one may begin.
  private let starts: [Bool]

  /// Secrets from their texts; what is too short to be one is left out.
  init(_ texts: [String] = []) {
    // Output comes by lines: of a secret of several, each is one.
    let lines = texts.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) }
    var starts = [Bool](repeating: false, count: 256)
    secrets = Set(texts + lines).filter { $0.utf8.count >= Self.shortest }.map { text in
      Secret(text: text, bytes: Array(text.utf8), scalars: Array(text.unicodeScalars))
    }
    for secret in secrets { starts[Int(secret.bytes[0])] = true }
    if !secrets.isEmpty { starts[0x5C] = true }
    self.starts = starts
  }

  /// The texts that a secret value makes secret: its own as an argument has it, and each that is in it.
  static func texts(in value: JSONValue) -> [String] {
    switch value {
    case .null, .bool: []
    case .integer, .number, .string: [value.argumentText]
    case .array(let elements): [value.argumentText] + elements.flatMap(texts)
    case .object(let members): [value.argumentText] + members.flatMap { texts(in: $0.value) }
    }
  }

  /// These, and one more.
  func adding(_ text: String?) -> Redaction { Redaction(secrets.map(\.text) + (text.map { [$0] } ?? [])) }

  var isEmpty: Bool { secrets.isEmpty }

  /// The bytes with `***` in place of each secret. Without their end (`isWhole`) what may be the beginning of a secret
  /// is left out.
  func applied(to bytes: [UInt8], isWhole: Bool = true) -> [UInt8] {
    var stream = RedactedStream(self)
    return stream.next(bytes, isWhole: isWhole)
  }

  /// The text with `***` in place of each secret.
  func applied(to text: String) -> String {
    isEmpty ? text : String(decoding: applied(to: Array(text.utf8)), as: UTF8.self)
  }

  /// The value with `***` in place of each secret in its texts, keys and numbers.
  func applied(to value: JSONValue) -> JSONValue {
    guard !isEmpty else { return value }
    switch value {
    case .null, .bool: return value
    case .integer, .number:
      let text = value.argumentText
      let safe = applied(to: text)
      return safe == text ? value : .string(safe)
    case .string(let text): return .string(applied(to: text))
    case .array(let elements): return .array(elements.map { applied(to: $0) })
    case .object(let members): return .object(applied(to: members))
    }
  }

  /// The members with `***` in place of each secret. Keys that become the same are kept apart.
  func applied(to members: [JSONMember]) -> [JSONMember] {
    var keys: Set<String> = []
    return members.map { member in
      let safe = applied(to: member.key)
      var key = safe
      var number = 1
      while !keys.insert(key).inserted {
        number += 1
        key = "\(safe) \(number)"
      }
      return JSONMember(key, applied(to: member.value))
    }
  }

  /// The first place from `start` on where a secret may begin.
  fileprivate func candidate(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var index = start
    starts.withUnsafeBufferPointer { starts in
      while index < bytes.count, !starts[Int(bytes[index])] { index += 1 }
    }
    return index
  }

  /// What stands at `start`: the longest secret, or one that may still come.
  fileprivate func match(in bytes: UnsafeBufferPointer<UInt8>, at start: Int, isWhole: Bool) -> Match {
    var longest = Match.none
    for secret in secrets {
      for match in [Self.plain(secret.bytes, bytes, start), Self.escaped(secret.scalars, bytes, start)] {
        switch match {
        case .none: break
        case .partial: if !isWhole { return .partial }
        case .whole(let length):
          if case .whole(let other) = longest, other >= length { break }
          longest = match
        }
      }
    }
    return longest
  }

  private static func plain(_ secret: [UInt8], _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Match {
    var index = 0
    while index < secret.count {
      guard start + index < bytes.count else { return .partial }
      guard bytes[start + index] == secret[index] else { return .none }
      index += 1
    }
    return .whole(secret.count)
  }

  /// The secret within a JSON string: each character as it is, or in any of the ways in which JSON escapes it.
  private static func escaped(
    _ secret: [Unicode.Scalar], _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int
  ) -> Match {
    var index = start
    for scalar in secret {
      guard index < bytes.count else { return .partial }
      if bytes[index] == 0x5C {
        guard index + 1 < bytes.count else { return .partial }
        if bytes[index + 1] == 0x75 {
          for unit in UTF16.encode(scalar) ?? .init() {
            let match = Self.unit(unit, bytes, index)
            guard case .whole(let length) = match else { return match }
            index += length
          }
        } else {
          guard scalar.isASCII, bytes[index + 1] == shortEscape(of: UInt8(truncatingIfNeeded: scalar.value)) else {
            return .none
          }
          index += 2
        }
      } else {
        guard scalar != "\\" else { return .none }
        for byte in UTF8.encode(scalar) ?? .init() {
          guard index < bytes.count else { return .partial }
          guard bytes[index] == byte else { return .none }
          index += 1
        }
      }
    }
    return .whole(index - start)
  }

  /// `\uXXXX`
  private static func unit(_ unit: UInt16, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Match {
    for offset in 0..<6 {
      guard start + offset < bytes.count else { return .partial }
      let byte = bytes[start + offset]
      switch offset {
      case 0: if byte != 0x5C { return .none }
      case 1: if byte != 0x75 { return .none }
      default:
        guard hexDigit(byte) == Int(unit >> (4 * (5 - offset))) & 0xF else { return .none }
      }
    }
    return .whole(6)
  }

  private static func hexDigit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x41 + 10
    case 0x61...0x66: Int(byte) - 0x61 + 10
    default: nil
    }
  }

  /// What comes after the backslash, where a character has an escape of two.
  private static func shortEscape(of character: UInt8) -> UInt8? {
    switch character {
    case 0x22, 0x2F, 0x5C: character
    case 0x08: 0x62
    case 0x0C: 0x66
    case 0x0A: 0x6E
    case 0x0D: 0x72
    case 0x09: 0x74
    default: nil
    }
  }
}

/// One stream of what a process says, without its secrets, also where a secret lies in two pieces: what may be the
/// beginning of one is held back until it is known, which is never more than the longest secret.
struct RedactedStream {
  private let redaction: Redaction
  private var held: [UInt8] = []
  /// So many of the first bytes held belong to a secret that has been replaced, and may begin another.
  private var covered = 0

  init(_ redaction: Redaction) { self.redaction = redaction }

  /// What of the stream can be told with this piece; a line's or the stream's end (`isWhole`) holds nothing back.
  mutating func next(_ piece: [UInt8], isWhole: Bool) -> [UInt8] {
    guard !redaction.isEmpty else { return piece }
    let bytes = held.isEmpty ? piece : held + piece
    var safe: [UInt8] = []
    var index = 0
    var covered = covered
    bytes.withUnsafeBufferPointer { buffer in
      search: while true {
        index = redaction.candidate(in: buffer, from: index)
        guard index < buffer.count else { break }
        switch redaction.match(in: buffer, at: index, isWhole: isWhole) {
        case .none: break
        case .partial: break search
        case .whole(let length):
          // Secrets that overlap are one.
          if index >= covered { safe += buffer[covered..<index] + Array("***".utf8) }
          covered = max(covered, index + length)
        }
        index += 1
      }
      if covered < index { safe += buffer[covered..<index] }
    }
    held = Array(bytes[index...])
    self.covered = max(0, covered - index)
    return safe
  }
}
