import StintCore
import StintEngine
import StintStore

extension ClientLaw {
  static let failing: [ClientLaw] = output + deadLetters + scaling

  private static let output: [ClientLaw] = [
    ClientLaw("Output comes in order, each piece once, and ends with the job") { probe in
      let job = try await probe.submit(probe.new("law.say", ["lines": 300]))
      let updates = try await read(probe.client.output(job.id))
      guard case .ended(let ended)? = updates.last else {
        throw LawViolation(law: probe.law, message: "The output does not end with the end of the job")
      }
      try probe.demandEqual(ended.id, job.id, "The ended job")
      try probe.demandEqual(ended.status, .completed, "status")
      let chunks = chunks(updates)
      try probe.demandEqual(chunks.map(\.number), Array(1...302), "The numbers")
      let lines = chunks.filter { $0.stream == .stdout }.map(\.text)
      try probe.demandEqual(lines, (1...300).map { "line \($0)\n" }, "What was printed")
      try probe.demandEqual(chunks.filter { $0.stream == .stderr }.map(\.text), ["a remark\n"], "The remarks")
      try probe.demandEqual(chunks.filter { $0.stream == .event }.map(\.text), [#"{"event":"é\u0000"}"#], "The events")
      try probe.demand(!updates.contains(.gap), "Something is said to be missing")
      // And once more, now that all of it is there.
      let again = try await read(probe.client.output(job.id, after: nil, follows: false))
      try probe.demandEqual(Self.chunks(again), chunks, "The output read again")
    },

    ClientLaw("Output goes on behind a place") { probe in
      let job = try await probe.run(probe.new("law.say", ["lines": 5]))
      let all = chunks(try await read(probe.client.output(job.id)))
      for (index, chunk) in all.enumerated() {
        let rest = try await read(probe.client.output(job.id, after: chunk.place))
        try probe.demandEqual(chunks(rest), Array(all[(index + 1)...]), "What comes after \(chunk.place)")
        try probe.demand(rest.count == all.count - index, "Besides the pieces there is more than the end")
      }
    },

    ClientLaw("Each attempt's output is kept, and announced") { probe in
      let job = try await probe.run(probe.new("law.say", ["lines": 1, "failures": 2]))
      let updates = try await read(probe.client.output(job.id))
      let announced = updates.compactMap { if case .attempt(let number, of: let id) = $0 { (number, id) } else { nil } }
      try probe.demandEqual(announced.map(\.0), [1, 2, 3], "The attempts")
      try probe.demand(announced.allSatisfy { $0.1 == job.id }, "An attempt is another job's")
      try probe.demandEqual(chunks(updates).filter { $0.number == 1 }.map(\.attempt), [1, 2, 3], "The first pieces")
    },

    ClientLaw("Output is seen while the job runs") { probe in
      let job = try await probe.submit(probe.new("law.say", ["lines": 1, "holds": true]))
      var updates = try await probe.client.output(job.id).makeAsyncIterator()
      var seen: [OutputUpdate] = []
      while let update = try await updates.next() {
        seen.append(update)
        guard case .chunk(let chunk) = update, chunk.stream == .event else { continue }
        try probe.demandEqual(try await probe.client.job(job.id).status, .running, "status")
        let now = try await read(probe.client.output(job.id, after: nil, follows: false))
        try probe.demandEqual(chunks(now), chunks(seen), "What is there now")
        _ = try await probe.client.cancel(job.id, by: probe.actor)
      }
      guard case .ended(let ended)? = seen.last else {
        throw LawViolation(law: probe.law, message: "The output ends before the job")
      }
      try probe.demandEqual(ended.status, .cancelled, "status")
    },

    ClientLaw("A job that says nothing has no output but its end") { probe in
      let waiting = try await probe.submit(probe.waiting())
      let now = try await read(probe.client.output(waiting.id, after: nil, follows: false))
      try probe.demandEqual(now, [], "The output of a waiting job")
      guard let none = JobID(probe.id("nothing")) else { return }
      try await probe.refused(.notFound, "the output of nothing") { () throws(StintError) in
        try await probe.client.output(none)
      }
    },
  ]

  private static let deadLetters: [ClientLaw] = [
    ClientLaw("Dead letters are grouped by type and error") { probe in
      _ = try await probe.run(probe.new("law.fail"))
      let second = try await probe.run(probe.new("law.fail"))
      _ = try await probe.run(probe.new("law.say", ["failures": 9]))
      _ = try await probe.run(probe.new("law.ok", ["text": "no dead letter"]))
      let groups = try await probe.client.deadLetters(probe.mine)
      try probe.demandEqual(groups.map(\.type), ["law.fail", "law.say"], "The types")
      try probe.demandEqual(groups.map(\.count), [2, 1], "The counts")
      try probe.demandEqual(groups.map(\.error), [.handler, .handler], "The errors")
      try probe.demandEqual(groups[0].newest, second.state.completedAt, "The newest")
      try probe.demandEqual(groups[0].message, second.error?.message, "The message")
      let one = try await probe.client.deadLetters(.and([probe.mine, .type("law.say"), .errorType(.handler)]))
      try probe.demandEqual(one.map(\.count), [1], "The groups of one type")
      let none = try await probe.client.deadLetters(.and([probe.mine, .errorType(.timeout)]))
      try probe.demandEqual(none, [], "The groups of another error")
    },

    ClientLaw("Requeueing by filter takes the dead letters that match, and only counts on a dry run") { probe in
      let failed = try await probe.run(probe.new("law.fail"))
      let other = try await probe.run(probe.new("law.say", ["failures": 9]))
      let filter = JobFilter.and([probe.mine, .type("law.fail")])
      let one = Requeued(count: 1)
      try probe.demandEqual(try await probe.client.requeue(filter, dryRun: true, by: probe.actor), one, "The dry run")
      try probe.demandEqual(try await probe.client.job(failed.id).status, .failed, "The status after a dry run")
      try probe.demandEqual(try await probe.client.requeue(filter, dryRun: false, by: probe.actor), one, "The count")
      let ended = try await probe.end(of: failed.id)
      try probe.demandEqual(ended.state.attempt, 2, "attempt")
      let kinds = try await probe.client.history(failed.id).map(\.kind)
      try probe.demandEqual(kinds, [.submitted, .failed, .retried, .failed], "The history")
      try probe.demandEqual(try await probe.client.job(other.id), other, "The other dead letter")
    },

    ClientLaw("Requeueing by id takes dead letters alone, and nothing where one is unknown") { probe in
      let failed = try await probe.run(probe.new("law.fail"))
      let done = try await probe.run(probe.new("law.ok", ["text": "done"]))
      guard let none = JobID(probe.id("nothing")) else { return }
      try await probe.refused(.notFound, "requeueing nothing") { () throws(StintError) in
        try await probe.client.requeue([failed.id, none], by: probe.actor)
      }
      try probe.demandEqual(try await probe.client.job(failed.id), failed, "The dead letter")
      let requeued = try await probe.client.requeue([failed.id, done.id], by: probe.actor)
      try probe.demandEqual(requeued, Requeued(count: 1), "The count")
      _ = try await probe.end(of: failed.id)
      try probe.demandEqual(try await probe.client.job(done.id), done, "The completed job")
    },

    ClientLaw("Purging takes the dead letters that match with their history, and only counts on a dry run") { probe in
      let failed = try await probe.run(probe.new("law.fail"))
      let other = try await probe.run(probe.new("law.say", ["failures": 9]))
      let done = try await probe.run(probe.new("law.ok", ["text": "done"]))
      for filter in [JobFilter.and([probe.mine, .type("law.fail")]), .ids([other.id, done.id])] {
        for isDryRun in [true, false] {
          let count = try await probe.client.purgeDeadLetters(filter, dryRun: isDryRun, by: probe.actor)
          try probe.demandEqual(count, 1, "The count of \(filter)")
        }
      }
      let left = try await probe.client.list(JobQuery(filter: probe.mine)).jobs
      try probe.demandEqual(left.map(\.id), [done.id], "The jobs that are left")
      try await probe.refused(.notFound, "the history of a purged job") { () throws(StintError) in
        try await probe.client.history(failed.id)
      }
    },
  ]

  private static let scaling: [ClientLaw] = [
    ClientLaw("The number of workers can be changed while they run") { probe in
      let held = try await probe.hold()
      let before = try await capacity(probe)
      for count in [0, before + 2, before] {
        try probe.demandEqual(try await probe.client.setWorkers(count, by: probe.actor), count, "The answer")
        try probe.demandEqual(try await probe.client.workerCount()?.count, count, "The count")
        try probe.demandEqual(try await probe.client.stats().workerCapacity, count, "The capacity")
        let slots = try await probe.client.workers().reduce(0) { $0 + $1.record.slots }
        try probe.demandEqual(slots, count, "The workers' slots")
      }
      try probe.demandEqual(try await probe.client.job(held.id).status, .running, "The status of what runs")
      for count in [-1, 1_001] {
        try await probe.refused(.invalidParams, "\(count) workers") { () throws(StintError) in
          try await probe.client.setWorkers(count, by: probe.actor)
        }
      }
    },

    ClientLaw("Without workers jobs wait, and go on when there are some") { probe in
      _ = try await probe.run(probe.new("law.ok", ["text": "there are workers"]))
      let before = try await capacity(probe)
      _ = try await probe.client.setWorkers(0, by: probe.actor)
      let job = try await probe.submit(probe.new("law.ok", ["text": "later"]))
      try probe.demandEqual(try await probe.client.job(job.id).status, .pending, "status")
      _ = try await probe.client.setWorkers(before, by: probe.actor)
      try probe.demandEqual(try await probe.end(of: job.id).status, .completed, "status")
    },
  ]

  /// How many jobs run at once; workers that have just begun may not have said so yet.
  private static func capacity(_ probe: ClientProbe) async throws -> Int {
    max(3, try await probe.client.stats().workerCapacity)
  }

  private static func read(_ updates: OutputUpdates) async throws -> [OutputUpdate] {
    try await updates.reduce(into: []) { $0.append($1) }
  }

  private static func chunks(_ updates: [OutputUpdate]) -> [OutputChunk] {
    updates.compactMap { if case .chunk(let chunk) = $0 { chunk } else { nil } }
  }
}
