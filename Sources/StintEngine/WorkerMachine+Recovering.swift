package import StintCore
internal import StintStore

/// What a worker does where an answer was lost, or a clock was set.
extension WorkerMachine {
  /// By how much the wall clock was set since it showed `noted`; nil where it was not.
  package static func wallClockStep(
    since noted: Timestamp, _ notedUptime: Duration, _ at: Timestamp, _ uptime: Duration
  ) -> Duration? {
    let step = (at - noted) - (uptime - notedUptime)
    return step > Attempt.clockTolerance || step < .zero - Attempt.clockTolerance ? step : nil
  }

  /// Asks for what runs under this worker's id: a claim whose answer was lost may have given it jobs. They are not to
  /// wait for the end of their leases, nor to count it as a loss.
  mutating func recovery(uptime: Duration) -> ClaimRequest? {
    guard !isClaiming, uptime >= nextPoll else { return nil }
    settledMeanwhile = []
    var request = request(count: 0, ahead: 0, aheadTypes: [], uptime: uptime)
    request.isRecovering = true
    return request
  }

  /// Keeps of the jobs that run under this worker's id those that it does not know of.
  mutating func take(found jobs: [Job]) {
    var known = settledMeanwhile.union(underWay.map(\.job.key))
    known.formUnion(slots.compactMap { $0.attempt?.job.key })
    known.formUnion(ready.map(\.job.key))
    known.formUnion(ended.map(\.job.key))
    let since = doubtfulSince ?? claimAskedAt
    for var job in jobs where !known.contains(job.key) {
      // Nothing of it has begun, whatever the claim foresaw.
      job.state.startedAt = nil
      ready.append(Held(job: job, renewedAt: since))
    }
    doubtfulSince = nil
    settledMeanwhile = []
  }
}

extension WorkerMachine.Attempt {
  /// How far the wall clock may be from where the attempt's own time would have it, before it has been set.
  static let clockTolerance: Duration = .seconds(1)

  /// Whether an instant was noted by the same wall clock that shows `at` now, at most `duration` ago.
  static func fits(_ noted: Timestamp, _ at: Timestamp, within duration: Duration) -> Bool {
    noted <= at + clockTolerance && at - noted <= duration + clockTolerance
  }

  /// Moves the attempt's beginning along if the wall clock was set since: the time that it took is what passed. Whether
  /// it was.
  mutating func follow(wallClock at: Timestamp, uptime: Duration) -> Bool {
    guard let step = WorkerMachine.wallClockStep(since: startedAt, startedUptime, at, uptime) else { return false }
    startedAt = startedAt + step
    job.state.startedAt = job.state.startedAt.map { $0 + step }
    return true
  }
}

extension Settlement {
  /// Moves its instants along if the wall clock was set since: what is due a while after it would be due at another
  /// time.
  package mutating func follow(wallClock at: Timestamp, uptime: Duration) {
    guard let noted = self.uptime, let step = WorkerMachine.wallClockStep(since: self.at, noted, at, uptime) else {
      return
    }
    self.at = self.at + step
    job.state.startedAt = job.state.startedAt.map { $0 + step }
  }
}
