import ArgumentParser
import StintCore

/// `stint list`
struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List jobs, newest first.",
    discussion: """
      With --watch the list is drawn anew each second until you interrupt it; where the output is no terminal, it is \
      printed again whenever it has changed.

      Examples:
        stint list --status pending,running
        stint list --tag team=video --limit 20 --json
      """)

  @Option(
    name: .customLong("status"), parsing: .singleValue,
    help: ArgumentHelp(
      "Only these statuses, separated by commas: \(JobStatus.names). queued and in_progress mean pending and running.",
      valueName: "status"))
  var statuses: [String] = []
  @OptionGroup var filters: FilterOptions
  @Option(help: ArgumentHelp("At most so many, 1 to 1000.", valueName: "n")) var limit = 100
  @Flag(help: "Show the list again and again.") var watch = false
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func validate() throws {
    guard (1...1_000).contains(limit) else { throw ValidationError("--limit \(limit): allowed is 1 to 1000.") }
  }

  func run() async throws {
    let session = try access.session()
    let query = JobQuery(filter: try filter(), limit: limit)
    try await Door.with(session, .existing) { door in
      let secrets = try await door.secrets()
      let view = ListView(door: door, secrets: secrets)
      guard watch else { return view.show(try await door.client.list(query)) }
      try await Interruption.during {
        var last: [String]?
        while true {
          let lines = view.lines(try await door.client.list(query))
          if let height = session.console.height {
            session.console.write("\u{1B}[H\u{1B}[2J" + Self.screen(lines, height: height))
          } else if lines != last {
            session.console.write(lines.map { $0 + "\n" }.joined())
          }
          last = lines
          try await session.time.sleep(for: .seconds(1))
        }
      }
    }
  }

  /// As many lines as fit, without the last one's end, which would scroll the first away.
  private static func screen(_ lines: [String], height: Int) -> String {
    guard lines.count > height else { return lines.joined(separator: "\n") }
    let shown = lines.prefix(max(1, height - 1))
    return (shown + ["… and \(lines.count - shown.count) more"]).joined(separator: "\n")
  }

  private func filter() throws(StintError) -> JobFilter {
    let others = try filters.filter()
    guard !statuses.isEmpty else { return others }
    let wanted = JobFilter.statuses(try StatusNames.parse(statuses))
    return others == .all ? wanted : .and([wanted, others])
  }
}

/// Statuses as people write them.
enum StatusNames {
  /// The statuses of names separated by commas. Throws ``StintCore/StintError`` naming the one that is none.
  static func parse(_ texts: [String]) throws(StintError) -> Set<JobStatus> {
    var statuses: Set<JobStatus> = []
    for name in texts.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
      guard let status = JobStatus(name: name.trimmingSpaces) else {
        throw StintError(
          .invalidParams,
          "--status \(JSONValue.string(String(name)).excerpt()) is no status; allowed: \(JobStatus.names)")
      }
      statuses.insert(status)
    }
    return statuses
  }
}

/// A page of jobs as a table, or as JSON.
private struct ListView: Sendable {
  let door: Door
  let secrets: [String: Set<String>]

  func show(_ page: JobPage) {
    let console = door.session.console
    for line in lines(page) { console.line(line) }
    if !door.session.json, page.next != nil { console.note("There are more: --limit shows up to 1000.") }
  }

  func lines(_ page: JobPage) -> [String] {
    if door.session.json {
      var writer = JSONWriter()
      writer.array { list in
        for job in page.jobs {
          job.write(to: &list, extent: .inline(bytes: Limits().inlineBytes), secrets: secrets[job.spec.type] ?? [])
        }
      }
      return [RawJSON(wellFormed: writer.bytes).text]
    }
    guard !page.jobs.isEmpty else { return ["No jobs."] }
    var table = Table(["ID", "TYPE", "STATUS", "PROGRESS", "AGE", "TOOK", "NOTE"])
    let now = door.session.time.now()
    for job in page.jobs { table.add(Self.row(job, now: now)) }
    return table.lines(door.session.console)
  }

  private static func row(_ job: Job, now: Timestamp) -> [Table.Cell] {
    var note = job.error.map { "\($0.type.rawValue): \($0.message)" } ?? job.progress?.message ?? ""
    switch job.status {
    case .scheduled: note = "due \(job.state.dueAt.relative(to: now))"
    case .retrying: note = "\(job.nextAttempt(at: now)); " + note
    case .failed where job.state.escalatedTo != nil: note = "\(job.state.escalatedTo?.shown ?? "") took over; " + note
    case .completed: note = ""
    case .running where job.state.cancelRequestedAt != nil: note = "cancel requested"
    default: break
    }
    let took = job.duration ?? (job.status == .running ? job.state.startedAt.map { now.elapsed(since: $0) } : nil)
    return [
      .init(job.id.shown), .init(job.spec.type), .init(job.status.rawValue, job.status.color),
      .init(job.progress.map { "\(Int($0.percent))%" } ?? ""), .init(now.elapsed(since: job.spec.createdAt).rough),
      .init(took.map(\.text) ?? ""), .init(note),
    ]
  }
}
