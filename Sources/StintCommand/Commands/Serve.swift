import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import StintCore
import StintEngine
import StintHTTP

/// `stint serve`
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run workers and the HTTP server, in the foreground.",
    discussion: """
      SIGTERM and SIGINT (Ctrl-C) stop it gracefully: it takes no new jobs, waits for running ones up to \
      workers.shutdown_timeout_seconds, gives back what is left, and ends with 0. A second signal gives back what runs \
      at once and ends with 130.

      Examples:
        stint serve
        stint serve --port 9000 --workers 8 --store sqlite:/var/lib/stint/stint.db
        stint serve --host 0.0.0.0 --token-file token
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
  @Option(help: ArgumentHelp("The store: sqlite:PATH, or memory: (lost when the process ends).", valueName: "url"))
  var store: String?
  @Option(help: ArgumentHelp("A file with the token that requests need (mode 0600).", valueName: "file"))
  var tokenFile: String?
  @Option(help: ArgumentHelp("A file with a token that may only read (mode 0600).", valueName: "file"))
  var readTokenFile: String?
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
  @Flag(help: "Print where it listens as one line of JSON.") var json = false

  func run() async throws {
    let session = try Session(configFile: config, flags: flags, json: json)
    let http = try httpConfiguration(session)
    let logger = session.logger(quiet: false)
    let engine = try await session.engine(.running, logger: logger)
    let signals = await StopSignals.caught()
    defer { signals.stop() }
    let (listening, tell) = AsyncStream.makeStream(of: Int.self)
    let server = HTTPServer(client: engine.client, configuration: http, logger: logger) { port in
      greet(session, engine: engine, http: http, port: port)
      tell.yield(port)
    }
    let group = ServiceGroup(
      services: [EngineOnceListening(engine: engine, listening: listening), server], logger: logger)
    let isForced: Bool
    do {
      isForced = try await Self.run(group, until: signals, console: session.console)
    } catch {
      await engine.store.close()
      throw error
    }
    await engine.store.close()
    if isForced { throw Interruption.exitCode }
  }

  private var flags: [Configuration.Flag] {
    let given = [
      ("http.host", "--host", host), ("http.port", "--port", port), ("workers.slots", "--workers", workers),
      ("store", "--store", store), ("http.token_file", "--token-file", tokenFile),
      ("http.read_token_file", "--read-token-file", readTokenFile), ("http.web_root", "--web-root", webRoot),
      ("log.level", "--log-level", logLevel),
      ("log.format", "--log-format", logFormat),
    ]
    return given.compactMap { key, name, text in text.map { .init(key: key, name: name, text: $0) } }
  }

  private func httpConfiguration(_ session: Session) throws(StintError) -> HTTPConfiguration {
    let configuration = session.configuration
    var tokens: [AccessToken] = []
    for (key, isReadOnly) in [("http.token_file", false), ("http.read_token_file", true)] {
      guard let path = configuration.text(key) else { continue }
      tokens.append(AccessToken(text: try TokenFile.read(path, key: key), isReadOnly: isReadOnly))
    }
    var http = HTTPConfiguration(
      host: configuration.text("http.host") ?? "", port: configuration.integer("http.port"), tokens: tokens,
      allowedHosts: configuration.list("http.allowed_hosts"),
      allowedOrigins: configuration.list("http.allowed_origins"), version: Version.text)
    http.webRoot = configuration.text("http.web_root")
    try http.check()
    return http
  }

  /// Runs the services; the first signal stops them gracefully, the second at once. Whether there was a second.
  private static func run(
    _ group: ServiceGroup, until signals: StopSignals, console: Console
  ) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      tasks.addTask {
        try await group.run()
        return false
      }
      tasks.addTask {
        var arrivals = signals.arrivals.makeAsyncIterator()
        guard await arrivals.next() != nil else { return false }
        console.note("Stopping: running jobs may finish. Once more stops at once.")
        await group.triggerGracefulShutdown()
        return await arrivals.next() != nil
      }
      defer { tasks.cancelAll() }
      guard try await tasks.next() ?? false else { return false }
      tasks.cancelAll()
      // What the services say of having been cancelled is no news.
      _ = try? await tasks.next()
      return true
    }
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
          "slots": .integer(Int64(slots)),
        ]))
    }
    let place =
      capabilities.isDurable
      ? "\(file.lastPathComponent) in the data directory \(file.deletingLastPathComponent().path)"
      : "in memory: all jobs are lost when this process ends"
    let token = http.tokens.isEmpty ? "" : " --token-file FILE"
    session.console.write(
      """
      Stint \(Version.text) listens on \(url) (process \(ProcessInfo.processInfo.processIdentifier))
        store    \(place.escapedForTerminal)
        workers  \(slots) jobs at once

      Open \(url) in a browser, or try next, in another terminal:
        stint submit countdown --param seconds=5 --follow --url \(url)\(token)
        stint list --url \(url)\(token)
        curl \(url)/api/job-types
      Ctrl-C stops the server.

      """)
  }
}

/// The engine as a service that begins once the server listens: where the port is taken, no job is touched.
private struct EngineOnceListening: Service {
  let engine: Engine
  let listening: AsyncStream<Int>

  func run() async throws {
    for await _ in listening.cancelOnGracefulShutdown() {
      return await engine.run()
    }
  }
}
