import StintCore
import StintEngine

extension ClientLaw {
  static let reads: [ClientLaw] = [
    ClientLaw("Jobs are read in the order of the ids asked for") { probe in
      let jobs = try await probe.submit([probe.waiting(), probe.waiting()])
      guard let none = JobID(probe.id("none")) else { return }
      let read = try await probe.client.jobs([jobs[1].id, none, jobs[0].id, jobs[1].id])
      try probe.demandEqual(read.map { $0?.id }, [jobs[1].id, nil, jobs[0].id, jobs[1].id], "The jobs")
      try probe.demandEqual(try await probe.client.jobs([]).count, 0, "The number of jobs of no ids")
    },

    ClientLaw("Every filter finds its jobs and no others") { probe in
      var first = probe.waiting(id: "first")
      first.queue = "law.a"
      first.owner = "law.ann"
      first.tags["colour"] = "Red 100%"
      var second = probe.waiting(id: "second")
      second.queue = "law.b"
      second.tags["colour"] = "blue"
      let third = probe.new("law.fail", id: "third")
      let ended = try await probe.run(third)
      let stored = try await probe.submit([first, second]) + [ended]
      func found(_ filter: JobFilter) async throws -> Set<String> {
        let page = try await probe.client.list(JobQuery(filter: .and([probe.mine, filter])))
        return Set(page.jobs.map { String($0.id.text.dropFirst(probe.mark.count + 1)) })
      }
      let expectations: [(JobFilter, Set<String>)] = [
        (.all, ["first", "second", "third"]), (.statuses([.scheduled]), ["first", "second"]),
        (.statuses([.failed, .running]), ["third"]), (.statuses([.blocked]), []), (.type("law.fail"), ["third"]),
        (.type("law"), []), (.queue("law.b"), ["second"]), (.owner("law.ann"), ["first"]), (.owner("law.bob"), []),
        (.tag(key: "colour", value: "blue"), ["second"]), (.tag(key: "colour", value: "Blue"), []),
        (.and([.tag(key: "colour", value: "blue"), .queue("law.a")]), []), (.text("red 100%"), ["first"]),
        (.text("1_0%"), []), (.text("MEANT TO"), ["third"]), (.text("law.b"), ["second"]),
        (.text("\(probe.mark)-SECOND"), ["second"]), (.text("no such text"), []),
        (.and([.statuses([.scheduled]), .type("law.ok"), .queue("law.a")]), ["first"]),
      ]
      for (filter, expected) in expectations {
        try probe.demandEqual(try await found(filter), expected, "What \(filter) finds")
      }
      let times = stored.map(\.spec.createdAt).sorted()
      guard let earliest = times.first, let latest = times.last else { return }
      try probe.demandEqual(try await found(.since(earliest)).count, 3, "The number since the first")
      try probe.demandEqual(try await found(.until(earliest)).count, 0, "The number before the first")
      try probe.demandEqual(try await found(.since(latest + .seconds(1))).count, 0, "The number after the last")
      try probe.demandEqual(try await found(.until(latest + .seconds(1))).count, 3, "The number until after the last")
    },

    ClientLaw("Pages are stable while jobs move") { probe in
      let jobs = try await probe.submit((0..<8).map { probe.waiting(id: "p\($0)") })
      var seen: [JobID] = []
      var query = JobQuery(filter: probe.mine, limit: 3)
      for turn in 0..<5 {
        let page = try await probe.client.list(query)
        try probe.demand(page.jobs.count <= 3, "A page of at most 3 has \(page.jobs.count) jobs")
        seen += page.jobs.map(\.id)
        _ = try await probe.submit(probe.waiting())
        if turn < jobs.count { _ = try await probe.client.cancel(jobs[turn].id, by: probe.actor) }
        guard let next = page.next else { break }
        query.before = next
      }
      try probe.demandEqual(seen, jobs.reversed().map(\.id), "The jobs of all pages")
    },

    ClientLaw("The last page says that it is the last") { probe in
      _ = try await probe.submit((0..<4).map { _ in probe.waiting() })
      for (limit, isLast) in [(3, false), (4, true), (5, true)] {
        let page = try await probe.client.list(JobQuery(filter: probe.mine, limit: limit))
        try probe.demandEqual(page.jobs.count, min(4, limit), "The number of jobs on a page of \(limit)")
        try probe.demandEqual(page.next == nil, isLast, "Whether a page of \(limit) of 4 is the last")
      }
    },

    ClientLaw("The history tells every act and every attempt in order") { probe in
      let job = try await probe.run(probe.new("law.flaky"))
      let history = try await probe.client.history(job.id)
      try probe.demandEqual(history.map(\.status), [.pending, .retrying, .completed], "The statuses")
      try probe.demandEqual(history.map(\.attempt), [0, 1, 2], "The attempts")
      try probe.demandEqual(history.map(\.at).sorted(), history.map(\.at), "The times")
      try probe.demand(history[0].actor != nil, "The submission does not say who did it")
      for event in history.dropFirst() {
        try probe.demand(event.workerID != nil, "\(event.kind.rawValue) names no worker")
        try probe.demand(event.duration.map { $0 >= .zero } ?? false, "\(event.kind.rawValue) has no duration")
      }
    },

    ClientLaw("The job types are listed with their params") { probe in
      let types = try await probe.client.jobTypes()
      for handler in handlers {
        guard let found = types.first(where: { $0.name == handler.type.name }) else {
          throw LawViolation(law: probe.law, message: "\(handler.type.name) is not listed")
        }
        try probe.demandEqual(found.description, handler.type.description, "The description of \(found.name)")
        try probe.demandEqual(found.params, handler.type.params, "The params of \(found.name)")
      }
      try probe.demandEqual(types.map(\.name), types.map(\.name).sorted(), "The order of the types")
    },

    ClientLaw("The stats count the jobs that are present") { probe in
      let before = try await probe.client.stats().counts
      let jobs = try await probe.submit((0..<3).map { _ in probe.waiting() })
      _ = try await probe.client.cancel(jobs[0].id, by: probe.actor)
      let after = try await probe.client.stats().counts
      try probe.demandEqual(after[.scheduled] - before[.scheduled], 2, "The change of scheduled")
      try probe.demandEqual(after[.cancelled] - before[.cancelled], 1, "The change of cancelled")
      try probe.demandEqual(after.total - before.total, 3, "The change of the total")
    },

    ClientLaw("The workers are listed with what they run") { probe in
      let job = try await probe.hold()
      let workers = try await probe.client.workers()
      let running = workers.flatMap(\.jobs).first { $0.id == job.id }
      try probe.demandEqual(running?.type, "law.hold", "The type of the running job in the list of workers")
      try probe.demand(running?.startedAt != nil, "The running job has no started_at")
      try probe.demand(workers.contains { $0.record.slots > 0 }, "No worker has slots")
    },

    ClientLaw("A job is found by its id, a prefix of 6, or the last 8") { probe in
      let text = "\(RandomSource.system.letters(8))-law-\(RandomSource.system.letters(8))"
      var new = probe.waiting()
      new.id = text
      let job = try await probe.submit(new)
      for short in [text, String(text.prefix(6)), String(text.prefix(15)), String(text.suffix(8))] {
        try probe.demandEqual(try await probe.client.resolve(short).id, job.id, "What \(short) finds")
      }
      for wrong in [String(text.prefix(5)), String(text.suffix(7)), text + "x"] {
        try await probe.refused(.notFound, wrong) { () throws(StintError) in try await probe.client.resolve(wrong) }
      }
      try await probe.refused(.invalidParams, "an id with a space") { () throws(StintError) in
        try await probe.client.resolve("no id")
      }
    },

    ClientLaw("An ambiguous short id lists the candidates; an exact one comes first") { probe in
      let jobs = try await probe.submit([probe.waiting(id: "a"), probe.waiting(id: "aa"), probe.waiting(id: "ab")])
      try probe.demandEqual(try await probe.client.resolve(probe.id("a")).id, jobs[0].id, "What the exact id finds")
      let error = try await probe.refused(.invalidParams, "an ambiguous id") { () throws(StintError) in
        try await probe.client.resolve(probe.mark)
      }
      for job in jobs {
        try probe.demand(error.message.contains(job.id.text), "\(job.id) is not among the candidates: \(error.message)")
      }
    },

    ClientLaw("A healthy store passes its check") { probe in try await probe.client.check() },
  ]
}
