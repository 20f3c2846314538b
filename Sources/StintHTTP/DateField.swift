import StintCore

/// The value of the `Date` field, made anew once a second.
final class DateField: Sendable {
  private let last = Locked<(second: Int64, text: String)>((.min, ""))

  /// An instant as RFC 9110 spells it: `Sun, 06 Nov 1994 08:49:37 GMT`.
  func text(at instant: Timestamp) -> String {
    let second = instant.microseconds / 1_000_000
    return last.withLock { last in
      if last.second != second { last = (second, Self.spell(second)) }
      return last.text
    }
  }

  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func spell(_ second: Int64) -> String {
    let clock = max(0, second)
    let day = clock / 86_400
    // Days since 1 March 0000, counted in eras of 400 years (after Howard Hinnant's "chrono-compatible algorithms").
    let shifted = day + 719_468
    let era = shifted / 146_097
    let ofEra = shifted % 146_097
    let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let fromMarch = (5 * ofYear + 2) / 153
    let ofMonth = ofYear - (153 * fromMarch + 2) / 5 + 1
    let month = fromMarch < 10 ? fromMarch + 2 : fromMarch - 10
    let year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let time = "\(two(clock / 3_600 % 24)):\(two(clock / 60 % 60)):\(two(clock % 60))"
    return "\(days[Int(day % 7)]), \(two(ofMonth)) \(months[Int(month)]) \(year) \(time) GMT"
  }
}
