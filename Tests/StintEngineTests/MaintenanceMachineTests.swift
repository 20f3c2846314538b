import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite struct MaintenanceMachineTests {
  private let start = Timestamp(microseconds: 1_764_230_400_000_000)

  /// Asks on until the round is over; in words, what was asked, each answered as if there were nothing.
  private func asked(
    of machine: inout MaintenanceMachine, setting clock: (afterQuestion: String, by: Duration)?
  ) -> [String] {
    let random = RandomSource.seeded(1)
    var asked: [String] = []
    var at = start
    while asked.count < 20, let question = machine.next(at: at, uptime: .zero, random: random) {
      let (name, answer): (String, MaintenanceMachine.Answer) =
        switch question {
        case .clockWasSet(let step, let at): ("set by \(step.seconds) at \((at - start).seconds)", .done)
        case .promote(_, let at): ("promote at \((at - start).seconds)", .promoted(Promotion()))
        case .jobs(let ids): ("jobs", .jobs(ids.map { _ in nil }))
        case .expired: ("expired", .found([]))
        case .overdue(_, let at): ("overdue at \((at - start).seconds)", .found([]))
        case .apply: ("apply", .applied([]))
        case .workers: ("workers", .workers([]))
        case .remove: ("remove", .done)
        }
      asked.append(name)
      if name == clock?.afterQuestion { at = start + (clock?.by ?? .zero) }
      _ = machine.take(answer, at: at)
    }
    return asked
  }

  @Test func aRoundPromotesAndSweeps() {
    var machine = MaintenanceMachine(configuration: EngineConfiguration(), uptime: .zero)
    #expect(
      asked(of: &machine, setting: nil) == [
        "set by 0.0 at 0.0", "promote at 0.0", "expired", "overdue at 0.0", "workers",
      ])
  }

  @Test(arguments: [WorkerRecord.State.busy, .draining])
  func aWorkerThatWasStoppingIsNoLossOfItsJobs(_ state: WorkerRecord.State) throws {
    var machine = MaintenanceMachine(configuration: EngineConfiguration(), uptime: .zero)
    var running = JobState(status: .running, revision: 1, runAt: start)
    running.workerID = "w"
    running.startedAt = start
    let job = Job(spec: JobSpec(id: JobID(known: "one"), type: "work", createdAt: start), state: running)
    let worker = WorkerRecord(
      id: "w", host: "here", pid: 1, state: state, slots: 1, startedAt: start, seenAt: start)
    var changes: [Change] = []
    while changes.isEmpty, let question = machine.next(at: start, uptime: .zero, random: .seeded(1)) {
      switch question {
      case .expired: _ = machine.take(.found([job]), at: start)
      case .workers: _ = machine.take(.workers([worker]), at: start)
      case .promote: _ = machine.take(.promoted(Promotion()), at: start)
      case .apply(let all, _): changes = all
      default: _ = machine.take(.done, at: start)
      }
    }
    #expect(try #require(changes.first).state.losses == (state == .draining ? 0 : 1))
  }

  @Test(arguments: [7_200.0, -7_200.0]) func aClockThatIsSetInTheMiddleOfARoundIsToldOfFirst(_ step: Double) {
    var machine = MaintenanceMachine(configuration: EngineConfiguration(), uptime: .zero)
    #expect(
      asked(of: &machine, setting: ("expired", .seconds(step))) == [
        "set by 0.0 at 0.0", "promote at 0.0", "expired", "set by \(step) at \(step)", "promote at \(step)", "expired",
        "overdue at \(step)", "workers",
      ], "nothing has waited too long by a clock that the store does not know of")
    var other = MaintenanceMachine(configuration: EngineConfiguration(), uptime: .zero)
    #expect(
      asked(of: &other, setting: ("set by 0.0 at 0.0", .seconds(step))) == [
        "set by 0.0 at 0.0", "set by \(step) at \(step)", "promote at \(step)", "expired", "overdue at \(step)",
        "workers",
      ])
  }
}
