public import StintCore
public import StintEngine

/// Time that stands still until a test moves it.
public final class ManualTime: TimeSource {
  private struct State {
    var elapsed: Duration = .zero
    var sleepers: [UInt64: (deadline: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var nextID: UInt64 = 0
    /// How far the wall clock was set.
    var offset: Duration = .zero
    /// Calls that are on their way.
    var holds = 0
  }

  private let state = Locked(State())
  private let start: Timestamp

  /// Time that begins at `start` and an uptime of zero.
  public init(start: Timestamp = Timestamp(microseconds: 1_764_230_400_000_000)) { self.start = start }

  /// The start plus what was advanced, and what the wall clock was set by.
  public func now() -> Timestamp { state.withLock { start + $0.elapsed + $0.offset } }

  /// Sets the wall clock, as people and time servers do: nothing else moves.
  public func setWallClock(by step: Duration) { state.withLock { $0.offset += step } }

  /// Something is on its way that a clock of this kind does not know of: until ``release()`` nobody sleeps, as far as
  /// ``sleeperCount`` tells.
  public func hold() { state.withLock { $0.holds += 1 } }

  /// See ``hold()``.
  public func release() { state.withLock { $0.holds -= 1 } }

  /// What was advanced.
  public func uptime() -> Duration { state.withLock { $0.elapsed } }

  /// The lease clock of this time, for stores.
  public var leaseClock: @Sendable () -> LeaseInstant {
    { LeaseInstant(boot: "manual", microseconds: self.uptime().microseconds) }
  }

  /// Moves time on and wakes, in order of their deadlines, all whose deadline is reached.
  public func advance(by duration: Duration) {
    let woken = state.withLock { state in
      state.elapsed += duration
      let woken = state.sleepers.filter { $0.value.deadline <= state.elapsed }
      for id in woken.keys { state.sleepers[id] = nil }
      return woken.values.sorted { $0.deadline < $1.deadline }.map(\.continuation)
    }
    for continuation in woken { continuation.resume() }
  }

  /// How many tasks sleep now; none while something is on its way.
  public var sleeperCount: Int { state.withLock { $0.holds > 0 ? 0 : $0.sleepers.count } }

  /// Returns once at least `count` tasks sleep: so that a test advances only when everyone is in place.
  public func waitForSleepers(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  /// Returns when the uptime has reached `deadline`. Throws `CancellationError` when the task is cancelled.
  public func sleep(untilUptime deadline: Duration) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let (result, watchers) = state.withLock {
          state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
          if Task.isCancelled { return (.failure(CancellationError()), []) }
          if deadline <= state.elapsed { return (.success(()), []) }
          state.sleepers[id] = (deadline, continuation)
          let count = state.sleepers.count
          let ready = state.watchers.filter { $0.count <= count }.map(\.continuation)
          state.watchers.removeAll { $0.count <= count }
          return (nil, ready)
        }
        if let result { continuation.resume(with: result) }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}
