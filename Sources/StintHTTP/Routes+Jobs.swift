import HTTPTypes
import StintCore
import StintEngine
import StintStore

extension Route {
  static let short =
    "The job's id, a prefix of at least 6 characters of it, or its last 8."
  private static let exact = Parameter(
    name: "exact", schema: ["type": "string", "enum": ["true", "false"]],
    description: "`true` takes the id in the path literally, never as a short form.")
  static let one: [Parameter] = [exact]
  static let finding: [StintError.Kind] = [.notFound, .invalidParams]

  /// Everything about jobs.
  static let jobs: [Route] = [
    Route(
      method: .get, path: "/api/jobs", name: "listJobs", summary: "Jobs, newest first, by pages.", query: filters,
      successes: [
        Success(
          status: 200,
          description: "A page of jobs; the `Link` header with `rel=\"next\"` leads to the next one.",
          schema: Schemas.list(of: "Job"), headers: ["Link"])
      ],
      errors: [.invalidParams], run: list),
    Route(
      method: .post, path: "/api/jobs", name: "submitJobs",
      summary: "Submits a job, or an array of jobs: all of them or none.",
      body: [
        "anyOf": [
          Schemas.reference("Submission"),
          ["type": "array", "items": Schemas.reference("Submission"), "minItems": 1, "maxItems": 10_000],
        ]
      ],
      successes: [
        Success(
          status: 201, description: "The job, or the jobs in order.",
          schema: ["anyOf": [Schemas.reference("Job"), Schemas.list(of: "Job")]], headers: ["Location"])
      ],
      errors: [.duplicateID, .invalidParams, .unknownType, .queueFull], isWrite: true, run: submit),
    Route(
      method: .delete, path: "/api/jobs", name: "removeJobs", summary: "Removes jobs that are over.",
      query: [
        Parameter(
          name: "status", schema: statusList([.completed, .failed, .cancelled]),
          description: "Which: `completed`, `failed`, `cancelled`, joined by commas.", isRequired: true)
      ],
      successes: [
        Success(
          status: 200, description: "How many went.",
          schema: Schemas.object(["success": ["type": "boolean"], "removed": Schemas.count]))
      ],
      errors: [.invalidParams], isWrite: true, run: remove),
    Route(
      method: .get, path: "/api/jobs/status", name: "jobStates", summary: "The states of up to 100 jobs.",
      query: [
        Parameter(
          name: "ids", schema: ids, description: "Ids in full, joined by commas.", isRequired: true)
      ],
      successes: [states], errors: [.invalidParams, .tooLarge], run: statesByQuery),
    Route(
      method: .post, path: "/api/jobs/status", name: "manyJobStates", summary: "The states of up to 1,000 jobs.",
      body: [
        "type": "object", "properties": ["ids": ["type": "array", "items": Schemas.name, "maxItems": 1_000]],
        "required": ["ids"], "additionalProperties": false,
      ],
      successes: [states], errors: [.invalidParams], run: statesByBody),
    Route(
      method: .get, path: "/api/jobs/{id}", name: "showJob", summary: "One job, whole. \(short)", query: one,
      successes: [Success(status: 200, description: "The job.", schema: Schemas.reference("Job"))],
      errors: finding, run: show),
    Route(
      method: .delete, path: "/api/jobs/{id}", name: "cancelJob",
      summary: "Cancels a job: at once if it waits, by request if it runs.", query: one,
      successes: [
        Success(
          status: 200, description: "It is cancelled, or asked to stop.",
          schema: Schemas.object(["success": ["type": "boolean"]]))
      ],
      errors: finding + [.illegalMove], isWrite: true, run: cancel),
    Route(
      method: .post, path: "/api/jobs/{id}/retry", name: "retryJob",
      summary: "Lets a failed or cancelled job run again.", query: one,
      successes: [Success(status: 200, description: "The job as it stands now.", schema: Schemas.reference("Job"))],
      errors: finding + [.illegalMove], isWrite: true, run: retry),
    Route(
      method: .get, path: "/api/jobs/{id}/history", name: "jobHistory",
      summary: "Every attempt and every act on a job, oldest first.", query: one,
      successes: [Success(status: 200, description: "The events.", schema: Schemas.list(of: "Event"))],
      errors: finding, run: history),
    Route(
      method: .get, path: "/api/jobs/{id}/progress", name: "jobProgress",
      summary: "The job's state and what happens to it, as Server-Sent Events, until it is over.", query: one,
      successes: [
        Success(
          status: 200,
          description: """
            Events `status`, `progress`, `escalated` (the stream goes on with the job that took over), and at the end \
            `complete`, `failed` or `cancelled`.
            """,
          type: EventStream.contentType, schema: ["type": "string"])
      ],
      errors: finding + [.quotaExceeded], run: progress),
  ]

  private static let states = Success(
    status: 200,
    description: "The states in the order of the ids; an unknown id has the status `not_found`.",
    schema: Schemas.list(of: "JobState"))

  private static let ids: JSONValue = [
    "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}(,[A-Za-z0-9._:-]{1,128}){0,99}$",
  ]

  private static func statusList(_ statuses: [JobStatus], also names: [String] = []) -> JSONValue {
    let any = (statuses.map(\.rawValue) + names).joined(separator: "|")
    return ["type": "string", "pattern": .string("^(\(any))(,(\(any)))*$")]
  }

  static let filters: [Parameter] = [
    Parameter(
      name: "status", schema: statusList(JobStatus.allCases, also: ["queued", "in_progress"]),
      description: "Any of these, joined by commas; `queued` and `in_progress` mean `pending` and `running`."),
    Parameter(name: "type", schema: Schemas.name, description: "Of this job type."),
    Parameter(name: "queue", schema: Schemas.name, description: "In this queue."),
    Parameter(name: "owner", schema: Schemas.name, description: "Of this owner."),
    Parameter(
      name: "escalated", schema: ["type": "string", "enum": ["true", "false"]],
      description: "Whether another job took over when it failed."),
    Parameter(
      name: "error",
      schema: ["type": "string", "enum": .array(JobError.Kind.allCases.map { .string($0.rawValue) })],
      description: "Whose last failure is of this kind."),
    Parameter(
      name: "tag", schema: ["type": "string", "pattern": "^[^:]+:"],
      description: "`key:value`; repeated, all of them.", isRepeated: true),
    Parameter(
      name: "since", schema: time, description: "Submitted then or later: Unix seconds or ISO 8601."),
    Parameter(name: "until", schema: time, description: "Submitted before: Unix seconds or ISO 8601."),
    Parameter(
      name: "q", schema: ["type": "string", "minLength": 1],
      description: "With this text in id, type, queue, tags or last error."),
    Parameter(name: "id", schema: Schemas.name, description: "Whose id begins or ends so."),
    Parameter(name: "ids", schema: ids, description: "Of these ids, joined by commas: up to 100."),
    Parameter(
      name: "limit", schema: ["type": "integer", "minimum": 1, "maximum": 1_000, "default": 100],
      description: "Jobs on the page."),
    Parameter(
      name: "before", schema: ["type": "integer", "minimum": 0, "maximum": 9_223_372_036_854_775_807],
      description: "Where the page begins: only the `Link` header of the page before gives it."),
  ]

  static let time: JSONValue = ["anyOf": [Schemas.unixTime, Schemas.isoTime]]

  // MARK: What they do

  @Sendable private static func list(_ exchange: Exchange) async throws(StintError) -> Answer {
    let query = try exchange.query.jobs()
    let page = try await exchange.client.list(query)
    var answer = try await jobs(page.jobs, status: .ok, exchange)
    answer.headers[.link] = exchange.link(to: page.next, at: "/api/jobs")
    return answer
  }

  @Sendable private static func submit(_ exchange: Exchange) async throws(StintError) -> Answer {
    let service = exchange.service
    let json = try exchange.json()
    var new = try NewJob.list(json: json, limits: service.configuration.limits, now: service.time.now())
    if let owner = exchange.access.owner { for index in new.indices { new[index].owner = owner } }
    let stored = try await exchange.client.submit(new, by: exchange.actor)
    if json.array != nil { return try await jobs(stored, status: .created, exchange) }
    guard let job = stored.first else { throw StintError(.internalError, "The job was not stored") }
    var answer = try await one(job, status: .created, exchange)
    answer.headers[.location] = "/api/jobs/\(job.id)"
    return answer
  }

  @Sendable private static func remove(_ exchange: Exchange) async throws(StintError) -> Answer {
    let statuses = try exchange.query.statuses(allowed: [.completed, .failed, .cancelled])
    let count = try await exchange.client.remove(statuses, by: exchange.actor)
    return .json { json in
      json.object { json in
        json.member("success", true)
        json.member("removed", Int64(count))
      }
    }
  }

  @Sendable private static func statesByQuery(_ exchange: Exchange) async throws(StintError) -> Answer {
    guard let text = exchange.query["ids"] else {
      throw StintError.invalid("Invalid query", [.init(param: "ids", message: "is required: ids joined by commas")])
    }
    let texts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return try await states(of: try Query.ids(texts, limit: 100), exchange)
  }

  @Sendable private static func statesByBody(_ exchange: Exchange) async throws(StintError) -> Answer {
    let json = try exchange.json()
    guard let members = json.object, let ids = json["ids"]?.array, members.count == 1 else {
      throw StintError(.invalidParams, "Expected {\"ids\": [...]}, and nothing else; got \(json.excerpt())")
    }
    var texts: [String] = []
    for id in ids {
      guard let text = id.string else {
        throw StintError.invalid(
          "Invalid ids", [.init(param: "ids", message: "\(id.excerpt()) is \(id.kind), expected a string")])
      }
      texts.append(text)
    }
    return try await states(of: try Query.ids(texts, limit: 1_000), exchange)
  }

  private static func states(of ids: [JobID], _ exchange: Exchange) async throws(StintError) -> Answer {
    let found = ids.isEmpty ? [] : try await exchange.client.jobs(ids)
    return .json(capacity: 64 + ids.count * 200) { json in
      json.array { list in
        for (id, job) in zip(ids, found) { list.state(of: id, job) }
      }
    }
  }

  @Sendable private static func show(_ exchange: Exchange) async throws(StintError) -> Answer {
    try await one(try await exchange.job(), status: .ok, exchange)
  }

  @Sendable private static func cancel(_ exchange: Exchange) async throws(StintError) -> Answer {
    _ = try await exchange.client.cancel(try await exchange.job().id, by: exchange.actor)
    return .json { $0.object { $0.member("success", true) } }
  }

  @Sendable private static func retry(_ exchange: Exchange) async throws(StintError) -> Answer {
    let job = try await exchange.client.retry(try await exchange.job().id, by: exchange.actor)
    return try await one(job, status: .ok, exchange)
  }

  @Sendable private static func history(_ exchange: Exchange) async throws(StintError) -> Answer {
    let events = try await exchange.client.history(try await exchange.job().id)
    return .json(capacity: 64 + events.count * 256) { json in
      json.array { list in for event in events { event.write(to: &list) } }
    }
  }

  @Sendable private static func progress(_ exchange: Exchange) async throws(StintError) -> Answer {
    let id = try await exchange.job().id
    let permit = try exchange.service.streams.permit()
    return Answer(status: .ok, body: .events(try await exchange.client.watch(id), permit))
  }

  private static func one(
    _ job: Job, status: HTTPResponse.Status, _ exchange: Exchange
  ) async throws(StintError) -> Answer {
    let secrets = try await exchange.service.secrets(of: [job])
    return .json(status, capacity: 1_400 + job.spec.params.bytes.count + (job.result?.bytes.count ?? 0)) { json in
      job.write(to: &json, secrets: secrets[job.spec.type])
    }
  }

  private static func jobs(
    _ jobs: [Job], status: HTTPResponse.Status, _ exchange: Exchange
  ) async throws(StintError) -> Answer {
    let secrets = try await exchange.service.secrets(of: jobs)
    return .json(status, capacity: 64 + jobs.count * 1_300) { json in
      write(jobs, to: &json, secrets: secrets, exchange)
    }
  }

  /// The jobs of a list: params and results inline where they are short.
  static func write(
    _ jobs: [Job], to json: inout JSONWriter, secrets: SecretParams.Known, _ exchange: Exchange
  ) {
    let extent = Job.Extent.inline(bytes: exchange.service.configuration.limits.inlineBytes)
    json.array { list in
      for job in jobs { job.write(to: &list, extent: extent, secrets: secrets[job.spec.type]) }
    }
  }
}

extension Exchange {
  /// The `Link` header of a page that has a next one: the same query, from there.
  func link(to next: Int64?, at path: String) -> String? {
    guard let next else { return nil }
    let kept = query.items.filter { $0.name != "before" }
      .map { "\(Query.encode($0.name))=\(Query.encode($0.value))&" }.joined()
    return "<\(path)?\(kept)before=\(next)>; rel=\"next\""
  }
}

extension JSONWriter {
  /// One entry of `/api/jobs/status`.
  fileprivate mutating func state(of id: JobID, _ job: Job?) {
    object { json in
      json.member("id", id.text)
      json.member("status", job?.status.rawValue ?? "not_found")
      json.key("progress")
      if let progress = job?.progress { progress.write(to: &json) } else { json.null() }
      json.member("attempt", Int64(job?.state.attempt ?? 0))
      json.member("retry_count", Int64(job?.state.retryCount ?? 0))
      json.member("type", job?.spec.type)
      json.member("started_at", job?.state.startedAt)
      json.member("completed_at", job?.state.completedAt)
      json.member("next_retry_at", job?.nextRetryAt)
      json.key("error")
      if let error = job?.error { error.write(to: &json) } else { json.null() }
    }
  }
}
