package import StintCore
package import StintStore

extension WorkerMachine {
  /// The attempts that run or are about to, and were not asked to stop.
  package var listening: [AttemptKey] {
    slots.compactMap { $0.attempt.flatMap { $0.stop == nil ? $0.job.key : nil } }
      + ready.prefix(slots.count).map(\.job.key)
  }
}

extension WorkerMachine {
  /// Attempts that are not settled: those that run or are about to, and those whose outcomes wait for the store.
  package var unsettledCount: Int { busy + ready.count + ended.count }

  /// Whether every slot has been taken for ten times the time that work is held ready for: what waits behind them may
  /// run sooner elsewhere.
  func isHeldUp(uptime: Duration) -> Bool {
    let attempts = slots.compactMap(\.attempt)
    return attempts.count >= capacity
      && attempts.allSatisfy { uptime - $0.startedUptime >= configuration.aheadTime * 10 }
  }
}

extension Job {
  /// The attempt that runs.
  package var key: AttemptKey { AttemptKey(id: id, revision: state.revision) }
}
