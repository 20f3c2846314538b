import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
public import StintCore
public import StintEngine
import StintStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// A client that works over HTTP on a server elsewhere, with the results and errors of a local one.
///
/// Who acts is what the server makes of the token. Secret params come as `***`. ``shutdown()`` ends it.
public final class RemoteClient: JobClient {
  /// Where the server is, without a slash at the end.
  public let baseURL: String
  let time: any TimeSource
  /// How long a watcher tries to come back before it gives up.
  let patience: Duration
  private let token: String?
  private let http: HTTPClient
  private let timeout: TimeAmount
  /// What an answer may weigh.
  private static let answerBytes = 512 << 20
  /// Requests at once where one call needs many.
  private static let concurrency = 16

  /// A client of the server at `baseURL`, such as `http://127.0.0.1:8080`.
  ///
  /// - Parameters:
  ///   - token: what the server asks for, if it does.
  ///   - time: for the pauses between tries to reconnect.
  ///   - timeout: the longest one request may take; streams have none.
  ///   - patience: how long a watcher whose connection was lost tries to come back.
  /// - Throws: ``StintCore/StintError`` of kind `invalid_params` where `baseURL` is none.
  public init(
    baseURL: String, token: String? = nil, time: any TimeSource = SystemTime(), timeout: Duration = .seconds(60),
    patience: Duration = .seconds(300)
  ) throws(StintError) {
    let isHTTP = baseURL.hasPrefix("http://") || baseURL.hasPrefix("https://")
    let rest = baseURL.split(separator: "/", maxSplits: 1).dropFirst().first?.dropFirst() ?? ""
    guard isHTTP, !rest.isEmpty, !rest.contains("?"), !rest.contains("#"), !rest.contains("@"),
      rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      let shown = baseURL.contains("@") ? "***" : baseURL  // it may hold a password
      throw StintError(.invalidParams, "url \(shown): allowed is http:// or https:// and a host, with its port")
    }
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.token = token
    self.time = time
    self.patience = patience
    self.timeout = TimeAmount(timeout)
    // No proxy is set, so none is used, whatever the environment says. The server sends a comment each 15 s: a stream
    // that is silent for a minute is dead. Idle connections are given up before the server does.
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10), read: .seconds(60)),
      connectionPool: .init(idleTimeout: .seconds(30)))
    configuration.connectionPool.retryConnectionEstablishment = false
    // Every watcher holds a connection of its own.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
    configuration.httpVersion = .http1Only
    self.http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  // Dropping the client beneath without this would trap in debug builds.
  deinit { http.shutdown { _ in } }

  /// Closes all connections; nothing can be asked after that.
  public func shutdown() async {
    // It fails only where it was shut down before.
    try? await http.shutdown()
  }

  // MARK: Acts

  /// See ``StintEngine/JobClient/submit(_:by:)``.
  public func submit(_ jobs: [NewJob], by actor: Actor) async throws(StintError) -> [Job] {
    guard let first = jobs.first else { return [] }
    if jobs.contains(where: { !$0.unread.isEmpty }) { try await refuse(jobs) }
    var writer = JSONWriter(capacity: jobs.count * 128)
    if jobs.count == 1 {
      first.write(to: &writer)
    } else {
      writer.array { list in for job in jobs { job.write(to: &list) } }
    }
    let answer = try await ask(.POST, "/api/jobs", body: writer.bytes)
    if jobs.count == 1 { return [try read(answer.json)] }
    return try await complete(try readList(answer.json))
  }

  /// Throws all that is wrong with jobs of which some could not even be read, which the server would never see.
  private func refuse(_ jobs: [NewJob]) async throws(StintError) {
    let (types, now) = (JobTypes(try await jobTypes()), SystemTime().now())
    var faulty: [(index: Int, error: StintError)] = []
    for (index, job) in jobs.enumerated() {
      do throws(StintError) {
        _ = try job.checked(
          against: types, limits: Limits(), id: JobID(known: "unread"), at: now, by: Actor(name: "", origin: "command"))
      } catch {
        if jobs.count == 1 { throw error }
        faulty.append((index, error))
      }
    }
    if let error = StintError.batch(faulty, of: jobs.count) { throw error }
  }

  /// See ``StintEngine/JobClient/cancel(_:by:)``.
  public func cancel(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    _ = try await ask(.DELETE, path(of: id) + Self.exact)
    return try await job(id)
  }

  /// See ``StintEngine/JobClient/retry(_:by:)``.
  public func retry(_ id: JobID, by actor: Actor) async throws(StintError) -> Job {
    try read(try await ask(.POST, path(of: id) + "/retry" + Self.exact).json)
  }

  /// See ``StintEngine/JobClient/remove(_:by:)``.
  public func remove(_ statuses: Set<JobStatus>, by actor: Actor) async throws(StintError) -> Int {
    let names = statuses.map(\.rawValue).sorted().joined(separator: ",")
    let answer = try await ask(.DELETE, "/api/jobs?status=\(names)")
    guard let removed = answer.json["removed"]?.integer else { throw strange("no number of removed jobs") }
    return Int(removed)
  }

  // MARK: Reads

  /// See ``StintEngine/JobClient/jobs(_:)``.
  public func jobs(_ ids: [JobID]) async throws(StintError) -> [Job?] {
    if ids.count == 1 { return [try await find(ids[0])] }
    return try await withTaskGroup(of: (Int, Result<Job?, StintError>).self) { group in
      var found = [Job?](repeating: nil, count: ids.count)
      var next = 0
      func start() {
        guard next < ids.count else { return }
        let index = next
        next += 1
        group.addTask {
          do throws(StintError) { return (index, .success(try await self.find(ids[index]))) } catch {
            return (index, .failure(error))
          }
        }
      }
      for _ in 0..<Self.concurrency { start() }
      while let (index, result) = await group.next() {
        switch result {
        case .success(let job): found[index] = job
        case .failure(let error):
          group.cancelAll()
          return Result<[Job?], StintError>.failure(error)
        }
        start()
      }
      return .success(found)
    }.get()
  }

  private func find(_ id: JobID) async throws(StintError) -> Job? {
    do throws(StintError) {
      return try read(try await ask(.GET, path(of: id) + Self.exact).json)
    } catch {
      if error.type == .notFound { return nil }
      throw error
    }
  }

  /// See ``StintEngine/JobClient/list(_:)``.
  public func list(_ query: JobQuery) async throws(StintError) -> JobPage {
    var page = JobPage(jobs: [], next: query.before)
    guard let filter = try FilterQuery(query.filter) else { return JobPage(jobs: []) }
    repeat {
      var target = "/api/jobs?\(try filter.text())limit=\(min(1_000, max(1, query.limit - page.jobs.count)))"
      if let before = page.next { target += "&before=\(before)" }
      let answer = try await ask(.GET, target)
      page.jobs += try await complete(try readList(answer.json))
      page.next = answer.next
    } while page.next != nil && page.jobs.count < query.limit
    return page
  }

  /// See ``StintEngine/JobClient/history(_:)``.
  public func history(_ id: JobID) async throws(StintError) -> [Event] {
    try await array("\(path(of: id))/history\(Self.exact)") { Event(json: $0, jobID: id) }
  }

  /// See ``StintEngine/JobClient/jobTypes()``.
  public func jobTypes() async throws(StintError) -> [JobType] {
    try await array("/api/job-types") { JobType(json: $0) }
  }

  /// See ``StintEngine/JobClient/stats()``.
  public func stats() async throws(StintError) -> Stats { Stats(json: try await ask(.GET, "/api/stats").json) }

  /// See ``StintEngine/JobClient/workers()``.
  public func workers() async throws(StintError) -> [WorkerInfo] {
    try await array("/api/workers") { WorkerInfo(json: $0) }
  }

  /// See ``StintEngine/JobClient/check()``.
  public func check() async throws(StintError) { _ = try await ask(.GET, "/health/ready") }

  /// See ``StintEngine/JobClient/watch(_:)``.
  public func watch(_ id: JobID) async throws(StintError) -> JobUpdates {
    let watcher = RemoteWatcher(id: id, client: self, first: try await stream(id))
    return JobUpdates { try await watcher.next() }
  }

  /// See ``StintEngine/JobClient/output(_:after:follows:)``.
  public func output(
    _ id: JobID, after place: OutputPlace?, follows: Bool
  ) async throws(StintError) -> OutputUpdates {
    let watcher = RemoteOutputWatcher(
      id: id, after: place, follows: follows, client: self,
      first: try await output(of: id, after: place, follows: follows))
    return OutputUpdates { try await watcher.next() }
  }

  // MARK: Requests

  /// The stream of a job's output.
  func output(
    of id: JobID, after place: OutputPlace?, follows: Bool
  ) async throws(StintError) -> HTTPClientResponse.Body {
    var request = request(.GET, "\(path(of: id))/output\(Self.exact)" + (follows ? "" : "&follow=false"))
    if let place { request.headers.add(name: "last-event-id", value: place.description) }
    return try await execute(request, timeout: nil).body
  }

  /// The id is meant as it stands, not as a short form.
  private static let exact = "?exact=true"

  private func path(of id: JobID) -> String {
    // A dot or two alone would be read as a step in the path, and `status` is a page of its own.
    switch id.text {
    case ".", "..": "/api/jobs/" + id.text.map { _ in "%2E" }.joined()
    case "status": "/api/jobs/%73tatus"
    default: "/api/jobs/\(id)"
    }
  }

  /// An answer that is no error.
  struct Reply {
    let json: JSONValue
    /// Where the next page begins.
    let next: Int64?
  }

  func ask(_ method: HTTPMethod, _ target: String, body: [UInt8]? = nil) async throws(StintError) -> Reply {
    var request = request(method, target)
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(body)
    }
    let response = try await execute(request, timeout: timeout)
    let json = try await json(of: response)
    let link = response.headers.first(name: "link")
    let digits = link?.split(separator: "before=").last?.prefix { $0.isASCII && $0.isNumber }
    return Reply(json: json, next: digits.flatMap { link?.contains("before=") == true ? Int64($0) : nil })
  }

  /// The stream of a job's events.
  func stream(_ id: JobID) async throws(StintError) -> HTTPClientResponse.Body {
    try await execute(request(.GET, "\(path(of: id))/progress\(Self.exact)"), timeout: nil).body
  }

  private func request(_ method: HTTPMethod, _ target: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: baseURL + target)
    request.method = method
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    return request
  }

  private func execute(_ request: HTTPClientRequest, timeout: TimeAmount?) async throws(StintError)
    -> HTTPClientResponse
  {
    let response: HTTPClientResponse
    do {
      let deadline = timeout.map { NIODeadline.now() + $0 } ?? .distantFuture
      response = try await http.execute(request, deadline: deadline)
    } catch {
      throw unreachable(error)
    }
    if (200..<300).contains(response.status.code) { return response }
    var fault: StintError?
    do throws(StintError) { fault = StintError(json: try await json(of: response)) } catch {
      if error.type == .storeUnavailable { throw error }
    }
    throw fault ?? strange("\(response.status.code) \(response.status.reasonPhrase) without an error of Stint's")
  }

  private func json(of response: HTTPClientResponse) async throws(StintError) -> JSONValue {
    let bytes: [UInt8]
    do {
      bytes = Array(try await response.body.collect(upTo: Self.answerBytes).readableBytesView)
    } catch {
      throw unreachable(error)
    }
    do throws(JSONSyntaxError) { return try JSONParser.parse(bytes, depth: 512) } catch {
      throw strange("\(response.status.code) with a body that is not JSON: \(error)")
    }
  }

  func unreachable(_ error: any Error) -> StintError {
    if error is CancellationError || (error as? HTTPClientError) == .cancelled {
      return StintError(.storeUnavailable, "\(baseURL): the request was cancelled")
    }
    return StintError(.storeUnavailable, "\(baseURL) can not be reached: \(Self.reason(error))")
  }

  /// The system's own words where it has some.
  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError: error.connectionErrors.first.map { reason($0.error) } ?? "\(error)"
    default: "\(error)"
    }
  }

  func strange(_ what: String) -> StintError {
    StintError(.storeUnavailable, "\(baseURL) answered \(what); is it a Stint server?")
  }

  // MARK: Answers

  private func read(_ json: JSONValue) throws(StintError) -> Job {
    guard let job = Job(json: json) else { throw strange("no job") }
    return job
  }

  /// A job of a list, and whether its params or result were left out for their size.
  private func readList(_ json: JSONValue) throws(StintError) -> [(job: Job, isTruncated: Bool)] {
    guard let elements = json.array else { throw strange("no list") }
    var jobs: [(Job, Bool)] = []
    jobs.reserveCapacity(elements.count)
    for element in elements { jobs.append((try read(element), element["truncated"]?.bool ?? false)) }
    return jobs
  }

  /// The jobs, with those that came without params or result read again, whole.
  private func complete(_ list: [(job: Job, isTruncated: Bool)]) async throws(StintError) -> [Job] {
    let short = list.indices.filter { list[$0].isTruncated }
    var jobs = list.map(\.job)
    guard !short.isEmpty else { return jobs }
    let whole = try await self.jobs(short.map { jobs[$0].id })
    for (index, job) in zip(short, whole) { if let job { jobs[index] = job } }
    return jobs
  }

  private func array<Element>(
    _ target: String, _ read: (JSONValue) -> Element?
  ) async throws(StintError) -> [Element] {
    guard let elements = try await ask(.GET, target).json.array else { throw strange("no list") }
    var found: [Element] = []
    for element in elements {
      guard let value = read(element) else { throw strange("a list with something else in it") }
      found.append(value)
    }
    return found
  }
}
