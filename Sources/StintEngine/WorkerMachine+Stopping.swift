import DequeModule
package import StintCore
internal import StintStore

/// How attempts and the worker itself are stopped.
extension WorkerMachine {
  /// Someone asked a job to stop.
  package mutating func cancel(_ id: JobID, at: Timestamp, uptime: Duration) -> [Action] {
    if let index = slots.firstIndex(where: { $0.attempt?.job.id == id }) {
      return ask(index, .cancelled, uptime: uptime)
    }
    if let index = ready.firstIndex(where: { $0.job.id == id }) {
      let held = ready.remove(at: index)
      ended.append(Settlement(job: held.job, cause: .stopped, at: at))
      return [.settle, .claim]
    }
    return []
  }

  mutating func ask(_ index: Int, _ stop: Stop, uptime: Duration) -> [Action] {
    // A request to cancel outweighs other reasons; a lost lease outweighs all.
    let old = slots[index].attempt?.stop
    guard old == nil || stop == .leaseLost || (stop == .cancelled && old != .leaseLost) else { return [] }
    slots[index].attempt?.stop = stop
    if old == nil { slots[index].attempt?.stopBy = uptime + configuration.cancelGrace }
    return [.cancelRunner(slots[index].runner), .reschedule]
  }

  /// The attempt does not listen: its slot goes to others, its outcome is what it was asked to stop for, and whatever
  /// it still says is ignored.
  mutating func abandon(_ index: Int, at: Timestamp, uptime: Duration) -> [Action] {
    guard let attempt = slots[index].attempt, let stop = attempt.stop else { return [] }
    slots[index].attempt = nil
    slots[index].hasRunner = false
    abandoned += 1
    processed += 1
    if let cause = Self.cause(of: stop, handler: .released) { settle(attempt, cause, at: at, uptime: uptime) }
    return [.settle, .claim] + startRunners()
  }

  /// Claim no more; give back what has not begun; wait for the rest until the shutdown timeout, or, where it is
  /// `isPatient`, until it has ended.
  package mutating func drain(at: Timestamp, uptime: Duration, isPatient: Bool = false) -> [Action] {
    guard !isDraining || stopAt == nil else { return [] }
    isDraining = true
    // What it may have been given without knowing is asked for now, and not at the next poll.
    nextPoll = min(nextPoll, uptime)
    if isPatient { return releaseReady(at: at) + [.settle, .claim, .reschedule] }
    stopAt = uptime + configuration.shutdownTimeout
    giveUpAt = uptime + configuration.shutdownTimeout + Self.outagePatience
    return releaseReady(at: at) + [.settle, .claim, .reschedule]
  }

  /// Ask all that runs to stop, and give it back; what does not listen is left behind after `grace`.
  package mutating func stop(
    grace: Duration, patience: Duration = Self.outagePatience, at: Timestamp, uptime: Duration
  ) -> [Action] {
    var actions = drain(at: at, uptime: uptime)
    isStopping = true
    giveUpAt = min(giveUpAt ?? .zero, uptime + grace + patience)
    for index in slots.indices where slots[index].attempt != nil {
      if slots[index].attempt?.stop == nil { slots[index].attempt?.stop = .released }
      slots[index].attempt?.stopBy = uptime + grace
      actions.append(.cancelRunner(slots[index].runner))
    }
    return actions + [.reschedule]
  }

  /// How long a worker that is to stop waits for a store that does not take its last outcomes.
  package static let outagePatience: Duration = .seconds(10)

  /// How long another try takes at least, with the wait before it, while the store is locked.
  package static let tryTime: Duration = .milliseconds(2_500)

  /// Whether the worker may end without having settled: it is to stop, and the store has not answered for too long.
  /// What it held then comes back when its leases end.
  package func mayGiveUp(uptime: Duration) -> Bool { giveUpAt.map { uptime >= $0 } ?? false }

  /// Gives back what waits here, as if it had never been claimed.
  mutating func releaseReady(at: Timestamp, where goes: (Held) -> Bool = { _ in true }) -> [Action] {
    var kept: Deque<Held> = []
    var actions: [Action] = []
    for var held in ready {
      if goes(held) {
        // Its handler has not begun, whatever the claim foresaw.
        held.job.state.startedAt = nil
        ended.append(Settlement(job: held.job, cause: .released, at: at))
        actions = [.settle]
      } else {
        kept.append(held)
      }
    }
    if !actions.isEmpty { ready = kept }
    return actions
  }
}
