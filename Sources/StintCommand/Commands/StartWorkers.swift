import ArgumentParser
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
      They take jobs beside those that are there already, and show what they run. Ctrl-C or SIGTERM lets running jobs \
      finish and leaves; a second one gives back what runs at once and ends with 130.

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
    let engine = try await session.engine(.existing, logger: session.logger())
    let signals = await StopSignals.caught()
    defer { signals.stop() }
    greet(session, engine)
    // Shut down in reverse: the view shows what the last jobs come to.
    let view = WorkerView(engine, session, isVerbose: verbose)
    let group = ServiceGroup(services: [view, engine], logger: session.logger())
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

/// Shows what the workers of this process do, a line an event.
private struct WorkerView: Service {
  let client: LocalClient
  let feed: Subscription
  let session: Session
  let isVerbose: Bool

  init(_ engine: Engine, _ session: Session, isVerbose: Bool) {
    client = engine.client
    feed = engine.client.subscribe(buffer: 4_096)
    self.session = session
    self.isVerbose = isVerbose
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled { for item in await feed.next() { show(item) } }
    }
    for item in feed.take() { show(item) }
  }

  private func show(_ item: FeedItem) {
    guard case .event(let event) = item else { return }
    switch event {
    case .started(let job): line("started", job, "▶", .blue, "attempt \(job.state.attempt)")
    case .progressed(let id, _, let progress) where isVerbose:
      if session.json { return }
      let message = progress.message.map { "  \($0.escapedForTerminal)" } ?? ""
      session.console.line("  \(id.shown) \(Int(progress.percent))%\(message)")
    case .moved(let job) where job.status != .running && job.state.attempt > 0: ended(job)
    default: break
    }
  }

  private func ended(_ job: Job) {
    let error = job.error.map { "\($0.type.rawValue): \($0.message)" } ?? ""
    switch job.status {
    case .completed: line("completed", job, "✓", .green, job.duration?.text ?? "")
    case .failed: line("failed", job, job.state.escalatedTo == nil ? "☠" : "✗", .red, error)
    case .retrying:
      let retries = "retry \(job.state.retryCount)/\(job.spec.maxRetries)"
      let next = job.nextRetryAt.map { " \($0.relative(to: session.time.now()))" } ?? ""
      line("retrying", job, "↻", .yellow, "\(retries)\(next): \(error)")
    case .cancelled: line("cancelled", job, "✗", .faint, job.state.cancelledBy.map { "by \($0)" } ?? "")
    case .pending, .scheduled: line("released", job, "↩", .cyan, "")
    case .running, .blocked: break
    }
  }

  private func line(_ event: String, _ job: Job, _ sign: String, _ color: Color, _ rest: String) {
    if session.json {
      return session.console.json(
        RawJSON([
          "event": .string(event), "job_id": .string(job.id.text), "type": .string(job.spec.type),
          "status": .string(job.status.rawValue), "attempt": .integer(Int64(job.state.attempt)),
          "worker_id": job.state.workerID.map { .string($0) } ?? .null,
        ]))
    }
    let text = "\(job.spec.type) \(job.id.shown) \(event)" + (rest.isEmpty ? "" : "  \(rest)")
    session.console.line("\(session.console.colored(sign, color)) \(text.escapedForTerminal)")
  }
}
