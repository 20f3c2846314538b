import HTTPTypes
import StintCore
import StintEngine
import StintStore

extension Route {
  private static let deadFilters: [Parameter] = filters.filter {
    ["type", "error", "queue", "owner", "tag", "since", "until", "q", "ids"].contains($0.name)
  }

  /// Everything about jobs that failed, what they said, and how many run at once.
  static let failures: [Route] = [
    Route(
      method: .get, path: "/api/jobs/{id}/output", name: "jobOutput",
      summary: "What the job's attempts say, as Server-Sent Events, until it is over. \(short)",
      query: one + [
        Parameter(
          name: "follow", schema: ["type": "string", "enum": ["true", "false"], "default": "true"],
          description: "`false` ends the stream after what is there now.")
      ],
      headers: [
        Parameter(
          name: "Last-Event-ID",
          schema: ["type": "string", "pattern": "^[0-9]{1,9}-[0-9]{1,9}(:[A-Za-z0-9._:-]{1,128})?$"],
          description: "The `id:` of the last event that was read; the stream goes on behind it.")
      ],
      successes: [
        Success(
          status: 200,
          description: """
            Events `output`, `attempt` (a new attempt, or a job that took over, speaks now), `gap` (pieces are missing), \
            and `end` with `[DONE]` or `[ERROR] message`.
            """,
          type: EventStream.contentType, schema: ["type": "string"])
      ],
      errors: finding + [.quotaExceeded], run: output),
    Route(
      method: .get, path: "/api/dead-letters", name: "deadLetters",
      summary: "Jobs that failed for good: by type and error, and a page of them, newest first.",
      query: deadFilters + filters.filter { ["limit", "before"].contains($0.name) },
      successes: [
        Success(
          status: 200,
          description:
            "All that match, and a page of them; the `Link` header with `rel=\"next\"` leads to the next one.",
          schema: Schemas.reference("DeadLetters"), headers: ["Link"])
      ],
      errors: [.invalidParams, .tooLarge], run: deadLetters),
    Route(
      method: .post, path: "/api/dead-letters/requeue", name: "requeueDeadLetters",
      summary: "Lets dead letters run again: by id, by filter, or all.", body: requeueBody,
      successes: [
        Success(
          status: 200, description: "How many run again; with `dry_run`, how many would.",
          schema: Schemas.object([
            "requeued": Schemas.count,
            "skipped": [
              "type": "integer", "minimum": 0,
              "description": "Dead letters that were left as they are: their types are closed to the outside.",
            ], "dry_run": ["type": "boolean"],
          ]))
      ],
      errors: [.invalidParams, .notFound], isWrite: true, run: requeue),
    Route(
      method: .delete, path: "/api/dead-letters", name: "purgeDeadLetters",
      summary: "Removes dead letters with their history: by filter, or all.",
      query: deadFilters + [
        Parameter(
          name: "all", schema: ["type": "string", "enum": ["true"]],
          description: "All of them; stands in place of a filter."),
        Parameter(
          name: "dry_run", schema: ["type": "string", "enum": ["true", "false"]],
          description: "`true` only counts them."),
      ],
      successes: [
        Success(
          status: 200, description: "How many went; with `dry_run`, how many would.",
          schema: Schemas.object(["removed": Schemas.count, "dry_run": ["type": "boolean"]]))
      ],
      errors: [.invalidParams, .tooLarge], isWrite: true, run: purge),
    Route(
      method: .put, path: "/api/workers", name: "setWorkers",
      summary: "Changes how many jobs run at once on this server; what runs goes on.",
      body: [
        "type": "object", "properties": ["count": ["type": "integer", "minimum": 0, "maximum": 1_000]],
        "required": ["count"], "additionalProperties": false,
      ],
      successes: [
        Success(status: 200, description: "How many there are now.", schema: Schemas.object(["count": Schemas.count]))
      ],
      errors: [.invalidParams, .unsupported], isWrite: true, run: setWorkers),
  ]

  private static let requeueBody: JSONValue = {
    func shape(_ key: String, _ schema: JSONValue) -> JSONValue {
      [
        "type": "object",
        "properties": .object([JSONMember(key, schema), JSONMember("dry_run", ["type": "boolean"])]),
        "required": [.string(key)], "additionalProperties": false,
      ]
    }
    let filter: JSONValue = [
      "type": "object",
      "properties": [
        "type": Schemas.name, "queue": Schemas.name, "owner": Schemas.name,
        "error": ["type": "string", "enum": .array(JobError.Kind.allCases.map { .string($0.rawValue) })],
        "tags": [
          "type": "object", "minProperties": 1, "propertyNames": ["minLength": 1],
          "additionalProperties": ["type": "string"],
        ],
        "since": time, "until": time, "q": ["type": "string", "minLength": 1],
      ],
      "minProperties": 1, "additionalProperties": false,
    ]
    return [
      "anyOf": [
        shape("ids", ["type": "array", "items": Schemas.name, "minItems": 1, "maxItems": 1_000]),
        shape("filter", filter), shape("all", ["type": "boolean", "const": true]),
      ]
    ]
  }()

  // MARK: What they do

  @Sendable private static func output(_ exchange: Exchange) async throws(StintError) -> Answer {
    let job = try await exchange.job()
    let follows = try exchange.flag("follow", default: true)
    var speaker = job.id
    var place: OutputPlace?
    if let text = HTTPField.Name("Last-Event-ID").flatMap({ exchange.head.headerFields[$0] }), !text.isEmpty {
      guard let known = OutputStream.Place(text) else {
        throw StintError(
          .invalidParams,
          "Last-Event-ID \(JSONValue.string(text).excerpt()): expected the id of an event of this stream, such as 1-12")
      }
      place = known.place
      if let successor = known.job { speaker = try await exchange.successor(of: job, successor) }
    }
    let permit = try exchange.service.streams.permit()
    let updates = try await exchange.client.output(speaker, after: place, follows: follows)
    return Answer(status: .ok, body: .output(updates, OutputStream(job.id, speaker: speaker), permit))
  }

  @Sendable private static func deadLetters(_ exchange: Exchange) async throws(StintError) -> Answer {
    var query = try exchange.query.jobs()
    let groups = try await exchange.client.deadLetters(query.filter)
    query.filter = .and([.deadLetters, query.filter])
    let page = try await exchange.client.list(query)
    let secrets = try await exchange.service.secrets(of: page.jobs)
    var answer = Answer.json(capacity: 1_024 + page.jobs.count * 1_300) { json in
      json.object { json in
        json.member("total", Int64(groups.reduce(0) { $0 + $1.count }))
        json.key("groups")
        json.array { list in for group in groups { group.write(to: &list) } }
        json.key("jobs")
        write(page.jobs, to: &json, secrets: secrets, exchange)
      }
    }
    answer.headers[.link] = exchange.link(to: page.next, at: "/api/dead-letters")
    return answer
  }

  @Sendable private static func requeue(_ exchange: Exchange) async throws(StintError) -> Answer {
    let wish = try DeadLetterWish(json: try exchange.json())
    let client = exchange.client
    let requeued: Requeued
    switch wish.which {
    case .ids(let ids): requeued = try await client.requeue(ids, dryRun: wish.isDryRun, by: exchange.actor)
    case .filter(let filter): requeued = try await client.requeue(filter, dryRun: wish.isDryRun, by: exchange.actor)
    }
    return counted([("requeued", requeued.count), ("skipped", requeued.skipped)], isDryRun: wish.isDryRun)
  }

  @Sendable private static func purge(_ exchange: Exchange) async throws(StintError) -> Answer {
    let isDryRun = try exchange.flag("dry_run")
    let filter = try exchange.query.jobs().filter
    let all = exchange.query["all"]
    guard all ?? "true" == "true", (all != nil) == (filter == .all) else {
      let message = "give all=true, or a filter (\(deadFilters.map(\.name).joined(separator: ", "))), and not both"
      throw StintError.invalid("Invalid query", [.init(param: "all", message: message)])
    }
    let count = try await exchange.client.purgeDeadLetters(filter, dryRun: isDryRun, by: exchange.actor)
    return counted([("removed", count)], isDryRun: isDryRun)
  }

  private static func counted(_ counts: [(name: String, count: Int)], isDryRun: Bool) -> Answer {
    .json { json in
      json.object { json in
        for (name, count) in counts { json.member(name, Int64(count)) }
        json.member("dry_run", isDryRun)
      }
    }
  }

  @Sendable private static func setWorkers(_ exchange: Exchange) async throws(StintError) -> Answer {
    var reader = ObjectReader(try exchange.json(), keys: ["count"])
    reader.require("count")
    // How many there may be depends on what they are, slots or processes.
    let count = reader.integer("count", Int64.min...Int64.max) ?? 0
    try reader.finish("Invalid number of workers")
    let now = try await exchange.client.setWorkers(count, by: exchange.actor)
    return .json { json in json.object { $0.member("count", Int64(now)) } }
  }
}

extension Exchange {
  /// The job `id`, if it took over from `job`, or from one that did. Throws `invalid_params`.
  fileprivate func successor(of job: Job, _ id: JobID) async throws(StintError) -> JobID {
    let chain = try await [job] + client.successors(of: job)
    guard chain.contains(where: { $0.state.escalatedTo == id }) else {
      throw StintError(.invalidParams, "Last-Event-ID: the job \(id) did not take over from \(job.id)")
    }
    return id
  }
}

/// The body of `POST /api/dead-letters/requeue`.
struct DeadLetterWish: Sendable {
  /// Which dead letters.
  enum Which: Sendable {
    case ids([JobID])
    case filter(JobFilter)
  }

  let which: Which
  let isDryRun: Bool

  private static let allowed = "exactly one of ids, filter and all, and dry_run"

  /// What a body asks for. Throws `invalid_params`, naming every member that does not fit.
  init(json: JSONValue) throws(StintError) {
    guard let members = json.object else {
      throw StintError(.invalidParams, "Expected an object with \(Self.allowed); got \(json.kind)")
    }
    var faults: [StintError.Detail] = []
    var which: [Which] = []
    var isDryRun = false
    for member in members {
      let given = member.value.excerpt()
      switch member.key {
      case "ids":
        guard let texts = member.value.array?.map(\.string), !texts.isEmpty, !texts.contains(nil) else {
          faults.append(.init(param: "ids", message: "\(given): expected an array of 1 to 1000 ids"))
          continue
        }
        which.append(.ids(try Query.ids(texts.compactMap { $0 }, limit: 1_000)))
      case "filter":
        let (filter, wrong) = Query.deadLetterFilter(member.value)
        faults += wrong
        if let filter { which.append(.filter(filter)) }
      case "all":
        if member.value == true {
          which.append(.filter(.all))
        } else {
          faults.append(.init(param: "all", message: "\(given): allowed is true"))
        }
      case "dry_run":
        guard let flag = member.value.bool else {
          faults.append(.init(param: "dry_run", message: "\(given): allowed are true and false"))
          continue
        }
        isDryRun = flag
      default: faults.append(.init(param: member.key, message: "unknown; allowed: \(Self.allowed)"))
      }
    }
    guard faults.isEmpty else { throw StintError.invalid("Invalid requeue", faults) }
    guard which.count == 1, let one = which.first else {
      throw StintError(.invalidParams, "Expected \(Self.allowed); got \(json.excerpt())")
    }
    self.which = one
    self.isDryRun = isDryRun
  }
}
