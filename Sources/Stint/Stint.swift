public import Logging
public import ServiceLifecycle

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Background jobs in a Swift program: submit typed values, run them, wait for their typed results.
///
/// ```swift
/// let stint = try await Stint(.sqlite("stint.db"), Greet.self)
/// let handle = try await stint.submit(Greet(name: "Ada"))
/// print(try await handle.result())
/// ```
///
/// It is a `Service`: hand it to your server's `ServiceGroup` (Hummingbird: `addServices:`). Jobs run while ``run()``
/// runs; a graceful shutdown waits for what runs and gives back the rest, and closes the store.
public struct Stint: Service {
  /// Where jobs live.
  public enum Location: Sendable {
    /// In a SQLite file, made if it is not there: durable.
    case sqlite(_ path: String)
    /// In memory: gone with the process.
    case memory
    /// In a store of your own.
    case store(any Store)
  }

  /// The engine: workers, maintenance, and the untyped client.
  public let engine: Engine
  private let actor: Actor

  /// Opens a store and registers Swift types as job types.
  ///
  /// `escalation` has rules by job type: which type takes over when jobs of a type keep failing, for instance
  /// `["transcribe": EscalationRule("transcribe-slowly", retriesBefore: 1)]`. Where it is empty, those of
  /// ``EngineConfiguration/escalations`` hold.
  ///
  /// - Throws: ``StintCore/StintError``: a store that can not be opened, params that can not be derived, two types of
  ///   one name, a rule of escalation whose target does not exist or does not fit, or that is part of a loop.
  public init<each Work: JobHandler>(
    _ location: Location, _ work: repeat (each Work).Type, handlers: [Handler] = [],
    configuration: EngineConfiguration = EngineConfiguration(), escalation: [String: EscalationRule] = [:],
    actor: String = "library", logger: Logger = Logger(label: "stint")
  ) async throws(StintError) {
    var all = handlers
    for type in repeat each work { all.append(try Handler(type)) }
    var names: Set<String> = []
    for name in all.flatMap({ [$0.type.name] + $0.type.aliases }) where !names.insert(name).inserted {
      throw StintError(.invalidParams, "Two job types are called \"\(name)\"")
    }
    var configuration = configuration
    if !escalation.isEmpty {
      configuration.escalations = try Escalations(
        escalation, types: JobTypes(all.map(\.type)), allowsLocalOnly: configuration.allowsLocalOnlyTypes)
    }
    let store: any Store
    switch location {
    case .memory: store = MemoryStore()
    case .store(let given): store = given
    case .sqlite(let path):
      do throws(StoreError) { store = try await SQLiteStore.open(path: path) } catch { throw error.stintError }
    }
    self.engine = Engine(store: store, handlers: all, configuration: configuration, logger: logger)
    self.actor = Actor(name: actor, origin: "library")
  }

  /// The untyped client: lists, cancels, retries, watches.
  public var client: LocalClient { engine.client }

  /// Runs jobs until the task is cancelled or the service group shuts down gracefully; then closes the store.
  public func run() async {
    await engine.run()
    await engine.store.close()
  }

  /// Submits a job; it is on disk when this returns. `options` changes queue, priority, time, retries, tags and more.
  ///
  /// Throws ``StintCore/StintError``: params out of range, an id that exists, a store that does not answer.
  public func submit<Work: JobHandler>(
    _ work: Work, options: @Sendable (inout NewJob) -> Void = { _ in }
  ) async throws(StintError) -> JobHandle<Work> {
    try await submit([work], options: options)[0]
  }

  /// Submits many jobs in one write: all of them, or none and one error.
  public func submit<Work: JobHandler>(
    _ work: [Work], options: @Sendable (inout NewJob) -> Void = { _ in }
  ) async throws(StintError) -> [JobHandle<Work>] {
    var jobs: [NewJob] = []
    for item in work {
      var job = NewJob(Work.jobType, params: try Self.params(of: item))
      options(&job)
      jobs.append(job)
    }
    return try await client.submit(jobs, by: actor).map { JobHandle(id: $0.id, client: client) }
  }

  private static func params<Work: JobHandler>(of work: Work) throws(StintError) -> [JSONMember] {
    let encoded: [UInt8]
    do { encoded = Array(try JSONEncoder().encode(work)) } catch {
      throw StintError(.invalidParams, "The params of \(Work.self) can not be written as JSON: \(error)")
    }
    do throws(JSONSyntaxError) {
      // A type without properties encodes as {}.
      return try JSONParser.parse(encoded).object ?? []
    } catch { throw StintError(.invalidParams, "The params of \(Work.self): \(error)") }
  }
}

/// A submitted job whose result has a type.
public struct JobHandle<Work: JobHandler>: Sendable {
  /// The job's identity.
  public let id: JobID
  private let client: any JobClient

  /// The job `id` as seen through `client`, for instance one that an earlier process submitted.
  public init(id: JobID, client: any JobClient) {
    self.id = id
    self.client = client
  }

  /// The job as it stands. Throws `not_found` if it was removed.
  public func job() async throws(StintError) -> Job { try await client.job(id) }

  /// What happens to the job, until it is over: status, progress, the end.
  public func updates() async throws(StintError) -> JobUpdates { try await client.watch(id) }

  /// The progress of the job's attempts as it is reported; ends with the job.
  public func progress() async throws(StintError) -> some AsyncSequence<Progress, any Error> {
    try await client.watch(id).compactMap { update in
      if case .progress(let progress) = update { return progress }
      return nil
    }
  }

  /// Waits for the end of the job and gives what its `run` returned.
  ///
  /// Throws ``JobNotCompleted`` if it failed or was cancelled, ``StintCore/StintError`` if it was removed or its store
  /// does not answer, `CancellationError` if this task is cancelled.
  public func result() async throws -> Work.Output {
    for try await case .ended(let job) in try await client.watch(id) {
      guard job.status == .completed else { throw JobNotCompleted(job: job) }
      if let nothing = NoOutput() as? Work.Output { return nothing }
      return try JSONDecoder().decode(Work.Output.self, from: Data(job.result?.bytes ?? RawJSON.null.bytes))
    }
    try Task.checkCancellation()
    throw StintError(.notFound, "The job \(id) was removed before its result was read")
  }
}

/// A job that was waited for ended otherwise than well.
public struct JobNotCompleted: Error, Sendable, CustomStringConvertible {
  /// The job as it ended.
  public let job: Job

  /// What became of it.
  public var description: String {
    let why = job.error.map { ": \($0.type.rawValue): \($0.message)" } ?? ""
    return "Job \(job.id) (\(job.spec.type)) is \(job.status.rawValue)\(why)"
  }
}
