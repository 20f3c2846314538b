/// How long attempts took lately, by type: an exponentially weighted mean.
struct DurationMeans {
  private var byType: [String: Double] = [:]
  private var last: (type: String, mean: Double)?

  mutating func add(_ type: String, _ duration: Duration) {
    let seconds = duration.seconds
    // One type in a row is the usual case: no dictionary then.
    if let last, last.type == type {
      self.last = (type, last.mean + (seconds - last.mean) / 8)
    } else {
      if let last { byType[last.type] = last.mean }
      last = (type, byType[type].map { $0 + (seconds - $0) / 8 } ?? seconds)
    }
  }

  private var all: [String: Double] {
    guard let last else { return byType }
    return byType.merging([last.type: last.mean]) { $1 }
  }

  /// The types whose attempts take less than `limit`.
  func quickTypes(limit: Duration) -> Set<String> { Set(all.filter { $0.value < limit.seconds }.keys) }

  /// The longest mean of those types; nil if there is none.
  func quickMean(limit: Duration) -> Double? {
    if byType.isEmpty, let last { return last.mean < limit.seconds ? last.mean : nil }
    return all.values.filter { $0 < limit.seconds }.max()
  }
}
