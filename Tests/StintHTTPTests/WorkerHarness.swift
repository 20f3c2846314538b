import StintCore
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

/// A server that lets workers in, with `worker-token`.
let workersAllowed = HTTPConfiguration(port: 0, tokens: [AccessToken(text: "worker-token", scope: .worker)])

/// A job as a claim gave it.
struct Claimed: Sendable {
  let job: JSONValue
  let token: String

  var id: String { job["id"]?.string ?? "" }

  /// What is sent about it.
  func body(_ more: KeyValuePairs<String, JSONValue> = [:]) -> JSONValue {
    .object([JSONMember("token", .string(token))] + more.map { JSONMember($0.key, $0.value) })
  }
}

extension TestServer {
  /// One request of a worker.
  func work(_ route: String, _ body: JSONValue, token: String? = "worker-token") async throws -> Reply {
    var headers: [String: String] = [:]
    if let token { headers["authorization"] = "Bearer \(token)" }
    return try await call("POST", "/api/worker/\(route)", RawJSON(body).text, headers: headers)
  }

  /// What a worker of the type `python` gets.
  func claim(
    _ types: [String] = ["python"], _ more: KeyValuePairs<String, JSONValue> = [:]
  ) async throws -> [Claimed] {
    let body: [JSONMember] = [
      JSONMember("worker", "py"), JSONMember("types", .array(types.map { .string($0) })),
    ]
    let reply = try await work("claim", .object(body + more.map { JSONMember($0.key, $0.value) }))
    try #require(reply.status == 200, "\(reply.text)")
    return try (reply.json["jobs"]?.array ?? []).map { job in
      Claimed(job: job, token: try #require(job["lease"]?["token"]?.string))
    }
  }

  /// A running job of the type `python`.
  func running(
    _ id: String, lease: JSONValue = 30, _ change: (inout NewJob) -> Void = { _ in }
  ) async throws -> Claimed {
    try await pending(id, change)
    let all = try await claim(["python"], ["lease_seconds": lease])
    try #require(all.count == 1)
    return all[0]
  }

  /// A job of the type `python` that waits.
  func pending(_ id: String, _ change: (inout NewJob) -> Void = { _ in }) async throws {
    var job = NewJob("python")
    job.id = id
    job.allowsUnknownType = true
    change(&job)
    _ = try await client.submit([job], by: tester)
  }

  func job(_ id: String) async throws -> Job { try await client.job(JobID(known: id)) }

  func kinds(_ id: String) async throws -> [Cause.Kind] {
    try await client.history(JobID(known: id)).map(\.kind)
  }

  /// Lets time pass in quarters of a second until this holds.
  func passing(until holds: @escaping @Sendable () async throws -> Bool) async throws {
    try await eventually("what time should bring") {
      if try await holds() { return true }
      time.advance(by: .milliseconds(250))
      return false
    }
  }

  func leases(_ tokens: [String], wait: JSONValue = 0, worker: JSONValue = nil) async throws -> [JSONValue] {
    let body: JSONValue = [
      "leases": .array(tokens.map { .string($0) }), "wait_seconds": wait, "worker_id": worker,
    ]
    let reply = try await work("heartbeat", body)
    try #require(reply.status == 200, "\(reply.text)")
    return try reply.json["leases"]?.array ?? []
  }
}

/// A gateway that lets a test do something between a request and the store, or between the store and an answer.
final class WatchedGateway: ServingGateway {
  typealias BeforeRecord = @Sendable (any ServingGateway, [AttemptReport]) async throws(StoreError) -> Void

  let base: any ServingGateway
  let beforeRecord: BeforeRecord
  let afterClaim: @Sendable (ClaimRequest) async -> Void

  init(
    _ base: any ServingGateway, beforeRecord: @escaping BeforeRecord = { (_, _) throws(StoreError) in },
    afterClaim: @escaping @Sendable (ClaimRequest) async -> Void = { _ in }
  ) {
    self.base = base
    self.afterClaim = afterClaim
    self.beforeRecord = beforeRecord
  }

  func record(_ reports: [AttemptReport]) async throws(StoreError) {
    try await beforeRecord(base, reports)
    try await base.record(reports)
  }
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    let jobs = try await base.claim(request)
    await afterClaim(request)
    return jobs
  }
  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? { try await base.checkpoint(id) }
  func output(_ id: JobID, after: OutputPlace?, limit: Int) async throws(StoreError) -> [OutputChunk] {
    try await base.output(id, after: after, limit: limit)
  }
  func announce(_ worker: WorkerRecord) async throws(StoreError) { try await base.announce(worker) }
  func leave(_ worker: String) async throws(StoreError) { try await base.leave(worker) }
  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    try await base.renew(attempts, lease: lease)
  }
  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
    try await base.settle(settlements)
  }
  func listen(_ receive: @escaping @Sendable (WorkerSignal) -> Void) -> Listening { base.listen(receive) }
  func offer(_ access: (@Sendable (Job) async -> AttemptAccess?)?) {}
  func heard(from attempt: AttemptKey) { base.heard(from: attempt) }
  func secret() async throws(StoreError) -> [UInt8] { try await base.secret() }
}
