internal import StintCore
package import StintStore

/// A job that lost a worker before begins only once its beginning is stored: one more loss may end it, and must not
/// count against it while it waits here, or where its worker never came to know of it.
extension WorkerMachine {
  /// Whether the store must know that it begins, and does not.
  func mustBeMarked(_ held: Held) -> Bool { held.job.state.losses > 0 && held.job.state.startedAt == nil }

  /// Has the beginning of the next job stored, if that is needed and it could begin now.
  mutating func markNext(at: Timestamp) -> [Action] {
    guard !isDraining, unsettled.isEmpty, let next = ready.first, mustBeMarked(next), !next.isMarking, busy < capacity,
      busy == 0 || !runsAlone(next.job)
    else { return [] }
    ready[0].isMarking = true
    keep(AttemptReport(attempt: next.job.key, startedAt: at))
    return [.settle]
  }

  /// The gateway has kept these reports: what waited for that begins.
  package mutating func recorded(_ reports: [AttemptReport]) -> [Action] {
    var isAny = false
    for report in reports where report.startedAt != nil {
      guard let index = ready.firstIndex(where: { $0.isMarking && $0.job.key == report.attempt }) else { continue }
      ready[index].job.state.startedAt = report.startedAt
      isAny = true
    }
    return isAny ? startRunners() : []
  }

  /// The gateway has answered these outcomes. Where one ran alone, others may begin now: not sooner, because what takes
  /// the process down before its outcome is stored would count against it.
  package mutating func settled(_ settlements: [Settlement]) -> [Action] {
    if doubtfulSince != nil { settledMeanwhile.formUnion(underWay.map(\.job.key)) }
    underWay = []
    guard !unsettled.isEmpty else { return [] }
    for settlement in settlements { unsettled.remove(settlement.job.key) }
    return unsettled.isEmpty ? startRunners() + [.claim] : []
  }
}
