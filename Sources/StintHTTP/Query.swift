import StintCore

/// A query string's parameters, decoded, in order.
struct Query: Sendable {
  /// One `name=value`.
  struct Item: Sendable {
    let name: String
    let value: String
  }

  /// All of them.
  private(set) var items: [Item] = []

  /// The parameters of `a=b&c=d`. Throws `malformed` where a `%` is not followed by two hexadecimal digits, or what
  /// they spell is not UTF-8.
  init(_ text: Substring) throws(StintError) {
    for part in text.split(separator: "&") {
      let name = part.prefix { $0 != "=" }
      items.append(
        Item(
          name: try Self.decode(name, plusIsSpace: true),
          value: try Self.decode(part.dropFirst(name.count + 1), plusIsSpace: true)))
    }
  }

  /// The value of a parameter that stands there once.
  subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// Text without its percent escapes. Throws `malformed`.
  static func decode(_ text: Substring, plusIsSpace: Bool = false) throws(StintError) -> String {
    let utf8 = text.utf8
    guard utf8.contains(where: { $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == UInt8(ascii: "+")) || $0 > 127 })
    else { return String(text) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count)
    var iterator = utf8.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(hexadecimal), let low = iterator.next().flatMap(hexadecimal) else {
          throw StintError(.malformed, "\(shown(text)): % must be followed by two hexadecimal digits")
        }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw StintError(.malformed, "\(shown(text)) is not UTF-8")
    }
    return decoded
  }

  private static func shown(_ text: Substring) -> String { JSONValue.string(String(text)).excerpt() }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Text as it may stand in a query's name or value.
  static func encode(_ text: String) -> String {
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: ","):
        encoded.append(byte)
      default:
        encoded.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] {
          encoded.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
