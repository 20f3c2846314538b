import ArgumentParser
import StintCore

/// `stint show`
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a job: its options, params, result, and every attempt.",
    discussion: """
      With --json: the job, and its history as "history".

      Example:
        stint show 0f6a9e01
      """)

  @Argument(help: "The job's id, a unique prefix of 6 or more, or its last 8 characters.") var id: String
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    try await Door.with(session, .existing) { door in
      let found = try await door.job(id)
      let job = try await door.client.job(found.id)
      let history = try await door.client.history(job.id)
      let secrets = try await door.secrets()[job.spec.type] ?? []
      if session.json {
        session.console.json(Self.json(job, history: history, secrets: secrets))
      } else {
        for line in Self.lines(job, history: history, secrets: secrets, session: session) { session.console.line(line) }
      }
    }
  }

  private static func json(_ job: Job, history: [Event], secrets: Set<String>) -> RawJSON {
    var writer = JSONWriter()
    writer.array { list in for event in history { event.write(to: &list) } }
    // The job's own JSON, with one more key before its closing brace.
    var bytes = Array(job.json(secrets: secrets).bytes.dropLast())
    bytes += Array(",\"history\":".utf8)
    bytes += writer.bytes
    bytes.append(UInt8(ascii: "}"))
    return RawJSON(wellFormed: bytes)
  }

  private static func lines(_ job: Job, history: [Event], secrets: Set<String>, session: Session) -> [String] {
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
    field("params", params(job, secrets: secrets))
    field("progress", job.progress.map { "\(Int($0.percent))%" + ($0.message.map { "  " + $0 } ?? "") })
    field(
      "attempt",
      "\(job.state.attempt), \(min(job.state.retryCount, job.spec.maxRetries)) of \(job.spec.maxRetries) retries used")
    field("retry", retry(job.spec.retry))
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
    return lines + ["", session.console.colored("History", .bold)] + table(history).lines(session.console)
  }

  private static func params(_ job: Job, secrets: Set<String>) -> String {
    guard !secrets.isEmpty, let members = try? job.spec.params.parsed().object else { return job.spec.params.text }
    return RawJSON(.object(members.map { secrets.contains($0.key) ? JSONMember($0.key, "***") : $0 })).text
  }

  private static func retry(_ policy: RetryPolicy) -> String {
    "\(policy.strategy.rawValue) from \(policy.base.text), at most \(policy.maxDelay.text)"
  }

  private static func table(_ history: [Event]) -> Table {
    var table = Table(["AT", "EVENT", "STATUS", "ATTEMPT", "TOOK", "BY", "NOTE"])
    for event in history {
      let by = event.actor.map { "\($0.name) (\($0.origin))" } ?? event.workerID ?? ""
      table.add([
        .init(event.at.iso8601), .init(event.kind.rawValue), .init(event.status.rawValue, event.status.color),
        .init(event.attempt > 0 ? "\(event.attempt)" : ""),
        .init(event.kind.endsAttempt ? event.duration?.text ?? "" : ""), .init(by),
        .init(event.error.map { "\($0.type.rawValue): \($0.message)" } ?? ""),
      ])
    }
    return table
  }
}
