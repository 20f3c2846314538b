import StintCore
import StintStore

extension StoreLaw {
  static let living: [StoreLaw] = [
    StoreLaw("Workers are known until they are removed, with all of their types") { probe in
      let type = JobType(
        name: "work", description: "Does it",
        params: [
          Param("n", .integer, required: true, min: 1, max: 9, description: "how often"),
          Param("list", .array, default: [1, "x"], minItems: 1, maxItems: 5, choices: [[1, "x"], []]),
          Param("key", .string, secret: true),
        ], allowsOtherParams: true, aliases: ["labour"], maxRetries: 0,
        retry: RetryPolicy(strategy: .linear, base: .milliseconds(100), maxDelay: .seconds(5), jitter: 0.5),
        timeout: .milliseconds(1_500))
      var second = WorkerRecord(
        id: "b-2-bbbbbbbb", host: "b", pid: 2, state: .busy, slots: 4, types: [type, JobType(name: "plain")],
        processed: 7, startedAt: probe.start, seenAt: probe.start + .seconds(1))
      let first = WorkerRecord(
        id: "a-1-aaaaaaaa", host: "a", pid: 1, slots: 1, startedAt: probe.start, seenAt: probe.start)
      try await probe.store.put(second)
      try await probe.store.put(first)
      try probe.demandEqual(try await probe.store.workers(), [first, second], "The workers, by id")
      second.state = .draining
      (second.processed, second.abandoned) = (8, 2)
      second.seenAt = probe.start + .seconds(9)
      try await probe.store.put(second)
      try probe.demandEqual(try await probe.store.workers(), [first, second], "The workers after news of one")
      try await probe.store.remove(worker: first.id)
      try await probe.store.remove(worker: "nobody")
      try probe.demandEqual(try await probe.store.workers(), [second], "The workers after one left")
    },

    StoreLaw("How long a worker has been silent is judged by the store's own clock") { probe in
      // Its own clock is an hour ahead, and then an hour behind.
      for skew in [Duration.seconds(3_600), .seconds(-3_600)] {
        let worker = WorkerRecord(
          id: "a-1-aaaaaaaa", host: "a", pid: 1, slots: 1, startedAt: probe.start, seenAt: probe.start + skew)
        try await probe.store.put(worker)
        let fresh = try await probe.store.workers()[0].silence
        try probe.demand(fresh >= .zero && fresh < .seconds(30), "A worker that was just heard was silent for \(fresh)")
        probe.under.advance(.seconds(90))
        let silent = try await probe.store.workers()[0].silence
        try probe.demand(silent >= .seconds(90) && silent < .seconds(120), "After 90 s it was silent for \(silent)")
      }
    },

    StoreLaw("Setting the wall clock changes how long retries wait no more than it changes other waits") { probe in
      func due() async throws -> [String: Timestamp] {
        let jobs = try await probe.all()
        return Dictionary(uniqueKeysWithValues: jobs.map { ($0.id.text, $0.state.dueAt) })
      }
      func set(_ step: Duration, at: Duration) async throws {
        try await probe.store.wallClockWasSet(by: step, at: probe.start + at)
      }
      try await set(.zero, at: .zero)
      try await probe.insert(probe.job("retries", maxRetries: 3))
      try await probe.move(try await probe.claimOne(), .failed(message: "no", retryAfter: .seconds(10)))
      try await probe.insert([
        probe.job("named", due: .seconds(10)), probe.job("pending"),
        probe.job("hurries", startWithin: .seconds(60)),
        probe.job("hurries-more", startWithin: .seconds(60), deadline: probe.start + .seconds(30)),
      ])
      // Submitted after the clock was set, and before that was noticed.
      try await probe.insert(
        probe.job("new", due: .seconds(-3_601), createdAt: probe.start - .seconds(3_601), startWithin: .seconds(90)))
      let before = try await due()
      // Back by an hour; a second process tells of the same step, and a third of one that is none of this clock's.
      try await set(.seconds(-3_600), at: .seconds(-3_600))
      try await set(.seconds(-3_600), at: .seconds(-3_600))
      try await set(.seconds(500), at: .seconds(-9_000))
      let after = try await due()
      for id in ["retries", "hurries", "hurries-more"] {
        try probe.demandEqual(after[id], before[id].map { $0 - .seconds(3_600) }, "When \(id) is due")
      }
      for id in ["named", "pending", "new"] { try probe.demandEqual(after[id], before[id], "When \(id) is due") }
      let back = probe.start - .seconds(3_600)
      let overdue = try await probe.store.overdue(limit: 9, at: back + .seconds(59)).map(\.id.text)
      try probe.demandEqual(overdue, [], "What has waited too long before its time")
      let late = try await probe.store.overdue(limit: 9, at: back + .seconds(60)).map(\.id.text)
      try probe.demandEqual(late, ["hurries", "hurries-more"], "What has waited too long")
      let promoted = try await probe.store.promote(limit: 9, at: back + .seconds(9)).promoted
      try probe.demandEqual(promoted, [], "What was promoted too early")
      let due10 = try await probe.store.promote(limit: 9, at: back + .seconds(10)).promoted.map(\.text)
      try probe.demandEqual(due10, ["retries"], "What was promoted in time")
      // And forward again, by one who says first how it stands.
      try await set(.zero, at: .seconds(-3_600))
      try await set(.seconds(3_600), at: .zero)
      try probe.demandEqual(
        try await probe.claim(9, after: .seconds(1)).map(\.id.text),
        ["retries", "new", "pending", "hurries", "hurries-more"],
        "What is claimed")
    },

    StoreLaw("A setting of the wall clock that nobody told of is lost, and the next one counts") { probe in
      func set(_ step: Duration, at: Duration, moves: Duration) async throws {
        let before = try await probe.all()
        try await probe.store.wallClockWasSet(by: step, at: probe.start + at)
        let after = try await probe.all()
        try probe.demandEqual(
          after.map(\.state.dueAt), before.map { $0.state.dueAt + moves }, "When it is due, set to stand at \(at)")
      }
      try await probe.insert(probe.job("retries", maxRetries: 3))
      try await probe.move(try await probe.claimOne(), .failed(message: "no", retryAfter: .seconds(10)))
      try await set(.zero, at: .zero, moves: .zero)
      // It went back by 9500 s before.
      try await set(.seconds(500), at: .seconds(-9_000), moves: .zero)
      try await set(.seconds(3_600), at: .seconds(-5_400), moves: .seconds(3_600))
      // It was set before this process began.
      try await set(.zero, at: .seconds(1_000), moves: .zero)
      try await set(.seconds(-500), at: .seconds(500), moves: .seconds(-500))
    },

    StoreLaw("The lease clock goes on as it is moved") { probe in
      let before = try await probe.store.leaseClock()
      probe.under.advance(.seconds(90))
      let after = try await probe.store.leaseClock()
      try probe.demandEqual(after.boot, before.boot, "The clock")
      try probe.demand(after.microseconds - before.microseconds >= 90_000_000, "The clock did not go on by 90 s")
    },

    StoreLaw("A healthy store passes its check") { probe in
      try await probe.insert(probe.job("one"))
      try await probe.store.check()
      try probe.demandEqual(try await probe.all().count, 1, "The number of jobs")
    },

    StoreLaw("A closed store says that it is closed, to every call") { probe in
      let job = try await probe.insert(probe.job("one"))
      let store = probe.store
      await store.close()
      let change = try Lifecycle.move(job, .cancelRequested(by: .system), at: probe.start)
      let key = probe.key(job)
      let start = probe.start
      let worker = WorkerRecord(id: "w", host: "h", pid: 1, slots: 1, startedAt: start, seenAt: start)
      let calls: [(String, @Sendable () async throws(StoreError) -> Void)] = [
        ("insert", { () throws(StoreError) in _ = try await store.insert([[job]], at: start) }),
        (
          "claim",
          { () throws(StoreError) in
            _ = try await store.claim(ClaimRequest(worker: "w", count: 1, lease: .seconds(1)), at: start)
          }
        ), ("renew", { () throws(StoreError) in _ = try await store.renew([key], lease: .seconds(1)) }),
        ("apply", { () throws(StoreError) in _ = try await store.apply([change], at: start) }),
        ("promote", { () throws(StoreError) in _ = try await store.promote(limit: 1, at: start) }),
        ("record", { () throws(StoreError) in _ = try await store.record([AttemptReport(attempt: key)]) }),
        ("purge", { () throws(StoreError) in _ = try await store.purge(.all, limit: 1) }),
        ("put", { () throws(StoreError) in try await store.put(worker) }),
        ("remove", { () throws(StoreError) in try await store.remove(worker: "w") }),
        ("jobs", { () throws(StoreError) in _ = try await store.jobs([job.id]) }),
        ("list", { () throws(StoreError) in _ = try await store.list(JobQuery()) }),
        ("counts", { () throws(StoreError) in _ = try await store.counts() }),
        ("expired", { () throws(StoreError) in _ = try await store.expired(limit: 1) }),
        ("overdue", { () throws(StoreError) in _ = try await store.overdue(limit: 1, at: start) }),
        ("history", { () throws(StoreError) in _ = try await store.history([job.id]) }),
        ("events", { () throws(StoreError) in _ = try await store.events(after: 0, limit: 1) }),
        ("lastEvent", { () throws(StoreError) in _ = try await store.lastEvent() }),
        ("workers", { () throws(StoreError) in _ = try await store.workers() }),
        ("check", { () throws(StoreError) in try await store.check() }),
      ]
      for (name, call) in calls {
        do throws(StoreError) { try await call() } catch {
          try probe.demandEqual(error, .closed, "What \(name) throws")
          continue
        }
        throw LawViolation(law: probe.law, message: "\(name) went through")
      }
      await store.close()
    },

    StoreLaw("What was stored is there when the store is opened again") { probe in
      guard probe.store.capabilities.isDurable else { return }
      guard let reopen = probe.under.reopen else {
        throw LawViolation(law: probe.law, message: "The store says it is durable, but can not be opened again")
      }
      try await probe.populate()
      let jobs = try await probe.all()
      let feed = try await probe.store.events(after: 0, limit: 100_000)
      let counts = try await probe.store.counts()
      await probe.store.close()
      let store = try await reopen()
      let again = StoreProbe(law: probe.law, under: StoreUnderTest(store: store, advance: probe.under.advance))
      do {
        try again.demandEqual(try await again.all(), jobs, "The jobs")
        try again.demandEqual(try await store.events(after: 0, limit: 100_000), feed, "The feed")
        try again.demandEqual(try await store.counts(), counts, "The counts")
        let next = try await again.insert(again.job("next"))
        try again.demand(jobs.allSatisfy { $0.state.revision < next.state.revision }, "The revisions began anew")
        // A worker that lived on while the store was closed still holds its lease.
        for job in jobs where job.status == .running && !job.state.isCancelRequested {
          try await again.move(job, .succeeded(nil))
        }
      } catch {
        await store.close()
        throw error
      }
      await store.close()
    },
  ]
}
