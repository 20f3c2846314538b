import StintCore
import StintEngine
import StintStore
import Testing

@testable import StintSupervisor

@Suite struct HeldAttemptsTests {
  private let start = Timestamp(microseconds: 1_764_230_400_000_001)

  private func job(_ id: String) -> Job {
    let spec = JobSpec(id: JobID(known: id), type: "work", createdAt: start)
    return Job(spec: spec, state: JobState(status: .running, revision: 1, runAt: start))
  }

  @Test func whatEndedWhileTheStoreWasAskedStaysAway() {
    let (ended, lasting, lost) = (job("ended"), job("lasting"), job("lost"))
    var held = HeldAttempts()
    held.add([ended, lasting])
    held.begin(lasting.key, at: start)
    held.beginRecovery()
    held.remove(ended.key)
    let found = held.endRecovery(found: [ended, lasting, lost])
    #expect(found.map(\.id) == [lasting.id, lost.id])
    #expect(Set(held.jobs.map(\.id)) == [lasting.id, lost.id])
    #expect(held[lasting.key]?.state.startedAt == start, "what is known of it stays")
  }

  @Test func onlyWhatEndedMeanwhileIsLeftOut() {
    let one = job("one")
    var held = HeldAttempts()
    held.beginRecovery()
    held.beginRecovery()
    held.remove(one.key)
    #expect(held.endRecovery(found: []).isEmpty)
    #expect(held.endRecovery(found: [one]).isEmpty, "it was asked before the end, too")
    held.beginRecovery()
    #expect(held.endRecovery(found: [one]).map(\.id) == [one.id])
  }
}
