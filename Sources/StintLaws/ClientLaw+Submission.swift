import StintCore
import StintEngine

extension ClientLaw {
  static let submission: [ClientLaw] = [
    ClientLaw("A submitted job is answered as it is stored, with every option") { probe in
      var new = probe.waiting(id: "whole")
      new.params = [JSONMember("text", .string("tabs\t, quotes \", \u{1F600} and é")), JSONMember("count", 10)]
      new.queue = "law.queue"
      new.priority = .high
      new.retry = RetryPolicy(strategy: .fibonacci, base: .milliseconds(1_500), maxDelay: .seconds(9), jitter: 0.25)
      new.maxRetries = 7
      new.timeout = .seconds(11)
      new.stallTimeout = .milliseconds(2_500)
      new.startWithin = .seconds(3_600)
      new.tags["team"] = "video"
      new.metadata = ["deep": ["er": [1, 2.5, nil, true, "x"]], "big": 9_007_199_254_740_993]
      new.owner = "law.owner"
      let job = try await probe.submit(new)
      try probe.demandEqual(job.id.text, probe.id("whole"), "The id")
      try probe.demandEqual(job.spec.params, RawJSON(.object(new.params)), "params")
      try probe.demandEqual(job.spec.queue, new.queue, "queue")
      try probe.demandEqual(job.spec.priority, .high, "priority")
      try probe.demandEqual(job.spec.retry, new.retry, "retry")
      try probe.demandEqual(job.spec.maxRetries, 7, "max_retries")
      try probe.demandEqual(job.spec.timeout, .seconds(11), "timeout_seconds")
      try probe.demandEqual(job.spec.stallTimeout, .milliseconds(2_500), "stall_timeout_seconds")
      try probe.demandEqual(job.state.startWithin, .seconds(3_600), "start_within_seconds")
      try probe.demandEqual(job.spec.tags, new.tags, "tags")
      try probe.demandEqual(job.spec.metadata, RawJSON(new.metadata), "metadata")
      try probe.demandEqual(job.spec.owner, "law.owner", "owner")
      try probe.demandEqual(job.status, .scheduled, "status")
      try probe.demandEqual(job.state.runAt, job.spec.createdAt + .seconds(86_400), "run_at")
      try probe.demandEqual(job.state.attempt, 0, "attempt")
      try probe.demandEqual(probe.wire(try await probe.client.job(job.id)), probe.wire(job), "The job read again")
    },

    ClientLaw("A job without an id gets a new one, and defaults are filled in") { probe in
      let new = probe.waiting()
      let jobs = try await probe.submit([new, new, new])
      try probe.demandEqual(Set(jobs.map(\.id)).count, 3, "The number of ids")
      for job in jobs {
        try probe.demandEqual(job.id.text.utf8.count, 36, "The length of \(job.id)")
        try probe.demandEqual(job.spec.params.text, #"{"text":"later","count":1}"#, "params")
        try probe.demandEqual(job.spec.queue, "default", "queue")
        try probe.demandEqual(job.spec.maxRetries, 3, "max_retries")
        try probe.demandEqual(job.spec.retry, .standard, "retry")
      }
    },

    ClientLaw("A batch is answered in its order") { probe in
      let ids = (0..<25).map { "b\($0)" }
      let jobs = try await probe.submit(ids.map { probe.waiting(id: $0) })
      try probe.demandEqual(jobs.map(\.id.text), ids.map { probe.id($0) }, "The order of the batch")
      let listed = try await probe.client.list(JobQuery(filter: probe.mine)).jobs
      try probe.demandEqual(listed.map(\.id.text), ids.reversed().map { probe.id($0) }, "The list, newest first")
    },

    ClientLaw("A job runs to its result") { probe in
      let job = try await probe.run(probe.new("law.ok", ["text": "hello", "count": 3]))
      try probe.demandEqual(job.status, .completed, "status")
      try probe.demandEqual(job.result?.text, #"{"text":"hello","count":3}"#, "result")
      try probe.demandEqual(job.error, nil, "error")
      try probe.demandEqual(job.state.attempt, 1, "attempt")
      try probe.demandEqual(job.state.retryCount, 0, "retry_count")
      try probe.demandEqual(job.progress, Progress(percent: 50, message: "half way"), "progress")
      try probe.demand(job.state.workerID != nil, "worker_id is null")
      guard let started = job.state.startedAt, let completed = job.state.completedAt else {
        throw LawViolation(law: probe.law, message: "started_at or completed_at is null")
      }
      try probe.demand(started >= job.spec.createdAt && completed >= started, "The times are out of order")
      try probe.demandEqual(probe.wire(try await probe.client.job(job.id)), probe.wire(job), "The job read again")
    },

    ClientLaw("A failure without retries is a dead letter that says why") { probe in
      let job = try await probe.run(probe.new("law.fail"))
      try probe.demandEqual(job.status, .failed, "status")
      try probe.demandEqual(job.error?.type, .handler, "The error's type")
      try probe.demandEqual(job.error?.message, "it was meant to fail", "The error's message")
      try probe.demandEqual(job.error?.attempt, 1, "The error's attempt")
      try probe.demandEqual(job.result, nil, "result")
      try probe.demandEqual(job.spec.maxRetries, 0, "max_retries, which the type decides")
    },

    ClientLaw("A counted failure is followed by another attempt") { probe in
      let job = try await probe.run(probe.new("law.flaky"))
      try probe.demandEqual(job.status, .completed, "status")
      try probe.demandEqual(job.result?.text, "2", "result")
      try probe.demandEqual(job.state.attempt, 2, "attempt")
      try probe.demandEqual(job.state.retryCount, 1, "retry_count")
      try probe.demandEqual(job.error, nil, "error")
      let history = try await probe.client.history(job.id)
      try probe.demandEqual(history.map(\.kind), [.submitted, .failed, .succeeded], "The history")
      try probe.demandEqual(history[1].error?.message, "not yet", "The first attempt's error in the history")
    },

    ClientLaw("A large param comes back whole") { probe in
      let text = String(repeating: "0123456789", count: 15_000)
      let job = try await probe.run(probe.new("law.ok", ["text": .string(text)]))
      let read = try await probe.client.job(job.id)
      try probe.demand(
        try read.result?.parsed()["text"]?.string == text && read.spec.params.parsed()["text"]?.string == text,
        "The param of 150,000 characters came back changed")
    },

    ClientLaw("Of unknown types only those that are let through are kept, and they wait") { probe in
      var new = probe.new("law.nobody-\(probe.mark)", ["anything": [1, 2]])
      new.allowsUnknownType = true
      let job = try await probe.submit(new)
      try probe.demandEqual(job.status, .pending, "status")
      // What was submitted later runs first: nobody took the unknown one.
      _ = try await probe.run(probe.new("law.ok", ["text": "next"]))
      try probe.demandEqual(try await probe.client.job(job.id).status, .pending, "status")
    },
  ]

  static let refusals: [ClientLaw] = [
    ClientLaw("One error names every fault of the params") { probe in
      let new = probe.new("law.ok", ["text": 5, "count": 11, "other": true])
      let error = try await probe.refused(.invalidParams, "the faulty job") { () throws(StintError) in
        try await probe.submit([new])
      }
      try probe.demandEqual(Set(error.details.map(\.param)), ["text", "count", "other"], "The faults")
      try probe.demand(error.details.allSatisfy { !$0.message.isEmpty }, "A fault has no message")
    },

    ClientLaw("One error names every fault of the options and the params") { probe in
      var new = probe.new("law.ok", ["count": 0])
      new.queue = "no queue"
      new.owner = "no/owner"
      new.maxRetries = -1
      new.timeout = .zero
      new.id = "no id"
      new.tags[""] = "x"
      new.metadata = "text"
      let error = try await probe.refused(.invalidParams, "the faulty job") { () throws(StintError) in
        try await probe.submit([new])
      }
      try probe.demandEqual(
        Set(error.details.map(\.param)),
        ["text", "count", "queue", "owner", "max_retries", "timeout_seconds", "id", "tags", "metadata"], "The faults")
    },

    ClientLaw("A batch with one faulty job stores nothing and says which it is") { probe in
      let batch = [probe.waiting(), probe.new("law.ok", ["count": 99]), probe.waiting()]
      let error = try await probe.refused(.invalidParams, "the batch") { () throws(StintError) in
        try await probe.submit(batch)
      }
      try probe.demandEqual(Set(error.details.map(\.param)), ["1.text", "1.count"], "The faults")
      let left = try await probe.client.list(JobQuery(filter: probe.mine)).jobs
      try probe.demandEqual(left.count, 0, "The number of jobs left behind")
    },

    ClientLaw("An id that exists is refused with the job that has it") { probe in
      let first = try await probe.submit(probe.waiting(id: "one"))
      let error = try await probe.refused(.duplicateID, "the second job of one id") { () throws(StintError) in
        try await probe.submit([probe.new("law.fail", id: "one")])
      }
      guard let existing = error.existing else {
        throw LawViolation(law: probe.law, message: "The error does not carry the existing job")
      }
      try probe.demandEqual(probe.wire(existing), probe.wire(first), "The existing job")
      try probe.demandEqual(try await probe.client.history(first.id).count, 1, "The first job's events")
    },

    ClientLaw("A batch with a taken or doubled id stores nothing") { probe in
      _ = try await probe.submit(probe.waiting(id: "taken"))
      for batch in [["a", "taken", "b"], ["a", "b", "a"]] {
        try await probe.refused(.duplicateID, "the batch \(batch)") { () throws(StintError) in
          try await probe.submit(batch.map { probe.waiting(id: $0) })
        }
        let left = try await probe.client.list(JobQuery(filter: probe.mine)).jobs
        try probe.demandEqual(left.map(\.id.text), [probe.id("taken")], "The jobs present")
      }
    },

    ClientLaw("An unknown type is refused with a suggestion") { probe in
      let error = try await probe.refused(.unknownType, "the type law.okk") { () throws(StintError) in
        try await probe.submit([probe.new("law.okk", ["text": "x"])])
      }
      try probe.demand(error.message.contains("law.okk"), "The message does not name it: \(error.message)")
      try probe.demand(error.message.contains("\"law.ok\""), "The message suggests nothing: \(error.message)")
    },

    ClientLaw("What is too large is refused") { probe in
      let mebibyte = String(repeating: "x", count: 1 << 20)
      var new = probe.new("law.nobody-\(probe.mark)", ["text": .string(mebibyte)])
      new.allowsUnknownType = true
      try await probe.refused(.tooLarge, "params of more than 1 MiB") { () throws(StintError) in
        try await probe.submit([new])
      }
    },

    ClientLaw("A deadline that has passed is refused") { probe in
      var new = probe.waiting()
      new.deadline = Timestamp(microseconds: 1_000_000)
      let error = try await probe.refused(.invalidParams, "a deadline in 1970") { () throws(StintError) in
        try await probe.submit([new])
      }
      try probe.demand(!error.details.isEmpty, "The error names no option")
    },
  ]
}
