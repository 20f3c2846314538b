import StintCore

extension JobID {
  /// What people see in tables: the last 8 characters of an id that Stint gave, else the whole id.
  var shown: String {
    let isUUID =
      text.count == 36
      && text.enumerated().allSatisfy { index, character in
        [8, 13, 18, 23].contains(index) ? character == "-" : character.isHexDigit
      }
    return isUUID ? short : text
  }
}

extension Duration {
  /// Roughly, in one unit: `12s`, `3m`, `4h`, `2d`.
  var rough: String {
    let whole = max(0, microseconds / 1_000_000)
    switch whole {
    case ..<60: return "\(whole)s"
    case ..<3_600: return "\(whole / 60)m"
    case ..<172_800: return "\(whole / 3_600)h"
    default: return "\(whole / 86_400)d"
    }
  }
}

extension Timestamp {
  /// The instant as seen from `now`: `3m ago`, `in 2h`.
  func relative(to now: Timestamp) -> String {
    self > now ? "in \((self - now).rough)" : "\((now - self).rough) ago"
  }
}

extension Job {
  /// When the next attempt of a retrying job comes: `after attempt 1, next in 3s`.
  func nextAttempt(at now: Timestamp) -> String {
    "after attempt \(state.attempt), next \(state.dueAt.relative(to: now))"
  }

  /// The job in one line: `countdown 0f6a9e01 completed in 10.0s`.
  var sentence: String {
    let took = duration.map { " in \($0.text)" } ?? ""
    let reason = error.map { ": \($0.type.rawValue): \($0.message)" } ?? ""
    let by = status == .cancelled ? state.cancelledBy.map { " by \($0)" } ?? "" : ""
    return "\(spec.type) \(id.shown) \(status.rawValue)\(took)\(by)\(status == .completed ? "" : reason)"
      .escapedForTerminal
  }
}
