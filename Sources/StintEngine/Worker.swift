import Logging
import ServiceLifecycle
import StintCore
import StintStore

/// Notes which attempts run, for whoever must know after the process was killed.
package protocol AttemptRecorder: Sendable {
  /// The slot runs the attempt of this revision.
  func begin(_ revision: Int64, slot: Int)
  /// The attempt has ended.
  func end(_ revision: Int64, slot: Int)
}

/// Claims jobs, runs them in its slots and settles their outcomes: the shell around ``WorkerMachine``.
///
/// Four loops wait for signals: one claims, one settles, one keeps time (leases, reports, timeouts), one renews leases.
/// None waits for a call of another. Handlers run in runner tasks, one a slot, which take job after job without passing
/// through a loop.
package final class Worker: WorkerPool {
  package let id: String
  private let machine: Locked<WorkerMachine>
  private let gateway: any WorkerGateway
  private let hub: EventHub
  private let handlers: [String: Handler]
  private let types: [JobType]
  private let configuration: EngineConfiguration
  private let time: any TimeSource
  private let random: RandomSource
  private let logger: Logger
  private let identity: (host: String, pid: Int32)
  private let recorder: (any AttemptRecorder)?
  private let runners = Locked<[UInt64: Task<Void, Never>]>([:])
  private let claimSignal = Signal()
  private let settleSignal = Signal()
  private let clockSignal = Signal()
  private let renewSignal = Signal()
  private let presenceSignal = Signal()
  /// Whether what was announced last is no longer so.
  private let isPresenceOld = Locked(false)
  /// Leases that are to be renewed, and since when.
  private let renewal = Locked<(keys: [AttemptKey], asked: Duration)?>(nil)
  private let hasSaidHopeless = Locked(false)
  private let troubles: TroubleLog
  private let startedAt: Timestamp

  package init(
    gateway: any WorkerGateway, hub: EventHub, handlers: [Handler], configuration: EngineConfiguration,
    identity: (host: String, pid: Int32), time: any TimeSource, random: RandomSource, logger: Logger,
    only: JobID? = nil, recorder: (any AttemptRecorder)? = nil
  ) {
    var byName: [String: Handler] = [:]
    for handler in handlers {
      for name in [handler.type.name] + handler.type.aliases { byName[name] = handler }
    }
    self.id = "\(identity.host)-\(identity.pid)-\(random.letters(8))"
    self.identity = identity
    self.gateway = gateway
    self.recorder = recorder
    self.hub = hub
    self.handlers = byName
    self.types = handlers.map(\.type)
    self.configuration = configuration
    self.time = time
    self.random = random
    self.startedAt = time.now()
    var logger = logger
    logger[metadataKey: "worker_id"] = "\(id)"
    self.logger = logger
    self.troubles = TroubleLog(logger: logger, time: time)
    self.machine = Locked(
      WorkerMachine(id: id, configuration: configuration, types: Set(byName.keys), only: only))
  }

  /// Attempts that were asked to stop and did not: this process still carries them.
  var abandonedCount: Int { machine.withLock { $0.abandoned } }

  /// The attempts that run here and were not asked to stop.
  package var listening: [AttemptKey] { machine.withLock { $0.listening } }

  /// Works until the task is cancelled or the service group shuts down: then gives back what it can not finish.
  package func run() async {
    let hints = hub.attach { [self] signal in hear(signal) }
    defer { hub.detach(hints) }
    // The loops outlive cancellation: they must still settle and release. Awaited right below.
    let loops = Task { await self.loops() }
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await loops.value
      } onGracefulShutdown: {
        self.drain()
      }
    } onCancel: {
      stop()
    }
  }

  /// Claims no more, and ends once everything that runs has ended.
  ///
  /// - Parameter isPatient: waits for what runs however long it takes, and not only for the shutdown timeout.
  package func drain(isPatient: Bool = false) {
    logger.info("worker draining")
    perform(machine.withLock { $0.drain(at: time.now(), uptime: time.uptime(), isPatient: isPatient) })
    presenceSignal.notify()
    KillPoint.reached(.workerDraining)
  }

  /// Asks everything to stop at once, and gives it back.
  package func stop() {
    perform(
      machine.withLock {
        $0.stop(grace: .milliseconds(200), patience: .seconds(5), at: time.now(), uptime: time.uptime())
      })
    presenceSignal.notify()
  }

  private func loops() async {
    logger.info("worker started", metadata: ["slots": "\(configuration.slots)"])
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.claimLoop() }
      group.addTask { await self.clockLoop() }
      group.addTask { await self.renewLoop() }
      group.addTask { await self.presenceLoop() }
      await self.settleLoop()
      group.cancelAll()
    }
    let left = runners.withLock { Array($0.values) }
    if abandonedCount == 0 { for task in left { await task.value } }
    // A store that does not take outcomes does not take this either: the entry goes once it has been silent for long.
    if !hasSaidHopeless.withLock({ $0 }) { try? await gateway.leave(id) }
    let processed = machine.withLock { $0.processed }
    logger.info("worker stopped", metadata: ["processed": "\(processed)", "abandoned": "\(abandonedCount)"])
  }

  // MARK: The loops

  private func claimLoop() async {
    while !Task.isCancelled {
      guard let request = machine.withLock({ $0.claimRequest(uptime: time.uptime()) }) else {
        await claimSignal.wait(untilUptime: machine.withLock { $0.nextClaim() }, time: time)
        continue
      }
      do throws(StoreError) {
        let jobs = try await gateway.claim(request)
        troubles.worked("claiming", wrote: !jobs.isEmpty)
        if !jobs.isEmpty { KillPoint.reached(.claimReceived) }
        perform(
          machine.withLock { $0.claimed(jobs, for: request, at: time.now(), uptime: time.uptime()) })
      } catch {
        let isInDoubt = if case .unavailable(_, effect: .unknown) = error { true } else { false }
        troubles.failed("claiming", error)
        let isGivenUp = machine.withLock { machine in
          machine.claimFailed(isInDoubt: isInDoubt, uptime: time.uptime())
          return machine.hasGivenUpDoubt
        }
        if isGivenUp { sayHopeless(error) }
        settleSignal.notify()
      }
    }
  }

  private func settleLoop() async {
    while true {
      let (reports, settlements) = machine.withLock {
        $0.takeEnded(at: time.now(), uptime: time.uptime())
      }
      if settlements.isEmpty, reports.isEmpty {
        if machine.withLock({ $0.isDone }) { return }
        await settleSignal.wait()
        continue
      }
      do throws(StoreError) {
        if !reports.isEmpty {
          try await gateway.record(reports)
          perform(machine.withLock { $0.recorded(reports) })
        }
        if !settlements.isEmpty { KillPoint.reached(.outcomesTaken) }
        let results = settlements.isEmpty ? [] : try await gateway.settle(settlements)
        troubles.worked("settling")
        perform(machine.withLock { $0.settled(settlements) })
        if !settlements.isEmpty { noteSettled() }
        for (settlement, result) in zip(settlements, results) where result == .superseded {
          logger.warning("superseded", metadata: settlement.job.logMetadata)
        }
      } catch {
        troubles.failed("settling", error, ["outcomes": "\(settlements.count)", "reports": "\(reports.count)"])
        let isHopeless = machine.withLock { machine in
          machine.giveBack(reports, settlements)
          // Not when the next try would end too late.
          return machine.mayGiveUp(uptime: time.uptime() + WorkerMachine.tryTime)
        }
        if case .closed = error { return }
        if isHopeless { return sayHopeless(error) }
        await settleSignal.wait(untilUptime: time.uptime() + .seconds(1), time: time)
      }
    }
  }

  /// Says, once, that it does not wait for the store any longer.
  private func sayHopeless(_ error: StoreError) {
    let isSaid = hasSaidHopeless.withLock { said in
      defer { said = true }
      return said
    }
    guard !isSaid else { return }
    let left = machine.withLock { $0.unsettledCount }
    logger.error(
      "stopped without the store: what it held comes back when its leases end",
      metadata: ["error": "\(error)", "attempts": "\(left)"])
  }

  private func clockLoop() async {
    while !Task.isCancelled {
      let (due, asked, given, carried) = machine.withLock { machine in
        let before = machine.abandoned
        // Both here, and beside each other: a wait for the lock between them would look like a wall clock that was set.
        let (at, asked) = (time.now(), time.uptime())
        let due = machine.tick(at: at, uptime: asked)
        return (due, asked, machine.abandoned - before, machine.abandoned)
      }
      if given > 0 {
        logger.warning(
          "gave up waiting for attempts that do not stop",
          metadata: ["attempts": "\(given)", "abandoned": "\(carried)"])
      }
      perform(due.actions)
      if due.renew.isEmpty {
        troubles.worked("renewing", wrote: false)
      } else {
        renewal.withLock { $0 = (due.renew, asked) }
        renewSignal.notify()
      }
      let next = machine.withLock { $0.nextTick(at: time.now(), uptime: time.uptime()) }
      await clockSignal.wait(untilUptime: next, time: time)
    }
  }

  /// Renews leases: by itself, so that a store that hangs does not hold up the other clocks, timeouts among them.
  private func renewLoop() async {
    while !Task.isCancelled {
      guard let (keys, asked) = renewal.withLock({ $0.take() }) else {
        await renewSignal.wait()
        continue
      }
      do throws(StoreError) {
        let results = try await gateway.renew(keys, lease: configuration.lease)
        troubles.worked("renewing")
        for (key, result) in zip(keys, results) where result == .lost {
          logger.warning("lease lost", metadata: ["job_id": "\(key.id)", "revision": "\(key.revision)"])
        }
        perform(
          machine.withLock { $0.renewed(keys, results, asked: asked, at: time.now(), uptime: time.uptime()) })
      } catch {
        troubles.failed("renewing", error, ["attempts": "\(keys.count)"])
        machine.withLock { $0.renewalFailed(uptime: time.uptime()) }
      }
      clockSignal.notify()
    }
  }

  /// Says at each heartbeat that the worker is alive, and what it does: sooner when it begins to drain, and within a
  /// second when attempts have ended.
  private func presenceLoop() async {
    while !Task.isCancelled {
      isPresenceOld.withLock { $0 = false }
      let told = await announce()
      let at = time.uptime()
      while !Task.isCancelled {
        let now = machine.withLock { ($0.isDraining, $0.processed) }
        guard now.0 == (told.state == .draining) else { break }
        let wait = now.1 == told.processed ? configuration.heartbeat : min(.seconds(1), configuration.heartbeat)
        guard time.uptime() < at + wait else { break }
        await presenceSignal.wait(untilUptime: at + wait, time: time)
      }
    }
  }

  /// Attempts have ended: the presence loop is woken once for all until it says so.
  private func noteSettled() {
    let isOld = isPresenceOld.withLock { isOld in
      defer { isOld = true }
      return isOld
    }
    if !isOld { presenceSignal.notify() }
  }

  /// Makes the worker's entry known as it is now, and gives it.
  @discardableResult private func announce() async -> WorkerRecord {
    var record: WorkerRecord
    // Who changed the number of slots meanwhile has said so already: that must not be overwritten with what was.
    repeat {
      record = WorkerRecord(
        id: id, host: identity.host, pid: identity.pid, slots: 0, types: types, startedAt: startedAt,
        seenAt: time.now())
      machine.withLock { machine in
        record.state = machine.isDraining ? .draining : machine.busy > 0 ? .busy : .idle
        record.slots = machine.capacity
        record.processed = machine.processed
        record.abandoned = machine.abandoned
      }
      do throws(StoreError) {
        try await gateway.announce(record)
        troubles.worked("announcing")
      } catch {
        troubles.failed("announcing", error)
      }
    } while record.slots != machine.withLock({ $0.capacity })
    return record
  }

  /// Changes how many jobs run at once, and makes it known.
  package func resize(to count: Int) async throws(StintError) -> Int {
    guard (0...1_000).contains(count) else {
      throw StintError.invalid(
        "Invalid number of workers", [.init(param: "count", message: "\(count): allowed is 0 to 1000 slots")])
    }
    let actions = machine.withLock { machine in
      machine.isDraining ? nil : machine.resize(to: count, at: time.now())
    }
    guard let actions else { throw StintError(.unsupported, "The workers are stopping: they can not be scaled") }
    perform(actions)
    await announce()
    return count
  }

  /// How many jobs run at once.
  package var count: WorkerCount { WorkerCount(machine.withLock { $0.capacity }, .slots) }

  // MARK: Hints and actions

  private func hear(_ signal: WorkerSignal) {
    switch signal {
    case .ready(let priority): perform(machine.withLock { $0.wake(priority, at: time.now()) })
    case .cancel(let id): perform(machine.withLock { $0.cancel(id, at: time.now(), uptime: time.uptime()) })
    case .alive(let attempt): machine.withLock { $0.hear(from: attempt, uptime: time.uptime()) }
    case .due: break
    }
  }

  private func perform(_ actions: [WorkerMachine.Action]) {
    for action in actions {
      switch action {
      case .settle: settleSignal.notify()
      case .claim: claimSignal.notify()
      case .reschedule: clockSignal.notify()
      case .cancelRunner(let runner): runners.withLock { $0[runner] }?.cancel()
      case .startRunner(let slot, let runner): startRunner(slot: slot, runner: runner)
      }
    }
  }

  // MARK: Runners

  private func startRunner(slot: Int, runner: UInt64) {
    runners.withLock { runners in
      // Kept in `runners` until it ends; cancelled from there, awaited when the worker stops.
      runners[runner] = Task {
        await self.work(slot: slot, runner: runner)
        _ = self.runners.withLock { $0.removeValue(forKey: runner) }
      }
    }
  }

  /// Runs job after job, until there is none or its task was cancelled.
  private func work(slot: Int, runner: UInt64) async {
    while let job = machine.withLock({
      $0.begin(slot: slot, runner: runner, at: time.now(), uptime: time.uptime())
    }) {
      if job.spec.timeout != nil || job.spec.stallTimeout != nil || job.state.deadlineAt != nil {
        clockSignal.notify()
      }
      recorder?.begin(job.state.revision, slot: slot)
      KillPoint.reached(.attemptBegun)
      let attempt = AttemptRunner(
        handler: handlers[job.spec.type], time: time, random: random, logger: logger,
        gateway: gateway)
      let cause = await attempt.run(job, limits: configuration.limits) { [self] news in
        let (at, uptime) = (time.now(), time.uptime())
        perform(machine.withLock { $0.hear(news, slot: slot, runner: runner, at: at, uptime: uptime) })
      }
      KillPoint.reached(.handlerEnded)
      recorder?.end(job.state.revision, slot: slot)
      KillPoint.reached(.attemptEnded)
      perform(
        machine.withLock { $0.end(slot: slot, runner: runner, cause: cause, at: time.now(), uptime: time.uptime()) })
    }
  }
}
