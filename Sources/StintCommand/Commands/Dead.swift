import ArgumentParser
import StintCore
import StintEngine
import StintStore

/// `stint dead`
struct Dead: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, show, requeue and purge dead letters: jobs that failed for good.",
    discussion: """
      A job that failed and that no other took over is a dead letter. It stays until it is requeued or purged.

      Examples:
        stint dead list
        stint dead requeue --type fetch --error timeout --dry-run
      """,
    subcommands: [DeadList.self, DeadShow.self, DeadRequeue.self, DeadPurge.self])
}

/// `stint dead list`
struct DeadList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List dead letters: how many there are of each type and error, and the newest of them.",
    discussion: """
      Example:
        stint dead list --error timeout --limit 20
      """)

  @OptionGroup var filters: FilterOptions
  @Option(help: ArgumentHelp("At most so many jobs, 1 to 1000.", valueName: "n")) var limit = 100
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func validate() throws {
    guard (1...1_000).contains(limit) else { throw ValidationError("--limit \(limit): allowed is 1 to 1000.") }
  }

  func run() async throws {
    let session = try access.session()
    let filter = try filters.filter()
    try await Door.with(session, .existing) { door in
      let groups = try await door.client.deadLetters(filter)
      let query = JobQuery(filter: filter == .all ? .deadLetters : .and([.deadLetters, filter]), limit: limit)
      let page = try await door.client.list(query)
      let secrets = try await door.secrets()
      if session.json { return session.console.json(Self.json(groups, page.jobs, secrets)) }
      guard !groups.isEmpty else { return session.console.line("No dead letters.") }
      Self.show(groups, page.jobs, session)
      if page.next != nil { session.console.note("There are more: --limit shows up to 1000.") }
    }
  }

  private static func json(_ groups: [DeadLetterGroup], _ jobs: [Job], _ secrets: [String: Set<String>]) -> RawJSON {
    var writer = JSONWriter()
    writer.object { json in
      json.member("total", Int64(groups.reduce(0) { $0 + $1.count }))
      json.key("groups")
      json.array { list in for group in groups { group.write(to: &list) } }
      json.key("jobs")
      json.array { list in
        for job in jobs {
          job.write(to: &list, extent: .inline(bytes: Limits().inlineBytes), secrets: secrets[job.spec.type] ?? [])
        }
      }
    }
    return RawJSON(wellFormed: writer.bytes)
  }

  private static func show(_ groups: [DeadLetterGroup], _ jobs: [Job], _ session: Session) {
    let now = session.time.now()
    var summary = Table(["COUNT", "TYPE", "ERROR", "OLDEST", "NEWEST", "LAST MESSAGE"])
    for group in groups {
      summary.add([
        .init("\(group.count)"), .init(group.type), .init(group.error.rawValue, .red),
        .init(group.oldest.relative(to: now)), .init(group.newest.relative(to: now)), .init(group.message),
      ])
    }
    var table = Table(["ID", "TYPE", "ATTEMPTS", "FAILED", "ERROR"])
    for job in jobs {
      table.add([
        .init(job.id.shown), .init(job.spec.type), .init("\(job.state.attempt)"),
        .init(job.state.completedAt?.relative(to: now) ?? ""),
        .init(job.error.map { "\($0.type.rawValue): \($0.message)" } ?? ""),
      ])
    }
    for line in summary.lines(session.console) { session.console.line(line) }
    guard !jobs.isEmpty else { return }
    session.console.line()
    for line in table.lines(session.console) { session.console.line(line) }
  }
}

/// `stint dead show`
struct DeadShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show a dead letter: what every attempt failed of, whole, and the jobs that it took over from.",
    discussion: """
      With --json: what `stint show --json` gives.

      Example:
        stint dead show 0f6a9e01
      """)

  @Argument(help: "The job's id, a unique prefix of 6 or more, or its last 8 characters.") var id: String
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    try await Door.with(session, .existing) { door in
      let report = try await JobReport(of: try await door.deadLetter(id), door)
      if session.json { return session.console.json(report.json) }
      for line in report.lines(session) + [""] + report.failures(session) { session.console.line(line) }
    }
  }
}

/// `stint dead requeue`
struct DeadRequeue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requeue",
    abstract: "Let dead letters run again: by id, by filter, or all.",
    discussion: """
      Counts start anew; the history stays. With --dry-run nothing is changed: it says how many would run again.
      With --url, those of types that are closed to the outside are left as they are, and counted.

      Examples:
        stint dead requeue 0f6a9e01
        stint dead requeue --type fetch --error timeout --dry-run
        stint dead requeue --all
      """)

  @OptionGroup var choice: DeadChoice

  func run() async throws {
    try await choice.act("requeued") { (client, filter, isDryRun, actor) throws(StintError) in
      let requeued = try await client.requeue(filter, dryRun: isDryRun, by: actor)
      return (requeued.count, skipped: requeued.skipped)
    }
  }
}

/// `stint dead purge`
struct DeadPurge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge",
    abstract: "Remove dead letters with their history: by id, by filter, or all.",
    discussion: """
      With --dry-run nothing is removed: it says how many would go.

      Examples:
        stint dead purge 0f6a9e01
        stint dead purge --until 2026-01-01T00:00:00Z --dry-run
        stint dead purge --all
      """)

  @OptionGroup var choice: DeadChoice

  func run() async throws {
    try await choice.act("removed") { (client, filter, isDryRun, actor) throws(StintError) in
      (try await client.purgeDeadLetters(filter, dryRun: isDryRun, by: actor), skipped: nil)
    }
  }
}

/// Which dead letters something is done to.
struct DeadChoice: ParsableArguments {
  @Argument(help: "Ids, unique prefixes of 6 or more, or the last 8 characters.") var ids: [String] = []
  @Flag(help: "All of them.") var all = false
  @OptionGroup var filters: FilterOptions
  @Flag(help: "Change nothing; say how many it would be.") var dryRun = false
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func validate() throws {
    // What does not fit is said when the filter is made.
    let isFiltered = (try? filters.filter()) != .all
    guard [!ids.isEmpty, all, isFiltered].count(where: { $0 }) == 1 else {
      throw ValidationError("Give ids, or options that choose dead letters, or --all, and one of these alone.")
    }
  }

  func act(
    _ done: String,
    _ act: (any JobClient, JobFilter, Bool, Actor) async throws(StintError) -> (Int, skipped: Int?)
  ) async throws {
    let session = try access.session()
    var filter = try filters.filter()
    let (count, skipped) = try await Door.with(session, .existing) { door in
      if !ids.isEmpty {
        // All of them are found before anything is done.
        var found: Set<JobID> = []
        for id in ids { found.insert(try await door.deadLetter(id).id) }
        filter = .ids(found)
      }
      return try await act(door.client, filter, dryRun, session.actor)
    }
    if session.json {
      var members = [JSONMember(done, .integer(Int64(count)))]
      if let skipped { members.append(JSONMember("skipped", .integer(Int64(skipped)))) }
      return session.console.json(RawJSON(.object(members + [JSONMember("dry_run", .bool(dryRun))])))
    }
    let would = dryRun ? "would be " : ""
    session.console.line("\(count) \(count == 1 ? "dead letter" : "dead letters") \(would)\(done)")
    if let skipped, skipped > 0 {
      let why = skipped == 1 ? "it is: its type is" : "they are: their types are"
      session.console.note("\(skipped) left as \(why) closed to the outside.")
    }
  }
}

extension Door {
  /// The dead letter that a person means: by its own id, or by that of a job it took over from.
  fileprivate func deadLetter(_ text: String) async throws(StintError) -> Job {
    let named = try await job(text)
    let job = try await chain(of: named).last ?? named
    guard job.status == .failed, job.state.escalatedTo == nil else {
      throw StintError(.illegalMove, "Job \(job.id) is \(job.status.rawValue): it is no dead letter")
    }
    return job
  }

  /// The jobs that took over from one another, from the first to the last, `job` among them.
  func chain(of job: Job) async throws(StintError) -> [Job] {
    try await client.predecessors(of: job) + [job] + client.successors(of: job)
  }
}
