import StintCore
import StintStore

extension StoreLaw {
  static let reading: [StoreLaw] = [
    StoreLaw("The counts equal a recount") { probe in
      try await probe.populate()
      func recount() async throws {
        var expected = Counts()
        for job in try await probe.all() { expected[job.status] += 1 }
        try probe.demandEqual(try await probe.store.counts(), expected, "The kept counts")
      }
      try await recount()
      _ = try await probe.store.insert([[probe.job("x"), probe.job("x")]], at: probe.start)
      _ = try await probe.store.purge(.all, limit: 3)
      try await recount()
    },

    StoreLaw("Running jobs are counted by worker") { probe in
      try probe.demandEqual(try await probe.store.runningByWorker(), [:], "What runs in an empty store")
      try await probe.insert((1...6).map { probe.job("job-\($0)") })
      let first = try await probe.claim(3, by: "one")
      _ = try await probe.claim(2, by: "two")
      try probe.demandEqual(try await probe.store.runningByWorker(), ["one": 3, "two": 2], "What runs")
      try await probe.move(first[0], .succeeded(nil))
      try await probe.move(first[1], .released)
      try probe.demandEqual(try await probe.store.runningByWorker(), ["one": 1, "two": 2], "What is left of it")
    },

    StoreLaw("A history is a path of the lifecycle's table") { probe in
      try await probe.populate()
      for job in try await probe.all() { try probe.demandPath(of: job, try await probe.history(job.id)) }
    },

    StoreLaw("The feed of events is complete, in order, and can be resumed anywhere") { probe in
      try await probe.populate()
      let feed = try await probe.store.events(after: 0, limit: 100_000)
      let jobs = try await probe.all()
      let histories = try await probe.store.history(jobs.map(\.id))
      let expected = histories.flatMap { $0 }.sorted { $0.sequence < $1.sequence }
      try probe.demandEqual(feed.map(\.sequence), expected.map(\.sequence), "The sequences of the feed")
      try probe.demandEqual(feed, expected, "The feed")
      try probe.demand(zip(feed, feed.dropFirst()).allSatisfy { $0.sequence < $1.sequence }, "It is out of order")
      try probe.demandEqual(try await probe.store.lastEvent(), feed.last?.sequence ?? 0, "The last sequence")
      for size in [1, 7, 50] {
        var read: [Event] = []
        while true {
          let page = try await probe.store.events(after: read.last?.sequence ?? 0, limit: size)
          if page.isEmpty { break }
          try probe.demand(page.count <= size, "A page of at most \(size) events has \(page.count)")
          read += page
        }
        try probe.demandEqual(read.map(\.sequence), feed.map(\.sequence), "The feed in pages of \(size)")
      }
      // Sequences go on after a purge: a reader who resumes misses nothing.
      _ = try await probe.store.purge(.all, limit: 1_000)
      let last = try await probe.store.lastEvent()
      try await probe.insert(probe.job("later"))
      let news = try await probe.store.events(after: last, limit: 9)
      try probe.demandEqual(news.map(\.jobID.text), ["later"], "What comes after the last event")
    },

    StoreLaw("Pages are stable while jobs move") { probe in
      try await probe.populate()
      let before = try await probe.all().map(\.id)
      var seen: [JobID] = []
      var query = JobQuery(limit: 7)
      while true {
        let page = try await probe.store.list(query)
        try probe.demand(page.jobs.count <= 7, "A page of at most 7 jobs has \(page.jobs.count)")
        seen += page.jobs.map(\.id)
        _ = try await probe.claim(3)
        _ = try await probe.store.promote(limit: 2, at: probe.start + .seconds(9_000))
        try await probe.insert(probe.job("new-\(seen.count)"))
        guard let next = page.next else { break }
        query.before = next
      }
      try probe.demandEqual(seen, before, "The jobs of all pages")
    },

    StoreLaw("Every filter agrees with what it means") { probe in
      try await probe.populate()
      let jobs = try await probe.all()
      let filters: [JobFilter] =
        [
          .all, .statuses([]), .statuses([.pending, .failed]), .type("work"), .type("WORK"), .queue("mail"),
          .queue("none"), .owner("ann"), .owner(""), .tag(key: "team", value: "t1"), .tag(key: "size", value: "l"),
          .since(probe.start + .seconds(7)), .until(probe.start + .seconds(7)), .text(""), .text("JOB-0"),
          .text("50% \\ _"), .text("5__ \\"), .text("team:T0"), .text("broke"), .text("mail"), .text("\u{e9}"),
          .text(String(repeating: "long", count: 13_000)), .idFragment("job-1"), .idFragment("3"), .idFragment(""),
          .idFragment("JOB"), .idFragment("%"), .and([]), .and([.and([.all]), .type("play")]),
          .and([.statuses([.pending, .scheduled]), .queue("default"), .tag(key: "size", value: "L")]),
          .and([.since(probe.start + .seconds(3)), .until(probe.start + .seconds(9)), .text("1")]),
        ] + JobStatus.allCases.map { .statuses([$0]) }
      for filter in filters {
        let found = try await probe.store.list(JobQuery(filter: filter, limit: 1_000)).jobs
        try probe.demandEqual(
          found.map(\.id.text), jobs.filter { filter.matches($0) }.map(\.id.text), "What \(filter) finds")
      }
    },

    StoreLaw("What waited too long is found") { probe in
      try await probe.insert([
        probe.job("start", startWithin: .seconds(10)), probe.job("deadline", deadline: probe.start + .seconds(20)),
        probe.job("late", due: .seconds(25), startWithin: .seconds(10)), probe.job("never"),
        probe.job("both", startWithin: .seconds(30), deadline: probe.start + .seconds(15)),
        probe.job("blocked", deadline: probe.start + .seconds(12), blocked: true),
      ])
      func overdue(_ after: Int, _ limit: Int = 9) async throws -> [String] {
        try await probe.store.overdue(limit: limit, at: probe.start + .seconds(after)).map(\.id.text)
      }
      try probe.demandEqual(try await overdue(9), [], "What waited too long after 9 s")
      try probe.demandEqual(try await overdue(10), ["start"], "What waited too long after 10 s")
      try probe.demandEqual(try await overdue(20), ["start", "deadline", "both", "blocked"], "… after 20 s")
      try probe.demandEqual(try await overdue(99, 2), ["start", "deadline"], "The first two of it")
      // What runs does not wait.
      _ = try await probe.claim(9)
      try probe.demandEqual(try await overdue(99), ["late", "blocked"], "What waited too long beside what runs")
      let blocked = try await probe.read(JobID(known: "blocked"))
      try await probe.move(blocked, .deadlineExceeded, after: .seconds(99))
      try probe.demandEqual(try await overdue(99), ["late"], "What is left after one was ended")
    },

    StoreLaw("Absent ids are answered with nothing, in their place") { probe in
      try await probe.insert([probe.job("a"), probe.job("b")])
      let ids = ["b", "none", "a", "b"].map(JobID.init(known:))
      try probe.demandEqual(try await probe.store.jobs(ids).map { $0?.id.text }, ["b", nil, "a", "b"], "The jobs")
      try probe.demandEqual(try await probe.store.history(ids).map(\.count), [1, 0, 1, 1], "The histories")
      try probe.demandEqual(try await probe.store.jobs([]).count, 0, "The jobs of no ids")
    },
  ]
}

extension StoreProbe {
  /// Demands that events lead from a submission to the job's status by moves of the table, those among them that leave
  /// no event included.
  func demandPath(of job: Job, _ events: [Event]) throws {
    guard let first = events.first, first.kind == .submitted else {
      throw LawViolation(law: law, message: "The history of \(job.id) does not begin with its submission")
    }
    var possible = Self.silently([first.status])
    for (previous, event) in zip(events, events.dropFirst()) {
      let fits = Lifecycle.moves.contains {
        $0.cause == event.kind && possible.contains($0.from) && $0.to.contains(event.status)
      }
      try demand(
        fits, "\(event.kind.rawValue) to \(event.status.rawValue) after \(previous.status.rawValue) in \(job.id)")
      try demand(
        event.revision >= previous.revision && event.attempt >= previous.attempt && event.sequence > previous.sequence,
        "The events of \(job.id) are out of order")
      possible = Self.silently([event.status])
    }
    try demand(possible.contains(job.status), "\(job.id) is \(job.status.rawValue), which its history does not lead to")
    try demand(events.allSatisfy { $0.jobID == job.id }, "The history of \(job.id) has events of others")
  }

  /// The statuses that can be reached without an event.
  private static func silently(_ statuses: Set<JobStatus>) -> Set<JobStatus> {
    let silent: Set<Cause.Kind> = [.claimed, .promoted, .unblocked]
    var reached = statuses
    while true {
      let next = Lifecycle.moves.filter { silent.contains($0.cause) && reached.contains($0.from) }.flatMap(\.to)
      let grown = reached.union(next)
      if grown == reached { return reached }
      reached = grown
    }
  }
}
