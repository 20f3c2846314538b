import StintCore
import StintStore
import Testing

@testable import StintEngine

@Suite(.timeLimit(.minutes(5))) struct WorkerMachineClaimTests {
  @Test func asksForAsManyAsAreFree() throws {
    var script = MachineScript(slots: 3)
    #expect(script.machine.claimRequest(uptime: .zero)?.count == 3)
    #expect(script.machine.claimRequest(uptime: .zero) == nil, "one claim at a time")
    script.machine.claimFailed(uptime: .zero)
    #expect(script.machine.claimRequest(uptime: .milliseconds(999)) == nil)
    #expect(script.machine.claimRequest(uptime: .seconds(1))?.count == 3)
  }

  @Test func fillsTheSlotsAndNoMore() {
    var script = MachineScript(slots: 2)
    let running = script.run([script.job(), script.job()])
    #expect(running.count == 2)
    #expect(script.machine.busy == 2)
    #expect(script.machine.claimRequest(uptime: .seconds(60)) == nil)
    #expect(script.machine.nextClaim() == nil)
    #expect(script.end(running[0]).contains(.claim))
    #expect(script.machine.claimRequest(uptime: script.uptime)?.count == 1)
  }

  @Test func pollsWhenTheStoreHadLess() {
    var script = MachineScript(slots: 2)
    _ = script.run([script.job()])
    #expect(script.machine.claimRequest(uptime: .milliseconds(500)) == nil)
    #expect(script.machine.nextClaim() == .seconds(1))
    #expect(script.machine.claimRequest(uptime: .seconds(1))?.count == 1)
  }

  @Test func aHintDuringAClaimIsNotLost() throws {
    var script = MachineScript(slots: 2)
    let request = try script.request()
    #expect(script.machine.wake(.normal, at: script.at).contains(.claim))
    #expect(script.machine.claimRequest(uptime: .zero) == nil)
    _ = script.machine.claimed([], for: request, at: script.at, uptime: .zero)
    #expect(script.machine.claimRequest(uptime: .zero)?.count == 2)
  }

  @Test func claimsAheadOnlyOfQuickTypesAndOnlyAheadTimesWorth() throws {
    var script = MachineScript(slots: 2)
    // 40 ms an attempt: 2 slots do 5 of them in 100 ms. One slow type besides.
    let both = script.run([script.job("quick"), script.job("slow")])
    script.uptime = .milliseconds(40)
    _ = script.end(both[0])
    script.uptime = .seconds(3)
    _ = script.end(both[1])
    let request = try script.request()
    #expect(request.count == 2)
    #expect(request.ahead == 5)
    #expect(request.aheadTypes == ["quick"])
  }

  @Test func claimsNothingAheadBeforeItKnowsAQuickType() throws {
    var script = MachineScript(slots: 2)
    let request = try script.request()
    #expect(request.ahead == 0)
    #expect(request.aheadTypes.isEmpty)
  }

  @Test func givesLessUrgentOnesBackForAMoreUrgentOne() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    let running = script.run([
      script.job("quick"), script.job("quick", priority: .high, ahead: true), script.job("quick", ahead: true),
      script.job("quick", priority: .low, ahead: true),
    ])
    #expect(running.count == 1)
    #expect(script.machine.ready.count == 3)
    let actions = script.machine.wake(.high, at: script.at)
    #expect(actions == [.settle, .claim])
    #expect(script.settled().map(\.1) == [.released, .released])
    #expect(script.machine.ready.map(\.job.spec.priority) == [.high])
  }

  @Test func aFailedClaimAheadDoesNotStopClaiming() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    var running = script.run([script.job("quick")] + (0..<10).map { _ in script.job("quick", ahead: true) })[0]
    func next() -> Bool {
      let isClaiming = script.end(running).contains(.claim)
      if let job = script.machine.begin(slot: 0, runner: running.runner, at: script.at, uptime: script.uptime) {
        running = .init(slot: 0, runner: running.runner, job: job)
      }
      return isClaiming
    }
    while script.machine.ready.count > 5 { _ = next() }
    // Few are left: it asks for more, and the store does not answer.
    #expect(script.machine.claimRequest(uptime: script.uptime)?.count == 0)
    script.machine.claimFailed(uptime: script.uptime)
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil, "it does not ask again at once")
    var isClaiming = false
    while script.machine.busy > 0 { isClaiming = next() }
    #expect(isClaiming, "the last of them must wake the claim, which waits without a deadline")
    #expect(script.machine.claimRequest(uptime: script.uptime)?.count == 1)
  }

  @Test func cancellingAJobBeforeItsRunnerTookItClaimsAnother() {
    var script = MachineScript(slots: 1)
    let job = script.job()
    let actions = script.claim([job])
    #expect(script.machine.cancel(job.id, at: script.at, uptime: script.uptime) == [.settle, .claim])
    #expect(script.begin(actions).isEmpty)
    #expect(script.settled().map(\.1) == [.stopped])
    #expect(script.machine.claimRequest(uptime: script.uptime)?.count == 1)
  }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerMachineAttemptTests {
  /// An attempt that is asked to stop for `cause` at `moment`, and then does.
  private func expectStop(
    _ script: inout MachineScript, _ running: MachineScript.Running, at moment: Duration, as cause: Cause,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(script.machine.nextTick(at: script.at, uptime: script.uptime) ?? .zero <= script.uptime + moment)
    let early = script.tick(after: moment - .microseconds(1))
    #expect(!early.actions.contains(.cancelRunner(running.runner)), sourceLocation: sourceLocation)
    let due = script.tick(after: .microseconds(1))
    #expect(due.actions.contains(.cancelRunner(running.runner)), sourceLocation: sourceLocation)
    let actions = script.end(running, .failed(message: "cancelled"))
    #expect(actions.contains(.settle), sourceLocation: sourceLocation)
    #expect(script.settled().map(\.1) == [cause], sourceLocation: sourceLocation)
    #expect(script.machine.busy == 0)
  }

  @Test func timesOutFromTheHandlersStart() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(timeout: .seconds(5))])[0]
    expectStop(&script, running, at: .seconds(5), as: .timedOut)
  }

  @Test func stallsWithoutASignOfLife() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(stall: .seconds(5))])[0]
    script.uptime = .seconds(4)
    _ = script.progress(running, nil)
    expectStop(&script, running, at: .seconds(5), as: .stalled)
  }

  @Test func stopsAtItsDeadline() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(deadline: script.at + .seconds(7))])[0]
    expectStop(&script, running, at: .seconds(7), as: .deadlineExceeded)
  }

  @Test func stopsAtTwoThirdsOfALeaseThatIsNotRenewed() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])[0]
    #expect(script.tick(after: .seconds(10)).renew == [running.job.key])
    script.machine.renewalFailed(uptime: script.uptime)
    #expect(script.tick(after: .milliseconds(999)).renew.isEmpty)
    #expect(script.tick(after: .milliseconds(1)).renew == [running.job.key], "again after a second")
    expectStop(&script, running, at: .seconds(9), as: .released)
  }

  @Test func aLeaseIsAsOldAsTheQuestionForIt() throws {
    var script = MachineScript(slots: 1)
    let request = try script.request()
    // The answer took 15 seconds; 5 more and the lease can not be trusted.
    script.uptime = .seconds(15)
    let actions = script.machine.claimed([script.job()], for: request, at: script.at, uptime: script.uptime)
    let running = script.begin(actions)[0]
    expectStop(&script, running, at: .seconds(5), as: .released)
  }

  @Test func whatWaitsUnderAnOldLeaseGoesBack() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    let running = script.run([script.job("quick"), script.job("quick", ahead: true)])
    #expect(running.count == 1)
    #expect(script.tick(after: .seconds(20)).actions.contains(.settle))
    #expect(script.settled().map(\.1) == [.released])
    #expect(script.machine.ready.isEmpty)
  }

  @Test func aRenewalThatAnsweredKeepsItRunning() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])[0]
    for _ in 0..<20 {
      let due = script.tick(after: .seconds(10))
      #expect(due.renew == [running.job.key])
      #expect(!due.actions.contains(.cancelRunner(running.runner)))
      let actions = script.machine.renewed(
        due.renew, [.renewed(cancelledBy: nil)], asked: script.uptime, at: script.at, uptime: script.uptime)
      #expect(actions.isEmpty)
    }
  }

  @Test func whatIsHeldBehindSlowAttemptsIsGivenBack() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    _ = script.run([script.job("quick"), script.job("quick", ahead: true)])[0]
    _ = script.tick(after: .milliseconds(900))
    #expect(script.settled().isEmpty, "it may be its turn soon")
    _ = script.tick(after: .milliseconds(100))
    #expect(script.settled().map(\.1) == [.released])
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil, "nor is more claimed ahead now")
  }

  @Test func aRenewalBringsACancel() {
    var script = MachineScript(slots: 1) {
      $0.aheadLimit = 10
      $0.heartbeat = .milliseconds(500)
    }
    script.learnQuick()
    let running = script.run([script.job("quick"), script.job("quick", ahead: true)])[0]
    let due = script.tick(after: .milliseconds(500))
    #expect(due.renew.count == 2)
    let actions = script.machine.renewed(
      due.renew, [.renewed(cancelledBy: "a"), .renewed(cancelledBy: "a")], asked: script.uptime, at: script.at,
      uptime: script.uptime)
    #expect(actions.contains(.cancelRunner(running.runner)))
    #expect(script.settled().map(\.1) == [.stopped], "the one that had not begun ends at once")
    _ = script.end(running)
    #expect(script.settled().map(\.1) == [.stopped], "although it returned")
  }

  @Test func aLostLeaseIsNotSettled() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])[0]
    let due = script.tick(after: .seconds(10))
    let actions = script.machine.renewed(
      due.renew, [.lost], asked: script.uptime, at: script.at, uptime: script.uptime)
    #expect(actions.contains(.cancelRunner(running.runner)))
    #expect(script.tick(after: .seconds(5)).renew.isEmpty)
    _ = script.end(running)
    #expect(script.settled().isEmpty)
    #expect(script.machine.busy == 0)
  }

  @Test func aDeafAttemptLosesItsSlotAfterTheGrace() {
    var script = MachineScript(slots: 1)
    let deaf = script.run([script.job()])[0]
    #expect(
      script.machine.cancel(deaf.job.id, at: script.at, uptime: script.uptime)
        == [.cancelRunner(deaf.runner), .reschedule])
    #expect(script.tick(after: .seconds(10) - .microseconds(1)).actions.isEmpty)
    #expect(script.machine.busy == 1)
    #expect(script.tick(after: .microseconds(1)).actions.contains(.claim))
    #expect(script.settled().map(\.1) == [.stopped])
    #expect(script.machine.abandoned == 1)
    let other = script.run([script.job()])
    #expect(other.count == 1)
    // What the deaf one says and gives is ignored.
    #expect(script.progress(deaf, 50).isEmpty)
    _ = script.end(deaf)
    #expect(script.settled().isEmpty)
    #expect(script.machine.abandoned == 0)
    #expect(script.machine.busy == 1)
    #expect(script.machine.begin(slot: 0, runner: deaf.runner, at: script.at, uptime: script.uptime) == nil)
  }

  @Test func aCancelOutweighsATimeout() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(timeout: .seconds(5))])[0]
    _ = script.tick(after: .seconds(5))
    _ = script.machine.cancel(running.job.id, at: script.at, uptime: script.uptime)
    _ = script.end(running, .failed(message: ""))
    #expect(script.settled().map(\.1) == [.stopped])
  }

  @Test func aRunnerThatWasCancelledIsReplaced() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    let running = script.run([script.job("quick"), script.job("quick", ahead: true)])[0]
    _ = script.machine.cancel(running.job.id, at: script.at, uptime: script.uptime)
    let actions = script.end(running, .failed(message: ""))
    #expect(script.machine.begin(slot: 0, runner: running.runner, at: script.at, uptime: script.uptime) == nil)
    #expect(script.begin(actions).count == 1)
  }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerMachineReportTests {
  @Test func progressCoalescesAndTheLastOneIsKeptBeforeTheSettlement() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])[0]
    #expect(script.progress(running, 1) == [.reschedule])
    for percent in 2...50 { #expect(script.progress(running, Double(percent)).isEmpty) }
    #expect(script.tick().actions == [.settle])
    #expect(script.machine.takeEnded().reports.map(\.progress?.percent) == [50])
    _ = script.progress(running, 60)
    #expect(script.tick(after: .milliseconds(24)).actions.isEmpty, "at most one report in 25 ms")
    _ = script.progress(running, 70)
    _ = script.end(running)
    let taken = script.machine.takeEnded()
    #expect(taken.reports == [AttemptReport(attempt: running.job.key, progress: Progress(percent: 70))])
    #expect(taken.settlements.count == 1)
  }

  @Test func theBeginningOfALongAttemptIsReportedOnce() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    let first = script.run([script.job("quick"), script.job("quick", ahead: true)])[0]
    // The clock does not hear of the second one's beginning, but it looks in time while anything is held.
    #expect(script.machine.nextTick(at: script.at, uptime: script.uptime) == script.uptime + .milliseconds(100))
    _ = script.end(first)
    #expect(script.machine.begin(slot: 0, runner: first.runner, at: script.at, uptime: script.uptime) != nil)
    _ = script.machine.takeEnded()
    let begun = script.at
    #expect(script.tick(after: .milliseconds(99)).actions.isEmpty)
    #expect(script.tick(after: .milliseconds(1)).actions == [.settle])
    let reports = script.machine.takeEnded().reports
    #expect(reports.map(\.startedAt) == [begun])
    #expect(script.tick(after: .seconds(1)).actions.isEmpty)
  }

  @Test func whatTheStoreDidNotTakeIsKept() {
    var script = MachineScript(slots: 2)
    let running = script.run([script.job(), script.job()])
    _ = script.progress(running[0], 10)
    _ = script.progress(running[1], 20)
    _ = script.end(running[0])
    _ = script.tick()
    let taken = script.machine.takeEnded()
    #expect(taken.reports.count == 2)
    // Newer news come before the store is back.
    _ = script.progress(running[1], 30)
    _ = script.tick(after: .milliseconds(50))
    script.machine.giveBack(taken.reports, taken.settlements)
    let again = script.machine.takeEnded()
    let byJob = Dictionary(uniqueKeysWithValues: again.reports.map { ($0.attempt.id, $0.progress?.percent) })
    #expect(byJob == [running[0].job.id: 10, running[1].job.id: 30])
    #expect(again.settlements == taken.settlements)
  }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerMachineStopTests {
  @Test func drainsReleasingWhatWaitsAndFinishingWhatRuns() {
    var script = MachineScript(slots: 1) { $0.aheadLimit = 10 }
    script.learnQuick()
    let running = script.run([script.job("quick"), script.job("quick", ahead: true)])[0]
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    #expect(script.settled().map(\.1) == [.released])
    #expect(!script.machine.isDone)
    #expect(script.machine.claimRequest(uptime: .seconds(60)) == nil)
    #expect(script.machine.wake(.critical, at: script.at).isEmpty)
    _ = script.end(running)
    #expect(script.machine.begin(slot: 0, runner: running.runner, at: script.at, uptime: script.uptime) == nil)
    #expect(!script.machine.isDone, "its outcome is not settled yet")
    #expect(script.settled().map(\.1) == [.succeeded(nil)])
    #expect(script.machine.isDone)
  }

  @Test func whatAClaimBringsWhileDrainingGoesBack() throws {
    var script = MachineScript(slots: 1)
    let request = try script.request()
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    #expect(!script.machine.isDone)
    let actions = script.machine.claimed([script.job()], for: request, at: script.at, uptime: .zero)
    #expect(!actions.contains { $0.isStart })
    #expect(script.settled().map(\.1) == [.released])
    #expect(script.machine.isDone)
  }

  @Test func afterTheShutdownTimeoutTheRestIsReleased() {
    var script = MachineScript(slots: 2)
    let running = script.run([script.job(), script.job()])
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    for _ in 0..<2 {
      let due = script.tick(after: .seconds(10))
      _ = script.machine.renewed(
        due.renew, due.renew.map { _ in .renewed(cancelledBy: nil) }, asked: script.uptime, at: script.at,
        uptime: script.uptime)
    }
    #expect(script.tick(after: .seconds(10)).actions.contains(.cancelRunner(running[0].runner)))
    _ = script.end(running[0], .failed(message: "cancelled"))
    // The other one does not listen.
    #expect(script.tick(after: .seconds(1)).actions.contains(.settle))
    #expect(script.settled().map(\.1) == [.released, .released])
    #expect(script.machine.isDone)
    #expect(script.machine.abandoned == 1)
  }

  @Test func aStopReleasesAtOnceButKeepsASuccess() {
    var script = MachineScript(slots: 3)
    let running = script.run([script.job(), script.job(), script.job()])
    _ = script.machine.cancel(running[2].job.id, at: script.at, uptime: script.uptime)
    let actions = script.machine.stop(grace: .milliseconds(200), at: script.at, uptime: script.uptime)
    for one in running { #expect(actions.contains(.cancelRunner(one.runner))) }
    _ = script.end(running[0], .failed(message: "cancelled"))
    _ = script.end(running[1], .succeeded(nil))
    _ = script.tick(after: .milliseconds(200))
    #expect(script.settled().map(\.1) == [.released, .succeeded(nil), .stopped])
    #expect(script.machine.isDone)
  }

  @Test func givesUpOnAStoreThatDoesNotComeBack() {
    var script = MachineScript(slots: 1)
    #expect(!script.machine.mayGiveUp(uptime: .seconds(100_000)))
    _ = script.machine.drain(at: script.at, uptime: .zero)
    #expect(!script.machine.mayGiveUp(uptime: .seconds(39)))
    #expect(script.machine.mayGiveUp(uptime: .seconds(40)))
    _ = script.machine.stop(
      grace: .milliseconds(200), patience: .seconds(5), at: script.at, uptime: .seconds(1))
    #expect(script.machine.mayGiveUp(uptime: .seconds(7)))
  }
}
