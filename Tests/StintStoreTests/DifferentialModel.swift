import StintCore

@testable import StintSQLite
@testable import StintStore

/// An operation with everything in it.
enum Call: Sendable {
  case insert([[Job]], at: Timestamp)
  case claim(ClaimRequest, at: Timestamp)
  case renew([AttemptKey], Duration)
  case apply([Change], at: Timestamp)
  case promote(Int, at: Timestamp)
  case clockWasSet(Duration, at: Timestamp)
  case record([AttemptReport])
  case purge(JobFilter, Int)
  case put(WorkerRecord)
  case jobs([JobID])
  case list(JobQuery)
  case counts
  case expired(Int)
  case overdue(Int, at: Timestamp)
  case history([JobID])
  case events(after: Int64, Int)
  case lastEvent
  case workers
}

/// What a store said.
enum Answer: Sendable, Equatable {
  case done
  case inserted([InsertResult])
  case jobs([Job?])
  case renewed([RenewResult])
  case applied([ApplyResult])
  case promoted(Promotion)
  case recorded([Bool])
  case purged([JobID])
  case page(JobPage)
  case counts(Counts)
  case histories([[Event]])
  case sequence(Int64)
  case workers([WorkerRecord])
}

/// The lease clock of a sequence.
final class SettableClock: Sendable {
  private let microseconds = Locked<Int64>(0)

  var now: LeaseInstant {
    get { LeaseInstant(boot: "test", microseconds: microseconds.withLock { $0 }) }
    set { microseconds.withLock { $0 = newValue.microseconds } }
  }

  func advance(_ duration: Duration) { microseconds.withLock { $0 += duration.microseconds } }
}

/// Turns steps into calls: keeps the clocks, and how jobs looked earlier.
struct Director {
  private var wall = StepGenerator.start
  private var notes: [JobID: [Job]] = [:]
  let clock: SettableClock

  init(clock: SettableClock) {
    self.clock = clock
    clock.now = LeaseInstant(boot: "test", microseconds: 1_000_000)
  }

  /// The call that a step is now; nil where it only moves a clock. `present` gives a job as it is.
  mutating func call(_ step: Step, present: (JobID) -> Job?) -> Call? {
    switch step {
    case .insert(let groups): return .insert(groups, at: wall)
    case .claim(let request): return .claim(request, at: wall)
    case .renew(let references, let lease): return .renew(references.map { key($0, present) }, lease)
    case .apply(let decisions): return .apply(changes(decisions, present), at: wall)
    case .promote(let limit): return .promote(limit, at: wall)
    case .setWall(let duration):
      wall = wall + duration
      return .clockWasSet(duration, at: wall)
    case .record(let reports):
      return .record(
        reports.map { AttemptReport(attempt: key($0.0, present), startedAt: $0.startedAt, progress: $0.2) })
    case .purge(let filter, let limit): return .purge(filter, limit)
    case .put(let worker): return .put(worker)
    case .moveClock(let duration): clock.advance(duration)
    case .moveWall(let duration): wall = wall + duration
    case .jobs(let ids): return .jobs(ids)
    case .list(let query): return .list(query)
    case .counts: return .counts
    case .expired(let limit): return .expired(limit)
    case .overdue(let limit): return .overdue(limit, at: wall)
    case .history(let ids): return .history(ids)
    case .events(let after, let limit): return .events(after: after, limit)
    case .workers: return .workers
    }
    return nil
  }

  /// A job as the reference knows it; one that never was where there is none.
  private mutating func known(_ reference: Reference, _ present: (JobID) -> Job?) -> Job {
    let now = present(reference.id)
    defer { if let now { note(now) } }
    if reference.age == 0, let now { return now }
    let old = notes[reference.id] ?? []
    if !old.isEmpty { return old[max(0, old.count - max(1, reference.age))] }
    let spec = JobSpec(id: reference.id, type: "work", createdAt: wall)
    return Job(spec: spec, state: JobState(status: .running, revision: 3, runAt: wall))
  }

  private mutating func note(_ job: Job) {
    if notes[job.id]?.last == job { return }
    notes[job.id, default: []].append(job)
    if notes[job.id, default: []].count > 6 { notes[job.id]?.removeFirst() }
  }

  private mutating func key(_ reference: Reference, _ present: (JobID) -> Job?) -> AttemptKey {
    AttemptKey(id: reference.id, revision: known(reference, present).state.revision)
  }

  private mutating func changes(
    _ decisions: [(Reference, Cause, random: Double)], _ present: (JobID) -> Job?
  ) -> [Change] {
    decisions.compactMap { reference, cause, random in
      try? Lifecycle.move(known(reference, present), cause, at: wall, random: random)
    }
  }

  /// What is compared when a sequence is over.
  static let closing: [Call] = [
    .list(JobQuery(limit: 1_000)), .history(StepGenerator.ids), .counts,
    .events(after: 0, 10_000), .lastEvent, .workers, .expired(100),
    .overdue(100, at: StepGenerator.start + .seconds(8)),
  ]
}

extension MemoryStore.State {
  mutating func answer(_ call: Call, clock: LeaseInstant) -> Answer {
    switch call {
    case .insert(let groups, _): .inserted(groups.map { insert($0) })
    case .claim(let request, let at): .jobs(claim(request, at: at, clock: clock))
    case .renew(let keys, let lease): .renewed(keys.map { renew($0, lease: lease, clock: clock) })
    case .apply(let changes, _): .applied(changes.map { apply($0, clock: clock) })
    case .promote(let limit, let at): .promoted(promote(limit: limit, at: at))
    case .clockWasSet(let step, let at): set(by: step, at: at, clock: clock)
    case .record(let reports): .recorded(reports.map { record($0) })
    case .purge(let filter, let limit): .purged(purge(filter, limit: limit))
    case .put(let worker): put(worker)
    case .jobs(let ids): .jobs(ids.map { job($0) })
    case .list(let query): .page(list(query))
    case .counts: .counts(counts)
    case .expired(let limit): .jobs(expired(limit: limit, clock: clock))
    case .overdue(let limit, let at): .jobs(overdue(limit: limit, at: at))
    case .history(let ids): .histories(ids.map { history($0) })
    case .events(let after, let limit): .histories([events(after: after, limit: limit)])
    case .lastEvent: .sequence(lastSequence)
    case .workers: .workers(workers.values.sorted { $0.id < $1.id })
    }
  }

  private mutating func set(by step: Duration, at: Timestamp, clock: LeaseInstant) -> Answer {
    wallClockWasSet(by: step, at: at, clock: clock)
    return .done
  }

  private mutating func put(_ worker: WorkerRecord) -> Answer {
    workers[worker.id] = worker
    return .done
  }
}

extension WriteSession {
  /// The same by the code that the store runs, all of it inside one transaction.
  func answer(_ call: Call) throws -> Answer {
    switch call {
    case .insert(let groups, _): return .inserted(try groups.map { try insert($0) })
    case .claim(let request, let at): return .jobs(try claim(request, at: at))
    case .renew(let keys, let lease): return .renewed(try keys.map { try renew($0, lease: lease) })
    case .apply(let changes, _): return .applied(try changes.map { try apply($0) })
    case .promote(let limit, let at): return .promoted(try promote(limit: limit, at: at))
    case .clockWasSet(let step, let at):
      try wallClockWasSet(by: step, at: at, clock: clock())
      return .done
    case .record(let reports): return .recorded(try reports.map { try record($0) })
    case .purge(let filter, let limit): return .purged(try purge(filter, limit: limit))
    case .put(let worker):
      try put(worker)
      return .done
    case .jobs(let ids): return .jobs(try connection.jobs(ids))
    case .list(let query): return .page(try connection.list(query))
    case .counts:
      try flush()
      return .counts(try connection.counts())
    case .expired(let limit): return .jobs(try connection.expired(limit: limit, clock: clock()))
    case .overdue(let limit, let at): return .jobs(try connection.overdue(limit: limit, at: at))
    case .history(let ids): return .histories(try ids.map { try connection.history($0) })
    case .events(let after, let limit): return .histories([try connection.events(after: after, limit: limit)])
    case .lastEvent: return .sequence(ledger.nextSequence - 1)
    case .workers: return .workers(try connection.workers())
    }
  }
}

extension Store {
  /// The same by the public port.
  func answer(_ call: Call) async throws(StoreError) -> Answer {
    switch call {
    case .insert(let groups, let at): .inserted(try await insert(groups, at: at))
    case .claim(let request, let at): .jobs(try await claim(request, at: at))
    case .renew(let keys, let lease): .renewed(try await renew(keys, lease: lease))
    case .apply(let changes, let at): .applied(try await apply(changes, at: at))
    case .promote(let limit, let at): .promoted(try await promote(limit: limit, at: at))
    case .clockWasSet(let step, let at): try await answer(setting: step, at: at)
    case .record(let reports): .recorded(try await record(reports))
    case .purge(let filter, let limit): .purged(try await purge(filter, limit: limit))
    case .put(let worker): try await answer(putting: worker)
    case .jobs(let ids): .jobs(try await jobs(ids))
    case .list(let query): .page(try await list(query))
    case .counts: .counts(try await counts())
    case .expired(let limit): .jobs(try await expired(limit: limit))
    case .overdue(let limit, let at): .jobs(try await overdue(limit: limit, at: at))
    case .history(let ids): .histories(try await history(ids))
    case .events(let after, let limit): .histories([try await events(after: after, limit: limit)])
    case .lastEvent: .sequence(try await lastEvent())
    case .workers:
      // How long they were silent is a law of its own.
      .workers(
        try await workers().map { worker in
          var worker = worker
          worker.silence = .zero
          return worker
        })
    }
  }

  private func answer(setting step: Duration, at: Timestamp) async throws(StoreError) -> Answer {
    try await wallClockWasSet(by: step, at: at)
    return .done
  }

  private func answer(putting worker: WorkerRecord) async throws(StoreError) -> Answer {
    try await put(worker)
    return .done
  }
}
