import Logging
import NIOCore
import NIOPosix
import StintCore
import StintEngine
import StintHTTP
import StintSQLite
import StintStore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct RESTServiceTests {
  @Test func countsAndWorkers() async throws {
    try await withServer(slots: 3) { server in
      let running = try await server.submit("gate")
      let context = try await server.gate.entered()
      context.progress(40, "almost")
      let stats = try await server.call("GET", "/api/stats").json
      #expect(
        stats.object?.map(\.key) == [
          "pending", "scheduled", "blocked", "retrying", "running", "completed", "failed", "cancelled", "total",
          "totals", "throughput", "avg_duration_ms", "window_seconds", "worker",
        ])
      #expect(stats["running"] == 1)
      #expect(stats["total"] == 1)
      #expect(stats["totals"] == ["enqueued": 1, "completed": 0, "failed": 0, "retried": 0, "dead_lettered": 0])
      #expect(stats["window_seconds"] == 10)
      #expect(stats["worker"] == ["active": 1, "idle": 2, "capacity": 3, "processed": 0])
      try await eventually("the progress is stored") {
        try await server.call("GET", "/api/workers").text.contains("almost")
      }
      let worker = try #require(try await server.call("GET", "/api/workers").json.array?.first)
      #expect(worker["slots"] == 3)
      #expect(worker["types"]?.array?.contains("gate") == true)
      let job = try #require(worker["jobs"]?.array?.first)
      #expect(job["id"]?.string == running.text)
      #expect(job["label"]?.string == "almost")
      #expect(job["percent"]?.number == 40)
    }
  }

  @Test func describesTypesAndItself() async throws {
    try await withServer { server in
      let types = try await server.call("GET", "/api/job-types").json.array ?? []
      #expect(types.compactMap { $0["name"]?.string } == ["count", "fail", "gate", "large", "login", "noop"])
      let param = try #require(types.first?["params"]?.array?.first)
      #expect(param["name"]?.string == "n")
      #expect(param["min"] == 1)
      #expect(try await server.call("GET", "/health/live").json == ["status": "live"])
      #expect(try await server.call("GET", "/health/ready").json == ["status": "ready"])
    }
  }

  @Test func worksOnSQLite() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-http-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try await SQLiteStore.open(path: folder.appendingPathComponent("jobs.db").path)
    try await withServer(store: store) { server in
      let reply = try await server.call("POST", "/api/jobs", #"{"type":"noop","id":"on-disk-1"}"#)
      #expect(reply.status == 201)
      let id = try #require(JobID("on-disk-1"))
      #expect(try await server.end(of: id).status == .completed)
      #expect(try await server.call("GET", "/api/jobs/on-disk-1").json["result"] == ["ok": true])
      #expect(try await server.call("GET", "/health/ready").status == 200)
    }
    await store.close()
  }

  @Test func refusesWhatItCanNotListenOn() async throws {
    @Sendable func fault(_ configuration: HTTPConfiguration) async throws -> StintError {
      let engine = Engine(store: MemoryStore(), handlers: [], logger: quiet)
      do {
        try await HTTPServer(client: engine.client, configuration: configuration, logger: quiet).run()
      } catch let error as StintError {
        return error
      }
      throw StintError(.internalError, "it ran")
    }
    try await withServer { server in
      let used = try await fault(HTTPConfiguration(port: server.port))
      #expect(used.type == .invalidParams)
      #expect(used.message.contains("\(server.port)"))
      #expect(used.message.contains("in use"))
    }
    let elsewhere = try await fault(HTTPConfiguration(host: "192.0.2.1", port: 0, tokens: [AccessToken(text: "t")]))
    #expect(elsewhere.message.contains("192.0.2.1"))
    let open = try await fault(HTTPConfiguration(host: "0.0.0.0", port: 0))
    #expect(open.message.contains("0.0.0.0"))
    #expect(open.message.contains("token"))
    #expect(try await fault(HTTPConfiguration(port: 70_000)).message.contains("70000"))
    #expect(
      try await fault(HTTPConfiguration(host: "no such host", port: 0, tokens: [AccessToken(text: "t")]))
        .message.contains("no such host"))
  }

  @Test func logsOneLineForEachRequest() async throws {
    let lines = LogLines()
    var logger = Logger(label: "http") { _ in lines }
    logger.logLevel = .info
    try await withServer(logger: logger) { server in
      _ = try await server.call("GET", "/api/jobs?q=private")
      _ = try await server.call("GET", "/nowhere")
    }
    let requests = lines.all.filter { $0.hasPrefix("request") }
    #expect(requests.count == 2)
    #expect(requests.first?.contains("method=GET path=/api/jobs status=200") == true)
    #expect(requests.last?.contains("path=/nowhere status=404") == true)
    #expect(!requests.joined().contains("private"))
  }
}

/// Keeps log lines.
final class LogLines: LogHandler, Sendable {
  private let lines = Locked<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set { _ = newValue }
  }
  var logLevel: Logger.Level {
    get { .info }
    set { _ = newValue }
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set { _ = newValue }
  }

  func log(event: LogEvent) {
    let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    lines.withLock { $0.append("\(event.message) \(fields.joined(separator: " "))") }
  }
}
