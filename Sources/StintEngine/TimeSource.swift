public import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Where the engine gets its time from: the wall clock for instants, the boot clock for waiting and leases.
public protocol TimeSource: Sendable {
  /// Now, by the wall clock.
  func now() -> Timestamp
  /// Time since the machine started, including time it was suspended; no setting of the wall clock changes it.
  func uptime() -> Duration
  /// Returns when ``uptime()`` has reached `deadline`. Throws `CancellationError` when the task is cancelled.
  func sleep(untilUptime deadline: Duration) async throws
}

extension TimeSource {
  /// Returns after `duration`. Throws `CancellationError` when the task is cancelled.
  public func sleep(for duration: Duration) async throws {
    try await sleep(untilUptime: uptime() + duration)
  }
}

/// The machine's own time.
public struct SystemTime: TimeSource {
  /// The machine's own time.
  public init() {}

  /// Now, by the wall clock.
  public func now() -> Timestamp {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Timestamp(microseconds: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000)
  }

  /// Time since the machine started.
  public func uptime() -> Duration {
    var now = timespec()
    #if os(Linux) || os(Android)
      clock_gettime(CLOCK_BOOTTIME, &now)
    #else
      clock_gettime(CLOCK_MONOTONIC_RAW, &now)  // Darwin's counts suspended time
    #endif
    return .seconds(Int64(now.tv_sec)) + .nanoseconds(Int64(now.tv_nsec))
  }

  /// Returns when ``uptime()`` has reached `deadline`.
  public func sleep(untilUptime deadline: Duration) async throws {
    let left = deadline - uptime()
    if left > .zero { try await Task.sleep(for: left, tolerance: nil, clock: .continuous) }
    try Task.checkCancellation()
  }
}
