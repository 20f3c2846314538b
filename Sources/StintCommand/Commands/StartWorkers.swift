import ArgumentParser
import Logging
import ServiceLifecycle
import StintCore
import StintEngine
import StintStore

/// `stint start-workers`
struct StartWorkers: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start-workers",
    abstract: "Run more workers on a store, from another terminal or machine.",
    discussion: """
      They take jobs beside those that are there already, and show what they run. Ctrl-C, SIGTERM or SIGHUP lets \
      running jobs finish and leaves; a second one gives back what runs at once and ends with 130. They leave too when \
      nobody reads their output any more.

      With --json: one object a line. "event" is joined (with "store" and "slots"); started, completed, failed, \
      retrying, cancelled, snoozed, released, lost (each with "job_id", "type", "status", "attempt", "worker_id" and \
      "error"); with --verbose progress ("job_id", "type", "percent", "message"); trouble ("error") and recovered, when \
      the store does not do what it is asked and when it does again.

      Examples:
        stint start-workers --count 8
        stint start-workers --store sqlite:/var/lib/stint/stint.db --verbose
      """)

  @Option(
    name: [.customLong("count"), .customLong("workers")],
    help: ArgumentHelp("Jobs at once; 3 unless given.", valueName: "n"))
  var count: String?
  @Flag(help: "Show progress too.") var verbose = false
  @OptionGroup var access: AccessOptions

  func run() async throws {
    let flags = count.map { [Configuration.Flag(key: "workers.slots", name: "--count", text: $0)] } ?? []
    let session = try access.session(flags: flags)
    guard session.remoteURL == nil else {
      throw StintError(
        .unsupported, "start-workers works on a store, not on a server: give --store. Over HTTP, see docs/workers.md")
    }
    session.processPolicy.removeLeftovers()
    let lines = WorkerLines(session.console, json: session.json, isVerbose: verbose, time: session.time)
    let log = session.log()
    let logger = Logger(label: "stint") { _ in WorkerLog(log, lines) }
    let engine = try await session.engine(.existing, logger: logger)
    let signals = await StopSignals.caught()
    defer { signals.stop() }
    greet(session, engine)
    // Shut down in reverse: the view shows what the last jobs come to.
    let group = ServiceGroup(services: [WorkerView(engine, lines), engine], logger: session.logger())
    let isForced = try await group.run(until: signals) {
      session.console.note("Leaving: running jobs may finish. Once more leaves at once.")
    }
    await engine.store.close()
    if isForced { throw Interruption.exitCode }
  }

  private func greet(_ session: Session, _ engine: Engine) {
    let slots = session.engineConfiguration.slots
    let store = engine.store.capabilities
    guard !session.json else {
      return session.console.json(
        RawJSON([
          "event": "joined", "store": .string("\(store.name):\(store.location)"), "slots": .integer(Int64(slots)),
        ]))
    }
    session.console.write(
      "Workers joined \(store.name):\(store.location.escapedForTerminal): \(slots) jobs at once. Ctrl-C leaves.\n")
  }
}

/// Tells what the workers of this process do as it happens.
private struct WorkerView: Service {
  let client: LocalClient
  let feed: Subscription
  let lines: WorkerLines

  init(_ engine: Engine, _ lines: WorkerLines) {
    client = engine.client
    feed = engine.client.subscribe(buffer: 4_096)
    self.lines = lines
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled { for item in await feed.next() { show(item) } }
    }
    for item in feed.take() { show(item) }
  }

  private func show(_ item: FeedItem) {
    if case .event(let event) = item { lines.show(event) }
  }
}
