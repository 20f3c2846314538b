import ArgumentParser
import StintCore
import StintEngine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

extension Door {
  /// Waits until the job is over, telling `tell` what happens to it. Throws `not_found` if it is removed meanwhile.
  func ended(_ id: JobID, tell: @Sendable (JobUpdate) -> Void = { _ in }) async throws -> Job {
    for try await update in try await client.watch(id) {
      tell(update)
      if case .ended(let job) = update { return try await whole(job) }
    }
    try Task.checkCancellation()
    throw StintError(.notFound, "The job \(id) was removed before it was over")
  }

  /// Waits like ``ended(_:tell:)``, and shows what the job says since its present attempt began; the end comes last.
  func ended(_ job: Job, in view: FollowView) async throws -> Job {
    let place = job.state.attempt > 1 ? OutputPlace(attempt: job.state.attempt, number: 0) : nil
    return try await withThrowingTaskGroup(of: Job?.self) { group in
      group.addTask {
        do {
          for try await update in try await client.output(job.id, after: place) { view.show(update) }
        } catch let error as StintError {
          session.console.note("The output can not be shown: \(error.message.escapedForTerminal)")
        }
        return nil
      }
      group.addTask {
        try await ended(job.id) { update in
          if case .ended = update { return }
          view.show(update)
        }
      }
      var last: Job?
      for try await ended in group { last = ended ?? last }
      guard let last else { throw CancellationError() }
      view.show(JobUpdate.ended(last))
      return last
    }
  }

  /// Waits like ``ended(_:tell:)``, and runs the job in this process whenever no live worker knows its type.
  /// What happens is shown in `view`, where there is one.
  func finished(_ job: Job, in view: FollowView?) async throws -> Job {
    @Sendable func end() async throws -> Job {
      if let view { return try await ended(job, in: view) }
      return try await ended(job.id)
    }
    guard let engine else {
      if !job.status.isTerminal { try await warnIfAlone(job) }
      return try await end()
    }
    return try await withThrowingTaskGroup(of: Job?.self) { group in
      group.addTask { try await end() }
      group.addTask {
        while try await isKnownToLiveWorker(job.spec.type) { try await session.time.sleep(for: .seconds(1)) }
        guard try await canRun(job.spec.type) else {
          session.console.note(
            "No live worker knows the type \(job.spec.type), nor does this program: the job \(job.id.shown) waits.")
          try await session.time.sleep(for: .seconds(86_400 * 365))
          throw CancellationError()
        }
        session.console.note("No live worker knows \(job.spec.type): this process runs the job \(job.id.shown) itself.")
        _ = try await engine.execute(job.id)
        return nil
      }
      defer { group.cancelAll() }
      // The one that watches has the last word: it must still tell of the end.
      for try await case let ended? in group { return ended }
      throw CancellationError()
    }
  }

  /// Says so on standard error where nobody will run the job soon.
  func warnIfAlone(_ job: Job) async throws {
    guard try await !isKnownToLiveWorker(job.spec.type) else { return }
    session.console.note(
      "No live worker knows the type \(job.spec.type): the job \(job.id.shown) waits until one does.")
  }

  /// The job with its params and result whole; events carry them cut.
  private func whole(_ job: Job) async throws(StintError) -> Job {
    try await client.jobs([job.id])[0] ?? job
  }

  private func canRun(_ type: String) async throws(StintError) -> Bool {
    // Without live workers, what the client knows is what this program brings.
    try await client.jobTypes().contains { $0.name == type || $0.aliases.contains(type) }
  }

  /// Whether a worker that is alive, as far as can be seen from here, runs jobs of this type.
  private func isKnownToLiveWorker(_ type: String) async throws(StintError) -> Bool {
    let silence = session.engineConfiguration.lease
    return try await client.workers().contains { worker in
      let record = worker.record
      return record.types.contains { $0.name == type || $0.aliases.contains(type) } && record.state != .draining
        && record.silence <= silence && !Self.isGone(record.host, record.pid)
    }
  }

  /// Whether the process was on this machine and is no more.
  private static func isGone(_ host: String, _ pid: Int32) -> Bool {
    var buffer = [CChar](repeating: 0, count: 256)
    guard pid > 0, gethostname(&buffer, buffer.count - 1) == 0 else { return false }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name == host && kill(pid, 0) == -1 && errno == ESRCH
  }
}

extension Sequence<Job> {
  /// The exit code for jobs that are over: 0 completed, 1 failed, 2 cancelled; of many the highest.
  var exitCode: ExitCode {
    ExitCode(
      reduce(0) { worst, job in
        switch job.status {
        case .completed: worst
        case .cancelled: Swift.max(worst, 2)
        default: Swift.max(worst, 1)
        }
      })
  }
}

/// Shows what happens to jobs as it happens: for one of many, each line says which.
final class FollowView: Sendable {
  private struct State {
    var bar: ProgressBar
    /// The job that it is about now: of those that took over from each other, the last that was told of.
    var id: JobID
    /// The job whose output comes: that is told beside what happens.
    var speaker: JobID
  }

  private let state: Locked<State>
  private let session: Session
  private let isOneOfMany: Bool

  init(_ session: Session, id: JobID, isOneOfMany: Bool = false) {
    let console =
      isOneOfMany ? Console(isTerminal: false, hasColor: session.console.hasColor) : session.console
    state = Locked(State(bar: ProgressBar(console), id: id, speaker: id))
    self.session = session
    self.isOneOfMany = isOneOfMany
  }

  /// Shows an update.
  func show(_ update: JobUpdate) {
    state.withLock { state in
      let id = state.id
      if case .escalated(_, let next) = update { state.id = next }
      if session.json { return session.console.json(update.json(of: id)) }
      switch update {
      case .progress(let progress) where isOneOfMany:
        let message = progress.message.map { "  " + $0.escapedForTerminal } ?? ""
        state.bar.line("\(id.shown) \(Int(progress.percent))%\(message)")
      case .progress(let progress): state.bar.show(progress)
      case .status(let status, _, let attempt, let nextRetry, let error):
        state.bar.line(
          Self.line(id, status, attempt, nextRetry.map { $0.relative(to: session.time.now()) }, error))
      case .escalated(let job, let next):
        state.bar.line("\(session.console.colored(job.sentence, job.status.color)); \(next.shown) takes over")
      case .ended(let job): state.bar.line(session.console.colored(job.sentence, job.status.color))
      }
    }
  }

  /// Shows what the job says, above the progress.
  func show(_ update: OutputUpdate) {
    state.withLock { state in
      switch update {
      case .ended: return  // what happens to the job tells of it, and of attempts
      case .attempt(_, of: let id): state.speaker = id
      case .chunk, .gap:
        if session.json { return session.console.json(update.json(of: state.speaker)) }
        let name = isOneOfMany ? "\(state.speaker.shown) " : ""
        state.bar.above(OutputText.lines(update, session.console).map { name + $0 })
      }
    }
  }

  private static func line(
    _ id: JobID, _ status: JobStatus, _ attempt: Int, _ retry: String?, _ error: JobError?
  ) -> String {
    var line = "\(id.shown) \(status.rawValue)"
    if status == .running { line += ", attempt \(attempt)" }
    if status == .retrying, let retry { line += " after attempt \(attempt), next \(retry)" }
    if status == .retrying, let error { line += ": \(error.type.rawValue): \(error.message)" }
    return line.escapedForTerminal
  }
}

extension JobUpdate {
  /// One JSON object: the event's name as in Server-Sent Events, the job's id, and the event's data. `id` is the job's
  /// where the update does not say.
  func json(of id: JobID) -> RawJSON {
    var writer = JSONWriter()
    writer.object { json in
      switch self {
      case .progress(let progress):
        json.member("event", "progress")
        json.member("job_id", id.text)
        json.member("percent", progress.percent)
        json.member("message", progress.message)
      case .status(let status, let startedAt, let attempt, let nextRetryAt, let error):
        json.member("event", "status")
        json.member("job_id", id.text)
        json.member("status", status.rawValue)
        json.member("started_at", startedAt)
        json.member("attempt", Int64(attempt))
        json.member("next_retry_at", nextRetryAt)
        json.key("error")
        if let error { error.write(to: &json) } else { json.null() }
      case .escalated(let job, let next):
        json.member("event", "escalated")
        json.member("job_id", job.id.text)
        json.member("escalated_to", next.text)
        json.key("error")
        if let error = job.error { error.write(to: &json) } else { json.null() }
      case .ended(let job):
        json.member("event", job.status == .completed ? "complete" : job.status.rawValue)
        json.member("job_id", job.id.text)
        json.member("status", job.status.rawValue)
        json.key("result")
        json.raw(job.result)
        json.key("error")
        if let error = job.error { error.write(to: &json) } else { json.null() }
        json.member("duration", job.duration)
      }
    }
    return RawJSON(wellFormed: writer.bytes)
  }
}
