import ArgumentParser
import StintCore

/// `stint cancel`
struct Cancel: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Cancel jobs: waiting ones at once, running ones by asking them to stop.",
    discussion: """
      Example:
        stint cancel 0f6a9e01
      """)

  @Argument(help: "Ids, unique prefixes of 6 or more, or the last 8 characters.") var ids: [String]
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    try await Act.each(ids, session: try access.session()) { (door, job) throws(StintError) in
      try await door.client.cancel(job.id, by: door.session.actor)
    } say: { job in
      job.status == .cancelled ? "\(job.id) cancelled" : "\(job.id) was asked to stop"
    }
  }
}

/// `stint retry`
struct Retry: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let failed or cancelled jobs run again.",
    discussion: """
      Counts start anew; the history stays.

      Example:
        stint retry 0f6a9e01
      """)

  @Argument(help: "Ids, unique prefixes of 6 or more, or the last 8 characters.") var ids: [String]
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    try await Act.each(ids, session: try access.session()) { (door, job) throws(StintError) in
      try await door.client.retry(job.id, by: door.session.actor)
    } say: { job in
      "\(job.id) \(job.status.rawValue)"
    }
  }
}

/// `stint clear`
struct Clear: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Remove jobs that are over, with their history.",
    discussion: """
      Only completed jobs, unless --status names others.

      Example:
        stint clear --status completed,cancelled
      """)

  @Option(
    name: .customLong("status"), parsing: .singleValue,
    help: ArgumentHelp("completed, failed or cancelled, separated by commas.", valueName: "status"))
  var statuses: [String] = []
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    let statuses = try self.statuses.isEmpty ? [.completed] : StatusNames.parse(self.statuses)
    let count = try await Door.with(session, .existing) { door in
      try await door.client.remove(statuses, by: session.actor)
    }
    if session.json {
      session.console.json(RawJSON(["removed": .integer(Int64(count))]))
    } else {
      session.console.line("\(count) \(count == 1 ? "job" : "jobs") removed")
    }
  }
}

/// What is done to each of several jobs: each is tried, whatever became of the ones before.
private enum Act {
  static func each(
    _ ids: [String], session: Session,
    _ act: (Door, Job) async throws(StintError) -> Job, say: (Job) -> String
  ) async throws {
    try await Door.with(session, .existing) { door in
      var done: [Job] = []
      var errors: [StintError] = []
      for id in ids {
        do throws(StintError) { done.append(try await act(door, try await door.job(id))) } catch {
          errors.append(error)
        }
      }
      if session.json {
        if !done.isEmpty || ids.count > 1 { try await JobView(door: door, isList: ids.count > 1).json(done) }
      } else {
        for job in done { session.console.line(say(job).escapedForTerminal) }
      }
      guard let worst = errors.max(by: { $0.type.exitCode < $1.type.exitCode }) else { return }
      for error in errors where error != worst { session.console.note("Error: \(error.message.escapedForTerminal)") }
      throw worst
    }
  }
}
