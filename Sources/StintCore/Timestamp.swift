#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An instant of the wall clock: microseconds since 1970-01-01T00:00:00Z.
///
/// On the wire it is a number of seconds with fractions; input may also be ISO 8601 text.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Microseconds since 1970.
  public var microseconds: Int64

  /// An instant from microseconds since 1970.
  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// An instant from seconds since 1970, or nil where the number is not finite or further than 200,000 years away.
  public init?(seconds: Double) {
    guard seconds.isFinite, abs(seconds) < 6e12 else { return nil }
    self.microseconds = Int64((seconds * 1_000_000).rounded())
  }

  /// An instant from ISO 8601 text such as `2026-11-21T08:00:00Z`, `2026-11-21T08:00:00.25+01:00`, or `2026-11-21`, the
  /// first instant of that day in UTC; else nil.
  public init?(iso8601 text: String) {
    let plain = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
    let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let day = text.count == 10 ? text + "T00:00:00Z" : text
    // The parser moves what no calendar has to the days after it.
    guard Self.isPossible(day) else { return nil }
    guard let date = (try? fractional.parse(day)) ?? (try? plain.parse(day)) else { return nil }
    self.init(seconds: date.timeIntervalSince1970)
  }

  /// Whether the month has that day and the day that time.
  private static func isPossible(_ text: String) -> Bool {
    let fields = text.utf8.split { !(0x30...0x39).contains($0) }.prefix(6).compactMap { Int(Substring($0)) }
    guard fields.count == 6, (1...12).contains(fields[1]) else { return false }
    let isLeap = fields[0].isMultiple(of: 4) && !fields[0].isMultiple(of: 100) || fields[0].isMultiple(of: 400)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...days[fields[1] - 1]).contains(fields[2]) && (0...23).contains(fields[3])
      && (0...59).contains(fields[4]) && (0...59).contains(fields[5])
  }

  /// Seconds since 1970, rounded to what a `Double` holds.
  public var seconds: Double { Double(microseconds) / 1_000_000 }

  /// The instant as ISO 8601 in UTC with milliseconds, for people and logs.
  public var iso8601: String {
    Date(timeIntervalSince1970: seconds).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// The earlier instant is the smaller one.
  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

  /// The instant that lies `duration` later.
  public static func + (instant: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(microseconds: instant.microseconds.addingClamped(duration.microseconds))
  }

  /// The instant that lies `duration` earlier.
  public static func - (instant: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(microseconds: instant.microseconds.addingClamped(-duration.microseconds))
  }

  /// The time since `earlier`, as people see it: never less than none, although the wall clock may have been set back.
  package func elapsed(since earlier: Timestamp) -> Duration { max(.zero, self - earlier) }

  /// The time from `earlier` to `later`.
  public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
    .microseconds(later.microseconds.addingClamped(-earlier.microseconds))
  }
}

extension Int64 {
  /// The sum, held at the ends of the range instead of trapping.
  func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }
}

extension Duration {
  /// The whole number of microseconds in it, held within ±292,000 years.
  public var microseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return seconds > 0 ? .max : -.max }
    return product.addingClamped(attoseconds / 1_000_000_000_000)
  }

  /// The duration in seconds.
  public var seconds: Double { Double(microseconds) / 1_000_000 }

  /// Durations are shorter than so many seconds.
  static let limit = 1e11
  /// The limit for people.
  static let limitText = "100000000000 seconds (3,000 years)"

  /// A duration from seconds, to the nearest microsecond; nil where the number is not finite or further than 3,000
  /// years from 0.
  public init?(seconds: Double) {
    guard seconds.magnitude < Self.limit else { return nil }
    self = .microseconds(Int64((seconds * 1_000_000).rounded()))
  }

  /// A duration from text such as `90s`, `5m`, `1h30m`, `250ms`, `2d`, or a plain number of seconds; nil if it is none.
  public init?(text: String) {
    guard let seconds = Self.seconds(text: text) else { return nil }
    self.init(seconds: seconds)
  }

  /// The seconds that a text for ``init(text:)`` stands for, however many; nil if it stands for none.
  static func seconds(text: String) -> Double? {
    if let seconds = Double(text) { return seconds >= 0 && DecimalText.isPlain(text) ? seconds : nil }
    let units: [(String, Double)] = [("ms", 1e-3), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
    var rest = Substring(text)
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      guard let number = Double(digits), let unit = units.first(where: { rest.hasPrefix($0.0) }) else { return nil }
      total += number * unit.1
      rest = rest.dropFirst(unit.0.count)
    }
    return total
  }

  /// The duration for people: `812ms`, `4.2s`, `3m 05s`, `2h 10m`.
  public var text: String {
    let all = microseconds
    if all < 1_000_000 { return "\(all / 1_000)ms" }
    if all < 60_000_000 { return "\(all / 1_000_000).\(all % 1_000_000 / 100_000)s" }
    let whole = all / 1_000_000
    func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
    if whole < 3_600 { return "\(whole / 60)m \(two(whole % 60))s" }
    if whole < 172_800 { return "\(whole / 3_600)h \(two(whole % 3_600 / 60))m" }
    return "\(whole / 86_400)d \(whole % 86_400 / 3_600)h"
  }
}

/// Numbers as people write them.
package enum DecimalText {
  /// Whether a text has only what decimal numbers are written with: no other bases, no names of numbers.
  package static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
  }
}
