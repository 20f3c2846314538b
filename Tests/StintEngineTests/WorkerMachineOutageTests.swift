import StintCore
import StintStore
import Testing

@testable import StintEngine

/// Answers that are lost or late, and clocks that are set.
@Suite struct WorkerMachineOutageTests {
  private func recovering(_ script: inout MachineScript) throws -> ClaimRequest {
    script.uptime += .seconds(1)
    let request = try script.request()
    #expect(request.isRecovering && request.count == 0 && request.ahead == 0)
    return request
  }

  @Test func afterAnAnswerThatWasLostItAsksForWhatRunsUnderItsName() throws {
    var script = MachineScript(slots: 2)
    let lost = script.job()
    _ = try script.request()
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil, "not at once")
    #expect(script.machine.nextClaim() == .seconds(1))
    let request = try recovering(&script)
    let actions = script.machine.claimed([lost], for: request, at: script.at, uptime: script.uptime)
    let running = script.begin(actions)
    #expect(running.map(\.job.id) == [lost.id])
    #expect(running.first?.job.state.startedAt == script.at, "it begins now, and not when it was claimed")
    let next = try script.request()
    #expect(!next.isRecovering && next.count == 1, "then it goes on as before")
  }

  @Test func aClaimThatHadNoEffectLeavesNoDoubt() throws {
    var script = MachineScript(slots: 1)
    _ = try script.request()
    script.machine.claimFailed(uptime: script.uptime)
    script.uptime = .seconds(1)
    #expect(try !script.request().isRecovering)
  }

  @Test func whatItKnowsIsNotTakenTwice() throws {
    var script = MachineScript(slots: 3)
    let jobs = (0..<4).map { _ in script.job() }
    let running = script.run([jobs[0], jobs[1]])
    _ = script.machine.wake(.normal, at: script.at)
    _ = try script.request()
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    let request = try recovering(&script)
    // One ends while the store is asked, and its outcome is stored before the answer comes; one is on its way.
    _ = script.end(running[0])
    let (_, settlements) = script.machine.takeEnded()
    _ = script.machine.settled(settlements)
    _ = script.end(running[1])
    _ = script.machine.takeEnded()
    let actions = script.machine.claimed(
      [jobs[0], jobs[1], jobs[2]], for: request, at: script.at, uptime: script.uptime)
    #expect(script.begin(actions).map(\.job.id) == [jobs[2].id])
    #expect(script.machine.ready.isEmpty)
  }

  @Test func whatItFindsUnderAnOldLeaseGoesBack() throws {
    var script = MachineScript(slots: 1)
    let lost = script.job()
    _ = try script.request()
    script.uptime = .seconds(19)
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    let request = try recovering(&script)
    _ = script.machine.claimed([lost], for: request, at: script.at, uptime: script.uptime)
    _ = script.tick()
    #expect(script.settled().map(\.1) == [.released], "its lease began 20 seconds ago, with the first claim")
  }

  @Test func aWorkerThatStopsGivesBackWhatItFinds() throws {
    var script = MachineScript(slots: 1)
    let lost = script.job()
    _ = try script.request()
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    #expect(!script.machine.isDone)
    let request = try script.request()
    #expect(request.isRecovering, "at once")
    _ = script.machine.claimed([lost], for: request, at: script.at, uptime: script.uptime)
    #expect(script.settled().map(\.1) == [.released])
    #expect(script.machine.isDone)
  }

  @Test func aWorkerThatStopsDoesNotAskForEver() throws {
    var script = MachineScript(slots: 1)
    _ = try script.request()
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    _ = try script.request()
    script.uptime = .seconds(40)
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    #expect(script.machine.isDone)
  }

  @Test func aRenewalThatHangsDoesNotHoldUpTheOtherClocks() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(timeout: .seconds(12))])[0]
    #expect(script.tick(after: .seconds(10)).renew == [running.job.key])
    #expect(script.machine.nextTick(at: script.at, uptime: script.uptime) == .seconds(12))
    let due = script.tick(after: .seconds(2))
    #expect(due.renew.isEmpty, "one at a time")
    #expect(due.actions.contains(.cancelRunner(running.runner)), "its time is up")
  }

  @Test(arguments: [-7_200, 7_200]) func whatWasClaimedBeforeTheClockWasSetBeginsByTheNewTime(_ step: Int) throws {
    var script = MachineScript(slots: 1)
    let request = try script.request()
    let job = script.job()
    let at = script.at + .seconds(step)
    let actions = script.machine.claimed([job], for: request, at: at, uptime: script.uptime)
    guard case .startRunner(let slot, let runner)? = actions.first(where: \.isStart) else {
      Issue.record("nothing begins")
      return
    }
    let begun = script.machine.begin(slot: slot, runner: runner, at: at, uptime: script.uptime)
    #expect(begun?.state.startedAt == at)
  }

  @Test(arguments: [-7_200, 7_200]) func anAttemptTookWhatPassedWhateverTheClockWasSetTo(_ step: Int) {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(timeout: .seconds(60))])[0]
    script.uptime = .seconds(5)
    let at = script.at + .seconds(step)
    let due = script.machine.tick(at: at, uptime: script.uptime)
    #expect(!due.actions.contains(.cancelRunner(running.runner)), "it has not run for as long as that")
    #expect(script.machine.takeEnded().reports.map(\.startedAt) == [at - .seconds(5)], "and this is shown")
    script.uptime = .seconds(6)
    _ = script.machine.end(
      slot: running.slot, runner: running.runner, cause: .succeeded(nil), at: at + .seconds(1), uptime: script.uptime)
    let ended = script.machine.takeEnded().settlements[0]
    #expect(ended.at == at + .seconds(1) && ended.job.state.startedAt == at - .seconds(5))
  }
}
