import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintJobs

/// One run of a handler that starts real processes, in a folder of its own, and a record of what it said.
final class ProcessTrial: Sendable {
  let folder: String
  let policy: ProcessPolicy
  let heard = Heard()

  /// `environment` is what the worker's process has.
  init(grace: Duration = .seconds(5), environment: [String: String] = [:]) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("stint-process-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path + "/tmp", withIntermediateDirectories: true)
    folder = path
    var policy = ProcessPolicy()
    policy.grace = grace
    policy.temporaryFolder = path + "/tmp"
    let own = ProcessInfo.processInfo.environment
    policy.environment = environment.merging(["PATH": own["PATH"] ?? "/usr/bin:/bin", "HOME": path]) { $1 }
    self.policy = policy
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
    return path(name)
  }

  /// What attempts have left in the place for their folders.
  var leftovers: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: policy.temporaryFolder) }
  }

  /// Starts `handler` on params as they come out of a submission.
  func start(
    _ handler: Handler, _ params: JSONValue, attempt: Int = 1, checkpoint: RawJSON? = nil,
    access: AttemptAccess? = nil
  ) throws -> Task<JSONValue, any Error> {
    let checked = handler.type.check(params.object ?? [])
    try #require(checked.faults.isEmpty, "\(checked.faults)")
    let now = SystemTime().now()
    let spec = JobSpec(
      id: JobID(known: "trial"), type: handler.type.name, params: RawJSON(.object(checked.params)), createdAt: now)
    var state = JobState(status: .running, revision: 1, runAt: now)
    state.attempt = attempt
    let context = JobContext(
      job: Job(spec: spec, state: state), report: { [heard] in heard.add($0) }, savedCheckpoint: { checkpoint },
      serverAccess: { access })
    return Task { try await handler.run(context)?.parsed() ?? .null }
  }

  /// Starts a shell script as `exec`.
  func start(
    script: String, _ params: JSONValue = [:], checkpoint: RawJSON? = nil
  ) throws -> Task<JSONValue, any Error> {
    let command = JSONMember("command", ["sh", "-c", .string(script)])
    return try start(Exec.handler(policy), .object([command] + (params.object ?? [])), checkpoint: checkpoint)
  }

  /// Runs a shell script as `exec` to its end.
  func run(script: String, _ params: JSONValue = [:], checkpoint: RawJSON? = nil) async throws -> JSONValue {
    try await start(script: script, params, checkpoint: checkpoint).value
  }

  /// The message with which a shell script fails.
  func failure(script: String, _ params: JSONValue = [:]) async throws -> String {
    let task = try start(script: script, params)
    let error = await #expect(throws: ProcessFault.self) { try await task.value }
    return error?.description ?? ""
  }
}

/// What a handler said, in order.
final class Heard: Sendable {
  private struct State {
    var news: [AttemptNews] = []
    var listeners: [UUID: AsyncStream<Void>.Continuation] = [:]
  }

  private let state = Locked(State())

  func add(_ news: AttemptNews) {
    let listeners = state.withLock { state in
      state.news.append(news)
      return Array(state.listeners.values)
    }
    for listener in listeners { listener.yield() }
  }

  var all: [AttemptNews] { state.withLock { $0.news } }

  /// The pieces of one stream.
  func pieces(_ stream: OutputChunk.Stream) -> [String] {
    all.compactMap { if case .output(stream, let text) = $0 { text } else { nil } }
  }

  /// All of one stream.
  func text(_ stream: OutputChunk.Stream = .stdout) -> String { pieces(stream).joined() }

  var progress: [StintCore.Progress] {
    all.compactMap { if case .progress(let progress) = $0 { progress } else { nil } }
  }
  var checkpoints: [String] { all.compactMap { if case .checkpoint(let value) = $0 { value.text } else { nil } } }

  /// Waits for a whole line of standard output that begins with `prefix`, and gives the rest of it. The suite's time
  /// limit is the deadline.
  func line(_ prefix: String) async throws -> String {
    let (changes, listener) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = UUID()
    state.withLock { $0.listeners[id] = listener }
    defer { state.withLock { $0.listeners[id] = nil } }
    listener.yield()
    for await _ in changes {
      for line in text().split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      where line.hasPrefix(prefix) {
        return String(line.dropFirst(prefix.count))
      }
    }
    throw CancellationError()
  }

  /// Waits for a line that begins with `prefix` and ends in a process's number.
  func process(_ prefix: String) async throws -> pid_t { try #require(pid_t(try await line(prefix))) }
}

/// Whether the process is there and not merely a zombie.
func isAlive(_ process: pid_t) -> Bool {
  guard kill(process, 0) == 0 else { return false }
  guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
  return line.split(separator: ")").last?.split(separator: " ").first != "Z"
}
