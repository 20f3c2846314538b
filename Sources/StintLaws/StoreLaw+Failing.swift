import StintCore
import StintStore

/// Output, checkpoints, queues with limits, escalations, dead letters.
extension StoreLaw {
  static let failing: [StoreLaw] = [
    StoreLaw("Output is kept in order, once, and only for who holds the lease") { probe in
      try await probe.insert(probe.job("one"))
      let first = try await probe.claimOne()
      let said = (1...3).map {
        OutputChunk(attempt: 1, number: $0, stream: $0 == 2 ? .stderr : .stdout, text: "line \($0)\n", at: probe.start)
      }
      let report = AttemptReport(attempt: probe.key(first), output: said)
      let again = AttemptReport(attempt: probe.key(first), output: Array(said.dropFirst()))
      try probe.demandEqual(try await probe.store.record([report, again]), [true, true], "The answers")
      try probe.demandEqual(try await probe.store.output(first.id, after: nil, limit: 9), said, "The output")
      let rest = try await probe.store.output(first.id, after: said[0].place, limit: 1)
      try probe.demandEqual(rest, [said[1]], "One piece after the first")
      try await probe.move(first, .released)
      try probe.demandEqual(try await probe.store.record([report]), [false], "The answer to a late report")
      let second = try await probe.claimOne()
      let more = OutputChunk(attempt: 2, number: 1, text: "é\u{0}", at: probe.start + .seconds(1))
      _ = try await probe.store.record([AttemptReport(attempt: probe.key(second), output: [more])])
      try probe.demandEqual(
        try await probe.store.output(first.id, after: said[2].place, limit: 9), [more], "The next attempt's output")
      try await probe.move(second, .succeeded(nil))
      _ = try await probe.store.purge(.all, limit: 9)
      try probe.demandEqual(try await probe.store.output(first.id, after: nil, limit: 9), [], "Output of a purged job")
    },

    StoreLaw("The last checkpoint is kept for the next attempt, until a person retries") { probe in
      try await probe.insert(probe.job("one", maxRetries: 0))
      let first = try await probe.claimOne()
      try probe.demandEqual(try await probe.store.checkpoint(first.id), nil, "The checkpoint before any")
      for number in 1...2 {
        let value = RawJSON(["at": .integer(Int64(number))])
        _ = try await probe.store.record([AttemptReport(attempt: probe.key(first), checkpoint: value)])
      }
      try probe.demandEqual(try await probe.store.checkpoint(first.id), RawJSON(["at": 2]), "The checkpoint")
      let failed = try await probe.move(first, .failed(message: "x"))
      try probe.demandEqual(try await probe.store.checkpoint(first.id), RawJSON(["at": 2]), "The checkpoint after it")
      try await probe.move(failed, .retried(by: .system))
      try probe.demandEqual(try await probe.store.checkpoint(first.id), nil, "The checkpoint after a person's retry")
    },

    StoreLaw("A full queue refuses a group as a whole, and counts what waits exactly") { probe in
      try await probe.store.put(QueueRecord(name: "mail", maxPending: 3))
      try probe.demandEqual(
        try await probe.store.queues(), [QueueRecord(name: "mail", maxPending: 3)], "The queues with rules")
      try await probe.insert([probe.job("a", queue: "mail"), probe.job("b", type: "play", queue: "mail")])
      let group = [probe.job("c", queue: "mail"), probe.job("d"), probe.job("e", queue: "mail")]
      let results = try await probe.store.insert(
        [group, [probe.job("f", queue: "mail", due: .seconds(9))], [probe.job("g", queue: "mail")], [probe.job("h")]],
        at: probe.start)
      try probe.demandEqual(results[0], .queueFull(queue: "mail", limit: 3, waiting: 2), "The first group")
      try probe.demandEqual(results[2], .queueFull(queue: "mail", limit: 3, waiting: 3), "The third group")
      try probe.demandEqual(try await probe.all().map(\.id.text), ["h", "f", "b", "a"], "The jobs present")
      // What runs does not wait; what failed and is tried again does.
      let running = try await probe.claim(1)
      try await probe.insert(probe.job("i", queue: "mail"))
      try await probe.move(running[0], .failed(message: "x"))
      let refused = try await probe.store.insert([[probe.job("j", queue: "mail")]], at: probe.start)[0]
      try probe.demandEqual(refused, .queueFull(queue: "mail", limit: 3, waiting: 4), "The last group")
      try await probe.store.put(QueueRecord(name: "mail"))
      try await probe.insert(probe.job("j", queue: "mail"))
    },

    StoreLaw("An escalation stores the job that takes over with the failure, or neither") { probe in
      try await probe.store.put(QueueRecord(name: "default", maxPending: 1))
      try await probe.insert(probe.job("one", maxRetries: 0, tags: ["team": "a"], owner: "ann"))
      let claimed = try await probe.claimOne()
      try await probe.insert(probe.job("fills the queue"))
      let escalation = Escalation(
        EscalationRule("play"), target: JobType(name: "play", maxRetries: 7), id: JobID(known: "two"))
      let change = try Lifecycle.move(claimed, .failed(message: "x"), at: probe.start, escalation: escalation)
      guard case .applied? = try await probe.store.apply([change], at: probe.start).first else {
        throw LawViolation(law: probe.law, message: "The failure did not win")
      }
      let failed = try await probe.read(claimed.id)
      let next = try await probe.read(JobID(known: "two"))
      try probe.demandEqual(failed.state.escalatedTo, next.id, "escalated_to")
      try probe.demandEqual(next.spec.escalatedFrom, failed.id, "escalated_from")
      try probe.demandEqual(next.status, .pending, "The status of the job that takes over")
      try probe.demandEqual(next.spec.type, "play", "Its type")
      try probe.demandEqual(next.spec.maxRetries, 7, "Its retries")
      try probe.demandEqual(next.spec.tags, ["team": "a"], "Its tags")
      try probe.demandEqual(next.spec.owner, "ann", "Its owner")
      let late = try await probe.store.apply([change], at: probe.start).first
      try probe.demandEqual(late, .stale(failed), "The same change once more")
      try probe.demandEqual(try await probe.all().count, 3, "The number of jobs")
      try probe.demandEqual(try await probe.store.counts()[.pending], 2, "The count of pending jobs")
      try probe.demandEqual(
        try await probe.store.list(JobQuery(filter: .deadLetters)).jobs.count, 0, "The number of dead letters")
    },

    StoreLaw("Dead letters are grouped by type and kind of error, and failures counted within a time") { probe in
      let endings: [(String, String, Cause)] = [
        ("a", "work", .failed(message: "one")), ("b", "work", .failed(message: "two")), ("c", "work", .timedOut),
        ("d", "play", .gaveUp(message: "no")), ("e", "play", .succeeded(nil)),
      ]
      for (index, (id, type, cause)) in endings.enumerated() {
        try await probe.insert(probe.job(id, type: type, maxRetries: 0))
        try await probe.move(try await probe.claimOne(), cause, after: .seconds(index))
      }
      func group(_ type: String, _ error: JobError.Kind, _ ends: [Int], _ message: String) -> DeadLetterGroup {
        DeadLetterGroup(
          type: type, error: error, count: ends.count, oldest: probe.start + .seconds(ends[0]),
          newest: probe.start + .seconds(ends[ends.count - 1]), message: message)
      }
      let groups = try await probe.store.deadLetters(.all)
      let timeout = try await probe.read(JobID(known: "c")).error?.message ?? ""
      try probe.demandEqual(
        groups,
        [
          group("work", .handler, [0, 1], "two"), group("play", .handler, [3], "no"),
          group("work", .timeout, [2], timeout),
        ],
        "The groups")
      try probe.demandEqual(try await probe.store.deadLetters(.errorType(.timeout)).map(\.count), [1], "Timeouts")
      try probe.demandEqual(try await probe.store.deadLetters(.type("play")).map(\.count), [1], "Groups of one type")
      func failures(_ type: String, _ after: Int, _ limit: Int) async throws -> Int {
        try await probe.store.failures(ofType: type, since: probe.start + .seconds(after), limit: limit)
      }
      try probe.demandEqual(try await failures("work", 0, 9), 3, "The failures of a type")
      try probe.demandEqual(try await failures("work", 1, 9), 2, "Its later ones")
      try probe.demandEqual(try await failures("work", 0, 2), 2, "Its first two")
      try probe.demandEqual(try await failures("play", 4, 9), 0, "Failures after the last one")
    },

    StoreLaw("A store has one secret of 32 bytes") { probe in
      let secret = try await probe.store.secret()
      try probe.demandEqual(secret.count, 32, "The secret's length")
      try probe.demand(Set(secret).count > 8, "The secret is not random")
      try probe.demandEqual(try await probe.store.secret(), secret, "The secret, asked for again")
      guard let reopen = probe.under.reopen else { return }
      await probe.store.close()
      let reopened = try await reopen()
      try probe.demandEqual(try await reopened.secret(), secret, "The secret after the store was opened again")
      await reopened.close()
    },

    StoreLaw("A loss that a supervisor saw does not wait for the lease") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      let seen = try await probe.move(claimed, .lost(message: "killed", alone: false, seen: true))
      try probe.demandEqual(seen.status, .retrying, "status")
      try probe.demandEqual(seen.state.losses, 1, "losses")
      _ = try await probe.store.promote(limit: 1, at: probe.start)
      let again = try await probe.claimOne()
      try probe.demand(
        again.state.startedAt == nil, "It was lost before, and counts as begun before its worker says so")
      let uncounted = try await probe.move(again, .lost(message: "stopped", alone: false, seen: true, counts: false))
      try probe.demandEqual(uncounted.state.losses, 1, "losses after one that does not count")
    },
  ]
}
