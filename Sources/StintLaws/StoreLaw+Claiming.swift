import StintCore
import StintStore

extension StoreLaw {
  static let claiming: [StoreLaw] = [
    StoreLaw("A claim gives running jobs under a lease") { probe in
      let job = try await probe.insert(probe.job("one"))
      let clock = try await probe.store.leaseClock()
      let claimed = try await probe.claimOne(after: .seconds(5))
      var expected = job
      expected.state.status = .running
      expected.state.revision += 1
      expected.state.attempt = 1
      expected.state.workerID = "host-1-aaaaaaaa"
      expected.state.startedAt = probe.start + .seconds(5)
      expected.state.leaseUntil = claimed.state.leaseUntil
      try probe.demandEqual(claimed, expected, "The claimed job")
      guard let until = claimed.state.leaseUntil else {
        throw LawViolation(law: probe.law, message: "The claimed job has no lease")
      }
      try probe.demandEqual(until.boot, clock.boot, "The lease's clock")
      let length = until.microseconds - clock.microseconds
      try probe.demand(length >= probe.lease.microseconds, "The lease is too short: \(length) µs")
      try probe.demandEqual(try await probe.read(job.id), claimed, "The job read again")
    },

    StoreLaw("Claims come by priority, then by when the job became due, then by submission") { probe in
      // Due times before the start: all are pending.
      func job(_ id: String, _ priority: Priority, _ due: Int) -> Job {
        var job = probe.job(id, type: "t\(due % 2)", queue: "q\(due % 3)", priority: priority)
        job.state.dueAt = probe.start - .seconds(due)
        return job
      }
      try await probe.insert([
        job("n5", .normal, 5), job("l9", .low, 9), job("h1", .high, 1), job("n7a", .normal, 7), job("c0", .critical, 0),
        job("n7b", .normal, 7), job("h2", .high, 2), job("n1", .normal, 1), job("c8", .critical, 8),
      ])
      var order: [String] = []
      for count in [1, 3, 2, 9] { order += try await probe.claim(count).map(\.id.text) }
      try probe.demandEqual(order, ["c8", "c0", "h2", "h1", "n7a", "n7b", "n5", "n1", "l9"], "The order of claiming")
    },

    StoreLaw("A claim takes only the wanted types, queues and jobs") { probe in
      try await probe.insert([
        probe.job("wd", type: "work"), probe.job("wm", type: "work", queue: "mail"), probe.job("pd", type: "play"),
        probe.job("pm", type: "play", queue: "mail"),
      ])
      func claim(_ queues: Set<String>?, _ types: Set<String>?, only: String? = nil) async throws -> [String] {
        let request = ClaimRequest(
          worker: "w", count: 9, queues: queues, types: types, only: only.map { JobID(known: $0) }, lease: probe.lease)
        let claimed = try await probe.store.claim(request, at: probe.start)
        for job in claimed { try await probe.move(job, .released) }
        return claimed.map(\.id.text)
      }
      try probe.demandEqual(try await claim(["mail"], nil), ["wm", "pm"], "What the queue gives")
      try probe.demandEqual(try await claim(nil, ["play"]), ["pd", "pm"], "What the type gives")
      try probe.demandEqual(try await claim(["mail"], ["play"]), ["pm"], "What queue and type give")
      try probe.demandEqual(try await claim([], nil), [], "What no queue gives")
      try probe.demandEqual(try await claim(nil, ["rest"]), [], "What an absent type gives")
      try probe.demandEqual(try await claim(nil, nil, only: "pd"), ["pd"], "What a named job gives")
      try probe.demandEqual(try await claim(["mail"], nil, only: "pd"), [], "What a named job of another queue gives")
      try probe.demandEqual(try await claim(nil, nil, only: "none"), [], "What a job that does not exist gives")
      try probe.demandEqual(try await claim(nil, nil).count, 4, "The number of jobs left")
    },

    StoreLaw("Only pending jobs are claimed") { probe in
      try await probe.insert([
        probe.job("scheduled", due: .seconds(5)), probe.job("blocked", blocked: true), probe.job("failing"),
      ])
      try await probe.move(try await probe.claimOne(), .failed(message: "x"))
      // Their times have come, but nobody promoted them.
      try probe.demandEqual(try await probe.claim(9, after: .seconds(999)).count, 0, "The number of claimed jobs")
      let named = ClaimRequest(worker: "w", count: 1, only: JobID(known: "scheduled"), lease: probe.lease)
      try probe.demandEqual(try await probe.store.claim(named, at: probe.start).count, 0, "The number of claimed jobs")
    },

    StoreLaw("Nothing is claimed twice, also by concurrent claims") { probe in
      try await probe.insert((0..<120).map { probe.job("j\($0)", type: "t\($0 % 3)", queue: "q\($0 % 2)") })
      let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
        for worker in 0..<8 {
          group.addTask {
            var mine: [JobID] = []
            while true {
              let jobs = try await probe.claim(1 + worker, by: "worker-\(worker)")
              if jobs.isEmpty { return mine }
              mine += jobs.map(\.id)
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      try probe.demandEqual(claimed.count, 120, "The number of claims")
      try probe.demandEqual(Set(claimed).count, 120, "The number of claimed jobs")
      try probe.demandEqual(try await probe.store.counts()[.running], 120, "The count of running jobs")
    },

    StoreLaw("Claims ahead stop at other types, and do not begin") { probe in
      func claim(_ count: Int, _ ahead: Int, _ types: Set<String>) async throws -> [(String, Bool)] {
        let request = ClaimRequest(worker: "w", count: count, ahead: ahead, aheadTypes: types, lease: probe.lease)
        return try await probe.store.claim(request, at: probe.start).map { ($0.id.text, $0.state.startedAt != nil) }
      }
      for (index, type) in ["a", "a", "a", "b", "a", "b", "a"].enumerated() {
        var job = probe.job("\(type)\(index)", type: type)
        job.state.dueAt = probe.start - .seconds(9 - index)
        try await probe.insert(job)
      }
      let first = try await claim(1, 5, ["a"])
      try probe.demandEqual(first.map(\.0), ["a0", "a1", "a2"], "The first claim, up to another type")
      try probe.demandEqual(first.map(\.1), [true, false, false], "Which of them began")
      try probe.demandEqual(try await claim(0, 5, ["a"]).map(\.0), [], "A claim ahead where another type is next")
      let second = try await claim(1, 1, ["a", "b"])
      try probe.demandEqual(second.map(\.0), ["b3", "a4"], "The second claim")
      try probe.demandEqual(second.map(\.1), [true, false], "Which of them began")
      try probe.demandEqual(try await claim(2, 5, []).map(\.1), [true, true], "Whether the rest began")
    },

    StoreLaw("Attempt numbers rise and are never reused") { probe in
      try await probe.insert(probe.job("one"))
      var expected = 0
      let endings: [Cause] = [.released, .failed(message: "x"), .snoozed(until: probe.start), .gaveUp(message: "x")]
      for round in 0..<2 {
        for ending in endings {
          expected += 1
          let claimed = try await probe.claimOne()
          try probe.demandEqual(claimed.state.attempt, expected, "The attempt before \(ending.kind.rawValue)")
          let after = try await probe.move(claimed, ending)
          if after.status == .failed { try await probe.move(after, .retried(by: .system)) }
          _ = try await probe.store.promote(limit: 1, at: probe.start + .seconds(100))
        }
        try probe.demandEqual(try await probe.read(JobID(known: "one")).state.attempt, 4 * (round + 1), "The attempt")
      }
    },
  ]
}
