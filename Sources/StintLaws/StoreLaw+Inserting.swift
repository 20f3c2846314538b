import StintCore
import StintStore

extension StoreLaw {
  static let inserting: [StoreLaw] = [
    StoreLaw("Inserted jobs are found as they were stored") { probe in
      let spec = JobSpec(
        id: JobID(known: "a:b.c_d-1"), type: "work", queue: "mail", priority: .low,
        params: RawJSON(["text": "é\u{0}\u{1F600}\"\\", "big": 9_007_199_254_740_993]), maxRetries: 0,
        retry: RetryPolicy(strategy: .fibonacci, base: .microseconds(1_500_001), maxDelay: .seconds(7), jitter: 0.3),
        timeout: .microseconds(1), stallTimeout: .seconds(3_600), tags: ["a b": "c:d", "é": ""],
        metadata: RawJSON(["x": [nil, true]]), owner: "ann", createdAt: probe.start - .microseconds(1),
        submittedBy: Actor(name: "Ann Ö", origin: "http 127.0.0.1"), secretParams: ["text", "é,\""])
      var state = JobState(status: .scheduled, revision: 0, runAt: probe.start + .microseconds(3))
      state.startWithin = .seconds(9)
      state.deadlineAt = probe.start + .seconds(99)
      let stored = try await probe.insert(Job(spec: spec, state: state))
      try probe.demandEqual(stored.spec, spec, "The stored specification")
      state.revision = stored.state.revision
      try probe.demandEqual(stored.state, state, "The stored state")
      try probe.demandEqual(try await probe.read(spec.id), stored, "The job read again")
      let plain = try await probe.insert(probe.job("plain"))
      try probe.demandEqual(try await probe.read(plain.id), plain, "The plain job read again")
      let history = try await probe.history(spec.id)
      try probe.demandEqual(history.map(\.kind), [.submitted], "The history")
      try probe.demandEqual(history[0].actor, spec.submittedBy, "Who submitted it")
      try probe.demandEqual(history[0].status, .scheduled, "The status in the history")
      try probe.demandEqual(history[0].at, spec.createdAt, "The time in the history")
    },

    StoreLaw("A group is all or nothing, and groups are independent") { probe in
      try await probe.insert(probe.job("taken"))
      let results = try await probe.store.insert(
        [
          [probe.job("a"), probe.job("b")], [probe.job("c"), probe.job("taken"), probe.job("d")], [],
          [probe.job("e"), probe.job("f"), probe.job("e")], [probe.job("b")], [probe.job("g")],
        ], at: probe.start)
      try probe.demandEqual(results.count, 6, "The number of results")
      var accepted: [[String]] = []
      var refused: [Int] = []
      for result in results {
        switch result {
        case .inserted(let jobs): accepted.append(jobs.map(\.id.text))
        case .duplicate(let index, _): refused.append(index)
        case .queueFull: refused.append(-1)
        }
      }
      try probe.demandEqual(accepted, [["a", "b"], [], ["g"]], "The accepted groups")
      try probe.demandEqual(refused, [1, 2, 0], "The places of the doubled ids")
      try probe.demandEqual(try await probe.all().map(\.id.text), ["g", "b", "a", "taken"], "The jobs present")
      try probe.demandEqual(try await probe.store.counts()[.pending], 4, "The count of pending jobs")
    },

    StoreLaw("A doubled id is answered with the job that has it, which stays as it is") { probe in
      let first = try await probe.insert(probe.job("one", type: "play"))
      let claimed = try await probe.claimOne()
      guard
        case .duplicate(0, let existing)? = try await probe.store.insert([[probe.job("one")]], at: probe.start).first
      else { throw LawViolation(law: probe.law, message: "A second job of one id was accepted") }
      try probe.demandEqual(existing, claimed, "The existing job")
      try probe.demandEqual(existing.spec, first.spec, "The existing specification")
      try probe.demandEqual(try await probe.history(first.id).count, 1, "The number of events")
    },

    StoreLaw("Of concurrent submissions of one id exactly one is stored") { probe in
      let wins = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<16 {
          group.addTask {
            let group = [probe.job("one", type: "t\(index)"), probe.job("other-\(index)")]
            guard case .inserted? = try await probe.store.insert([group], at: probe.start).first else { return 0 }
            return 1
          }
        }
        return try await group.reduce(0, +)
      }
      try probe.demandEqual(wins, 1, "The number of accepted groups")
      try probe.demandEqual(try await probe.all().count, 2, "The number of jobs")
    },

    StoreLaw("A later job's revision is greater than any that was ever given") { probe in
      var greatest: Int64 = 0
      for turn in 0..<4 {
        var job = try await probe.insert(probe.job("one"))
        try probe.demand(job.state.revision > greatest, "The revision \(job.state.revision) was given before")
        for _ in 0...turn {
          job = try await probe.claimOne()
          job = try await probe.move(job, .released)
        }
        job = try await probe.move(job, .cancelRequested(by: .system))
        greatest = job.state.revision
        try probe.demandEqual(try await probe.store.purge(.all, limit: 9), [job.id], "The purged jobs")
      }
    },
  ]
}
