import StintCore
import StintEngine
import StintStore

extension Route {
  /// Everything about the service itself.
  static let service: [Route] = [
    Route(
      method: .get, path: "/api/job-types", name: "jobTypes", summary: "The types that may be submitted, by name.",
      successes: [Success(status: 200, description: "The types.", schema: Schemas.list(of: "JobType"))],
      run: { exchange async throws(StintError) in
        let types = try await exchange.client.jobTypes()
        return .json { json in json.array { list in for type in types { type.write(to: &list) } } }
      }),
    Route(
      method: .get, path: "/api/stats", name: "stats",
      summary: "Counts of the jobs present, totals since the start, the last ten seconds.",
      successes: [Success(status: 200, description: "The figures.", schema: Schemas.reference("Stats"))],
      run: { exchange async throws(StintError) in
        let stats = try await exchange.client.stats()
        return .json { stats.write(to: &$0) }
      }),
    Route(
      method: .get, path: "/api/workers", name: "workers", summary: "The workers and what they run.",
      successes: [Success(status: 200, description: "The workers.", schema: Schemas.list(of: "Worker"))],
      run: { exchange async throws(StintError) in
        let workers = try await exchange.client.workers()
        return .json { json in json.array { list in for worker in workers { worker.write(to: &list) } } }
      }),
    Route(
      method: .get, path: "/api/workers/count", name: "workerCount",
      summary: "How many jobs run at once on this server, or worker processes: what PUT /api/workers changes.",
      successes: [
        Success(
          status: 200, description: "So many; null where none run.",
          schema: Schemas.object([
            "count": Schemas.nullable(Schemas.count),
            "unit": ["enum": .array(WorkerCount.Unit.allCases.map { .string($0.rawValue) } + [.null])],
          ]))
      ],
      run: { exchange async throws(StintError) in
        let own = try await exchange.client.workerCount()
        return .json { json in
          json.object { json in
            json.member("count", own.map { Int64($0.count) })
            json.member("unit", own?.unit.rawValue)
          }
        }
      }),
    Route(
      method: .get, path: "/health/live", name: "live", summary: "Whether the server answers at all.",
      successes: [health("live")], isOpen: true,
      run: { _ in .json { $0.object { $0.member("status", "live") } } }),
    Route(
      method: .get, path: "/health/ready", name: "ready",
      summary: "Whether the store does a real write and read within a second.", successes: [health("ready")],
      errors: [.storeUnavailable], isOpen: true,
      run: { exchange async throws(StintError) in
        try await exchange.service.readiness.verify()
        return .json { $0.object { $0.member("status", "ready") } }
      }),
    Route(
      method: .get, path: "/openapi.json", name: "openAPI", summary: "This interface, as OpenAPI 3.1.",
      successes: [Success(status: 200, description: "The document.", schema: ["type": "object"])],
      run: { exchange async throws(StintError) in
        let types = try await exchange.client.jobTypes()
        let document = OpenAPI.document(
          of: exchange.service.table.routes, types: types, version: exchange.service.configuration.version,
          needsToken: exchange.service.gatekeeper.needsToken)
        return .json(capacity: 64 << 10) { $0.value(document) }
      }),
  ]

  /// All routes, in the order of the documentation.
  static let all = jobs + failures + socket + service + worker + session + page

  private static func health(_ word: String) -> Success {
    Success(
      status: 200, description: "It is.",
      schema: Schemas.object(["status": ["type": "string", "const": .string(word)]]))
  }
}

extension WorkerInfo {
  /// One entry of `GET /api/workers`.
  func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("id", record.id)
      json.member("host", record.host)
      json.member("pid", Int64(record.pid))
      json.member("state", record.state.rawValue)
      json.member("slots", Int64(record.slots))
      json.key("types")
      json.array { list in for type in record.types { list.string(type.name) } }
      json.member("processed", Int64(record.processed))
      json.member("abandoned", Int64(record.abandoned))
      json.member("started_at", record.startedAt)
      json.member("seen_at", record.seenAt)
      json.member("silence_seconds", record.silence)
      json.member("supervisor", record.supervisor)
      json.key("jobs")
      json.array { list in
        for job in jobs {
          list.object { json in
            json.member("id", job.id.text)
            json.member("type", job.type)
            json.member("label", job.label)
            json.member("started_at", job.startedAt)
            json.member("elapsed_seconds", job.elapsed)
            json.member("estimated_seconds", job.estimated)
            json.member("percent", job.percent)
          }
        }
      }
    }
  }
}
