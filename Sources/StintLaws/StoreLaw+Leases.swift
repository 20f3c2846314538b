import StintCore
import StintStore

extension StoreLaw {
  static let leases: [StoreLaw] = [
    StoreLaw("Exactly the leases that are over are found, oldest job first") { probe in
      try await probe.insert([probe.job("a"), probe.job("b"), probe.job("c")])
      _ = try await probe.claim(2, by: "first")
      probe.under.advance(.seconds(20))
      _ = try await probe.claim(1, by: "second")
      try probe.demandEqual(try await probe.store.expired(limit: 9).count, 0, "The number of leases over")
      probe.under.advance(.seconds(11))
      let over = try await probe.store.expired(limit: 9)
      try probe.demandEqual(over.map(\.id.text), ["a", "b"], "The jobs whose lease is over")
      try probe.demandEqual(try await probe.store.expired(limit: 1).map(\.id.text), ["a"], "The first of them")
      try probe.demandEqual(over, [try await probe.read(over[0].id), try await probe.read(over[1].id)], "The jobs")
    },

    StoreLaw("A rescue never robs a renewed lease") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      probe.under.advance(.seconds(31))
      // Someone sees the lease over, and decides; but before that is written the worker renews.
      let seen = try await probe.store.expired(limit: 1)
      try probe.demandEqual(seen.count, 1, "The number of leases over")
      let renewed = try await probe.store.renew([probe.key(claimed)], lease: probe.lease)
      try probe.demandEqual(renewed, [.renewed(cancelledBy: nil)], "The renewal of a lease that nobody rescued")
      try await probe.demandStale(seen[0], .lost(message: "gone", alone: false))
      try probe.demandEqual(try await probe.store.expired(limit: 1).count, 0, "The number of leases over")
      try await probe.move(claimed, .succeeded(nil))
    },

    StoreLaw("A lease that is over is rescued, and the late settlement is stale") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      try await probe.demandStale(claimed, .lost(message: "too early", alone: false))
      probe.under.advance(.seconds(31))
      let rescued = try await probe.move(claimed, .lost(message: "gone", alone: false), after: .seconds(31))
      try probe.demandEqual(rescued.status, .retrying, "status")
      try probe.demandEqual(rescued.error?.type, .workerLost, "The error's type")
      try probe.demandEqual(rescued.state.losses, 1, "losses")
      try probe.demandEqual(rescued.state.retryCount, 0, "retry_count")
      try probe.demandEqual(rescued.state.leaseUntil, nil, "The lease")
      try await probe.demandStale(claimed, .succeeded(RawJSON(.string("late"))), after: .seconds(32))
      try probe.demandEqual(
        try await probe.store.renew([probe.key(claimed)], lease: probe.lease), [.lost], "The late renewal")
    },

    StoreLaw("A stale worker changes nothing") { probe in
      try await probe.insert(probe.job("one"))
      let old = try await probe.claimOne(by: "old")
      probe.under.advance(.seconds(31))
      try await probe.move(old, .lost(message: "gone", alone: false))
      _ = try await probe.store.promote(limit: 1, at: probe.start)
      let new = try await probe.claimOne(by: "new")
      let events = try await probe.history(new.id)
      let late: [Cause] = [
        .succeeded(nil), .failed(message: "late"), .timedOut, .stalled, .gaveUp(message: "late"),
        .undecodable(message: "late"), .snoozed(until: probe.start), .released, .cancelRequested(by: .system),
      ]
      for cause in late { try await probe.demandStale(old, cause) }
      let renewed = try await probe.store.renew([probe.key(old)], lease: .seconds(3_600))
      try probe.demandEqual(renewed, [.lost], "The late renewal")
      let report = AttemptReport(attempt: probe.key(old), startedAt: probe.start, progress: Progress(percent: 99))
      try probe.demandEqual(try await probe.store.record([report]), [false], "The late report")
      try await probe.demandUnchanged(new, events)
      try await probe.move(new, .succeeded(nil))
    },

    StoreLaw("Of concurrent outcomes of one attempt exactly one is kept") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      let wins = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<16 {
          group.addTask {
            let result = try await probe.apply(.succeeded(RawJSON(.integer(Int64(index)))), to: claimed)
            guard case .applied = result else { return 0 }
            return 1
          }
        }
        return try await group.reduce(0, +)
      }
      try probe.demandEqual(wins, 1, "The number of outcomes that won")
      try probe.demandEqual(try await probe.history(claimed.id).count, 2, "The number of events")
    },

    StoreLaw("A cancel that was acknowledged is never undone") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      let marked = try await probe.move(claimed, .cancelRequested(by: Actor(name: "ann", origin: "laws")))
      try probe.demandEqual(marked.state.revision, claimed.state.revision, "The revision after a mark")
      // The worker decides on what it knew before the cancel.
      try await probe.demandStale(claimed, .succeeded(RawJSON(.string("done"))))
      try await probe.demandStale(claimed, .failed(message: "x"))
      try await probe.demandStale(claimed, .released)
      let ended = try await probe.move(marked, .succeeded(RawJSON(.string("done"))))
      try probe.demandEqual(ended.status, .cancelled, "status")
      try probe.demandEqual(ended.result, nil, "result")
    },

    StoreLaw("An outcome stored before the cancel wins") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      try await probe.move(claimed, .succeeded(nil))
      try await probe.demandStale(claimed, .cancelRequested(by: .system))
      try probe.demandEqual(try await probe.read(claimed.id).status, .completed, "status")
    },

    StoreLaw("A renewal brings the cancel, and takes nothing else along") { probe in
      try await probe.insert([probe.job("a"), probe.job("b")])
      let claimed = try await probe.claim(2)
      let marked = try await probe.move(claimed[0], .cancelRequested(by: Actor(name: "ann", origin: "laws")))
      let keys = [probe.key(claimed[0]), AttemptKey(id: claimed[1].id, revision: 1), probe.key(claimed[1])]
      let results = try await probe.store.renew(keys, lease: .seconds(60))
      try probe.demandEqual(
        results, [.renewed(cancelledBy: "ann"), .lost, .renewed(cancelledBy: nil)], "The answers, in order")
      var after = try await probe.read(marked.id)
      after.state.leaseUntil = marked.state.leaseUntil
      try probe.demandEqual(after, marked, "The job after the renewal, but for its lease")
    },

    StoreLaw("A cancel's mark leaves lease and progress as they are") { probe in
      try await probe.insert(probe.job("one"))
      let claimed = try await probe.claimOne()
      probe.under.advance(.seconds(20))
      _ = try await probe.store.renew([probe.key(claimed)], lease: probe.lease)
      _ = try await probe.store.record([
        AttemptReport(attempt: probe.key(claimed), progress: Progress(percent: 40, message: "on"))
      ])
      let before = try await probe.read(claimed.id)
      // Whoever cancels knows neither the renewal nor the report.
      let after = try await probe.move(claimed, .cancelRequested(by: .system))
      try probe.demandEqual(after.state.leaseUntil, before.state.leaseUntil, "The lease")
      try probe.demandEqual(after.progress, before.progress, "progress")
      probe.under.advance(.seconds(15))
      try probe.demandEqual(try await probe.store.expired(limit: 1).count, 0, "The number of leases over")
    },

    StoreLaw("A late writer can not match a later job of the same id") { probe in
      try await probe.insert(probe.job("one"))
      let old = try await probe.claimOne()
      try await probe.move(old, .succeeded(nil))
      try probe.demandEqual(try await probe.store.purge(.all, limit: 9).count, 1, "The number of purged jobs")
      let missing = try await probe.apply(.succeeded(nil), to: old)
      try probe.demandEqual(missing, .missing, "The answer to a late writer of a purged job")
      try await probe.insert(probe.job("one"))
      let new = try await probe.claimOne()
      try await probe.demandStale(old, .succeeded(RawJSON(.string("late"))))
      try probe.demandEqual(
        try await probe.store.renew([probe.key(old)], lease: probe.lease), [.lost], "The late renewal")
      try await probe.move(new, .succeeded(nil))
    },
  ]
}
