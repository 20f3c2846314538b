import StintCore
import StintStore

extension StoreLaw {
  static let moving: [StoreLaw] = [
    StoreLaw("Only what is due is promoted, earliest first, and the next time is said") { probe in
      try await probe.insert([
        probe.job("c", due: .seconds(30)), probe.job("a", due: .seconds(10)), probe.job("d", due: .seconds(30)),
        probe.job("b", due: .seconds(20)), probe.job("e", due: .seconds(40)), probe.job("never", blocked: true),
      ])
      func promote(_ limit: Int, _ after: Int) async throws -> Promotion {
        try await probe.store.promote(limit: limit, at: probe.start + .seconds(after))
      }
      func next(_ seconds: Int) -> Timestamp { probe.start + .seconds(seconds) }
      try probe.demandEqual(try await promote(9, 9), Promotion(nextDue: next(10)), "Before the first is due")
      try probe.demandEqual(
        try await promote(2, 30), Promotion(promoted: ["a", "b"].map(JobID.init(known:)), nextDue: next(30)),
        "The first two of what is due")
      try probe.demandEqual(
        try await promote(9, 30), Promotion(promoted: ["c", "d"].map(JobID.init(known:)), nextDue: next(40)),
        "The rest of what is due")
      try probe.demandEqual(try await promote(0, 99), Promotion(nextDue: next(40)), "A promotion of none")
      try probe.demandEqual(
        try await promote(9, 40), Promotion(promoted: [JobID(known: "e")]), "The last one, due at this instant")
      let promoted = try await probe.read(JobID(known: "a"))
      try probe.demandEqual(promoted.status, .pending, "status")
      try probe.demandEqual(promoted.state.dueAt, next(10), "The time it became due")
      try probe.demandEqual(try await probe.history(promoted.id).count, 1, "The number of events")
    },

    StoreLaw("A failed attempt waits for its time and is promoted to another") { probe in
      try await probe.insert(probe.job("one", maxRetries: 1))
      let first = try await probe.claimOne()
      let waiting = try await probe.move(first, .failed(message: "broke"), after: .seconds(1))
      try probe.demandEqual(waiting.nextRetryAt, probe.start + .seconds(11), "next_retry_at")
      try probe.demandEqual(waiting.error, JobError(type: .handler, message: "broke", attempt: 1), "error")
      let promotion = try await probe.store.promote(limit: 1, at: probe.start + .seconds(11))
      try probe.demandEqual(promotion.promoted, [first.id], "What was promoted")
      let second = try await probe.claimOne(after: .seconds(11))
      try probe.demandEqual(second.error?.message, "broke", "The last error, while the next attempt runs")
      let ended = try await probe.move(second, .succeeded(RawJSON(.string("fine"))), after: .seconds(12))
      try probe.demandEqual(ended.error, nil, "error")
      try probe.demandEqual(ended.result?.text, #""fine""#, "result")
      let errors = try await probe.history(first.id).map { $0.error?.message }
      try probe.demandEqual(errors, [nil, "broke", nil], "The errors in the history")
    },

    StoreLaw("One bad item of a batch fails no other") { probe in
      try await probe.insert((0..<4).map { probe.job("j\($0)") })
      let jobs = try await probe.claim(4)
      try await probe.move(jobs[1], .released)
      var changes = try jobs.map { try Lifecycle.move($0, .succeeded(nil), at: probe.start) }
      var ghost = probe.job("ghost")
      ghost.state.status = .running
      changes.insert(try Lifecycle.move(ghost, .succeeded(nil), at: probe.start), at: 2)
      // The same change twice: only the first can win.
      changes.append(changes[0])
      let results = try await probe.store.apply(changes, at: probe.start)
      let words = results.map { result in
        switch result {
        case .applied: "applied"
        case .stale: "stale"
        case .missing: "missing"
        }
      }
      try probe.demandEqual(words, ["applied", "stale", "missing", "applied", "applied", "stale"], "The answers")
      try probe.demandEqual(try await probe.store.counts()[.completed], 3, "The count of completed jobs")
    },

    StoreLaw("Reports are kept for running attempts only, and the last one wins") { probe in
      try await probe.insert([probe.job("a"), probe.job("b"), probe.job("c")])
      let jobs = try await probe.claim(2)
      try await probe.move(jobs[1], .succeeded(nil))
      func report(_ job: Job, _ percent: Double, _ message: String?, started: Timestamp? = nil) -> AttemptReport {
        AttemptReport(
          attempt: probe.key(job), startedAt: started, progress: Progress(percent: percent, message: message))
      }
      let pending = try await probe.read(JobID(known: "c"))
      let results = try await probe.store.record([
        report(jobs[0], 10, "ten"), report(jobs[1], 20, "late"), report(pending, 30, "early"),
        report(jobs[0], 40, nil, started: probe.start + .seconds(3)),
        AttemptReport(attempt: AttemptKey(id: JobID(known: "none"), revision: 1)),
      ])
      try probe.demandEqual(results, [true, false, false, true, false], "The answers")
      let running = try await probe.read(jobs[0].id)
      try probe.demandEqual(running.progress, Progress(percent: 40), "progress")
      try probe.demandEqual(running.state.startedAt, probe.start + .seconds(3), "started_at")
      try probe.demandEqual(running.state.revision, jobs[0].state.revision, "The revision")
      try probe.demandEqual(try await probe.read(pending.id).progress, nil, "The pending job's progress")
      try probe.demandEqual(try await probe.history(jobs[0].id).count, 1, "The number of events")
    },

    StoreLaw("A new attempt has no progress") { probe in
      try await probe.insert(probe.job("one"))
      let first = try await probe.claimOne()
      _ = try await probe.store.record([AttemptReport(attempt: probe.key(first), progress: Progress(percent: 70))])
      let released = try await probe.move(first, .released)
      try probe.demandEqual(released.progress, Progress(percent: 70), "The progress of the attempt that ended")
      let second = try await probe.claimOne()
      try probe.demandEqual(second.progress, nil, "The progress of the claimed job")
      try probe.demandEqual(try await probe.read(second.id).progress, nil, "The progress of the new attempt")
      _ = try await probe.store.record([AttemptReport(attempt: probe.key(second), progress: Progress(percent: 5))])
      let failed = try await probe.move(try await probe.read(second.id), .gaveUp(message: "x"))
      try probe.demandEqual(failed.progress, Progress(percent: 5), "The progress of the failed job")
      let retried = try await probe.move(failed, .retried(by: .system))
      try probe.demandEqual(retried.progress, nil, "The progress after a person's retry")
    },

    StoreLaw("Only finished jobs are purged, oldest first, with their history") { probe in
      try await probe.populate()
      let before = try await probe.all()
      let terminal = Array(before.filter(\.status.isTerminal).reversed())
      let first = try await probe.store.purge(.all, limit: 2)
      try probe.demandEqual(first, terminal.prefix(2).map(\.id), "The first purge")
      let failed = terminal.dropFirst(2).filter { $0.status == .failed }
      let second = try await probe.store.purge(.statuses([.failed, .running, .pending]), limit: 1_000)
      try probe.demandEqual(second, failed.map(\.id), "The purge by status")
      let rest = terminal.dropFirst(2).filter { $0.status != .failed }
      try probe.demandEqual(try await probe.store.purge(.all, limit: 1_000), rest.map(\.id), "The purge of the rest")
      try probe.demandEqual(
        try await probe.all(), before.filter { !$0.status.isTerminal }, "The jobs that are left, unchanged")
      let gone = Set(terminal.map(\.id))
      for history in try await probe.store.history(terminal.map(\.id)) {
        try probe.demandEqual(history.count, 0, "The number of a purged job's events")
      }
      let feed = try await probe.store.events(after: 0, limit: 10_000)
      try probe.demand(!feed.contains { gone.contains($0.jobID) }, "The feed still has events of purged jobs")
    },
  ]
}
