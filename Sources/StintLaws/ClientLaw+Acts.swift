import StintCore
import StintEngine

extension ClientLaw {
  static let acts: [ClientLaw] = [
    ClientLaw("A waiting job is cancelled at once") { probe in
      let job = try await probe.submit(probe.waiting())
      let cancelled = try await probe.client.cancel(job.id, by: probe.actor)
      try probe.demandEqual(cancelled.status, .cancelled, "status")
      try probe.demand(cancelled.state.completedAt != nil, "completed_at is null")
      try probe.demand(cancelled.state.cancelledBy != nil, "cancelled_by is null")
      try probe.demandEqual(probe.wire(try await probe.client.job(job.id)), probe.wire(cancelled), "The job read again")
      let last = try await probe.client.history(job.id).last
      try probe.demandEqual(last?.kind, .cancelRequested, "The last event")
      try probe.demand(last?.actor != nil, "The event does not say who did it")
    },

    ClientLaw("A running job is cancelled when it stopped") { probe in
      let job = try await probe.hold()
      let asked = try await probe.client.cancel(job.id, by: probe.actor)
      try probe.demand(asked.state.isCancelRequested, "cancel_requested_at is null")
      let ended = try await probe.end(of: job.id)
      try probe.demandEqual(ended.status, .cancelled, "status")
      try probe.demandEqual(ended.state.attempt, 1, "attempt")
      try probe.demandEqual(ended.result, nil, "result")
      let kinds = try await probe.client.history(job.id).map(\.kind)
      try probe.demandEqual(Array(kinds.prefix(2)), [.submitted, .cancelRequested], "The history")
      try probe.demandEqual(kinds.count, 3, "The number of events")
    },

    ClientLaw("An acknowledged cancel is never undone by a success") { probe in
      let job = try await probe.hold(then: "succeed")
      _ = try await probe.client.cancel(job.id, by: probe.actor)
      let ended = try await probe.end(of: job.id)
      try probe.demandEqual(ended.status, .cancelled, "status")
      try probe.demandEqual(ended.result, nil, "result")
    },

    ClientLaw("An acknowledged cancel is never undone by a retry") { probe in
      let job = try await probe.hold(then: "fail")
      _ = try await probe.client.cancel(job.id, by: probe.actor)
      let ended = try await probe.end(of: job.id)
      try probe.demandEqual(ended.status, .cancelled, "status")
      try probe.demandEqual(ended.state.retryCount, 0, "retry_count")
    },

    ClientLaw("What is over can not be cancelled, and stays as it is") { probe in
      let completed = try await probe.run(probe.new("law.ok", ["text": "done"]))
      let failed = try await probe.run(probe.new("law.fail"))
      let waiting = try await probe.submit(probe.waiting())
      let cancelled = try await probe.client.cancel(waiting.id, by: probe.actor)
      for job in [completed, failed, cancelled] {
        try await probe.refused(.illegalMove, "cancelling a \(job.status.rawValue) job") { () throws(StintError) in
          try await probe.client.cancel(job.id, by: probe.actor)
        }
        try probe.demandEqual(probe.wire(try await probe.client.job(job.id)), probe.wire(job), "The job read again")
      }
    },

    ClientLaw("A person's retry of a failed job starts its counts anew") { probe in
      let failed = try await probe.run(probe.new("law.fail"))
      let again = try await probe.client.retry(failed.id, by: probe.actor)
      try probe.demand(again.state.attempt >= 1, "attempt began anew")
      let ended = try await probe.end(of: failed.id)
      try probe.demandEqual(ended.status, .failed, "status")
      try probe.demandEqual(ended.state.attempt, 2, "attempt")
      try probe.demandEqual(ended.state.retryCount, 1, "retry_count")
      try probe.demandEqual(ended.error?.attempt, 2, "The error's attempt")
      let kinds = try await probe.client.history(failed.id).map(\.kind)
      try probe.demandEqual(kinds, [.submitted, .failed, .retried, .failed], "The history")
    },

    ClientLaw("A person's retry of a cancelled job runs it at once") { probe in
      let job = try await probe.submit(probe.waiting())
      _ = try await probe.client.cancel(job.id, by: probe.actor)
      _ = try await probe.client.retry(job.id, by: probe.actor)
      let ended = try await probe.end(of: job.id)
      try probe.demandEqual(ended.status, .completed, "status")
      try probe.demandEqual(ended.state.cancelRequestedAt, nil, "cancel_requested_at")
      try probe.demandEqual(ended.state.cancelledBy, nil, "cancelled_by")
    },

    ClientLaw("Only failed and cancelled jobs can be retried by a person") { probe in
      let completed = try await probe.run(probe.new("law.ok", ["text": "done"]))
      let waiting = try await probe.submit(probe.waiting())
      let running = try await probe.hold()
      for id in [completed.id, waiting.id, running.id] {
        try await probe.refused(.illegalMove, "retrying \(id)") { () throws(StintError) in
          try await probe.client.retry(id, by: probe.actor)
        }
      }
    },

    ClientLaw("Removing takes finished jobs with their history, and no others") { probe in
      let completed = try await probe.run(probe.new("law.ok", ["text": "done"]))
      let failed = try await probe.run(probe.new("law.fail"))
      let waiting = try await probe.submit(probe.waiting())
      let count = try await probe.client.remove([.completed], by: probe.actor)
      try probe.demand(count >= 1, "Nothing was removed")
      let left = try await probe.client.list(JobQuery(filter: probe.mine)).jobs
      try probe.demandEqual(Set(left.map(\.id)), [failed.id, waiting.id], "The jobs that are left")
      try await probe.refused(.notFound, "the history of a removed job") { () throws(StintError) in
        try await probe.client.history(completed.id)
      }
      try probe.demandEqual(try await probe.client.history(failed.id).count, 2, "The failed job's events")
      try probe.demandEqual(try await probe.client.remove([.completed], by: probe.actor), 0, "The second removal")
    },

    ClientLaw("A removed job's id may be used again, for a new job") { probe in
      var new = probe.new("law.ok", ["text": "first"], id: "again")
      let first = try await probe.run(new)
      _ = try await probe.client.remove([.completed], by: probe.actor)
      new.params = [JSONMember("text", "second")]
      let second = try await probe.run(new)
      try probe.demandEqual(second.id, first.id, "The id")
      try probe.demandEqual(second.result?.text, #"{"text":"second","count":1}"#, "result")
      try probe.demandEqual(second.state.attempt, 1, "attempt")
      try probe.demandEqual(try await probe.client.history(second.id).count, 2, "The number of events")
    },

    ClientLaw("Only finished jobs can be removed") { probe in
      let waiting = try await probe.submit(probe.waiting())
      for statuses: Set<JobStatus> in [[.scheduled], [.completed, .running], [.pending], [.blocked], [.retrying]] {
        try await probe.refused(.invalidParams, "removing \(statuses)") { () throws(StintError) in
          try await probe.client.remove(statuses, by: probe.actor)
        }
      }
      try probe.demandEqual(try await probe.client.job(waiting.id).status, .scheduled, "status")
    },

    ClientLaw("What does not exist is not found") { probe in
      guard let id = JobID(probe.id("nothing")) else { return }
      try await probe.refused(.notFound, "cancelling nothing") { () throws(StintError) in
        try await probe.client.cancel(id, by: probe.actor)
      }
      try await probe.refused(.notFound, "retrying nothing") { () throws(StintError) in
        try await probe.client.retry(id, by: probe.actor)
      }
      try await probe.refused(.notFound, "the history of nothing") { () throws(StintError) in
        try await probe.client.history(id)
      }
      try await probe.refused(.notFound, "watching nothing") { () throws(StintError) in
        try await probe.client.watch(id)
      }
      try await probe.refused(.notFound, "reading nothing") { () throws(StintError) in try await probe.client.job(id) }
    },
  ]
}
