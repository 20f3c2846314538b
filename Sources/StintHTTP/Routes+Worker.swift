import HTTPTypes
import StintCore
import StintEngine

extension Route {
  /// Workers in any language: SPEC §10.
  static let worker: [Route] = [
    Route(
      method: .post, path: "/api/worker/claim", name: "claim",
      summary: "Gives a worker jobs to run, each under a lease; waits for some where there are none.",
      body: Schemas.reference("Claim"),
      successes: [
        Success(
          status: 200, description: "The worker's id, and the jobs that it has now; none if there were none in time.",
          schema: Schemas.object([
            "worker_id": Schemas.name, "jobs": ["type": "array", "items": Schemas.reference("ClaimedJob")],
          ]))
      ],
      errors: [.invalidParams, .unsupported], door: .worker, run: claim),
    Route(
      method: .post, path: "/api/worker/heartbeat", name: "heartbeat",
      summary: "Renews leases, and says which attempts are to stop.", body: Schemas.reference("Heartbeat"),
      successes: [
        Success(
          status: 200, description: "How each lease stands, in order.",
          schema: Schemas.object(["leases": ["type": "array", "items": Schemas.reference("LeaseState")]]))
      ],
      errors: [.invalidParams, .unsupported], door: .workerOrLease, run: heartbeat),
    Route(
      method: .post, path: "/api/worker/progress", name: "reportProgress",
      summary: "Says how far an attempt is, or merely that it lives.", body: Schemas.reference("ProgressReport"),
      successes: [kept], errors: [.invalidParams, .superseded, .unsupported], door: .workerOrLease, run: progress),
    Route(
      method: .post, path: "/api/worker/output", name: "reportOutput", summary: "Adds to an attempt's output.",
      body: Schemas.reference("OutputReport"),
      successes: [kept], errors: [.invalidParams, .superseded, .unsupported], door: .workerOrLease, run: output),
    Route(
      method: .post, path: "/api/worker/complete", name: "complete",
      summary: "Ends an attempt, or an array of them, with its result.", body: Schemas.oneOrMany("Completion"),
      successes: [ends], errors: [.invalidParams, .superseded, .unsupported], door: .worker,
      run: { exchange async throws(StintError) in
        let json = try exchange.json()
        return try await end(try EndBody.completions(json), isBatch: json.array != nil, exchange)
      }),
    Route(
      method: .post, path: "/api/worker/fail", name: "fail",
      summary: "Ends an attempt, or an array of them, with what went wrong; or gives it back.",
      body: Schemas.oneOrMany("Failure"),
      successes: [ends], errors: [.invalidParams, .superseded, .unsupported], door: .worker,
      run: { exchange async throws(StintError) in
        let json = try exchange.json()
        return try await end(try EndBody.failures(json), isBatch: json.array != nil, exchange)
      }),
  ]

  private static let kept = Success(
    status: 200, description: "It is kept; whether the attempt is to stop.",
    schema: Schemas.object(["cancel_requested": ["type": "boolean"], "cancelled_by": Schemas.text]))

  private static let ends = Success(
    status: 200,
    description: "The job's status now. For an array an array in order, where an error stands in place of a status.",
    schema: [
      "anyOf": [
        Schemas.reference("Ended"),
        ["type": "array", "items": ["anyOf": [Schemas.reference("Ended"), Schemas.reference("Error")]]],
      ]
    ])

  // MARK: What they do

  @Sendable private static func claim(_ exchange: Exchange) async throws(StintError) -> Answer {
    let desk = try exchange.desk()
    let body = try ClaimBody(try exchange.json())
    let seal = try await desk.seal()
    let (worker, claimed) = try await desk.claim(body, from: exchange.address, on: exchange.channel)
    let checkpoints = await desk.checkpoints(of: claimed.map(\.0))
    var answer = Answer.json(capacity: 128 + claimed.count * 1_800) { json in
      json.object { json in
        json.member("worker_id", worker)
        json.key("jobs")
        json.array { list in
          for (job, token) in claimed {
            list.raw(job.claimed(seal.text(of: token), for: token.lease, checkpoint: checkpoints[job.id]))
          }
        }
      }
    }
    // A client that has gone would keep its jobs from everybody until their leases end.
    answer.undelivered = { await desk.release(claimed.map(\.1)) }
    return answer
  }

  @Sendable private static func heartbeat(_ exchange: Exchange) async throws(StintError) -> Answer {
    let desk = try exchange.desk()
    let body = try HeartbeatBody(try exchange.json())
    let seal = try await desk.seal()
    let tokens = body.leases.map { seal.token($0) }
    if let own = exchange.lease {
      guard tokens.allSatisfy({ $0 == own }), body.worker == nil, !body.isLeaving else {
        throw StintError(.forbidden, "A lease token renews its own lease, and nothing else")
      }
    }
    let states = try await desk.heartbeat(
      tokens, worker: body.worker, isLeaving: body.isLeaving, wait: body.wait, on: exchange.channel)
    return .json(capacity: 64 + states.count * 80) { json in
      json.object { json in
        json.key("leases")
        json.array { list in
          for state in states { list.object { state.write(to: &$0) } }
        }
      }
    }
  }

  @Sendable private static func progress(_ exchange: Exchange) async throws(StintError) -> Answer {
    let body = try ProgressBody(try exchange.json())
    let limit = exchange.service.configuration.limits.resultBytes
    if let bytes = body.checkpoint?.bytes.count, bytes > limit {
      throw StintError(.tooLarge, "The checkpoint is \(bytes) bytes; allowed are \(limit)")
    }
    let token = try await exchange.token(body.token)
    let report = WorkerDesk.Report(progress: body.progress, checkpoint: body.checkpoint)
    return cancelState(try await exchange.desk().keep(report, of: token))
  }

  @Sendable private static func output(_ exchange: Exchange) async throws(StintError) -> Answer {
    let body = try OutputBody(try exchange.json(), limits: exchange.service.configuration.limits)
    let token = try await exchange.token(body.token)
    let report = WorkerDesk.Report(chunks: body.chunks, number: body.number)
    return cancelState(try await exchange.desk().keep(report, of: token))
  }

  private static func cancelState(_ cancelledBy: String?) -> Answer {
    .json { json in
      json.object { json in
        json.member("cancel_requested", cancelledBy != nil)
        json.member("cancelled_by", cancelledBy)
      }
    }
  }

  private static func end(
    _ ends: [EndBody], isBatch: Bool, _ exchange: Exchange
  ) async throws(StintError) -> Answer {
    let desk = try exchange.desk()
    let seal = try await desk.seal()
    let limit = exchange.service.configuration.limits.resultBytes
    var results: [Result<JobStatus, StintError>] = []
    var good: [(index: Int, LeaseToken, EndBody.Outcome)] = []
    for (index, end) in ends.enumerated() {
      results.append(.failure(StintError(.forbidden, LeaseToken.unknown)))
      guard let token = seal.token(end.token) else { continue }
      if case .succeeded(let result?) = end.outcome, result.bytes.count > limit {
        results[index] = .failure(
          StintError(.tooLarge, "The result is \(result.bytes.count) bytes; allowed are \(limit)"))
      } else {
        good.append((index, token, end.outcome))
      }
    }
    let settled = good.isEmpty ? [] : try await desk.settle(good.map { ($0.1, $0.2) })
    for (place, result) in zip(good, settled) { results[place.index] = result }
    if !isBatch, let first = results.first {
      let status = try first.get()
      return .json { json in json.object { $0.member("status", status.rawValue) } }
    }
    return .json(capacity: 16 + results.count * 32) { json in
      json.array { list in
        for result in results {
          switch result {
          case .success(let status): list.object { $0.member("status", status.rawValue) }
          case .failure(let error): error.write(to: &list)
          }
        }
      }
    }
  }
}

extension Exchange {
  /// Where workers are served. Throws `unsupported` where they are not.
  func desk() throws(StintError) -> WorkerDesk {
    if let desk = service.desk { return desk }
    throw StintError(.unsupported, "This server has no workers of other processes")
  }

  /// The attempt that a report is about: the token's in the body, or that of the token by which the request came in.
  fileprivate func token(_ text: String?) async throws(StintError) -> LeaseToken {
    guard let text else {
      if let lease { return lease }
      throw StintError.invalid("Invalid report", [.init(param: "token", message: "is required")])
    }
    let token = try await desk().token(text)
    if let lease, lease != token { throw StintError(.forbidden, "A lease token speaks for its own attempt alone") }
    return token
  }
}

extension LeaseToken {
  static let unknown = "The lease token was not given out here; send it as the claim gave it"
}

extension Job {
  /// The job whole, as its worker gets it: secret params too, the lease, and what an earlier attempt kept.
  fileprivate func claimed(_ token: String, for lease: Duration, checkpoint: RawJSON?) -> RawJSON {
    var writer = JSONWriter(capacity: 320)
    writer.object { json in
      json.key("lease")
      json.object { json in
        json.member("token", token)
        json.member("seconds", lease)
      }
      json.key("checkpoint")
      json.raw(checkpoint)
    }
    // The two objects as one.
    return RawJSON(wellFormed: json(secrets: nil).bytes.dropLast() + [UInt8(ascii: ",")] + writer.bytes.dropFirst())
  }
}

extension WorkerDesk.LeaseState {
  fileprivate func write(to json: inout JSONWriter) {
    switch self {
    case .renewed(let cancelledBy):
      json.member("status", "renewed")
      json.member("cancel_requested", cancelledBy != nil)
      json.member("cancelled_by", cancelledBy)
    case .superseded: json.member("status", "superseded")
    case .unknown: json.member("status", "unknown")
    }
  }
}
