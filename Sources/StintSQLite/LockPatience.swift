/// For how long calls wait for a lock that another process holds: each for as long, in all, also where others wait for
/// it before. Times are in nanoseconds of the machine's uptime.
struct LockPatience {
  /// How long a call waits.
  let limit: UInt64
  /// Since when the lock has been waited for, by one try after the other; nil where the last one got it.
  private var lockedSince: UInt64?

  init(limit: UInt64) { self.limit = limit }

  /// Until when calls wait that came at these times and are tried at `now`. Who came while others waited has waited
  /// with them; who waited behind anything else has not.
  func deadlines(cameAt: [UInt64], now: UInt64) -> [UInt64] {
    cameAt.map { max($0, lockedSince ?? now) + limit }
  }

  /// The calls were tried from `begun` on, and got the lock or did not.
  mutating func tried(isLocked: Bool, begun: UInt64) { lockedSince = isLocked ? lockedSince ?? begun : nil }
}
