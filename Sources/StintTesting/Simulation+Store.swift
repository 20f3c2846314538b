internal import StintCore
internal import StintEngine
internal import StintStore

/// A call on its way to the store, or its answer on the way back.
struct Call {
  let process: Int
  let generation: Int
  let purpose: Purpose
  let operation: Operation
  /// Who asks, where it is a worker.
  let worker: String

  /// Who waits for the answer.
  enum Purpose {
    case claim(ClaimRequest)
    case renew([AttemptKey], asked: Duration)
    case record, settle, maintain, presence, leave
    case follow([AttemptKey])
    case act(Int)
  }

  /// What the store is to do.
  enum Operation {
    case insert([Job])
    case claim(ClaimRequest, at: Timestamp)
    case renew([AttemptKey], Duration)
    case apply([Change], at: Timestamp)
    case record([AttemptReport])
    case clockWasSet(by: Duration, at: Timestamp)
    case promote(limit: Int, at: Timestamp)
    case purge(Set<JobStatus>)
    case put(WorkerRecord)
    case remove(worker: String)
    case jobs([JobID])
    case histories([JobID])
    case failures(type: String, since: Timestamp, limit: Int)
    case expired(limit: Int)
    case overdue(limit: Int, at: Timestamp)
    case workers
  }
}

/// What the store says.
enum Reply {
  case inserted(InsertResult)
  case jobs([Job])
  case found([Job?])
  case renewed([RenewResult])
  case applied([ApplyResult])
  case promoted(Promotion)
  case histories([[Event]])
  case workers([WorkerRecord])
  case count(Int)
  case done
  case failed(StoreError)
}

extension Simulation {
  /// Sends a call on its way.
  mutating func call(_ operation: Call.Operation, _ purpose: Call.Purpose, from process: Int) {
    let sender = processes[process]
    let call = Call(
      process: process, generation: sender.generation, purpose: purpose, operation: operation,
      worker: sender.machine.id)
    if case .act = purpose { actsOnTheWay += 1 }
    schedule(.arrive(call), after: latency())
  }

  private func latency() -> Int64 {
    if !isHealed, random.chance(plan.slow) { return random.skewed(50_000, 6_000_000) }
    return random.skewed(50, 5_000)
  }

  /// A call is at the store: it may fail before its effect or after it.
  mutating func arrive(_ call: Call) {
    if case .act = call.purpose { actsOnTheWay -= 1 }
    let isOrphan = processes[call.process].generation != call.generation
    // The last words of a process that has died may still arrive.
    if isOrphan, random.chance(0.5) { return }
    var error: StoreError?
    let isAway = now < awayUntil
    if isAway && !isAwayAfterEffect || !isHealed && random.chance(plan.failsBefore) {
      error = .unavailable("away", effect: .notApplied)
      note("refused", process: call.process, word: call.operation.word)
    }
    var reply = Reply.done
    if error == nil {
      reply = perform(call)
      if isAway || !isHealed && random.chance(plan.failsAfter) {
        error = .unavailable("away", effect: .unknown)
        note("answer lost", process: call.process, word: call.operation.word)
      }
    }
    if let error { reply = .failed(error) }
    if isOrphan { return }
    schedule(.to(process: call.process, generation: call.generation, .answer(call, reply)), after: latency())
  }

  private mutating func perform(_ call: Call) -> Reply {
    switch call.operation {
    case .insert(let jobs): return insert(jobs, call)
    case .claim(let request, let at):
      let jobs = store.claim(request, at: at, clock: clock)
      auditor.saw(claimed: jobs, for: request, at: at, clock: clock)
      for job in jobs {
        note("claimed", process: call.process, job: job.id, a: job.attemptNumber, b: job.shortRevision)
      }
      claims += jobs.count
      guard request.isRecovering else { return .jobs(jobs) }
      let running = store.list(JobQuery(filter: .statuses([.running]), limit: .max)).jobs
      return .jobs(running.filter { $0.state.workerID == request.worker })
    case .renew(let keys, let lease):
      return .renewed(
        keys.map { key in
          let result = store.renew(key, lease: lease, clock: clock)
          if result == .lost {
            note("lease lost", process: call.process, job: key.id)
          } else {
            saw(key.id, call, at: nil)
          }
          return result
        })
    case .record(let reports):
      for report in reports where store.record(report) { saw(report.attempt.id, call, at: nil) }
      return .done
    case .apply(let changes, let at): return .applied(apply(changes, at: at, call))
    case .clockWasSet(let step, let at):
      store.wallClockWasSet(by: step, at: at, clock: clock)
      for job in store.list(JobQuery(limit: .max)).jobs { auditor.saw(moved: job) }
    case .promote(let limit, let at):
      let promotion = store.promote(limit: limit, at: at)
      for id in promotion.promoted {
        note("promoted", process: call.process, job: id)
        saw(id, call, at: at)
      }
      if !promotion.promoted.isEmpty { wakeOthers(call.process) }
      return .promoted(promotion)
    case .purge(let statuses):
      for id in store.purge(.statuses(statuses), limit: 1_000) {
        note("removed", process: call.process, job: id)
        auditor.saw(removed: id)
        told.removed.insert(id)
      }
      return .done
    case .put(let worker): store.workers[worker.id] = worker
    case .remove(let worker): store.workers[worker] = nil
    case .jobs(let ids): return .found(ids.map { store.job($0) })
    case .histories(let ids): return .histories(ids.map { store.history($0) })
    case .failures(let type, let since, let limit):
      return .count(store.failures(ofType: type, since: since, limit: limit))
    case .expired(let limit): return .jobs(store.expired(limit: limit, clock: clock))
    case .overdue(let limit, let at): return .jobs(store.overdue(limit: limit, at: at))
    case .workers: return .workers(store.workers.values.sorted { $0.id < $1.id })
    }
    return .done
  }

  private mutating func insert(_ jobs: [Job], _ call: Call) -> Reply {
    let result = store.insert(jobs)
    if case .inserted(let stored) = result {
      for job in stored {
        note("stored", process: call.process, job: job.id, word: job.status.rawValue, b: job.shortRevision)
      }
      auditor.saw(group: stored, limits: plan.queueLimit.map { ["other": $0] } ?? [:])
      wakeOthers(call.process)
    }
    return .inserted(result)
  }

  private mutating func apply(_ changes: [Change], at: Timestamp, _ call: Call) -> [ApplyResult] {
    let results = changes.map { change in
      let result = store.apply(change, clock: clock)
      let word = change.event?.kind.rawValue ?? change.state.status.rawValue
      switch result {
      case .applied:
        note(
          "applied", process: call.process, job: change.id, word: word, a: Int64(change.state.attempt),
          b: change.state.revision & 0xFFFFF)
        saw(change.id, call, at: at)
        if let spawn = change.spawn.flatMap({ store.job($0.id) }) {
          note("takes over", process: call.process, job: spawn.id)
          auditor.saw(submitted: spawn)
        }
      case .stale:
        note("stale", process: call.process, job: change.id, word: word, b: change.expectedRevision & 0xFFFFF)
      case .missing: note("missing", process: call.process, job: change.id, word: word)
      }
      return result
    }
    if !changes.isEmpty { wakeOthers(call.process) }
    return results
  }

  /// Shows the auditor what a call made of a job.
  private mutating func saw(_ id: JobID, _ call: Call, at: Timestamp?) {
    guard let job = store.job(id) else { return }
    let author: Auditor.Author =
      switch call.purpose {
      case .act: .person
      case .maintain: .maintenance
      default: .worker(call.worker)
      }
    let newest = store.history(id).last
    let isAlone = newest?.error?.type != .poison || newest?.workerID.map { wasAlone(id, in: $0) } ?? true
    auditor.saw(
      job, newest: newest, by: author, at: at ?? Self.start, clock: clock, lostAlone: isAlone)
  }

  /// Whether no other job ran in the process of a worker that was lost, or seems to be.
  private func wasAlone(_ id: JobID, in worker: String) -> Bool {
    let process = processes.first { $0.isAlive && $0.machine.id == worker }
    guard let (running, givenBack) = lastJobs[worker] ?? process.map({ ($0.running, $0.givenBack) }) else {
      return true
    }
    // What was given back and is rescued all the same fell to a slow store.
    return givenBack.contains(id) || running.allSatisfy { $0 == id }
  }

  /// Hints to the other processes that the store has changed: late, lost or doubled.
  private mutating func wakeOthers(_ sender: Int) {
    for process in processes.indices where process != sender && processes[process].isAlive {
      guard !processes[process].hasWakeup, !random.chance(0.3 + plan.hintLoss) else { continue }
      processes[process].hasWakeup = true
      let generation = processes[process].generation
      schedule(.to(process: process, generation: generation, .wakeup), after: random.skewed(100, 400_000))
    }
  }
}

extension Call.Operation {
  /// What the trace calls it.
  var word: String {
    switch self {
    case .insert: "insert"
    case .claim: "claim"
    case .renew: "renew"
    case .apply: "apply"
    case .record: "record"
    case .clockWasSet: "clock set"
    case .promote: "promote"
    case .purge: "purge"
    case .put: "put"
    case .remove: "remove"
    case .jobs: "jobs"
    case .histories: "histories"
    case .failures: "failures"
    case .expired: "expired"
    case .overdue: "overdue"
    case .workers: "workers"
    }
  }
}

extension Job {
  var attemptNumber: Int64 { Int64(state.attempt) }
  var shortRevision: Int64 { state.revision & 0xFFFFF }
}
