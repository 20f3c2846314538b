import ArgumentParser
import Foundation
import Logging
import StintCore
import StintEngine
import StintImages
import StintJobs
import StintRemote
import StintSQLite
import StintStore
import StintSupervisor

/// The options by which every command finds its jobs.
struct AccessOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The store: sqlite:PATH, or memory: for one process alone.", valueName: "url"))
  var store: String?

  @Option(help: ArgumentHelp("A server to talk to, instead of a store.", valueName: "http://host:port"))
  var url: String?

  @Option(help: ArgumentHelp("A file with the server's token (mode 0600).", valueName: "file"))
  var tokenFile: String?

  @Option(
    help: ArgumentHelp("The configuration file; stint.yaml in the working directory unless given.", valueName: "file"))
  var config: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if store != nil, url != nil { throw ValidationError("Give either --store or --url, not both.") }
  }

  /// The flags as they set the configuration.
  var flags: [Configuration.Flag] {
    let given = [
      ("store", "--store", store), ("url", "--url", url), ("http.token_file", "--token-file", tokenFile),
    ]
    return given.compactMap { key, name, text in text.map { .init(key: key, name: name, text: $0) } }
  }

  /// The configuration, the console and the log for this run.
  func session(flags: [Configuration.Flag] = []) throws(StintError) -> Session {
    try Session(configFile: config, flags: self.flags + flags, json: json)
  }
}

/// What a run of a command works with.
struct Session: Sendable {
  let configuration: Configuration
  /// The configuration file that was read.
  var file: String? { source?.path }
  /// The configuration file and its text as it was read.
  let source: ConfigurationFile?
  let console: Console
  let json: Bool
  let time = SystemTime()

  init(configFile: String?, flags: [Configuration.Flag], json: Bool) throws(StintError) {
    let environment = ProcessInfo.processInfo.environment
    source = WorkerProcess.isCurrent ? try .handed() : try .read(configFile)
    configuration = try Configuration(
      file: source.map { ($0.text, $0.path) }, environment: environment, flags: flags)
    console = Console(environment: environment)
    self.json = json
  }

  /// A log to standard error. A command is quiet unless it was told otherwise; a server is not.
  func logger(quiet: Bool = true) -> Logger {
    let log = log(quiet: quiet)
    return Logger(label: "stint") { _ in log }
  }

  /// What a ``logger(quiet:)`` writes with.
  func log(quiet: Bool = true) -> LineLog {
    let entry = configuration["log.level"]
    let level = entry.value.string.flatMap(Logger.Level.init(rawValue:)) ?? .info
    let format = configuration.text("log.format") == "json" ? LineLog.Format.json : .text
    return LineLog(format: format, level: quiet && entry.origin == .byDefault ? .error : level)
  }

  /// Worker processes; 0 for none.
  var processes: Int { configuration.integer("workers.processes") }

  /// How the engine is to work.
  var engineConfiguration: EngineConfiguration {
    var engine = EngineConfiguration()
    engine.slots = configuration.integer("workers.slots")
    if processes > 0, configuration["workers.slots"].origin == .byDefault { engine.slots = 1 }
    engine.lease = configuration.duration("workers.lease_seconds")
    engine.heartbeat = configuration.duration("workers.heartbeat_seconds")
    engine.poll = configuration.duration("workers.poll_seconds")
    engine.cancelGrace = configuration.duration("workers.cancel_grace_seconds")
    engine.shutdownTimeout = configuration.duration("workers.shutdown_timeout_seconds")
    engine.maxLosses = configuration.integer("workers.max_losses")
    engine.queueRules = configuration.queues
    engine.allowsLocalOnlyTypes = configuration.flag("http.allow_exec")
    return engine
  }

  /// Who acts: the user, by this command.
  var actor: Actor {
    let name = ProcessInfo.processInfo.environment["USER"] ?? ProcessInfo.processInfo.environment["LOGNAME"] ?? ""
    return Actor(name: name.isEmpty ? "uid \(getuid())" : name, origin: "command")
  }
}

/// What a command needs of a store.
enum StoreNeed: Sendable {
  /// It reads or changes jobs that are there: a store that is not there is an error.
  case existing
  /// It brings jobs: the store is made where there is none.
  case creating
  /// It brings jobs and runs them: a store in memory makes sense.
  case running
  /// It looks at the store itself: one that is not there is an error, one in memory makes sense.
  case examining
}

/// The way to the jobs: a client on a store of this process, or on a server.
struct Door: Sendable {
  let client: any JobClient
  /// The engine on the store; nil where a server has it.
  let engine: Engine?
  let session: Session
  private let close: @Sendable () async -> Void

  /// Opens what the configuration names, does `work`, and closes it again.
  static func with<Value: Sendable>(
    _ session: Session, _ need: StoreNeed, _ work: (Door) async throws -> Value
  ) async throws -> Value {
    let door = try await open(session, need)
    do {
      let value = try await work(door)
      await door.close()
      return value
    } catch {
      await door.close()
      throw error
    }
  }

  private static func open(_ session: Session, _ need: StoreNeed) async throws(StintError) -> Door {
    if let url = session.remoteURL {
      let token = try session.configuration.text("http.token_file").map { path throws(StintError) in
        try TokenFile.read(path, key: "http.token_file")
      }
      let client = try RemoteClient(baseURL: url, token: token)
      return Door(client: client, engine: nil, session: session) { await client.shutdown() }
    }
    let engine = try await session.engine(need, logger: session.logger())
    return Door(client: engine.client, engine: engine, session: session) { await engine.store.close() }
  }

  /// The job a person means by an id or a part of one.
  func job(_ text: String) async throws(StintError) -> Job { try await client.resolve(text) }

  /// The names of each type's params that must not be shown.
  func secrets() async throws(StintError) -> [String: Set<String>] {
    var secrets: [String: Set<String>] = [:]
    for type in try await client.jobTypes() {
      let names = Set(type.params.filter(\.isSecret).map(\.name))
      if !names.isEmpty { for name in [type.name] + type.aliases { secrets[name] = names } }
    }
    return secrets
  }
}

extension Session {
  /// The server to talk to; nil where the store is opened here. Of store and url, the one from the weightier source is
  /// meant.
  var remoteURL: String? {
    let (url, store) = (configuration["url"], configuration["store"])
    return url.origin.weight >= store.origin.weight ? url.value.string : nil
  }

  /// An engine on the configured store, with the built-in job types; in a demo, image jobs are the demo's.
  func engine(_ need: StoreNeed, logger: Logger, demo: Bool = false) async throws(StintError) -> Engine {
    let handlers = try builtInHandlers(demo: demo)
    var configuration = engineConfiguration
    if demo, !configuration.queueRules.contains(where: { $0.name == Demo.queue.name }) {
      configuration.queueRules.append(Demo.queue)
    }
    configuration.escalations = try escalations(handlers)
    return Engine(
      store: try await location().open(need), handlers: handlers, configuration: configuration, logger: logger)
  }

  /// The rules of escalation, checked against the types of these handlers, or of all that this program brings.
  func escalations(_ handlers: [Handler]? = nil) throws(StintError) -> Escalations {
    var known = handlers ?? []
    if handlers == nil { known = try builtInHandlers() }
    return try Escalations(
      configuration.escalation, types: JobTypes(known.map(\.type)),
      allowsLocalOnly: engineConfiguration.allowsLocalOnlyTypes)
  }

  /// Where the configured store is.
  func location() throws(StintError) -> StoreLocation { try StoreLocation(configuration.text("store") ?? "") }

  /// Whether there is something where the store is configured to be.
  var hasStore: Bool {
    guard case .sqlite(let path)? = try? location() else { return false }
    return FileManager.default.fileExists(atPath: path)
  }

  /// The job types that this program brings: the built-in ones, and the tools of the configuration. In the `demo`, image
  /// jobs fail now and then; a worker process may then be killed by one.
  func builtInHandlers(demo: Bool = false, isWorkerProcess: Bool = false) throws(StintError) -> [Handler] {
    var handlers = try BuiltInJobs.handlers(
      fetch: FetchPolicy(allow: configuration.list("fetch.allow")), processes: processPolicy)
    handlers +=
      demo
      ? try DemoHandlers(in: imageFolder, canKill: isWorkerProcess).handlers() : try ImageJobs.handlers(in: imageFolder)
    for tool in configuration.tools {
      guard !handlers.contains(where: { $0.type.name == tool.name }) else {
        throw StintError(
          .invalidParams, "tools.\(tool.name): the name is taken by a built-in job type; choose another")
      }
      handlers.append(try tool.handler(processPolicy))
    }
    return handlers
  }

  /// How commands are started: killed a little before the worker would stop to listen.
  var processPolicy: ProcessPolicy {
    var policy = ProcessPolicy()
    policy.grace = engineConfiguration.cancelGrace * 8 / 10
    return policy
  }

  /// Where image jobs read and write.
  var imageFolder: ImageFolder {
    var folder = ImageFolder(root: configuration.text("images.root") ?? "")
    folder.maxMegapixels = configuration.integer("images.max_megapixels")
    return folder
  }
}
