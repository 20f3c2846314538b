import StintCore
public import StintEngine

/// A promise of the ``StintEngine/JobClient`` port, checked on any client: on a store of this process, over HTTP, by
/// the command line.
///
/// The laws need an engine somewhere that runs ``handlers``, and may not run on a store whose jobs matter: they remove
/// finished jobs. They need no empty store, but no two of them may run on one store at the same time. They wait for
/// events and for nothing else; whoever runs them gives them a deadline.
public struct ClientLaw: Sendable, CustomStringConvertible {
  /// The promise in words.
  public let name: String
  /// Checks it. Throws ``LawViolation`` where it does not hold, and whatever the client throws.
  public let check: @Sendable (any JobClient) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (ClientProbe) async throws -> Void) {
    self.name = name
    self.check = { client in
      let probe = ClientProbe(law: name, client: client)
      do { try await body(probe) } catch {
        await probe.tidy()
        throw error
      }
      await probe.tidy()
    }
  }

  /// The name.
  public var description: String { name }

  /// Every law of the port.
  public static let all: [ClientLaw] = submission + refusals + acts + reads + watching + failing
}

/// A promise that was not kept.
public struct LawViolation: Error, Sendable, Hashable, CustomStringConvertible {
  /// The law's name.
  public let law: String
  /// What was found.
  public let message: String

  /// The law and what was found.
  public var description: String { "Violated: \(law). \(message)" }
}

/// What a law is checked with: the client, names of its own, and words for what is demanded.
final class ClientProbe: Sendable {
  let law: String
  let client: any JobClient
  let actor = Actor(name: "law", origin: "laws")
  /// Distinguishes this check's jobs from all others.
  let mark = RandomSource.system.letters(12)
  private let made = Locked<[JobID]>([])

  init(law: String, client: any JobClient) {
    self.law = law
    self.client = client
  }

  /// An id of this check.
  func id(_ name: String) -> String { "\(mark)-\(name)" }

  /// The filter for this check's jobs.
  var mine: JobFilter { .tag(key: "law", value: mark) }

  func demand(_ holds: Bool, _ message: @autoclosure () -> String) throws {
    if !holds { throw LawViolation(law: law, message: message()) }
  }

  func demandEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
    try demand(found == expected, "\(what) is \(found), expected \(expected)")
  }

  /// The error of a call that must be refused with one of this kind.
  @discardableResult
  func refused<Value>(
    _ kind: StintError.Kind, _ what: String, _ call: () async throws(StintError) -> Value
  ) async throws -> StintError {
    let error: StintError
    do throws(StintError) {
      _ = try await call()
      error = StintError(.internalError, "it was accepted")
    } catch let refusal { error = refusal }
    try demandEqual(error.type, kind, "The error of \(what) (\(error.message))")
    return error
  }

  /// A submission with this check's tag.
  func new(_ type: String, _ params: KeyValuePairs<String, JSONValue> = [:], id: String? = nil) -> NewJob {
    var job = NewJob(type, params: params)
    job.tags["law"] = mark
    job.id = id.map { self.id($0) }
    return job
  }

  /// A submission that stays scheduled.
  func waiting(id: String? = nil) -> NewJob {
    var job = new("law.ok", ["text": "later"], id: id)
    job.delay = .seconds(86_400)
    return job
  }

  func submit(_ jobs: [NewJob]) async throws(StintError) -> [Job] {
    let stored = try await client.submit(jobs, by: actor)
    made.withLock { $0 += stored.map(\.id) }
    return stored
  }

  func submit(_ job: NewJob) async throws -> Job {
    let stored = try await submit([job])
    try demandEqual(stored.count, 1, "The number of answered jobs")
    return stored[0]
  }

  /// The job once it is over.
  func end(of id: JobID) async throws -> Job {
    for try await case .ended(let job) in try await client.watch(id) { return job }
    throw LawViolation(law: law, message: "The stream of \(id) ended without an end")
  }

  /// Submits, and waits for the end.
  func run(_ job: NewJob) async throws -> Job { try await end(of: try await submit(job).id) }

  /// Submits a job that runs until it is cancelled, and waits until its handler runs.
  func hold(then: String = "stop") async throws -> Job {
    let job = try await submit(new("law.hold", ["then": .string(then)]))
    for try await update in try await client.watch(job.id) {
      switch update {
      case .status(.running, let startedAt?, _, _, _) where startedAt >= job.spec.createdAt: return job
      case .progress: return job
      case .ended(let job): throw LawViolation(law: law, message: "law.hold ended by itself: \(job.status.rawValue)")
      case .status, .escalated: continue
      }
    }
    throw LawViolation(law: law, message: "The stream of \(job.id) ended without an end")
  }

  /// A job as the wire shows it: what two readings of it have in common on every client.
  func wire(_ job: Job) -> String { job.json().text }

  /// Cancels what this check left waiting or running.
  func tidy() async {
    let ids = made.withLock { $0 }
    guard let jobs = try? await client.jobs(ids) else { return }
    for case let job? in jobs where !job.status.isTerminal { _ = try? await client.cancel(job.id, by: actor) }
  }
}
