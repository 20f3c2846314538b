import StintCore
import StintEngine
import StintStore

/// What a worker process claimed and has not given back, as its supervisor knows it.
struct HeldAttempts {
  private var byKey: [AttemptKey: Job] = [:]
  /// Questions for what runs there that are not answered.
  private var recoveries = 0
  /// What ended while one was under way: the answer may still name it.
  private var endedMeanwhile: Set<AttemptKey> = []

  var jobs: some Sequence<Job> { byKey.values }

  subscript(key: AttemptKey) -> Job? { byKey[key] }

  /// The process claimed these.
  mutating func add(_ jobs: [Job]) {
    // What is held already is known better here.
    for job in jobs where byKey[job.key] == nil { byKey[job.key] = job }
  }

  /// The attempt's handler began.
  mutating func begin(_ key: AttemptKey, at: Timestamp) { byKey[key]?.state.startedAt = at }

  /// The attempt ended, or its lease was lost.
  mutating func remove(_ key: AttemptKey) {
    byKey[key] = nil
    if recoveries > 0 { endedMeanwhile.insert(key) }
  }

  /// The store is asked what runs there.
  mutating func beginRecovery() { recoveries += 1 }

  /// The store answered that these do; those of them that have not ended meanwhile.
  mutating func endRecovery(found jobs: [Job]) -> [Job] {
    let left = jobs.filter { !endedMeanwhile.contains($0.key) }
    add(left)
    recoveries -= 1
    if recoveries == 0 { endedMeanwhile = [] }
    return left
  }
}
