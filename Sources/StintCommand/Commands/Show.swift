import ArgumentParser
import StintCore

/// `stint show`
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a job: its options, params, result, and every attempt.",
    discussion: """
      Where another job took over, or it took over from one, the chain is shown, and the history begins with that of the \
      jobs before it. With --json: the job, with "history" and "chain".

      Example:
        stint show 0f6a9e01
      """)

  @Argument(help: "The job's id, a unique prefix of 6 or more, or its last 8 characters.") var id: String
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    try await Door.with(session, .existing) { door in
      let report = try await JobReport(of: try await door.job(id), door)
      if session.json { return session.console.json(report.json) }
      for line in report.lines(session) + report.events(session) { session.console.line(line) }
    }
  }
}

/// A job with its history and the jobs it took over from, or that took over from it.
struct JobReport: Sendable {
  private let job: Job
  private let history: [Event]
  private let chain: [Job]
  private let secrets: Set<String>

  /// Reads everything about `found`, whole.
  init(of found: Job, _ door: Door) async throws(StintError) {
    job = try await door.client.job(found.id)
    history = try await door.client.history(job.id)
    chain = try await door.chain(of: job)
    secrets = try await door.secrets()[job.spec.type] ?? []
  }

  /// The job, with `history` and `chain`.
  var json: RawJSON {
    var writer = JSONWriter()
    writer.array { list in for event in history { event.write(to: &list) } }
    var links = JSONWriter()
    links.array { list in
      for link in chain {
        list.object { json in
          json.member("id", link.id.text)
          json.member("type", link.spec.type)
          json.member("status", link.status.rawValue)
        }
      }
    }
    // The job's own JSON, with two more keys before its closing brace.
    var bytes = Array(job.json(secrets: secrets).bytes.dropLast())
    bytes += Array(",\"history\":".utf8) + writer.bytes + Array(",\"chain\":".utf8) + links.bytes
    bytes.append(UInt8(ascii: "}"))
    return RawJSON(wellFormed: bytes)
  }

  /// The job's fields.
  func lines(_ session: Session) -> [String] {
    let now = session.time.now()
    var lines: [String] = []
    func field(_ name: String, _ value: String?, _ color: Color? = nil) {
      guard let value else { return }
      let label = session.console.colored((name + ":").padded(to: 14), .faint)
      lines.append(label + session.console.colored(value.escapedForTerminal, color))
    }
    func instant(_ name: String, _ value: Timestamp?) {
      field(name, value.map { "\($0.iso8601) (\($0.relative(to: now)))" })
    }
    field("id", job.id.text)
    field("type", job.spec.type)
    field("status", job.status.rawValue, job.status.color)
    field("queue", "\(job.spec.queue), priority \(job.spec.priority.rawValue)")
    field("params", params)
    field("progress", job.progress.map { "\(Int($0.percent))%" + ($0.message.map { "  " + $0 } ?? "") })
    field(
      "attempt",
      "\(job.state.attempt), \(min(job.state.retryCount, job.spec.maxRetries)) of \(job.spec.maxRetries) retries used")
    field("retry", Self.retry(job.spec.retry))
    field("timeout", job.spec.timeout?.text)
    field("stall timeout", job.spec.stallTimeout?.text)
    field("start within", job.state.startWithin?.text)
    instant("deadline", job.state.deadlineAt)
    let tags = job.spec.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    field("tags", tags.isEmpty ? nil : tags.joined(separator: ", "))
    field("metadata", job.spec.metadata == .emptyObject ? nil : job.spec.metadata.text)
    field("owner", job.spec.owner)
    instant("created", job.spec.createdAt)
    if job.status == .scheduled { instant("due", job.state.dueAt) }
    instant("started", job.state.startedAt)
    instant("ended", job.state.completedAt)
    instant("next attempt", job.nextRetryAt)
    field("took", job.duration?.text)
    field("worker", job.state.workerID)
    instant("cancel asked", job.state.cancelRequestedAt)
    field("cancelled by", job.state.cancelledBy)
    field("error", job.error.map { "\($0.type.rawValue): \($0.message) (attempt \($0.attempt))" }, .red)
    field("result", job.result?.text)
    if chain.count > 1 {
      let links = chain.map { "\($0.spec.type) \($0.id.shown) \($0.status.rawValue)" }
      field("chain", links.joined(separator: " → "))
    }
    return lines
  }

  /// What happened, as a table.
  func events(_ session: Session) -> [String] {
    ["", session.console.colored("History", .bold)] + table.lines(session.console)
  }

  /// Every failed attempt with its error, whole.
  func failures(_ session: Session) -> [String] {
    var lines = [session.console.colored("Failures", .bold)]
    for event in history {
      guard let error = event.error else { continue }
      let name = chain.first { $0.id == event.jobID }?.spec.type ?? ""
      let job = chain.count > 1 ? " of \(name) \(event.jobID.shown)" : ""
      let took = event.duration.map { ", took \($0.text)" } ?? ""
      let worker = event.workerID.map { ", worker \($0)" } ?? ""
      lines.append("attempt \(event.attempt)\(job)  \(event.at.iso8601)\(took)\(worker)".escapedForTerminal)
      let text = session.console.colored(error.type.rawValue, .red) + ": "
      lines += zip([text] + error.message.displayLines.dropFirst().map { _ in "" }, error.message.displayLines)
        .map { "  " + $0 + $1 }
    }
    return lines
  }

  private var params: String { job.params(hiding: secrets).text }

  private static func retry(_ policy: RetryPolicy) -> String {
    "\(policy.strategy.rawValue) from \(policy.base.text), at most \(policy.maxDelay.text)"
  }

  private var table: Table {
    let isChain = chain.count > 1
    var table = Table((isChain ? ["JOB"] : []) + ["AT", "EVENT", "STATUS", "ATTEMPT", "TOOK", "BY", "NOTE"])
    for event in history {
      let by = event.actor.map { "\($0.name) (\($0.origin))" } ?? event.workerID ?? ""
      table.add(
        (isChain ? [.init(event.jobID.shown)] : []) + [
          .init(event.at.iso8601), .init(event.kind.rawValue), .init(event.status.rawValue, event.status.color),
          .init(event.attempt > 0 ? "\(event.attempt)" : ""),
          .init(event.kind.endsAttempt ? event.duration?.text ?? "" : ""), .init(by),
          .init(event.error.map { "\($0.type.rawValue): \($0.message)" } ?? ""),
        ])
    }
    return table
  }
}
