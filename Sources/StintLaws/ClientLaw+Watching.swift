import StintCore
import StintEngine

extension ClientLaw {
  static let watching: [ClientLaw] = [
    ClientLaw("A watcher sees the present state first, then the end, once") { probe in
      let job = try await probe.submit(probe.waiting())
      var updates = try await probe.client.watch(job.id).makeAsyncIterator()
      guard case .status(.scheduled, _, attempt: 0, _, _)? = try await updates.next() else {
        throw LawViolation(law: probe.law, message: "The first update is not the present state")
      }
      _ = try await probe.client.cancel(job.id, by: probe.actor)
      guard case .ended(let ended)? = try await updates.next() else {
        throw LawViolation(law: probe.law, message: "After the cancel comes no end")
      }
      try probe.demandEqual(ended.status, .cancelled, "status")
      try probe.demand(try await updates.next() == nil, "Something follows the end")
    },

    ClientLaw("A watcher of a job that is over sees its end and nothing else") { probe in
      let job = try await probe.run(probe.new("law.ok", ["text": "over"]))
      var updates: [JobUpdate] = []
      for try await update in try await probe.client.watch(job.id) { updates.append(update) }
      try probe.demandEqual(updates.count, 1, "The number of updates")
      guard case .ended(let ended)? = updates.first else {
        throw LawViolation(law: probe.law, message: "The update is not the end")
      }
      try probe.demandEqual(probe.wire(ended), probe.wire(job), "The ended job")
    },

    ClientLaw("A watcher stays through a retry and sees one end") { probe in
      let job = try await probe.submit(probe.new("law.flaky"))
      let updates = try await watched(job.id, probe)
      guard case .ended(let ended)? = updates.last else { return }
      try probe.demandEqual(ended.status, .completed, "status")
      try probe.demandEqual(ended.state.attempt, 2, "attempt")
    },

    ClientLaw("All of many watchers see the same end") { probe in
      let job = try await probe.hold()
      let ends = try await withThrowingTaskGroup(of: [JobUpdate].self) { group in
        for _ in 0..<20 {
          let updates = try await probe.client.watch(job.id)
          group.addTask {
            var seen: [JobUpdate] = []
            for try await update in updates { seen.append(update) }
            return seen
          }
        }
        _ = try await probe.client.cancel(job.id, by: probe.actor)
        return try await group.reduce(into: [[JobUpdate]]()) { $0.append($1) }
      }
      for updates in ends { try demandOneEnd(updates, .cancelled, probe) }
    },

    ClientLaw("Statuses and attempts that a watcher sees only go forward") { probe in
      let job = try await probe.submit(probe.new("law.flaky"))
      var attempt = 0
      for case .status(_, _, let next, _, _) in try await watched(job.id, probe) {
        try probe.demand(next >= attempt, "Attempt \(next) follows attempt \(attempt)")
        attempt = next
      }
    },

    ClientLaw("A watcher who goes away in the middle ends cleanly") { probe in
      let job = try await probe.submit(probe.waiting())
      try await withThrowingTaskGroup(of: Bool.self) { group in
        let updates = try await probe.client.watch(job.id)
        let (seen, first) = AsyncStream.makeStream(of: Void.self)
        group.addTask {
          do {
            for try await update in updates {
              if case .ended = update { return true }
              first.yield()
            }
          } catch is CancellationError {}
          return false
        }
        for await _ in seen { break }
        group.cancelAll()
        let sawEnd = try await group.next() ?? false
        try probe.demand(!sawEnd, "The stream says that a waiting job is over")
      }
      try probe.demandEqual(try await probe.client.job(job.id).status, .scheduled, "status")
    },

    ClientLaw("Jobs submitted while others are watched all come to their end") { probe in
      let jobs = try await probe.submit((0..<30).map { probe.new("law.ok", ["text": .string("\($0)")]) })
      try await withThrowingTaskGroup(of: [JobUpdate].self) { group in
        for job in jobs { group.addTask { try await watched(job.id, probe) } }
        for try await updates in group { try demandOneEnd(updates, .completed, probe) }
      }
    },
  ]

  /// All updates of a job, exactly one end among them, at the end.
  private static func watched(_ id: JobID, _ probe: ClientProbe) async throws -> [JobUpdate] {
    var updates: [JobUpdate] = []
    for try await update in try await probe.client.watch(id) { updates.append(update) }
    try demandOneEnd(updates, nil, probe)
    return updates
  }

  private static func demandOneEnd(_ updates: [JobUpdate], _ status: JobStatus?, _ probe: ClientProbe) throws {
    let ends = updates.compactMap { update -> Job? in
      if case .ended(let job) = update { job } else { nil }
    }
    try probe.demandEqual(ends.count, 1, "The number of ends")
    guard case .ended(let job)? = updates.last else {
      throw LawViolation(law: probe.law, message: "Something follows the end")
    }
    if let status { try probe.demandEqual(job.status, status, "status") }
  }
}
