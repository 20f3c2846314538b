import Logging
import StintCore
import StintEngine

/// What the workers of this process do, a line an event: to people, or as JSON.
final class WorkerLines: Sendable {
  private struct State {
    /// The jobs whose beginning was told and whose end was not.
    var running: [JobID: Job] = [:]
    /// What does not work at present.
    var troubles: Set<String> = []
  }

  private let console: Console
  private let isJSON: Bool
  private let isVerbose: Bool
  private let time: any TimeSource
  private let write: @Sendable (String) -> Void
  private let state = Locked(State())

  /// Lines on a console, or wherever `write` brings them.
  init(
    _ console: Console, json: Bool, isVerbose: Bool, time: any TimeSource,
    write: (@Sendable (String) -> Void)? = nil
  ) {
    self.console = console
    self.isJSON = json
    self.isVerbose = isVerbose
    self.time = time
    self.write = write ?? { console.line($0) }
  }

  /// Something happened to a job.
  func show(_ event: LiveEvent) {
    switch event {
    case .started(let job):
      state.withLock { $0.running[job.id] = job }
      line("started", job, "▶", .blue, "attempt \(job.state.attempt)")
    case .progressed(let id, _, let progress) where isVerbose: show(progress, of: id)
    case .moved(let job) where job.status != .running && job.state.attempt > 0:
      ended(job, wasRunning: state.withLock { $0.running.removeValue(forKey: job.id) } != nil)
    default: break
    }
  }

  private func show(_ progress: Progress, of id: JobID) {
    if isJSON {
      let type = state.withLock { $0.running[id]?.spec.type }
      return write(
        RawJSON([
          "event": "progress", "job_id": .string(id.text), "type": type.map { .string($0) } ?? .null,
          "percent": .number(progress.percent), "message": progress.message.map { .string($0) } ?? .null,
        ]).text)
    }
    let message = progress.message.map { "  \($0.escapedForTerminal)" } ?? ""
    write("  \(id.shown) \(Int(progress.percent))%\(message)")
  }

  private func ended(_ job: Job, wasRunning: Bool) {
    let error = job.error.map { "\($0.type.rawValue): \($0.message)" } ?? ""
    switch job.status {
    case .completed: line("completed", job, "✓", .green, job.duration?.text ?? "")
    case .failed: line("failed", job, job.state.escalatedTo == nil ? "☠" : "✗", .red, error)
    case .retrying:
      let retries = "retry \(job.state.retryCount)/\(job.spec.maxRetries)"
      let next = job.nextRetryAt.map { " \($0.relative(to: time.now()))" } ?? ""
      line("retrying", job, "↻", .yellow, "\(retries)\(next): \(error)")
    case .cancelled: line("cancelled", job, "✗", .faint, job.state.cancelledBy.map { "by \($0)" } ?? "")
    // A job whose retry is due gets here too: that is no end of anything.
    case .pending where wasRunning: line("released", job, "↩", .cyan, "")
    case .scheduled where wasRunning: line("snoozed", job, "↩", .cyan, job.state.dueAt.relative(to: time.now()))
    case .pending, .scheduled, .running, .blocked: break
    }
  }

  /// The job of this id is not this process's any more; told once, and only where its beginning was.
  private func lost(_ id: String, isMeant: (Job) -> Bool) {
    let job = state.withLock { state -> Job? in
      let job = state.running[JobID(known: id)]
      return job.map(isMeant) == true ? state.running.removeValue(forKey: JobID(known: id)) : nil
    }
    guard let job else { return }
    line("lost", job, "✗", .red, "its lease ran out: other workers go on with it")
  }

  private func line(_ event: String, _ job: Job, _ sign: String, _ color: Color, _ rest: String) {
    if isJSON {
      let error = job.error.map { error -> JSONValue in
        ["type": .string(error.type.rawValue), "message": .string(error.message)]
      }
      return write(
        RawJSON([
          "event": .string(event), "job_id": .string(job.id.text), "type": .string(job.spec.type),
          "status": .string(job.status.rawValue), "attempt": .integer(Int64(job.state.attempt)),
          "worker_id": job.state.workerID.map { .string($0) } ?? .null, "error": error ?? .null,
        ]).text)
    }
    let text = "\(job.spec.type) \(job.id.shown) \(event)" + (rest.isEmpty ? "" : "  \(rest)")
    write("\(console.colored(sign, color)) \(text.escapedForTerminal)")
  }
}

extension WorkerLines {
  /// What the engine logs of a store that does not work and of leases that are lost: nobody looks at the log of workers
  /// that run in a terminal. Of several things that do not work, the first is told, and the end of the last.
  func hear(_ message: String, _ metadata: Logger.Metadata) {
    if message.hasSuffix(Self.failure) {
      let what = String(message.dropLast(Self.failure.count))
      let isNews = state.withLock { state in
        defer { state.troubles.insert(what) }
        return state.troubles.isEmpty
      }
      if isNews { trouble("\(message): \(metadata["error"].map { "\($0)" } ?? "")") }
    } else if message.hasSuffix(Self.recovery) {
      let what = String(message.dropLast(Self.recovery.count))
      let isOver = state.withLock { state in state.troubles.remove(what) != nil && state.troubles.isEmpty }
      if isOver { recovered() }
    } else if message == "superseded" || message == "lease lost", let id = metadata["job_id"] {
      let attempt = metadata["attempt"].map { "\($0)" }
      let revision = metadata["revision"].map { "\($0)" }
      lost("\(id)") { job in
        attempt ?? "\(job.state.attempt)" == "\(job.state.attempt)"
          && revision ?? "\(job.state.revision)" == "\(job.state.revision)"
      }
    }
  }

  /// The ends of what ``StintEngine/TroubleLog`` says.
  private static let failure = " failed"
  private static let recovery = " works again"

  private func trouble(_ text: String) {
    if isJSON { return write(RawJSON(["event": "trouble", "error": .string(text)]).text) }
    write("\(console.colored("!", .yellow)) store trouble: \(text.escapedForTerminal)")
  }

  private func recovered() {
    if isJSON { return write(RawJSON(["event": "recovered"]).text) }
    write("\(console.colored("!", .green)) the store works again")
  }
}

/// The log of workers in a terminal, which tells their lines what concerns them, important enough for the log or not.
struct WorkerLog: LogHandler {
  private var log: LineLog
  private let lines: WorkerLines

  init(_ log: LineLog, _ lines: WorkerLines) {
    self.log = log
    self.lines = lines
  }

  var logLevel: Logger.Level {
    get { min(log.logLevel, .notice) }
    set { log.logLevel = newValue }
  }

  var metadata: Logger.Metadata {
    get { log.metadata }
    set { log.metadata = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { log[metadataKey: key] }
    set { log[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    if event.level >= log.logLevel { log.log(event: event) }
    lines.hear(event.message.description, log.metadata.merging(event.metadata ?? [:]) { $1 })
  }
}
