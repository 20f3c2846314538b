import StintCore

/// How many event streams, or sockets, are open, and how many may be.
final class StreamCounter: Sendable {
  private let open = Locked(0)
  let limit: Int
  private let name: String

  /// A counter of what is called `name` in messages.
  init(limit: Int, name: String) {
    self.limit = limit
    self.name = name
  }

  var count: Int { open.withLock { $0 } }

  /// A permit for one more stream. Throws `quota_exceeded`.
  func permit() throws(StintError) -> StreamPermit {
    let isFree = open.withLock { open in
      guard open < limit else { return false }
      open += 1
      return true
    }
    guard isFree else {
      throw StintError(.quotaExceeded, "\(limit) \(name) are open, and that many are allowed; try again later")
    }
    return StreamPermit(counter: self)
  }

  fileprivate func giveBack() { open.withLock { $0 -= 1 } }
}

/// The right to one open stream, given back when the last reference goes: no way out of a stream can keep it.
final class StreamPermit: Sendable {
  private let counter: StreamCounter

  fileprivate init(counter: StreamCounter) { self.counter = counter }

  deinit { counter.giveBack() }
}
