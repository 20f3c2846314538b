import AsyncHTTPClient
import Logging
import NIOCore
import ServiceLifecycle
import StintCore
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

/// A server with an engine behind it, on a port of its own.
struct TestServer: Sendable {
  let port: Int
  let engine: Engine
  let http: HTTPServer
  let time: ManualTime
  let gate: Gate
  /// Begins the graceful stop.
  let stop: @Sendable () async -> Void

  var url: String { "http://127.0.0.1:\(port)" }
  var client: LocalClient { engine.client }
}

let tester = Actor(name: "tester", origin: "test")

let quiet: Logger = {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  return logger
}()

/// Runs a server while `body` does, then stops it gracefully.
func withServer<Value: Sendable>(
  configuration: HTTPConfiguration = HTTPConfiguration(port: 0), store: (any Store)? = nil, slots: Int = 8,
  handlers more: [Handler] = [], engine change: @Sendable (inout EngineConfiguration) -> Void = { _ in },
  client wrap: @Sendable (LocalClient) -> any JobFeed = { $0 },
  gateway wrapGateway: @Sendable (any ServingGateway) -> any ServingGateway = { $0 }, logger: Logger = quiet,
  _ body: @Sendable (TestServer) async throws -> Value
) async throws -> Value {
  let time = ManualTime()
  let gate = Gate()
  var engineConfiguration = EngineConfiguration()
  engineConfiguration.slots = slots
  change(&engineConfiguration)
  let engine = Engine(
    store: store ?? MemoryStore(leaseClock: time.leaseClock), handlers: handlers(gate: gate) + more,
    configuration: engineConfiguration, time: time, random: .seeded(1), logger: quiet)
  let (ports, told) = AsyncStream<Int>.makeStream()
  let http = HTTPServer(
    client: wrap(engine.client), gateway: wrapGateway(engine.gateway), configuration: configuration, time: time,
    random: .seeded(2), logger: logger
  ) { told.yield($0) }
  let group = ServiceGroup(services: [engine, http], gracefulShutdownSignals: [], logger: quiet)
  return try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask {
      defer { told.finish() }
      try await group.run()
    }
    guard let port = await ports.first(where: { _ in true }) else {
      try await tasks.waitForAll()
      throw StintError(.internalError, "the server ended before it listened")
    }
    let server = TestServer(
      port: port, engine: engine, http: http, time: time, gate: gate,
      stop: { await group.triggerGracefulShutdown() })
    let value = try await body(server)
    gate.openForAll()
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
    return value
  }
}

/// Holds handlers in mid-work until a test lets them go.
final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var contexts: [JobContext] = []
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Locked(State())

  /// The handler's side: returns when the gate opens or the task is cancelled.
  func wait(_ context: JobContext) async throws {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
          state.contexts.append(context)
          let count = state.contexts.count
          var ready = state.watchers.filter { $0.count <= count }.map(\.continuation)
          state.watchers.removeAll { $0.count <= count }
          if state.isOpen || Task.isCancelled { ready.append(continuation) } else { state.waiting.append(continuation) }
          return ready
        }
        for one in ready { one.resume() }
      }
    } onCancel: {
      openNow()
    }
    try Task.checkCancellation()
  }

  private func openNow(forEver: Bool = false) {
    let waiting = state.withLock { state in
      if forEver { state.isOpen = true }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Lets go who waits now.
  func open() { openNow() }

  /// Lets go who waits, and who will.
  func openForAll() { openNow(forEver: true) }

  /// Returns once `count` handlers came to the gate, with the last one's context.
  @discardableResult func entered(_ count: Int = 1) async throws -> JobContext {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.contexts.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
    return try #require(state.withLock { $0.contexts.last })
  }
}

/// The job types of these tests.
func handlers(gate: Gate) -> [Handler] {
  [
    Handler(JobType(name: "noop", description: "Nothing")) { _ in RawJSON(["ok": true]) },
    Handler(JobType(name: "gate", params: [Param("n", .integer)])) { context in
      try await gate.wait(context)
      return RawJSON(["ok": true])
    },
    Handler(JobType(name: "fail")) { _ in throw JobControl.giveUp("it can not be") },
    Handler(JobType(name: "large", params: [Param("text", .string)])) { _ in
      RawJSON(.string(String(repeating: "r", count: 8_000)))
    },
    Handler(JobType(name: "login", params: [Param("user", .string), Param("password", .string, secret: true)])) { _ in
      nil
    },
    Handler(JobType(name: "count", params: [Param("n", .integer, required: true, min: 1, max: 10)])) { _ in nil },
  ]
}

/// An answer as it came.
struct Reply: Sendable {
  let status: Int
  let headers: [String: String]
  let text: String

  subscript(header: String) -> String? { headers[header.lowercased()] }

  /// The body as JSON.
  var json: JSONValue { get throws { try JSONParser.parse(Array(text.utf8), depth: 512) } }
  /// The `type` of an error.
  var fault: String? { (try? json)?["type"]?.string }
}

extension TestServer {
  /// One request and its answer.
  func call(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
  ) async throws -> Reply {
    var request = HTTPClientRequest(url: url + path)
    request.method = .RAW(value: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body {
      if headers["content-type"] == nil { request.headers.add(name: "content-type", value: "application/json") }
      request.body = .bytes(Array(body.utf8))
    }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
    let bytes = try await response.body.collect(upTo: 64 << 20)
    let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
    return Reply(
      status: Int(response.status.code), headers: Dictionary(fields) { $1 }, text: String(buffer: bytes))
  }

  /// Submits a job and gives its id.
  func submit(_ type: String, params: KeyValuePairs<String, JSONValue> = [:], id: String? = nil) async throws -> JobID {
    var job = NewJob(type, params: params)
    job.id = id
    return try await client.submit([job], by: tester)[0].id
  }

  /// The job once it is over.
  func end(of id: JobID) async throws -> Job {
    for try await case .ended(let job) in try await client.watch(id) { return job }
    throw StintError(.internalError, "the stream of \(id) ended early")
  }
}

/// Fails instead of hanging: what `body` gives, if it is there in time.
func within<Value: Sendable>(
  seconds: Int = 120, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask(operation: body)
    group.addTask {
      try await Task.sleep(for: .seconds(seconds))
      throw StintError(.internalError, "\(what): not within \(seconds) seconds")
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}

/// Returns once `condition` holds; looks again after every turn of the scheduler.
func eventually(_ what: String, _ condition: @escaping @Sendable () async throws -> Bool) async throws {
  try await within(what) {
    while try await !condition() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}
