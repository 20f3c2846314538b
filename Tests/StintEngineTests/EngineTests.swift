import Logging
import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

struct Greet: JobHandler {
  static let jobType = "greet"
  static let summary = "Says hello"
  static let paramRules = ["times": ParamRule("how often", default: 1, min: 1, max: 3)]
  var name: String
  var times: Int
  func run(_ context: JobContext) async throws -> [String] {
    context.progress(50, "half way")
    return (0..<times).map { _ in "Hello, \(name)" }
  }
}

let someone = Actor(name: "tester", origin: "test")

/// An engine on a store in memory that runs while `body` does.
func withEngine<Value: Sendable>(
  _ handlers: [Handler], configuration: EngineConfiguration = EngineConfiguration(),
  store: (any Store)? = nil, time: ManualTime = ManualTime(), body: @Sendable (Engine, ManualTime) async throws -> Value
) async throws -> Value {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let engine = Engine(
    store: store ?? MemoryStore(leaseClock: time.leaseClock), handlers: handlers, configuration: configuration,
    time: time, random: .seeded(1), logger: logger)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await engine.run() }
    let value = try await body(engine, time)
    group.cancelAll()
    return value
  }
}

extension JobClient {
  /// The job once it is over.
  func end(of id: JobID) async throws -> Job {
    for try await case .ended(let job) in try await watch(id) { return job }
    throw StintError(.internalError, "the stream of \(id) ended early")
  }
}

@Suite struct EngineTests {
  @Test func runsATypedJobToItsResult() async throws {
    try await withEngine([Handler(Greet.self)]) { engine, _ in
      let job = try await engine.client.submit([NewJob("greet", params: ["name": "Ada", "times": 2])], by: someone)[0]
      let done = try await engine.client.end(of: job.id)
      #expect(done.status == .completed)
      #expect(done.result?.text == #"["Hello, Ada","Hello, Ada"]"#)
      #expect(done.progress == Progress(percent: 50, message: "half way"))
      let history = try await engine.client.history(job.id)
      #expect(history.map(\.kind) == [.submitted, .succeeded])
    }
  }

  @Test func drainsManyJobs() async throws {
    let handler = Handler(JobType(name: "noop")) { _ in nil }
    try await withEngine([handler]) { engine, _ in
      let jobs = try await engine.client.submit(
        (0..<5000).map { _ in NewJob("noop") }, by: someone)
      for job in jobs { #expect(try await engine.client.end(of: job.id).status == .completed) }
    }
  }
}
