#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif
public import Logging
public import ServiceLifecycle
public import StintCore
public import StintStore

/// A store with workers, maintenance and a client on it: what a server embeds, as a `Service`.
public final class Engine: Service {
  /// The door for submitting and watching; usable before and while ``run()`` runs.
  public let client: LocalClient
  /// The store.
  public let store: any Store
  private let handlers: [Handler]
  package let configuration: EngineConfiguration
  package let time: any TimeSource
  package let random: RandomSource
  private let logger: Logger
  /// The door through which workers get jobs and give back outcomes.
  public let gateway: any ServingGateway
  private let host: String
  private let pid: Int32

  /// An engine on `store` that runs jobs of these handlers' types.
  public init(
    store: any Store, handlers: [Handler], configuration: EngineConfiguration = EngineConfiguration(),
    time: any TimeSource = SystemTime(), random: RandomSource = .system, logger: Logger = Logger(label: "stint")
  ) {
    self.store = store
    self.handlers = handlers
    self.configuration = configuration
    self.time = time
    self.random = random
    self.logger = logger
    self.host = Self.hostName()
    self.pid = getpid()
    for warning in configuration.escalations.warnings { logger.warning("\(warning.param): \(warning.message)") }
    let hub = EventHub()
    self.client = LocalClient(
      store: store, types: handlers.map(\.type), hub: hub, limits: configuration.limits,
      queues: configuration.queueRules, allowsLocalOnlyTypes: configuration.allowsLocalOnlyTypes, time: time,
      random: random, logger: logger)
    self.gateway = LocalGateway(
      store: store, hub: hub, configuration: configuration, time: time, random: random, logger: logger)
  }

  /// Runs jobs until the task is cancelled or the service group shuts down gracefully; then gives back what it can not
  /// finish (SPEC §5, graceful stop). The store stays open.
  public func run() async {
    let worker = worker(only: nil)
    client.attach(worker)
    await run(worker)
    client.detach(worker)
  }

  /// Runs this one job in this process until it is over, and gives it as it is then. Throws `not_found`.
  ///
  /// For when no worker is there: jobs other than it, and those that take over from it, are left alone.
  public func execute(_ id: JobID) async throws(StintError) -> Job {
    let updates = try await client.watch(id)
    let worker = worker(only: id)
    return try await withTaskGroup(of: Void.self) { group -> Result<Job, StintError> in
      group.addTask { await self.run(worker) }
      defer { group.cancelAll() }
      do {
        for try await update in updates {
          if case .ended(let job) = update { return .success(job) }
          guard case .escalated(_, let next) = update else { continue }
          let successor = self.worker(only: next)
          group.addTask { await self.run(successor) }
        }
        return .failure(StintError(.storeUnavailable, "Stopped before the job \(id) was over"))
      } catch {
        return .failure(error as? StintError ?? StintError(.storeUnavailable, "\(error)"))
      }
    }.get()
  }

  private func run(_ worker: Worker) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.attend { worker.listening } }
      await worker.run()
      group.cancelAll()
    }
  }

  /// Everything but the workers: maintenance, and hints that another process changed the store. `listening` are the
  /// attempts under way here that were not asked to stop. Works until the task is cancelled.
  package func attend(listening: @escaping @Sendable () -> [AttemptKey]) async {
    // The queues' rules hold from the start; where the store is away, the next submission makes them known.
    try? await client.prepare()
    let maintenance = Maintenance(
      store: store, hub: client.hub, configuration: configuration, time: time, random: random, logger: logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await maintenance.run() }
      group.addTask { await self.follow(listening) }
    }
  }

  /// Tells workers and watchers when another process changed the store.
  private func follow(_ listening: () -> [AttemptKey]) async {
    for await _ in store.wakeups() {
      client.hub.resync()
      client.hub.hint(.ready(.low))
      // Whoever asked a job of this worker to stop may be another process; renewals would tell only later.
      let attempts = listening()
      guard !attempts.isEmpty, let jobs = try? await store.jobs(attempts.map(\.id)) else { continue }
      for (attempt, job) in zip(attempts, jobs) where job?.key == attempt && job?.state.isCancelRequested ?? false {
        client.hub.hint(.cancel(attempt.id))
      }
    }
  }

  private func worker(only: JobID?) -> Worker {
    Worker(
      gateway: gateway, hub: client.hub, handlers: handlers, configuration: configuration,
      identity: (host: host, pid: pid), time: time, random: random, logger: logger, only: only)
  }

  package static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Part of the worker's id, which is a name.
    return String(name.map { Name.isLegal(String($0)) ? $0 : "-" }.prefix(64))
  }
}
