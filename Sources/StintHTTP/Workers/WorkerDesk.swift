import Logging
import NIOCore
import StintCore
import StintEngine
import StintStore

/// Where workers in any language get jobs and give back outcomes: what their process does for a worker in Swift, the
/// desk does for one that speaks HTTP. It names the worker in the list of workers, and watches the clocks of its
/// attempts (SPEC §5), because nobody else ends one that does not stop.
///
/// Nothing that must outlive the server is kept here: leases are in the store, and tokens are sealed.
final class WorkerDesk: Sendable {
  /// How often the desk looks at what runs.
  static let interval: Duration = .milliseconds(500)
  /// How often a claim that waits looks for jobs without any hint.
  static let claimInterval: Duration = .seconds(2)
  /// How often a worker that claims without a pause is made known anew.
  static let announceInterval: Duration = .seconds(5)
  /// How long a worker that says nothing, but holds leases, goes without being made known anew: well below the minute
  /// after which a silent worker counts as gone.
  static let presenceInterval: Duration = .seconds(20)
  /// How long a worker that says nothing is remembered.
  static let memory: Duration = .seconds(600)

  let gateway: any ServingGateway
  let client: any JobClient
  let configuration: HTTPConfiguration
  let time: any TimeSource
  let random: RandomSource
  let logger: Logger
  let state = Locked(State())
  let signal = Signal()
  let turns = Turns<AttemptKey>()

  /// What is known of workers and their attempts, as long as this server runs.
  struct State {
    var sessions: [String: Session] = [:]
    var held: [AttemptKey: Held] = [:]
    /// Renewals of leases by this server that are under way.
    var renewing: [AttemptKey: Int] = [:]
    var polls: [UInt64: Poll] = [:]
    var nextPoll: UInt64 = 0
    var seal: LeaseSeal?
    /// Whether someone asked for the end of an attempt since the last look.
    var isCancelHeard = false
  }

  /// A worker that claimed here, or was heard of.
  struct Session {
    var record: WorkerRecord
    /// By what the worker was described last.
    var jobTypes: [JobType] = []
    var names: Set<String> = []
    /// What others say of the types that it only names.
    var named: [JobType] = []
    /// When it was read what others say of the types that the worker only names; by the boot clock, as ``heardAt``.
    var typesReadAt: Duration
    /// By the boot clock, as ``heardAt``.
    var announcedAt: Duration?
    var heardAt: Duration
  }

  /// An attempt whose lease was given out or heard of here.
  struct Held {
    let token: LeaseToken
    /// Who runs it.
    var worker: String?
    /// Whether its worker may run nothing beside it.
    var isAlone = false
    /// When its handler began, by this server's uptime.
    var begunAt: Duration?
    /// When its cancellation was asked for, by this server's uptime.
    var askedAt: Duration?
    /// The last sign of life of its handler.
    var heardAt: Duration
    /// How the store showed it last; nil where it was not looked at.
    var seen: Seen?
    /// Renewals of its lease by this server that are done.
    var renewals = 0
    /// Who asked for its end.
    var cancelledBy: String?
    /// Whether the worker was told so.
    var isTold = false
    /// What it said so far.
    var said: Said?
  }

  /// What the store shows of an attempt, and what moves where it speaks to another server.
  struct Seen: Sendable, Hashable {
    let lease: LeaseInstant?
    let progress: Progress?
    /// The renewals by this server that are in ``lease``.
    let renewals: Int

    init(_ job: Job, renewals: Int = 0) {
      lease = job.state.leaseUntil
      progress = job.progress
      self.renewals = renewals
    }
  }

  /// How much an attempt has said.
  struct Said {
    var chunks = 0
    var bytes = 0
    var isCut = false
  }

  /// A heartbeat that waits for news of these attempts.
  struct Poll {
    let attempts: Set<AttemptKey>
    let poll: LongPoll
  }

  init(
    gateway: any ServingGateway, client: any JobClient, configuration: HTTPConfiguration, time: any TimeSource,
    random: RandomSource, logger: Logger
  ) {
    self.gateway = gateway
    self.client = client
    self.configuration = configuration
    self.time = time
    self.random = random
    self.logger = logger
  }

  /// What lease tokens are sealed with.
  func seal() async throws(StintError) -> LeaseSeal {
    if let seal = state.withLock({ $0.seal }) { return seal }
    let secret = try await stored { () throws(StoreError) in try await gateway.secret() }
    let seal = LeaseSeal(secret: secret)
    state.withLock { $0.seal = seal }
    return seal
  }

  /// The attempt that a token is for. Throws `forbidden` where it was not given out on this store.
  func token(_ text: String) async throws(StintError) -> LeaseToken {
    guard let token = try await seal().token(text) else {
      throw StintError(.forbidden, LeaseToken.unknown)
    }
    return token
  }

  /// Lets programs that attempts start speak to this server, each for its own attempt alone.
  func offerAccess(host: String, port: Int) {
    // Who listens everywhere is near on loopback.
    let near = ["0.0.0.0", "::"].contains(host) ? (host == "::" ? "::1" : "127.0.0.1") : host
    let url = "http://\(near.contains(":") ? "[\(near)]" : near):\(port)"
    gateway.offer { [weak self] job in
      guard let self, let seal = try? await seal() else { return nil }
      let token = LeaseToken(
        job: job.id, attempt: job.state.attempt, revision: job.state.revision, lease: configuration.workerLease,
        isLocal: true)
      return AttemptAccess(url: url, token: seal.text(of: token))
    }
  }

  func stored<Value: Sendable>(
    _ operation: () async throws(StoreError) -> Value
  ) async throws(StintError) -> Value {
    do throws(StoreError) { return try await operation() } catch { throw error.stintError }
  }

  // MARK: Claiming

  /// Jobs for a worker, and its id; waits for some as long as the claim allows, its client stays and the server runs.
  func claim(
    _ body: ClaimBody, from address: String, on channel: any Channel
  ) async throws(StintError) -> (worker: String, jobs: [(Job, LeaseToken)]) {
    let id = body.id ?? "\(body.worker)-\(random.letters(8))"
    let lease = body.lease ?? configuration.workerLease
    let names = try await describe(id, body, from: address)
    let request = ClaimRequest(
      worker: id, count: body.count, queues: body.queues.map { Set($0) }, types: names, lease: lease)
    let poll = LongPoll(wait: body.wait, interval: Self.claimInterval, time: time, logger: logger)
    poll.watch(channel)
    var jobs = try await jobs(for: request)
    if jobs.isEmpty, body.wait > .zero { jobs = try await wait(for: request, poll) }
    let now = time.uptime()
    let claimed = jobs.map { job in
      (job, LeaseToken(job: job.id, attempt: job.state.attempt, revision: job.state.revision, lease: lease))
    }
    if poll.hasNoClient {
      // Its side may be closed while the connection still takes an answer: nobody would read it.
      await release(claimed.map(\.1))
      return (id, [])
    }
    if !claimed.isEmpty {
      for (job, token) in claimed {
        hold(
          Held(
            token: token, worker: id, isAlone: runsAlone(job), begunAt: now, heardAt: now, seen: Seen(job),
            said: Said()))
      }
      await announce(id)
    }
    return (id, claimed)
  }

  /// Keeps an eye on an attempt from now on.
  func hold(_ held: Held, change: (inout Held) -> Void = { _ in }) {
    let isFirst = state.withLock { state in
      defer { change(&state.held[held.token.key, default: held]) }
      return state.held.isEmpty
    }
    if isFirst { signal.notify() }
  }

  /// How long a job that must run alone is left to other workers, when one got it that runs something else.
  private static let aloneDelay: Duration = .seconds(5)

  private func runsAlone(_ job: Job) -> Bool { job.runsAlone(maxLosses: configuration.maxLosses) }

  /// What there is for a worker now. A job that took workers down before is given alone, so that it takes no neighbour
  /// along, and nothing beside it.
  private func jobs(for request: ClaimRequest) async throws(StintError) -> [Job] {
    func held() -> [Held] { state.withLock { state in state.held.values.filter { $0.worker == request.worker } } }
    if held().contains(where: \.isAlone) {
      try await forgetLost(of: request.worker)
      if held().contains(where: \.isAlone) { return [] }
    }
    let jobs = try await begun(try await stored { () throws(StoreError) in try await gateway.claim(request) })
    guard let lone = jobs.first(where: runsAlone) else { return jobs }
    if !held().isEmpty { try await forgetLost(of: request.worker) }
    let own = held()
    guard !own.isEmpty || jobs.count > 1 else { return jobs }
    let at = time.now()
    let kept = own.isEmpty ? [lone] : jobs.filter { !runsAlone($0) }
    let back = jobs.filter { job in !kept.contains { $0.id == job.id } }.map { job in
      Settlement(
        job: job, cause: runsAlone(job) ? .snoozed(until: at + Self.aloneDelay) : .released, at: at)
    }
    _ = try await stored { () throws(StoreError) in try await gateway.settle(back) }
    return kept
  }

  /// Forgets attempts of a worker that no longer run: what it holds is about to decide what it may have.
  private func forgetLost(of worker: String) async throws(StintError) {
    let tokens = state.withLock { state in state.held.values.filter { $0.worker == worker }.map(\.token) }
    let jobs = try await client.jobs(tokens.map(\.job))
    let lost = zip(tokens, jobs).filter { token, job in job.map { !$0.isHeld(by: token) } ?? true }
    state.withLock { state in for (token, _) in lost { state.held[token.key] = nil } }
  }

  /// The jobs, each with the instant its handler begins: for a worker elsewhere that is its claim. Where the claim left
  /// it open, because the job lost workers before, it is stored now: the next loss must count.
  private func begun(_ jobs: [Job]) async throws(StintError) -> [Job] {
    guard jobs.contains(where: { $0.state.startedAt == nil }) else { return jobs }
    let at = time.now()
    let reports = jobs.filter { $0.state.startedAt == nil }.map { job in
      AttemptReport(attempt: job.key, startedAt: at)
    }
    try await stored { () throws(StoreError) in try await gateway.record(reports) }
    return jobs.map { job in
      var job = job
      job.state.startedAt = job.state.startedAt ?? at
      return job
    }
  }

  private func wait(
    for request: ClaimRequest, _ poll: LongPoll
  ) async throws(StintError) -> [Job] {
    let hints = gateway.listen { if case .ready = $0 { poll.look() } }
    defer { withExtendedLifetime(hints) {} }
    let found = await poll.run { () async -> Result<[Job], StintError>? in
      do throws(StintError) {
        let jobs = try await jobs(for: request)
        return jobs.isEmpty ? nil : .success(jobs)
      } catch {
        return .failure(error)
      }
    }
    return try found?.get() ?? []
  }

  /// What earlier attempts of these jobs kept.
  func checkpoints(of jobs: [Job]) async -> [JobID: RawJSON] {
    var kept: [JobID: RawJSON] = [:]
    for job in jobs where job.state.attempt > 1 {
      // Without it the attempt begins anew, as it would after a loss before the first checkpoint.
      kept[job.id] = try? await gateway.checkpoint(job.id)
    }
    return kept
  }

  /// Gives back what was claimed for a client that did not get the answer.
  func release(_ claimed: [LeaseToken]) async {
    guard !claimed.isEmpty else { return }
    logger.warning("claimed for a client that has gone", metadata: ["jobs": "\(claimed.count)"])
    // Who can not be told gets them back when the leases end.
    _ = try? await settle(claimed.map { ($0, .released) })
  }

  // MARK: The worker's entry

  /// Makes the worker known before it waits: what it can run may be submitted from then on. Gives the names that jobs of
  /// its types may have: a job has its type's own name, by whatever alias it was submitted.
  private func describe(
    _ id: String, _ body: ClaimBody, from address: String
  ) async throws(StintError) -> Set<String> {
    let (now, uptime) = (time.now(), time.uptime())
    let known = state.withLock { $0.sessions[id] }
    let isNew = known == nil || known?.names != body.names || known?.jobTypes != body.jobTypes
    // What others publish may have changed since they were read.
    let isOld = known.map { uptime - $0.typesReadAt >= Self.announceInterval } ?? true
    let found = isNew || isOld && !body.types.isEmpty ? try await namedTypes(of: body) : nil
    let named = found ?? known?.named ?? []
    let session = state.withLock { state in
      state.sessions = state.sessions.filter { uptime - $0.value.heardAt <= Self.memory }
      var session =
        state.sessions[id]
        ?? Session(
          record: WorkerRecord(
            id: id, host: body.host ?? address, pid: body.pid, slots: body.slots ?? body.count, startedAt: now,
            seenAt: now), typesReadAt: uptime, heardAt: uptime)
      session.names = body.names
      session.named = named
      session.jobTypes = body.jobTypes
      session.record.slots = body.slots ?? max(session.record.slots, body.count)
      if found != nil {
        session.typesReadAt = uptime
        session.record.types = types(of: body, named: named)
      }
      state.sessions[id] = session
      return session
    }
    let isDue = session.announcedAt.map { uptime - $0 >= Self.announceInterval } ?? true
    if isNew || isDue || session.record.types != known?.record.types
      || session.record.state != presentState(of: id)
    {
      try await publish(id)
    }
    return body.names.union((body.jobTypes + named).flatMap { [$0.name] + $0.aliases })
  }

  /// What others say of the types that the worker only names.
  private func namedTypes(of body: ClaimBody) async throws(StintError) -> [JobType] {
    let described = JobTypes(body.jobTypes)
    let open = body.types.filter { described[$0] == nil }
    guard !open.isEmpty else { return [] }
    let known = JobTypes(try await client.jobTypes().filter { !$0.isUndescribed })
    return open.compactMap { known[$0] }
  }

  /// What the worker publishes: its own types, and the names of the others that it runs. What those take is for who
  /// describes them to say, now and later; a name that nobody describes takes any params.
  private func types(of body: ClaimBody, named: [JobType]) -> [JobType] {
    let (described, known) = (JobTypes(body.jobTypes), JobTypes(named))
    var types = body.jobTypes
    for name in body.types where described[name] == nil {
      let type = JobType.undescribed(known[name]?.name ?? name)
      if !types.contains(where: { $0.name == type.name }) { types.append(type) }
    }
    return types
  }

  private func presentState(of id: String) -> WorkerRecord.State {
    state.withLock { state in state.held.values.contains { $0.worker == id } ? .busy : .idle }
  }

  private func publish(_ id: String) async throws(StintError) {
    let (now, uptime) = (time.now(), time.uptime())
    let present = presentState(of: id)
    let record = state.withLock { state -> WorkerRecord? in
      state.sessions[id]?.record.seenAt = now
      state.sessions[id]?.record.state = present
      state.sessions[id]?.announcedAt = uptime
      state.sessions[id]?.heardAt = uptime
      return state.sessions[id]?.record
    }
    guard let record else { return }
    try await stored { () throws(StoreError) in try await gateway.announce(record) }
  }

  /// Brings the worker's entry up to date; that it could not be is not the worker's concern.
  func announce(_ id: String) async {
    do throws(StintError) { try await publish(id) } catch {
      logger.warning("announcing failed", metadata: ["worker_id": "\(id)", "error": "\(error)"])
    }
  }
}
