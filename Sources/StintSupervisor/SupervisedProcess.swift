import Dispatch
import Logging
import StintCore
import StintEngine
import StintStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// One worker process, as its supervisor sees it: does its calls on the store, holds what it claimed, and knows at once
/// when it has gone.
final class SupervisedProcess: Sendable {
  let pid: pid_t
  private let channel: FrameChannel
  private let recorder: FlightRecorder?
  private let engine: Engine
  private let supervisor: String
  private let logger: Logger
  private let state: Locked<State>

  private struct State {
    /// What the process claimed and has not given back.
    var held = HeldAttempts()
    var lastHeard: Duration
    /// Whether it was asked to end.
    var isEnding = false
    var isHung = false
    /// The worker's entries that it announced: forgotten when it has gone.
    var workers: Set<String> = []
    /// Calls on the store that are not answered.
    var calls = 0
    /// Whether the last call failed because the store is away.
    var isStoreAway = false
    /// A hint that waits to be written: further ones join it.
    var readyHint: Priority?
  }

  /// How a process ended.
  struct Ending: Sendable {
    let pid: pid_t
    /// In words: "exited with code 1", "was killed by signal 9".
    let text: String
    /// Whether it ended well, and was asked to.
    let isRegular: Bool
  }

  /// How often a worker process says that it is alive.
  static func signOfLife(_ configuration: EngineConfiguration) -> Duration {
    max(.milliseconds(20), min(.seconds(2), configuration.heartbeat / 4))
  }

  /// Starts a process, which is handed `settings`. Throws ``StintCore/StintError`` where that can not be.
  init(
    engine: Engine, supervisor: String, command: [String], settings: [UInt8], logger: Logger
  ) throws(StintError) {
    self.engine = engine
    self.supervisor = supervisor
    self.logger = logger
    guard let file = FlightRecorder.makeFile() else { throw Self.failure("shared memory", errno) }
    defer { close(file) }
    guard let handed = NamelessFile.make(holding: settings) else { throw Self.failure("shared memory", errno) }
    defer { close(handed) }
    self.recorder = FlightRecorder(descriptor: file)
    let (own, others) = try Spawn.socketPair()
    do throws(StintError) {
      pid = try Spawn.start(command, descriptors: [others, file, handed])
    } catch {
      close(own)
      close(others)
      throw error
    }
    close(others)
    channel = FrameChannel(descriptor: own)
    state = Locked(State(lastHeard: engine.time.uptime()))
    // Before anyone can send it a hint: it must be the first that it reads.
    tell(.configure(engine.configuration))
  }

  static func failure(_ what: String, _ code: Int32) -> StintError {
    StintError(.internalError, "A worker process can not be started: \(what): \(String(cString: strerror(code)))")
  }

  /// The attempts that run there and were not asked to stop, as far as is known here.
  var listening: [AttemptKey] {
    state.withLock { state in state.held.jobs.compactMap { $0.state.isCancelRequested ? nil : $0.key } }
  }

  /// Whether it can not go on because the store does not answer.
  var isWaitingForStore: Bool { state.withLock { $0.calls > 0 || $0.isStoreAway } }

  /// Whether it was asked to end.
  var isEnding: Bool { state.withLock { $0.isEnding } }

  // MARK: Telling

  /// Passes a hint on. Those that only say "there is work" join; one about an attempt goes to the process that has it.
  func hint(_ signal: WorkerSignal) {
    if case .alive(let attempt) = signal, state.withLock({ $0.held[attempt] == nil }) { return }
    guard case .ready(let priority) = signal else { return tell(.signal(signal)) }
    let isNew = state.withLock { state in
      defer { state.readyHint = max(state.readyHint ?? .low, priority) }
      return state.readyHint == nil
    }
    guard isNew else { return }
    channel.send {
      let priority = self.state.withLock { state in
        defer { state.readyHint = nil }
        return state.readyHint ?? .low
      }
      return ChannelMessage.tell(.signal(.ready(priority))).bytes
    }
  }

  private func tell(_ message: SupervisorMessage) { channel.send(ChannelMessage.tell(message).bytes) }

  /// How a process is asked to end.
  enum Manner: Sendable {
    /// When all that runs has ended, however long that takes.
    case whenDone
    /// When all that runs has ended, or was given back after the shutdown timeout.
    case inTime
    /// Now, with all that runs given back.
    case atOnce
  }

  /// Asks it to end.
  func end(_ manner: Manner) {
    state.withLock { $0.isEnding = true }
    switch manner {
    case .whenDone: tell(.leave)
    case .inTime: tell(.drain)
    case .atOnce: tell(.stop)
    }
  }

  /// Ends it in the hardest way.
  func kill() { _ = sendSignal(pid, SIGKILL) }

  // MARK: Serving

  /// Serves the process until it has ended. What it held is then to be given back.
  func run() async -> Ending {
    let (messages, feed) = AsyncStream.makeStream(of: ChannelMessage.self)
    channel.start { [self] bytes in
      let now = engine.time.uptime()
      state.withLock { $0.lastHeard = now }
      if let message = ChannelMessage(bytes: bytes) { feed.yield(message) }
    } ended: {
      feed.finish()
    }
    let watch = Task { await watchForSilence() }  // cancelled and awaited below
    await withDiscardingTaskGroup { group in
      for await case .call(let number, let call) in messages {
        group.addTask {
          self.state.withLock { $0.calls += 1 }
          let reply = await self.answer(call)
          self.state.withLock { state in
            state.calls -= 1
            state.isStoreAway = if case .failed = reply { true } else { false }
          }
          self.channel.send(
            ChannelMessage.reply(number, reply).bytes, reaching: reply.hasJobs ? .claimHandedOver : nil)
        }
      }
    }
    watch.cancel()
    await watch.value
    // The connection has ended; the process, if it should still be there, must.
    kill()
    return await waitForExit()
  }

  /// Kills the process when it says nothing for as long as a heartbeat: its tasks hang, or it was stopped.
  private func watchForSilence() async {
    let time = engine.time
    let patience = max(engine.configuration.heartbeat, Self.signOfLife(engine.configuration) * 4)
    while !Task.isCancelled {
      let deadline = state.withLock { $0.lastHeard } + patience
      guard time.uptime() >= deadline else {
        try? await time.sleep(untilUptime: deadline)
        // Where this process itself was stopped or the machine slept, what was said meanwhile is still to be read.
        try? await time.sleep(for: patience / 4)
        continue
      }
      state.withLock { $0.isHung = true }
      logger.error("worker process hangs", metadata: ["pid": "\(pid)", "silent_for": "\(patience.text)"])
      return kill()
    }
  }

  private func waitForExit() async -> Ending {
    let status = await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [pid] in
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        continuation.resume(returning: status)
      }
    }
    let (isEnding, isHung) = state.withLock { ($0.isEnding, $0.isHung) }
    let signal = status & 0x7F
    let code = (status >> 8) & 0xFF
    let text =
      if isHung {
        "hung and was killed"
      } else if signal != 0 {
        "was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
      } else {
        "exited with code \(code)"
      }
    return Ending(pid: pid, text: text, isRegular: isEnding && signal == 0 && code == 0)
  }

  // MARK: Calls

  private func answer(_ call: GatewayCall) async -> GatewayReply {
    do throws(StoreError) {
      switch call {
      case .announce(var worker):
        worker.supervisor = supervisor
        let id = worker.id
        _ = state.withLock { $0.workers.insert(id) }
        try await engine.gateway.announce(worker)
        return .done
      case .leave(let worker):
        try await engine.gateway.leave(worker)
        _ = state.withLock { $0.workers.remove(worker) }
        return .done
      case .claim(let request):
        return .jobs(try await claim(request))
      case .renew(let attempts, let lease):
        let results = try await engine.gateway.renew(attempts, lease: lease)
        state.withLock { state in
          for (attempt, result) in zip(attempts, results) where result == .lost { state.held.remove(attempt) }
        }
        return .renewed(results)
      case .record(let reports):
        try await engine.gateway.record(reports)
        state.withLock { state in
          for report in reports {
            if let startedAt = report.startedAt { state.held.begin(report.attempt, at: startedAt) }
          }
        }
        return .done
      case .checkpoint(let id): return .checkpoint(try await engine.gateway.checkpoint(id))
      case .access(let attempt):
        guard let job = state.withLock({ $0.held[attempt] }) else { return .access(nil) }
        return .access(await engine.gateway.access(job))
      case .settle(let outcomes): return .settled(try await settle(outcomes))
      }
    } catch {
      return .failed(error)
    }
  }

  private func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    guard request.isRecovering else {
      let jobs = try await engine.gateway.claim(request)
      if !jobs.isEmpty { KillPoint.reached(.claimCommitted) }
      state.withLock { $0.held.add(jobs) }
      return jobs
    }
    state.withLock { $0.held.beginRecovery() }
    do throws(StoreError) {
      let jobs = try await engine.gateway.claim(request)
      if !jobs.isEmpty { KillPoint.reached(.claimCommitted) }
      return state.withLock { $0.held.endRecovery(found: jobs) }
    } catch {
      _ = state.withLock { $0.held.endRecovery(found: []) }
      throw error
    }
  }

  private func settle(_ outcomes: [GatewayCall.Settled]) async throws(StoreError) -> [SettleResult] {
    var settlements: [Settlement] = []
    var places: [Int] = []
    var results = [SettleResult](repeating: .superseded, count: outcomes.count)
    state.withLock { state in
      for (index, outcome) in outcomes.enumerated() {
        guard var job = state.held[outcome.attempt] else { continue }
        job.state.startedAt = outcome.startedAt
        settlements.append(Settlement(job: job, cause: outcome.cause, at: outcome.at))
        places.append(index)
      }
    }
    for (place, result) in zip(places, try await engine.gateway.settle(settlements)) { results[place] = result }
    KillPoint.reached(.settlementCommitted)
    state.withLock { state in for outcome in outcomes { state.held.remove(outcome.attempt) } }
    return results
  }

  // MARK: The end

  /// What the process held goes on elsewhere, now: what had begun is lost, the rest was never touched. A store that is
  /// away is waited for until the task is cancelled; what is not given back then comes back with its leases.
  func giveBack(_ ending: Ending) async {
    let running = recorder?.running ?? []
    let (held, workers, isEnding) = state.withLock { state in
      defer { state.held = HeldAttempts() }
      return (state.held.jobs.sorted { $0.state.revision < $1.state.revision }, state.workers, state.isEnding)
    }
    let (at, uptime) = (engine.time.now(), engine.time.uptime())
    var settlements = held.map { job -> Settlement in
      var job = job
      if running.contains(job.state.revision) { job.state.startedAt = job.state.startedAt ?? at }
      guard running.contains(job.state.revision), !isEnding else {
        return Settlement(job: job, cause: .released, at: at, uptime: uptime)
      }
      let alone = job.runsAlone(maxLosses: engine.configuration.maxLosses)
      let message = "The worker process \(pid) \(ending.text)"
      return Settlement(job: job, cause: .lost(message: message, alone: alone, seen: true), at: at, uptime: uptime)
    }
    let troubles = TroubleLog(logger: logger, time: engine.time)
    while !settlements.isEmpty {
      do throws(StoreError) {
        KillPoint.reached(.lossesDecided)
        let (now, uptime) = (engine.time.now(), engine.time.uptime())
        for index in settlements.indices { settlements[index].follow(wallClock: now, uptime: uptime) }
        _ = try await engine.gateway.settle(settlements)
        troubles.worked("giving back")
        KillPoint.reached(.lossesCommitted)
        break
      } catch {
        troubles.failed("giving back", error, ["jobs": "\(settlements.count)"])
        var isOver = false
        if case .closed = error { isOver = true }
        if !isOver, (try? await engine.time.sleep(for: .seconds(1))) != nil { continue }
        logger.error(
          "stopped without the store: what the worker process held comes back when its leases end",
          metadata: ["pid": "\(pid)", "jobs": "\(settlements.count)", "error": "\(error)"])
        return
      }
    }
    for worker in workers { try? await engine.gateway.leave(worker) }
  }
}

// The C library's `kill`, which the process's own hides inside it.
private func sendSignal(_ pid: pid_t, _ signal: Int32) -> Int32 { kill(pid, signal) }
