/// A job's identity: a time-ordered UUID (version 7) that Stint gave, or the submitter's own text.
public struct JobID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The text: 1–128 characters of `A-Z a-z 0-9 . _ : -`.
  public let text: String

  /// An id from text, or nil where it is no legal name (see ``Name``).
  public init?(_ text: String) {
    guard Name.isLegal(text) else { return nil }
    self.text = text
  }

  /// An id from text that is known to be legal: a store reading back what it wrote.
  public init(known text: String) { self.text = text }

  /// A new id: UUID version 7 of the instant `at`, its 74 other bits from `random`.
  ///
  /// The layout is RFC 9562's; ids made in one millisecond are in no order among themselves.
  public static func timeOrdered(at: Timestamp, random: (UInt64, UInt64)) -> JobID {
    let milliseconds = UInt64(max(0, at.microseconds) / 1_000) & 0xFFFF_FFFF_FFFF
    let high = milliseconds << 16 | 0x7000 | (random.0 & 0x0FFF)
    let low = 0x8000_0000_0000_0000 | (random.1 & 0x3FFF_FFFF_FFFF_FFFF)
    let text = String(unsafeUninitializedCapacity: 36) { buffer in
      var position = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          buffer[position] = UInt8(ascii: "-")
          position += 1
        }
        let word = index < 16 ? high : low
        let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - (index & 15) * 4)) & 15
        buffer[position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        position += 1
      }
      return 36
    }
    return JobID(known: text)
  }

  /// The last eight characters: what people type.
  public var short: String { String(text.suffix(8)) }

  /// The text.
  public var description: String { text }

  /// By the text's bytes.
  public static func < (a: JobID, b: JobID) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
}

/// The names of types, queues, owners, ids and keys: `[A-Za-z0-9._:-]`, 1–128 characters.
public enum Name {
  /// What is allowed, in words.
  public static let rule = "1 to 128 characters of A-Z a-z 0-9 . _ : -"

  /// Whether `text` is a legal name.
  public static func isLegal(_ text: String) -> Bool {
    let utf8 = text.utf8
    guard (1...128).contains(utf8.count) else { return false }
    return utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }
}
