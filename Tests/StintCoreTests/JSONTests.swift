import Testing

@testable import StintCore

@Suite struct JSONTests {
  private func parse(_ text: String, depth: Int = 64) throws -> JSONValue {
    try JSONParser.parse(Array(text.utf8), depth: depth)
  }

  @Test func valuesAreReadAsRFC8259Says() throws {
    let cases: [(String, JSONValue)] = [
      (" \t\r\n null ", .null), ("true", true), ("false", false), ("0", 0), ("-0", 0), ("-12", -12),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", 1.5), ("-0.5e-3", -0.0005), ("1E2", 100.0),
      ("1e+2", 100.0), ("\"\"", ""), ("[]", []), ("{}", [:]), ("[ 1 , 2 ]", [1, 2]),
      ("{\"b\":1,\"a\":{\"b\":[]}}", ["b": 1, "a": ["b": []]]),
      (#""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00\u0000""#, .string("\"\\/\u{8}\u{c}\n\r\tAé\u{1F600}\u{0}")),
      ("\"é\u{1F600}\u{7f}\"", "é\u{1F600}\u{7f}"),
    ]
    for (text, value) in cases { #expect(try parse(text) == value, "\(text)") }
  }

  @Test(arguments: [
    "", " ", "nul", "True", "NaN", "Infinity", "+1", "01", "-01", "-", "1.", ".5", "1e", "1e+", "0x1", "1 2", "[1,]",
    "[,1]", "[1 2]", "[", "]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "\"",
    "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\uD800\"", "\"\\uD800x\"", "\"\\uD800\\u0041\"",
    "\"\\uDC00\"", "\"a\nb\"", "\"\u{1}\"", "1e999", "-1e999", "// x\n1", "'a'", "[1]]", "{}{}", "\u{feff}1",
    "tru\u{65}x",
  ]) func whatIsNoJSONIsRefused(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try parse(text) }
  }

  @Test func doubledKeysAreRefusedInNarrowAndWideObjects() throws {
    #expect(throws: JSONSyntaxError.self) { try parse("{\"a\":1,\"a\":2}") }
    #expect(throws: JSONSyntaxError.self) { try parse("{\"a\":1,\"\\u0061\":2}") }
    for count in [7, 8, 9, 40] {
      let members = (0..<count).map { "\"k\($0)\":\($0)" }
      #expect(try parse("{\(members.joined(separator: ","))}").object?.count == count)
      for doubled in [0, count - 1] {
        #expect(throws: JSONSyntaxError.self) {
          try parse("{\((members + [members[doubled]]).joined(separator: ","))}")
        }
      }
    }
  }

  @Test func depthIsLimited() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parse(nested(64))
    #expect(throws: JSONSyntaxError.self) { try parse(nested(65)) }
    #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "{\"a\":", count: 65) + "1") }
    #expect(throws: JSONSyntaxError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
  }

  @Test func badUTF8IsRefused() {
    for bytes: [UInt8] in [
      [0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8], [0xC3], [0xFF],
    ] {
      for escape in ["", "\\n"] {
        let text = [UInt8(ascii: "\"")] + Array(escape.utf8) + bytes + [UInt8(ascii: "\"")]
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(text) }
      }
    }
  }

  @Test func anErrorSaysWhere() {
    #expect(throws: JSONSyntaxError(reason: "expected , or ]", offset: 3)) { try parse("[1 2]") }
  }

  @Test func whatIsWrittenIsReadBackTheSame() throws {
    var random = SplitMix(state: 3)
    for _ in 0..<2_000 {
      let value = Self.value(&random, depth: 4)
      let text = RawJSON(value)
      #expect(try text.parsed() == value, "\(text.text)")
      #expect(RawJSON(try text.parsed()) == text)
    }
  }

  @Test func mutatedTextNeverCrashesTheParser() {
    var random = SplitMix(state: 5)
    for _ in 0..<5_000 {
      var bytes = RawJSON(Self.value(&random, depth: 3)).bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes[position] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes.remove(at: position)
        default: bytes.removeLast(bytes.count - position)
        }
      }
      guard let value = try? JSONParser.parse(bytes) else { continue }
      #expect((try? RawJSON(value).parsed()) == value)
    }
  }

  private static func value(_ random: inout SplitMix, depth: Int) -> JSONValue {
    switch Int.random(in: 0...(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random))
    case 3: return .number((Double.random(in: -1e3...1e3, using: &random) + 0.1) * 1e-7)
    case 4, 5: return .string(text(&random))
    case 6: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth - 1) })
    default:
      let count = Int.random(in: 0...12, using: &random)
      return .object((0..<count).map { JSONMember("\($0)" + text(&random), value(&random, depth: depth - 1)) })
    }
  }

  private static func text(_ random: inout SplitMix) -> String {
    let scalars: [ClosedRange<UInt32>] = [0...0x1F, 0x20...0x7F, 0x80...0x7FF, 0xE000...0xFFFF, 0x1F600...0x1F64F]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      let range = scalars[Int.random(in: 0..<scalars.count, using: &random)]
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
    }
    return String(text)
  }

  @Test func secondsAreWrittenExactly() {
    for (microseconds, text) in [
      (0, "0"), (1, "0.000001"), (1_764_230_400_123_000, "1764230400.123"), (-1_500_000, "-1.5"), (2_000_000, "2"),
      (100_100_100, "100.1001"),
    ] as [(Int64, String)] {
      var writer = JSONWriter()
      writer.seconds(microseconds: microseconds)
      #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
    }
  }

  @Test func whatJSONCanNotSayIsNull() {
    var writer = JSONWriter()
    writer.array { json in
      json.number(.infinity)
      json.number(.nan)
      json.number(1e300)
      json.number(-9_223_372_036_854_775_808)
      json.number(3)
      json.string("\u{1}\u{1f}\"\\/é")
    }
    let text = String(decoding: writer.bytes, as: UTF8.self)
    #expect(text == #"[null,null,1e+300,-9.223372036854776e+18,3,"\u0001\u001f\"\\/é"]"#)
  }
}
