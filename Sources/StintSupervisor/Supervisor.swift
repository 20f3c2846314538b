public import Logging
public import ServiceLifecycle
public import StintCore
public import StintEngine
import StintStore

/// Runs jobs in worker processes, so that a job that takes its process down takes nothing else along.
///
/// The processes are this program, started again (see ``WorkerProcess``). They have no connection to the store: every
/// claim, report and outcome goes through this process, which batches them with everything else. So a process can be
/// killed or stopped in the middle of anything without leaving a lock or half a write behind, and its end is seen at
/// once, as the end of its socket. What it ran is given to others immediately, and it is replaced.
public final class Supervisor: Service, WorkerPool {
  /// How the supervisor works.
  public struct Configuration: Sendable {
    /// Worker processes; each has the engine configuration's slots.
    public var processes: Int
    /// Replacements within ``period`` after which something must be wrong.
    public var maxRestarts = 10
    /// See ``maxRestarts``.
    public var period: Duration = .seconds(5)
    /// The arguments of a worker process; those of this process unless given.
    public var command = CommandLine.arguments
    /// What each worker process is handed, also one that replaces another much later: see ``WorkerProcess/settings``.
    package var settings: [UInt8] = []

    /// A supervisor of so many processes.
    public init(processes: Int) { self.processes = processes }
  }

  private enum Event: Sendable {
    case ended(SupervisedProcess.Ending)
    case resize(Int)
    case drain
    case stop
    case overdue(Patience)
  }

  /// For what there was time enough.
  private enum Patience: Sendable {
    /// To end after what runs.
    case inTime
    /// To give back what runs, and end.
    case atOnce
    /// To wait for a store that does not take it.
    case store
  }

  private let engine: Engine
  private let configuration: Configuration
  private let logger: Logger
  private let id: String
  private let processes = Locked<[Int32: SupervisedProcess]>([:])
  /// How many of them there are to be.
  private let wanted: Locked<Int>
  private let events: AsyncStream<Event>
  private let tell: AsyncStream<Event>.Continuation

  /// A supervisor for this engine's jobs; the engine itself must not run.
  public init(engine: Engine, configuration: Configuration, logger: Logger = Logger(label: "stint")) {
    self.engine = engine
    self.configuration = configuration
    self.wanted = Locked(configuration.processes)
    self.logger = logger
    self.id = "\(Engine.hostName())-\(ownProcess())"
    (events, tell) = AsyncStream.makeStream(of: Event.self)
  }

  /// The most worker processes.
  public static let limit = 256

  /// Changes the number of worker processes. Those that are too many finish what they run.
  ///
  /// Throws ``StintCore/StintError`` of kind `invalid_params` for more than ``limit``.
  public func resize(to count: Int) async throws(StintError) -> Int {
    guard (0...Self.limit).contains(count) else {
      throw StintError.invalid(
        "Invalid number of workers",
        [.init(param: "count", message: "\(count): allowed is 0 to \(Self.limit) worker processes")])
    }
    wanted.withLock { $0 = count }
    tell.yield(.resize(count))
    return count
  }

  /// How many worker processes there are to be.
  public var count: WorkerCount { WorkerCount(wanted.withLock { $0 }, .processes) }

  /// Runs jobs until the task is cancelled or the service group shuts down gracefully.
  ///
  /// - Throws: ``StintCore/StintError`` of kind `internal_error` when worker processes end faster than they may be
  ///   replaced, or can not be started: then all of them have been stopped.
  public func run() async throws {
    // It outlives cancellation: the processes must still end, and what they held be given back. Awaited right below.
    let work = Task { () async -> StintError? in await self.supervise() }
    let failure = await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await work.value
      } onGracefulShutdown: {
        self.tell.yield(.drain)
      }
    } onCancel: {
      self.tell.yield(.stop)
    }
    if let failure { throw failure }
  }

  private func supervise() async -> StintError? {
    let hints = engine.client.hub.attach { [self] signal in
      for process in processes.withLock({ Array($0.values) }) { process.hint(signal) }
    }
    engine.client.attach(self)
    defer {
      engine.client.detach(self)
      engine.client.hub.detach(hints)
    }
    return await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.engine.attend { self.processes.withLock { Array($0.values) }.flatMap { $0.listening } }
      }
      let failure = await keep(in: &group)
      group.cancelAll()
      return failure
    }
  }

  /// Keeps as many processes as are wanted, until it is to stop and all have ended.
  private func keep(in group: inout TaskGroup<Void>) async -> StintError? {
    var wanted = configuration.processes
    var budget = RestartBudget(count: configuration.maxRestarts, period: configuration.period)
    var failure: StintError?
    var isStopping = false
    failure = fill(to: wanted, in: &group)
    if failure != nil { tell.yield(.stop) }
    for await event in events {
      switch event {
      case .ended(let ending):
        processes.withLock { $0[ending.pid] = nil }
        if ending.isRegular {
          logger.info("worker process ended", metadata: ["pid": "\(ending.pid)"])
        } else if isStopping {
          logger.warning(
            "worker process did not stop well", metadata: ["pid": "\(ending.pid)", "how": "\(ending.text)"])
        } else {
          logger.error("worker process ended", metadata: ["pid": "\(ending.pid)", "how": "\(ending.text)"])
          if !budget.take(uptime: engine.time.uptime()) {
            failure = StintError(
              .internalError,
              "More than \(configuration.maxRestarts) worker processes ended within \(configuration.period.text); the"
                + " last one \(ending.text). Stopped")
            tell.yield(.stop)
          }
        }
        if isStopping || failure != nil {
          if processes.withLock({ $0.isEmpty }) { return failure }
        } else {
          failure = fill(to: wanted, in: &group)
          if failure != nil { tell.yield(.stop) }
        }
      case .resize(let count):
        guard !isStopping else { continue }
        wanted = count
        self.wanted.withLock { $0 = count }
        shrink(to: wanted)
        if let refused = fill(to: wanted, in: &group) {
          // What is there goes on, and is kept at that number.
          wanted = processes.withLock { $0.values.count(where: { !$0.isEnding }) }
          self.wanted.withLock { $0 = wanted }
          logger.error("not as many worker processes as wanted", metadata: ["error": "\(refused)", "now": "\(wanted)"])
        }
      case .drain where isStopping, .stop where isStopping && failure != nil: continue
      case .drain, .stop:
        isStopping = true
        let atOnce = if case .stop = event { true } else { false }
        if processes.withLock({ $0.isEmpty }) { return failure }
        end(atOnce: atOnce, in: &group)
      case .overdue(.inTime): end(atOnce: true, in: &group)
      case .overdue(.atOnce):
        // Those that wait for the store have outcomes and progress that are nowhere else: they give up by themselves.
        kill { !$0.isWaitingForStore }
        later(.store, after: WorkerMachine.outagePatience + .seconds(1), in: &group)
      case .overdue(.store): kill { _ in true }
      }
    }
    return failure
  }

  /// Asks all to end, and sees to it that they do: those that do not end in time are asked to end at once, and those
  /// that do not listen even then are killed.
  private func end(atOnce: Bool, in group: inout TaskGroup<Void>) {
    for process in processes.withLock({ Array($0.values) }) { process.end(atOnce ? .atOnce : .inTime) }
    KillPoint.reached(.processesDraining)
    later(
      atOnce ? .atOnce : .inTime, after: .seconds(2) + (atOnce ? .zero : engine.configuration.shutdownTimeout),
      in: &group)
  }

  private func later(_ patience: Patience, after duration: Duration, in group: inout TaskGroup<Void>) {
    group.addTask { [engine, tell] in
      guard (try? await engine.time.sleep(for: duration)) != nil else { return }
      tell.yield(.overdue(patience))
    }
  }

  private func kill(_ which: (SupervisedProcess) -> Bool) {
    for process in processes.withLock({ Array($0.values) }) where which(process) { process.kill() }
  }

  private func fill(to count: Int, in group: inout TaskGroup<Void>) -> StintError? {
    while processes.withLock({ $0.values.count(where: { !$0.isEnding }) }) < count {
      do throws(StintError) {
        let process = try SupervisedProcess(
          engine: engine, supervisor: id, command: configuration.command, settings: configuration.settings,
          logger: logger)
        processes.withLock { $0[process.pid] = process }
        logger.info("worker process started", metadata: ["pid": "\(process.pid)"])
        group.addTask { [tell] in
          let ending = await process.run()
          // Replaced first: a store that is away must not keep it from that.
          tell.yield(.ended(ending))
          await process.giveBack(ending)
        }
      } catch { return error }
    }
    return nil
  }

  private func shrink(to count: Int) {
    let staying = processes.withLock { $0.values.filter { !$0.isEnding } }
    // Those that run nothing first.
    let byLoad = staying.sorted { ($0.listening.count, $0.pid) < ($1.listening.count, $1.pid) }
    for process in byLoad.prefix(max(0, staying.count - count)) { process.end(.whenDone) }
  }
}
