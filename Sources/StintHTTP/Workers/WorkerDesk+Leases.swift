import Logging
import NIOCore
import StintCore
import StintEngine
import StintStore

extension WorkerDesk {
  /// How a lease stands.
  enum LeaseState: Sendable, Hashable {
    /// It lasts on; who asked for the job's end, if anyone did.
    case renewed(cancelledBy: String?)
    /// The attempt no longer holds it.
    case superseded
    /// The token was not given out on this store.
    case unknown
  }

  // MARK: Renewing

  /// Renews leases; then waits for news of them, as long as it may: a third of the shortest lease at most.
  func heartbeat(
    _ tokens: [LeaseToken?], worker: String?, isLeaving: Bool, wait: Duration, on channel: any Channel
  ) async throws(StintError) -> [LeaseState] {
    let known = tokens.compactMap { $0 }
    try await renew(known, worker: worker)
    if let worker { try await isLeaving ? leave(worker) : hear(worker) }
    let keys = Set(known.map(\.key))
    let wait = min(wait, known.map { $0.lease / 3 }.min() ?? wait)
    if wait > .zero, known.count == tokens.count, !hasNews(keys) {
      let poll = LongPoll(wait: wait, interval: Self.interval, time: time, logger: logger)
      poll.watch(channel)
      let id = state.withLock { state in
        state.nextPoll += 1
        state.polls[state.nextPoll] = Poll(attempts: keys, poll: poll)
        return state.nextPoll
      }
      defer { state.withLock { state in state.polls[id] = nil } }
      _ = await poll.run { () async -> Bool? in hasNews(keys) ? true : nil }
    }
    return state.withLock { state in
      tokens.map { token in
        guard let token else { return .unknown }
        guard let held = state.held[token.key] else { return .superseded }
        if held.cancelledBy != nil { state.held[token.key]?.isTold = true }
        return .renewed(cancelledBy: held.cancelledBy)
      }
    }
  }

  private func hasNews(_ keys: Set<AttemptKey>) -> Bool {
    state.withLock { state in
      keys.contains { key in
        guard let held = state.held[key] else { return true }
        return held.cancelledBy != nil && !held.isTold
      }
    }
  }

  private func renew(_ tokens: [LeaseToken], worker: String?) async throws(StintError) {
    let now = time.uptime()
    for (lease, tokens) in Dictionary(grouping: Set(tokens), by: \.lease) {
      let results = try await renew(tokens.map(\.key), lease: lease)
      for (token, result) in zip(tokens, results) {
        switch result {
        case .renewed(let cancelledBy):
          if token.isLocal { gateway.heard(from: token.key) }
          hold(Held(token: token, worker: worker, heardAt: now)) { $0.cancelledBy = cancelledBy }
        case .lost: state.withLock { $0.held[token.key] = nil }
        }
      }
    }
  }

  /// Renews leases, so that ``look()`` can tell it from what another server did.
  func renew(_ keys: [AttemptKey], lease: Duration) async throws(StintError) -> [RenewResult] {
    state.withLock { state in for key in keys { state.renewing[key, default: 0] += 1 } }
    defer {
      state.withLock { state in
        for key in keys {
          let left = state.renewing[key, default: 1] - 1
          state.renewing[key] = left > 0 ? left : nil
          state.held[key]?.renewals += 1
        }
      }
    }
    return try await stored { () throws(StoreError) in try await gateway.renew(keys, lease: lease) }
  }

  /// The worker lives: its entry says so. One that this server does not know, because another gave it its id, is looked
  /// up; one that nobody knows becomes known with its next claim.
  private func hear(_ id: String) async throws(StintError) {
    if state.withLock({ $0.sessions[id] }) == nil {
      guard let record = try await client.workers().first(where: { $0.record.id == id })?.record else { return }
      let now = time.uptime()
      state.withLock { state in
        state.sessions[id] = state.sessions[id] ?? Session(record: record, typesReadAt: now, heardAt: now)
      }
    }
    await announce(id)
  }

  /// The worker goes.
  private func leave(_ id: String) async throws(StintError) {
    state.withLock { $0.sessions[id] = nil }
    try await stored { () throws(StoreError) in try await gateway.leave(id) }
  }

  static func superseded(_ token: LeaseToken, _ job: Job?) -> StintError {
    let now = job.map { "the job is \($0.status.rawValue), attempt \($0.state.attempt)" } ?? "the job was removed"
    return StintError(
      .superseded,
      "Attempt \(token.attempt) of job \(token.job) no longer holds its lease: \(now). Nothing was changed")
  }

  // MARK: Settling

  /// Gives outcomes back: in order, the status each job has now, or why nothing was changed. Of several for one attempt
  /// the first one counts; the same again gets its answer.
  func settle(
    _ ends: [(token: LeaseToken, outcome: EndBody.Outcome)]
  ) async throws(StintError) -> [Result<JobStatus, StintError>] {
    var firsts: [AttemptKey: Int] = [:]
    var distinct: [(token: LeaseToken, outcome: EndBody.Outcome)] = []
    let places = ends.map { end in
      if let first = firsts[end.token.key] { return first }
      firsts[end.token.key] = distinct.count
      distinct.append(end)
      return distinct.count - 1
    }
    let results = try await settle(distinct: distinct)
    return zip(ends, places).map { end, place in
      guard distinct[place].outcome != end.outcome, case .success(let status) = results[place] else {
        return results[place]
      }
      return .failure(
        StintError(
          .superseded,
          "Attempt \(end.token.attempt) of job \(end.token.job) is ended by an earlier entry of this batch: the job is "
            + "\(status.rawValue). This entry changed nothing"))
    }
  }

  private func settle(
    distinct ends: [(token: LeaseToken, outcome: EndBody.Outcome)]
  ) async throws(StintError) -> [Result<JobStatus, StintError>] {
    let at = time.now()
    let jobs = try await client.jobs(ends.map(\.token.job))
    var settlements: [(index: Int, Settlement)] = []
    var results = zip(ends, jobs).map { Result<JobStatus, StintError>.failure(Self.superseded($0.token, $1)) }
    for (index, (end, job)) in zip(ends, jobs).enumerated() {
      guard var job, job.isHeld(by: end.token) else { continue }
      let begun = state.withLock { $0.held[end.token.key]?.begunAt }
      if let begun, let started = job.state.startedAt {
        // The wall clock was set since: the time that the attempt took is what passed.
        let step = WorkerMachine.wallClockStep(since: started, begun, at, time.uptime())
        job.state.startedAt = started + (step ?? .zero)
      }
      var settlement = Settlement(job: job, cause: end.outcome.cause(at: at), at: at)
      settlement.message = end.outcome.shown(of: job)
      settlements.append((index, settlement))
    }
    if !settlements.isEmpty {
      let all = settlements.map(\.1)
      let settled = try await stored { () throws(StoreError) in try await gateway.settle(all) }
      for ((index, settlement), result) in zip(settlements, settled) {
        guard case .settled(let status) = result else { continue }
        results[index] = .success(status)
        count(settlement)
      }
    }
    for (index, end) in ends.enumerated() {
      guard case .failure = results[index] else { continue }
      // As it stands now: what was read above may be what another one has changed since.
      let job = try await client.jobs([end.token.job])[0]
      if let job, let status = try await earlier(end.token, end.outcome, job) {
        results[index] = .success(status)
      } else {
        results[index] = .failure(Self.superseded(end.token, job))
      }
    }
    state.withLock { state in for end in ends { state.held[end.token.key] = nil } }
    for case .failure(let error) in results { logger.warning("superseded", metadata: ["error": "\(error)"]) }
    return results
  }

  private func count(_ settlement: Settlement) {
    guard settlement.cause != .released, let worker = settlement.job.state.workerID else { return }
    state.withLock { $0.sessions[worker]?.record.processed += 1 }
  }

  /// What this outcome made of the job, if it was stored before and only the answer was lost; else nil.
  private func earlier(
    _ token: LeaseToken, _ outcome: EndBody.Outcome, _ job: Job
  ) async throws(StintError) -> JobStatus? {
    let events = try await client.history(token.job)
    let kind = outcome.cause(at: time.now()).kind
    // The move that ended the attempt is the one that came right after its claim.
    guard
      let event = events.last(where: {
        $0.jobID == token.job && $0.revision == token.revision + 1 && $0.attempt == token.attempt && $0.kind == kind
      })
    else { return nil }
    if let message = outcome.message, let error = event.error, error.message != message { return nil }
    if case .succeeded(let result) = outcome, job.state.revision == event.revision, job.status == .completed,
      job.result ?? .null != result ?? .null
    {
      return nil
    }
    return event.status
  }

  // MARK: Clocks

  /// Watches what runs until the task is cancelled.
  func run() async {
    let hints = gateway.listen { [weak self] hint in
      guard case .cancel(let id) = hint, let self else { return }
      let isOurs = state.withLock { state in
        guard state.held.keys.contains(where: { $0.id == id }) else { return false }
        state.isCancelHeard = true
        return true
      }
      if isOurs { signal.notify() }
    }
    defer { withExtendedLifetime(hints) {} }
    var nextLook: Duration?
    while !Task.isCancelled {
      nextLook = state.withLock { $0.held.isEmpty } ? nil : nextLook ?? time.uptime() + Self.interval
      await signal.wait(untilUptime: nextLook, time: time)
      let isCancelHeard = state.withLock { state in
        defer { state.isCancelHeard = false }
        return state.isCancelHeard
      }
      guard isCancelHeard || nextLook.map({ time.uptime() >= $0 }) ?? false else { continue }
      nextLook = nil
      do throws(StintError) { try await look() } catch {
        logger.warning("could not look after workers' jobs", metadata: ["error": "\(error)"])
        try? await time.sleep(for: .seconds(1))
      }
    }
  }

  /// Makes workers known anew that hold leases and have nothing to say until these are to be renewed: all of them at
  /// once, when it is time for one.
  private func announceHolders(at now: Duration) async {
    let quiet = state.withLock { state -> [String] in
      let ids = Set(state.held.values.compactMap(\.worker))
      func silence(_ id: String) -> Duration? { state.sessions[id].map { now - ($0.announcedAt ?? $0.heardAt) } }
      guard ids.contains(where: { silence($0) ?? .zero >= Self.presenceInterval }) else { return [] }
      return ids.filter { silence($0) ?? .zero >= Self.presenceInterval / 2 }
    }
    for id in quiet { await announce(id) }
  }

  /// Forgets attempts that lost their lease, hears of requests to cancel, and ends what is beyond its time.
  private func look() async throws(StintError) {
    let (held, renewing) = state.withLock { (Array($0.held.values), Set($0.renewing.keys)) }
    guard !held.isEmpty else { return }
    let jobs = try await client.jobs(held.map(\.token.job))
    let (now, at) = (time.uptime(), time.now())
    var over: [Settlement] = []
    let polls = state.withLock { state -> [LongPoll] in
      for (held, job) in zip(held, jobs) {
        guard let job, job.isHeld(by: held.token) else {
          state.held[held.token.key] = nil
          continue
        }
        var known = held
        known.begunAt = held.begunAt ?? job.state.startedAt.map { now - at.elapsed(since: $0) }
        known.askedAt = held.askedAt ?? job.state.cancelRequestedAt.map { now - at.elapsed(since: $0) }
        if state.held[held.token.key] != nil {
          state.held[held.token.key]?.begunAt = known.begunAt
          state.held[held.token.key]?.askedAt = known.askedAt
          state.held[held.token.key]?.worker = job.state.workerID
          state.held[held.token.key]?.cancelledBy = job.state.cancelledBy
          // A renewal of this server may or may not be in what was read.
          if !renewing.contains(held.token.key), state.renewing[held.token.key] == nil {
            state.held[held.token.key]?.see(job, since: held, at: now)
          }
          known.heardAt = max(known.heardAt, state.held[held.token.key]?.heardAt ?? known.heardAt)
        }
        if let cause = known.end(of: job, grace: configuration.cancelGrace, at: at, uptime: now) {
          over.append(Settlement(job: job, cause: cause, at: at))
        }
      }
      return state.polls.values.filter { poll in
        poll.attempts.contains { state.held[$0].map { $0.cancelledBy != nil && !$0.isTold } ?? true }
      }.map(\.poll)
    }
    for poll in polls { poll.look() }
    await announceHolders(at: now)
    var ends: [Settlement] = []
    for settlement in over {
      if settlement.cause == .stalled, try await speaksElsewhere(settlement.job) { continue }
      ends.append(settlement)
    }
    guard !ends.isEmpty else { return }
    let results = try await stored { [ends] () throws(StoreError) in try await gateway.settle(ends) }
    for (settlement, result) in zip(ends, results) {
      if case .settled = result { count(settlement) }
    }
    let ended = Set(ends.map(\.job.key))
    let waiting = state.withLock { state in
      for key in ended { state.held[key] = nil }
      return state.polls.values.filter { !$0.attempts.isDisjoint(with: ended) }.map(\.poll)
    }
    for poll in waiting { poll.look() }
  }
}

extension WorkerDesk {
  /// Whether an attempt that seems to be stalled has said something through another server since it was heard of here.
  private func speaksElsewhere(_ job: Job) async throws(StintError) -> Bool {
    guard let held = state.withLock({ $0.held[job.key] }) else { return false }
    let (said, new) = try await readSaid(by: held.token, since: held.said ?? Said())
    // Where nothing was counted before, all of it is new: how old it is tells.
    let limit = job.spec.stallTimeout ?? .zero
    guard let last = new.last, held.said != nil || time.now().elapsed(since: last.at) < limit else { return false }
    let now = time.uptime()
    state.withLock { state in
      state.held[job.key]?.said = said
      state.held[job.key]?.heardAt = now
    }
    return true
  }
}

extension WorkerDesk.Held {
  /// Compares the job as it was read, after the attempt stood as `before`, with what was read the last time: progress,
  /// or a lease that was renewed and not by this server, is a sign of life that came through another.
  mutating func see(_ job: Job, since before: WorkerDesk.Held, at uptime: Duration) {
    guard before.renewals == renewals else { return }
    let now = WorkerDesk.Seen(job, renewals: renewals)
    defer { seen = now }
    guard let seen else { return }
    if seen.progress != now.progress || seen.renewals == renewals && seen.lease != now.lease { heardAt = uptime }
  }

  /// Why the attempt is over although its worker has not said so; nil if it is not. One that was asked to stop gets the
  /// grace that workers in this process get; from then on its worker is answered `superseded`.
  func end(of job: Job, grace: Duration, at: Timestamp, uptime: Duration) -> Cause? {
    // Its own worker watches it.
    if token.isLocal { return nil }
    if job.state.isCancelRequested { return askedAt.map { uptime - $0 >= grace } ?? false ? .stopped : nil }
    if let deadline = job.state.deadlineAt, at >= deadline { return .deadlineExceeded }
    if let timeout = job.spec.timeout, let begunAt, uptime - begunAt >= timeout { return .timedOut }
    if let stall = job.spec.stallTimeout, uptime - heardAt >= stall { return .stalled }
    return nil
  }
}

extension Job {
  /// Whether this is the attempt that the token is for, and it still runs.
  func isHeld(by token: LeaseToken) -> Bool { status == .running && state.revision == token.revision }
}

extension EndBody.Outcome {
  /// The cause of the move.
  func cause(at: Timestamp) -> Cause {
    switch self {
    case .succeeded(let result): .succeeded(result)
    case .failed(let message, let retryAfter): .failed(message: message, retryAfter: retryAfter)
    case .timedOut: .timedOut
    case .stalled: .stalled
    case .gaveUp(let message): .gaveUp(message: message)
    case .undecodable(let message): .undecodable(message: message)
    case .snoozed(let delay): .snoozed(until: at + delay)
    case .released: .released
    }
  }

  /// The failure's text.
  var message: String? {
    switch self {
    case .failed(let message, _), .gaveUp(let message), .undecodable(let message): message
    case .timedOut(let message), .stalled(let message): message
    default: nil
    }
  }

  /// What is said of a timeout or a stall; nil for the usual text, which names the job's own limit.
  func shown(of job: Job) -> String? {
    switch self {
    case .timedOut(let message): message ?? (job.spec.timeout == nil ? "Its worker says that it took too long" : nil)
    case .stalled(let message): message ?? (job.spec.stallTimeout == nil ? "Its worker says that it stalled" : nil)
    default: nil
    }
  }
}
