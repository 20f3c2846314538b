import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import StintCore
import StintEngine
import StintHTTP
import StintImages
import StintSupervisor

/// `stint serve`
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run workers and the HTTP server, in the foreground.",
    discussion: """
      SIGTERM, SIGINT (Ctrl-C) and SIGHUP stop it gracefully: it takes no new jobs, waits for running ones up to \
      workers.shutdown_timeout_seconds, gives back what is left, and ends with 0. A second signal gives back what runs \
      at once and ends with 130.

      Examples:
        stint serve
        stint serve --port 9000 --workers 8 --store sqlite:/var/lib/stint/stint.db
        stint serve --host 0.0.0.0 --token-file token
        stint serve --demo
      """)

  @Option(
    help: ArgumentHelp("The address to listen on; 127.0.0.1 unless given. Others need a token.", valueName: "host"))
  var host: String?
  @Option(help: ArgumentHelp("The port; 8080 unless given, 0 takes a free one.", valueName: "port"))
  var port: String?
  @Option(
    name: [.customLong("workers"), .customLong("count")],
    help: ArgumentHelp("Jobs at once; 3 unless given.", valueName: "n"))
  var workers: String?
  @Option(
    help: ArgumentHelp(
      "Worker processes, so that a job that takes its process down takes nothing else along; none unless given.",
      valueName: "n"))
  var processes: String?
  @Option(help: ArgumentHelp("The store: sqlite:PATH, or memory: (lost when the process ends).", valueName: "url"))
  var store: String?
  @Option(help: ArgumentHelp("A file with the token that requests need (mode 0600).", valueName: "file"))
  var tokenFile: String?
  @Option(help: ArgumentHelp("A file with a token that may only read (mode 0600).", valueName: "file"))
  var readTokenFile: String?
  @Option(help: ArgumentHelp("A file with the token of workers in other processes (mode 0600).", valueName: "file"))
  var workerTokenFile: String?
  @Option(
    help: ArgumentHelp("Serve the dashboard from this folder, to work on it.", valueName: "dir"))
  var webRoot: String?
  @Option(
    help: ArgumentHelp("The configuration file; stint.yaml in the working directory unless given.", valueName: "file"))
  var config: String?
  @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
  var logLevel: String?
  @Option(help: ArgumentHelp("text or json.", valueName: "format"))
  var logFormat: String?
  @Flag(help: "Submit five random image jobs each two seconds, on photos made for it; some of them fail.")
  var demo = false
  @Flag(help: "Print where it listens as one line of JSON.") var json = false

  func run() async throws {
    let session = try session()
    if WorkerProcess.isCurrent {
      let handlers = try session.builtInHandlers(demo: demo, isWorkerProcess: true)
      return await WorkerProcess.run(handlers: handlers, logger: session.logger(quiet: false))
    }
    let http = try httpConfiguration(session)
    if demo { try await Demo.check(session.imageFolder) }
    let logger = session.logger(quiet: false)
    session.processPolicy.removeLeftovers()
    let engine = try await session.engine(.running, logger: logger, demo: demo)
    let signals = await StopSignals.caught(withOutput: false)
    defer { signals.stop() }
    let (listening, tell) = AsyncStream.makeStream(of: Int.self)
    let server = HTTPServer(
      client: engine.client, gateway: engine.gateway, configuration: http, logger: logger
    ) { port in
      greet(session, engine: engine, http: http, port: port)
      tell.yield(port)
    }
    let work = WorkOnceListening(
      engine: engine, supervisor: supervisor(session, engine, logger),
      demo: demonstration(session, engine, logger), listening: listening)
    let group = ServiceGroup(services: [work, server], logger: logger)
    let isForced: Bool
    do {
      isForced = try await group.run(until: signals) {
        session.console.note("Stopping: running jobs may finish. Once more stops at once.")
      }
    } catch {
      await engine.store.close()
      throw error
    }
    await engine.store.close()
    if isForced { throw Interruption.exitCode }
  }

  private func supervisor(_ session: Session, _ engine: Engine, _ logger: Logger) -> Supervisor? {
    guard session.processes > 0 else { return nil }
    var configuration = Supervisor.Configuration(processes: session.processes)
    configuration.maxRestarts = session.configuration.integer("workers.max_restarts")
    configuration.period = session.configuration.duration("workers.max_seconds")
    configuration.settings = session.source?.handedOn ?? []
    return Supervisor(engine: engine, configuration: configuration, logger: logger)
  }

  private func session() throws(StintError) -> Session {
    let session = try Session(configFile: config, flags: flags, json: json)
    let (slots, processes) = (session.configuration["workers.slots"], session.configuration["workers.processes"])
    guard demo, processes.origin == .byDefault else { return session }
    // Some of the demo's jobs kill their worker: processes, of one job each; four, as its load is made for.
    let count = slots.origin == .byDefault ? "4" : slots.value.excerpt()
    let source = if case .flag(let name) = slots.origin { name } else { "--demo" }
    let own = [
      Configuration.Flag(key: "workers.processes", name: source, text: count),
      Configuration.Flag(key: "workers.slots", name: "--demo", text: "1"),
    ]
    return try Session(configFile: config, flags: flags + own, json: json)
  }

  /// The demo that runs beside the engine; nil unless it was asked for.
  private func demonstration(_ session: Session, _ engine: Engine, _ logger: Logger) -> Demo? {
    guard demo else { return nil }
    return Demo(
      client: engine.client, folder: session.imageFolder, seed: RandomSource.system.next(), time: session.time,
      logger: logger)
  }

  private var flags: [Configuration.Flag] {
    let given = [
      ("http.host", "--host", host), ("http.port", "--port", port), ("workers.slots", "--workers", workers),
      ("workers.processes", "--processes", processes),
      ("store", "--store", store), ("http.token_file", "--token-file", tokenFile),
      ("http.read_token_file", "--read-token-file", readTokenFile),
      ("http.worker_token_file", "--worker-token-file", workerTokenFile), ("http.web_root", "--web-root", webRoot),
      ("log.level", "--log-level", logLevel),
      ("log.format", "--log-format", logFormat),
    ]
    return given.compactMap { key, name, text in text.map { .init(key: key, name: name, text: $0) } }
  }

  private func httpConfiguration(_ session: Session) throws(StintError) -> HTTPConfiguration {
    let configuration = session.configuration
    var tokens: [AccessToken] = []
    let files: [(String, AccessToken.Scope)] = [
      ("http.token_file", .full), ("http.read_token_file", .readOnly), ("http.worker_token_file", .worker),
    ]
    for (key, scope) in files {
      guard let path = configuration.text(key) else { continue }
      let text = try TokenFile.read(path, key: key)
      guard !tokens.contains(where: { $0.text == text }) else {
        throw StintError(.invalidParams, "\(key) \(path): the token is that of another file too; each opens its own")
      }
      tokens.append(AccessToken(text: text, scope: scope))
    }
    var http = HTTPConfiguration(
      host: configuration.text("http.host") ?? "", port: configuration.integer("http.port"), tokens: tokens,
      allowedHosts: configuration.list("http.allowed_hosts"),
      allowedOrigins: configuration.list("http.allowed_origins"), version: Version.text)
    http.webRoot = configuration.text("http.web_root")
    http.workerLease = session.engineConfiguration.lease
    http.cancelGrace = session.engineConfiguration.cancelGrace
    http.maxLosses = session.engineConfiguration.maxLosses
    try http.check()
    return http
  }

  /// Says where it listens, where the jobs are, and what to try next.
  private func greet(_ session: Session, engine: Engine, http: HTTPConfiguration, port: Int) {
    let name = http.host.contains(":") ? "[\(http.host)]" : http.host
    let url = "http://\(name):\(port)"
    let capabilities = engine.store.capabilities
    let file = URL(fileURLWithPath: capabilities.location)
    let slots = session.engineConfiguration.slots
    if session.json {
      return session.console.json(
        RawJSON([
          "url": .string(url), "host": .string(http.host), "port": .integer(Int64(port)),
          "pid": .integer(Int64(ProcessInfo.processInfo.processIdentifier)), "version": .string(Version.text),
          "store": .string(capabilities.isDurable ? "\(capabilities.name):\(file.path)" : "memory:"),
          "slots": .integer(Int64(slots)), "processes": .integer(Int64(session.processes)),
        ]))
    }
    let place =
      capabilities.isDurable
      ? "\(file.lastPathComponent) in the data directory \(file.deletingLastPathComponent().path)"
      : "in memory: all jobs are lost when this process ends"
    let token = http.tokens.allSatisfy { $0.scope == .worker } ? "" : " --token-file FILE"
    session.console.write(
      """
      Stint \(Version.text) listens on \(url) (process \(ProcessInfo.processInfo.processIdentifier))
        store    \(place.escapedForTerminal)
        workers  \(session.processes > 0 ? "\(session.processes) processes, each \(slots) at once" : "\(slots) jobs at once")

      Open \(url) in a browser, or try next, in another terminal:
        stint submit countdown --param seconds=5 --follow --url \(url)\(token)
        stint list --url \(url)\(token)
        curl \(url)/api/job-types
      Ctrl-C stops the server.

      """)
  }
}

/// The workers as a service that begins once the server listens: where the port is taken, no job is touched.
private struct WorkOnceListening: Service {
  let engine: Engine
  let supervisor: Supervisor?
  let demo: Demo?
  let listening: AsyncStream<Int>

  func run() async throws {
    for await _ in listening.cancelOnGracefulShutdown() {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        if let demo {
          tasks.addTask { try await cancelWhenGracefulShutdown { try await demo.run() } }
        }
        tasks.addTask {
          if let supervisor { try await supervisor.run() } else { await engine.run() }
        }
        for try await _ in tasks {}  // the first that fails ends the others
      }
      return
    }
  }
}
