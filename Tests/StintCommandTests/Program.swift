import Foundation
import StintCore
import Testing

/// The real binary, run as a child process.
struct Program: Sendable {
  /// What a run left behind.
  struct Output: Sendable {
    let code: Int32
    let out: String
    let err: String

    /// Standard output as JSON; null where it is none.
    var json: JSONValue { (try? JSONParser.parse(Array(out.utf8))) ?? .null }

    /// Standard error as JSON; null where it is none.
    var error: JSONValue { (try? JSONParser.parse(Array(err.utf8))) ?? .null }
  }

  /// The folder it works in.
  let folder: String
  /// Its environment, besides PATH and HOME.
  var environment: [String: String] = [:]
  /// Whether it gets a terminal, lent by Python's `pty`, instead of pipes.
  var hasTerminal = false

  /// What runs it.
  var command: [String] {
    guard hasTerminal else { return [Self.binary.path] }
    let script = """
      import os, pty, sys
      sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
      """
    return ["python3", "-c", script, Self.binary.path]
  }

  /// The program in a new folder of its own.
  init(environment: [String: String] = [:]) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder.path
    self.environment = environment
  }

  /// A new folder, removed after `body`.
  static func with(
    environment: [String: String] = [:], _ body: (Program) async throws -> Void
  ) async throws {
    let program = try Program(environment: environment)
    defer { try? FileManager.default.removeItem(atPath: program.folder) }
    try await body(program)
  }

  /// Beside the test bundle.
  static let binary: URL = {
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("stint")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      folder.deleteLastPathComponent()
    }
    return URL(fileURLWithPath: ".build/debug/stint", relativeTo: URL(fileURLWithPath: #filePath + "/../../../"))
  }()

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func write(_ name: String, _ text: String, mode: Int = 0o600) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
  }

  /// Runs it to its end.
  func run(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) async throws -> Output {
    let child = try Child(self, arguments, input: input, environment: environment)
    let code = try await child.exit()
    return Output(code: code, out: child.out, err: child.err)
  }

  func run(_ arguments: String..., input: String? = nil) async throws -> Output {
    try await run(arguments, input: input)
  }
}

/// A child process whose output can be awaited.
final class Child: Sendable {
  /// How long anything is waited for before the test fails.
  static let patience = Duration.seconds(120)

  struct Late: Error, CustomStringConvertible {
    let description: String
  }

  private struct State {
    var out: [UInt8] = []
    var err: [UInt8] = []
    var status: Int32 = -1
    /// The exit code, once all output has been read too.
    var code: Int32?
    var listeners: [UUID: AsyncStream<Void>.Continuation] = [:]
  }

  private final class Record: Sendable {
    let state = Locked(State())

    func change(_ body: (inout State) -> Void) {
      let listeners = state.withLock { state in
        body(&state)
        return Array(state.listeners.values)
      }
      for listener in listeners { listener.yield() }
    }
  }

  private let record = Record()
  let pid: Int32

  /// Starts the program, or another `command` in its folder.
  init(
    _ program: Program, _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
    command: [String]? = nil
  ) throws {
    var source = "/dev/null"
    if let input {
      source = program.path("input-\(UUID().uuidString)")
      try Data(input.utf8).write(to: URL(fileURLWithPath: source))
    }
    let own = ProcessInfo.processInfo.environment
    let base = ["PATH", "HOME", "LD_LIBRARY_PATH"].reduce(into: [:]) { $0[$1] = own[$1] }
    let all = base.merging(program.environment) { $1 }.merging(environment) { $1 }
    let (pid, out, err) = try Self.spawning.withLock { _ in
      let (out, err) = (try Self.pipe(), try Self.pipe())
      defer {
        close(out.write)
        close(err.write)
      }
      let pid = try Self.spawn(
        (command ?? program.command) + arguments, environment: all, folder: program.folder, source: source,
        out: out.write,
        err: err.write)
      return (pid, out.read, err.read)
    }
    self.pid = pid
    let record = record
    let ends = DispatchGroup()
    for _ in 0..<3 { ends.enter() }
    // Threads of their own: they wait in the kernel.
    Thread.detachNewThread {
      Self.drain(out) { bytes in record.change { $0.out += bytes } }
      ends.leave()
    }
    Thread.detachNewThread {
      Self.drain(err) { bytes in record.change { $0.err += bytes } }
      ends.leave()
    }
    Thread.detachNewThread {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) == -1, errno == EINTR {}
      let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      record.change { $0.status = code }
      ends.leave()
    }
    ends.notify(queue: .global()) { record.change { $0.code = $0.status } }
  }

  /// One child at a time, so that none inherits the pipes of another.
  private static let spawning = Locked(())

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    let code = Foundation.pipe(&ends)
    try #require(code == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func spawn(
    _ command: [String], environment: [String: String], folder: String, source: String, out: Int32, err: Int32
  ) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, source, O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, out, 1)
    posix_spawn_file_actions_adddup2(&actions, err, 2)
    // Servers of other tests in this process listen on sockets that are inherited: a child would keep their ports.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      if let descriptor = Int32(name), descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
    // The shell becomes the program once it is in the folder.
    let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder]
    var argv = (shell + command).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    // Whoever runs the tests under nohup ignores SIGHUP, which would be inherited.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var pid: pid_t = 0
    let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &argv, &envp)
    try #require(code == 0, "\(Program.binary.path): \(String(cString: strerror(code)))")
    return pid
  }

  private static func drain(_ descriptor: Int32, _ keep: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count > 0 { keep(Array(buffer.prefix(count))) } else if count == 0 || errno != EINTR { break }
    }
    close(descriptor)
  }

  var out: String { record.state.withLock { String(decoding: $0.out, as: UTF8.self) } }
  var err: String { record.state.withLock { String(decoding: $0.err, as: UTF8.self) } }

  /// Waits until the output fulfils a condition, or the child has ended; fails after ``patience``.
  private func wait(_ what: String, until isTrue: @escaping @Sendable (String, String) -> Bool) async throws {
    let (changes, listener) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = UUID()
    record.change { $0.listeners[id] = listener }
    defer { record.change { $0.listeners[id] = nil } }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        for await _ in changes where !isRunning || isTrue(out, err) { return }
      }
      group.addTask { [self] in
        // The deadline; what is waited for ends this sleep.
        try await Task.sleep(for: Self.patience)
        let state = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? "gone"
        send(SIGKILL)
        throw Late(description: "Waited in vain for \(what). Output:\n\(out)\n\(err)\n\(state)")
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Waits for a line of standard output that fulfils a condition.
  @discardableResult
  func line(_ what: String, where isWanted: @escaping @Sendable (String) -> Bool) async throws -> String {
    @Sendable func find(_ text: String) -> String? {
      text.split(separator: "\n").map(String.init).first(where: isWanted)
    }
    try await wait(what) { out, _ in find(out) != nil }
    return try #require(find(out), "The child ended without \(what): \(out) \(err)")
  }

  /// Waits until standard error holds a text.
  func note(_ text: String) async throws {
    try await wait("\"\(text)\" on standard error") { _, err in err.contains(text) }
    try #require(err.contains(text), "The child ended without \"\(text)\": \(err)")
  }

  /// Waits for the end; the exit code, or 128 and the signal.
  func exit() async throws -> Int32 {
    try await wait("the end of the process") { _, _ in false }
    return try #require(record.state.withLock { $0.code })
  }

  var isRunning: Bool { record.state.withLock { $0.code == nil } }

  func send(_ signal: Int32) {
    if isRunning { kill(pid, signal) }
  }
}

/// A server of the real binary on a free port.
struct Server: Sendable {
  let child: Child
  let url: String
  let port: Int

  /// Starts one and waits until it listens; it is checked that it is this child that answers.
  static func start(_ program: Program, _ arguments: [String] = []) async throws -> Server {
    let child = try Child(program, ["serve", "--port", "0", "--json"] + arguments)
    let line = try await child.line("where it listens") { $0.hasPrefix("{") }
    let json = try JSONParser.parse(Array(line.utf8))
    #expect(json["pid"]?.integer == Int64(child.pid))
    return Server(
      child: child, url: try #require(json["url"]?.string), port: Int(try #require(json["port"]?.integer)))
  }

  /// Runs `body` with a server, and stops it.
  static func with(
    _ program: Program, _ arguments: [String] = [], _ body: (Server) async throws -> Void
  ) async throws {
    let server = try await start(program, arguments)
    do { try await body(server) } catch {
      server.child.send(SIGKILL)
      _ = try await server.child.exit()
      throw error
    }
    server.child.send(SIGTERM)
    #expect(try await server.child.exit() == 0, "\(server.child.err)")
  }
}
