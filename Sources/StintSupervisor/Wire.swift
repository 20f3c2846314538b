import StintCore

/// Writes values one after the other; ``WireReader`` reads them in the same order. Both ends are the same program.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: Int64) {
    // Small numbers take one byte: seven bits a byte, the sign in the lowest.
    var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func put(_ value: Int) { put(Int64(value)) }
  mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
  mutating func put(_ value: Double) { put(Int64(bitPattern: value.bitPattern)) }
  mutating func put(_ value: Timestamp) { put(value.microseconds) }
  mutating func put(_ value: Duration) { put(value.microseconds) }

  mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes += text.utf8
  }

  mutating func put(_ json: RawJSON) {
    put(json.bytes.count)
    bytes += json.bytes
  }

  mutating func put<Value>(_ value: Value?, _ body: (inout Self, Value) -> Void) {
    put(value != nil)
    if let value { body(&self, value) }
  }

  mutating func put<Values: Collection>(_ values: Values, _ body: (inout Self, Values.Element) -> Void) {
    put(values.count)
    for value in values { body(&self, value) }
  }
}

/// Reads what ``WireWriter`` wrote.
struct WireReader {
  /// The bytes end too early, or hold what they can not.
  struct Malformed: Error {}

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private mutating func byte() throws(Malformed) -> UInt8 {
    guard position < bytes.count else { throw Malformed() }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func slice() throws(Malformed) -> ArraySlice<UInt8> {
    let count = try int()
    guard count >= 0, count <= bytes.count - position else { throw Malformed() }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func int64() throws(Malformed) -> Int64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      let next = try byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
    }
    throw Malformed()
  }

  mutating func int() throws(Malformed) -> Int { Int(try int64()) }
  mutating func bool() throws(Malformed) -> Bool { try byte() != 0 }
  mutating func double() throws(Malformed) -> Double { Double(bitPattern: UInt64(bitPattern: try int64())) }
  mutating func timestamp() throws(Malformed) -> Timestamp { Timestamp(microseconds: try int64()) }
  mutating func duration() throws(Malformed) -> Duration { .microseconds(try int64()) }
  mutating func text() throws(Malformed) -> String { String(decoding: try slice(), as: UTF8.self) }
  mutating func json() throws(Malformed) -> RawJSON { RawJSON(wellFormed: Array(try slice())) }

  mutating func optional<Value>(
    _ body: (inout Self) throws(Malformed) -> Value
  ) throws(Malformed) -> Value? {
    try bool() ? try body(&self) : nil
  }

  mutating func array<Value>(_ body: (inout Self) throws(Malformed) -> Value) throws(Malformed) -> [Value] {
    let count = try int()
    // Nothing takes less than a byte.
    guard count >= 0, count <= bytes.count - position else { throw Malformed() }
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try body(&self)) }
    return values
  }
}
