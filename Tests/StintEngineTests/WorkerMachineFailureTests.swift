import StintCore
import StintStore
import Testing

@testable import StintEngine

@Suite struct WorkerMachineFailureTests {
  /// A job that has taken its worker down before.
  private func feared(_ job: Job, losses: Int = 2) -> Job {
    var job = job
    job.state.losses = losses
    return job
  }

  @Test func aJobThatTookItsWorkerDownTwiceRunsAlone() throws {
    var script = MachineScript(slots: 4)
    let jobs = [script.job(), feared(script.job()), script.job(), feared(script.job())]
    let first = script.run(jobs)
    #expect(first.map(\.job.id) == [jobs[0].id], "nobody begins beside it")
    let given = script.machine.takeEnded().settlements
    #expect(given.map(\.job.id) == [jobs[2].id, jobs[3].id], "what would wait for its end goes to others")
    #expect(given.allSatisfy { $0.cause == .released && $0.job.state.startedAt == nil }, "as if never claimed")
    #expect(script.machine.claimRequest(uptime: .seconds(9)) == nil, "nor is anything claimed to wait for it")
    #expect(script.machine.wake(.critical, at: script.at).contains(.claim))
    #expect(script.machine.claimRequest(uptime: .seconds(9)) == nil)
    let second = script.begin(script.end(first[0]) + [.startRunner(slot: first[0].slot, runner: first[0].runner)])
    #expect(second.map(\.job.id) == [jobs[1].id])
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil, "nothing is claimed while it runs")
    let actions = script.end(second[0]) + [.startRunner(slot: second[0].slot, runner: second[0].runner)]
    #expect(script.begin(actions).isEmpty, "nor before its outcome is stored")
    let settled = script.machine.settled(script.machine.takeEnded().settlements)
    #expect(settled.contains(.claim))
    #expect(script.machine.claimRequest(uptime: script.uptime)?.count == 4)
  }

  @Test func whatIsFoundBesideAJobThatRunsAloneIsGivenBack() throws {
    var script = MachineScript(slots: 2)
    let lone = feared(script.job())
    let running = script.run([lone])
    #expect(running.map(\.job.id) == [lone.id])
    script.machine.doubtfulSince = .zero
    script.uptime = .seconds(2)
    let request = try script.request()
    let found = script.job()
    let actions = script.machine.claimed([running[0].job, found], for: request, at: script.at, uptime: script.uptime)
    #expect(actions.contains(.settle) && script.begin(actions).isEmpty)
    #expect(script.settled().map(\.0) == [found.id])
  }

  @Test func oneLossIsNoReasonToRunAlone() {
    var script = MachineScript(slots: 2)
    let jobs = [script.job(), feared(script.job(), losses: 1)]
    #expect(script.run(jobs).count == 2)
  }

  @Test func outputIsNumberedAndCutOnceBetweenCharacters() {
    var script = MachineScript(slots: 1) { $0.limits.outputBytes = 8 }
    let running = script.run([script.job()])[0]
    #expect(script.hear(running, .output(.stdout, "abc\n")) == [.reschedule])
    #expect(script.hear(running, .output(.stderr, "dé€")).isEmpty)
    _ = script.hear(running, .output(.stdout, "more"))
    _ = script.tick()
    let said = script.machine.takeEnded().reports.flatMap(\.output)
    #expect(said.map(\.text) == ["abc\n", "dé", "[output cut after 8 bytes]\n"])
    #expect(said.map(\.number) == [1, 2, 3])
    #expect(said.map(\.stream) == [.stdout, .stderr, .notice])
    _ = script.hear(running, .output(.stdout, "x"))
    #expect(script.machine.takeEnded().reports.isEmpty)
  }

  @Test func outputOfExactlyTheLimitIsNotCut() {
    var script = MachineScript(slots: 1) { $0.limits.outputBytes = 4 }
    let running = script.run([script.job()])[0]
    _ = script.hear(running, .output(.stdout, "abc\n"))
    _ = script.end(running)
    #expect(script.machine.takeEnded().reports.flatMap(\.output).map(\.text) == ["abc\n"])
  }

  @Test func outputAndCheckpointAreHandedOverBeforeTheOutcomeAndComeBackInOrder() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])[0]
    _ = script.hear(running, .output(.stdout, "1\n"))
    _ = script.hear(running, .checkpoint(RawJSON(["at": 1])))
    _ = script.tick()
    let taken = script.machine.takeEnded()
    _ = script.hear(running, .output(.stdout, "2\n"))
    _ = script.hear(running, .checkpoint(RawJSON(["at": 2])))
    _ = script.end(running)
    script.machine.giveBack(taken.reports, taken.settlements)
    let again = script.machine.takeEnded()
    #expect(again.reports.flatMap(\.output).map(\.text) == ["1\n", "2\n"])
    #expect(again.reports.map(\.checkpoint) == [RawJSON(["at": 2])])
    #expect(again.settlements.count == 1)
  }

  @Test func outputIsASignOfLife() {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job(stall: .seconds(5))])[0]
    _ = script.tick(after: .seconds(4))
    _ = script.hear(running, .output(.stdout, "here\n"))
    #expect(!script.tick(after: .seconds(4)).actions.contains(.cancelRunner(running.runner)))
    #expect(script.tick(after: .seconds(2)).actions.contains(.cancelRunner(running.runner)))
  }

  @Test func whatAProgramSaysToTheServerIsASignOfLifeOfItsAttemptAlone() {
    var script = MachineScript(slots: 2)
    let running = script.run([script.job(stall: .seconds(5)), script.job(stall: .seconds(5))])
    _ = script.tick(after: .seconds(4))
    script.machine.hear(from: running[0].job.key, uptime: script.uptime)
    script.machine.hear(from: AttemptKey(id: running[1].job.id, revision: 7), uptime: script.uptime)
    let due = script.tick(after: .seconds(4))
    #expect(due.actions.filter { $0 == .cancelRunner(running[0].runner) }.isEmpty)
    #expect(due.actions.contains(.cancelRunner(running[1].runner)), "another attempt's words are not its own")
    #expect(script.tick(after: .seconds(1)).actions.contains(.cancelRunner(running[0].runner)))
  }

  @Test func aPatientDrainWaitsForWhatRunsUntilThereIsHurry() {
    var script = MachineScript(slots: 1) {
      $0.lease = .seconds(600)
      $0.shutdownTimeout = .seconds(30)
    }
    let running = script.run([script.job()])[0]
    _ = script.machine.drain(at: script.at, uptime: script.uptime, isPatient: true)
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil)
    #expect(!script.tick(after: .seconds(60)).actions.contains(.cancelRunner(running.runner)))
    _ = script.machine.drain(at: script.at, uptime: script.uptime)
    #expect(!script.tick(after: .seconds(29)).actions.contains(.cancelRunner(running.runner)))
    #expect(script.tick(after: .seconds(2)).actions.contains(.cancelRunner(running.runner)))
  }

  @Test func slotsComeAndGo() throws {
    var script = MachineScript(slots: 1)
    let jobs = (0..<4).map { _ in script.job() }
    let running = script.run([jobs[0]])
    let more = script.machine.resize(to: 3, at: script.at)
    #expect(more.contains(.claim))
    #expect(try script.request().count == 2)
    let request = ClaimRequest(worker: "w", count: 2, lease: .seconds(30))
    let others = script.begin(
      script.machine.claimed([jobs[1], jobs[2]], for: request, at: script.at, uptime: script.uptime))
    #expect(others.count == 2)
    _ = script.machine.resize(to: 1, at: script.at)
    #expect(script.machine.claimRequest(uptime: script.uptime) == nil, "what runs goes on, nothing new begins")
    for one in running + others { _ = script.end(one) }
    for one in running + others {
      #expect(script.machine.begin(slot: one.slot, runner: one.runner, at: script.at, uptime: script.uptime) == nil)
    }
    #expect(try script.request().count == 1)
  }

  @Test func whatIsHeldForSlotsThatAreNoMoreIsGivenBack() throws {
    var script = MachineScript(slots: 2)
    let request = try script.request()
    // The answer comes when there is no slot any more; and once more, before there is none.
    _ = script.machine.resize(to: 0, at: script.at)
    let late = script.machine.claimed([script.job(), script.job()], for: request, at: script.at, uptime: script.uptime)
    #expect(late.contains(.settle))
    #expect(script.machine.takeEnded().settlements.map(\.cause) == [.released, .released])
    _ = script.machine.resize(to: 2, at: script.at)
    let again = try script.request()
    _ = script.machine.claimed([script.job(), script.job()], for: again, at: script.at, uptime: script.uptime)
    #expect(script.machine.resize(to: 1, at: script.at).contains(.settle))
    #expect(script.machine.takeEnded().settlements.map(\.cause) == [.released, .released])
    #expect(try script.request().count == 1)
  }
}

/// Found by the simulation: neighbours of a job that killed its worker, and jobs whose claim was never answered, were
/// called poison although they had not begun.
@Suite struct WorkerMachineBeginningTests {
  private func feared(_ job: Job, losses: Int) -> Job {
    var job = job
    job.state.losses = losses
    return job
  }

  @Test func aJobThatLostAWorkerBeginsOnceItsBeginningIsStored() throws {
    var script = MachineScript(slots: 2)
    let jobs = [feared(script.job(ahead: true), losses: 1), script.job()]
    let actions = script.claim(jobs)
    #expect(script.begin(actions).isEmpty)
    #expect(script.tick().actions.contains(.settle))
    let reports = script.machine.takeEnded().reports
    #expect(reports == [AttemptReport(attempt: jobs[0].key, startedAt: script.at)])
    // The store did not take it; then it does.
    script.machine.giveBack(reports, [])
    #expect(script.machine.takeEnded().reports == reports)
    let began = script.machine.recorded(reports)
    #expect(script.begin(began).map(\.job.id) == jobs.map(\.id))
    #expect(script.machine.takeEnded().reports.isEmpty)
  }

  @Test func nobodyBeginsBesideAnOutcomeOfAJobThatRanAlone() throws {
    var script = MachineScript(slots: 2)
    let first = script.run([feared(script.job(), losses: 2)])
    let actions = script.end(first[0])
    #expect(script.machine.begin(slot: first[0].slot, runner: first[0].runner, at: script.at, uptime: .zero) == nil)
    #expect(script.begin(actions).isEmpty && script.machine.claimRequest(uptime: .seconds(9)) == nil)
    let settlements = script.machine.takeEnded().settlements
    script.machine.giveBack([], settlements)
    #expect(script.machine.claimRequest(uptime: .seconds(9)) == nil, "the store did not take it")
    #expect(script.machine.settled(script.machine.takeEnded().settlements).contains(.claim))
    #expect(script.machine.claimRequest(uptime: .seconds(9))?.count == 2)
  }

  @Test func aJobThatMustRunAloneIsNotMarkedWhileItWaits() throws {
    var script = MachineScript(slots: 2)
    let jobs = [script.job(), feared(script.job(ahead: true), losses: 2)]
    let first = script.run(jobs)
    #expect(first.map(\.job.id) == [jobs[0].id])
    _ = script.tick()
    #expect(script.machine.takeEnded().reports.isEmpty)
    #expect(script.end(first[0]).contains(.reschedule))
    #expect(script.machine.begin(slot: first[0].slot, runner: first[0].runner, at: script.at, uptime: .zero) == nil)
    _ = script.tick()
    let reports = script.machine.takeEnded().reports
    #expect(reports.map(\.attempt) == [jobs[1].key])
    #expect(script.begin(script.machine.recorded(reports)).map(\.job.id) == [jobs[1].id])
  }

  @Test(arguments: [-7_200, 7_200]) func outcomesThatWaitForTheStoreFollowTheWallClock(_ step: Int) throws {
    var script = MachineScript(slots: 1)
    let running = script.run([script.job()])
    script.uptime = .seconds(3)
    _ = script.end(running[0], .failed(message: "no"))
    let taken = script.machine.takeEnded(at: script.at, uptime: script.uptime)
    #expect(taken.settlements.map(\.at) == [script.start + .seconds(3)])
    script.machine.giveBack(taken.reports, taken.settlements)
    // A second later the clock has been set; another second later nothing more has happened.
    for uptime in [4, 5] {
      let at = script.start + .seconds(uptime + step)
      let again = script.machine.takeEnded(at: at, uptime: .seconds(uptime))
      #expect(again.settlements.map(\.at) == [script.start + .seconds(3 + step)])
      #expect(again.settlements.map(\.job.state.startedAt) == [script.start + .seconds(step)])
      script.machine.giveBack(again.reports, again.settlements)
    }
  }

  @Test func aWorkerThatEndsInDoubtKnowsIt() throws {
    var script = MachineScript(slots: 1)
    _ = try script.request()
    script.machine.claimFailed(isInDoubt: true, uptime: script.uptime)
    _ = script.machine.stop(grace: .zero, patience: .seconds(5), at: script.at, uptime: script.uptime)
    for uptime in [0, 5] {
      script.uptime = .seconds(uptime)
      #expect(!script.machine.hasGivenUpDoubt && !script.machine.isDone)
      let request = try script.request()
      #expect(request.isRecovering)
      script.machine.claimFailed(isInDoubt: false, uptime: script.uptime)
    }
    #expect(script.machine.hasGivenUpDoubt && script.machine.isDone)
  }
}
