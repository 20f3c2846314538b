import ArgumentParser
import StintCore

/// `stint wait`
struct Wait: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Wait until jobs are over.",
    discussion: """
      Ends with 0 where all completed, 1 where one failed, 2 where one was cancelled; of several the highest. With \
      --json one id gives the job, several ids or --all an array.

      Examples:
        stint wait 0f6a9e01
        stint wait --all
      """)

  @Argument(help: "Ids, unique prefixes of 6 or more, or the last 8 characters.") var ids: [String] = []
  @Flag(help: "Every job that is not over now.") var all = false
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func validate() throws {
    if ids.isEmpty != all { throw ValidationError("Give the ids of jobs, or --all.") }
  }

  func run() async throws {
    let session = try access.session()
    let code = try await Door.with(session, .existing) { door in
      var jobs: [Job] = []
      for id in ids { jobs.append(try await door.job(id)) }
      if all { jobs = try await Self.unfinished(door) }
      let waiting = jobs
      let ended = try await Interruption.during {
        var ended: [Job] = []
        var warned: Set<String> = []
        // One after the other: all are over when the last one is.
        for job in waiting {
          if !job.status.isTerminal, warned.insert(job.spec.type).inserted { try await door.warnIfAlone(job) }
          ended.append(try await door.ended(job.id))
        }
        return ended
      }
      try await JobView(door: door, isList: all || ids.count > 1).show(ended)
      return ended.exitCode
    }
    if code != .success { throw code }
  }

  /// The jobs that are not over, oldest first.
  private static func unfinished(_ door: Door) async throws(StintError) -> [Job] {
    var query = JobQuery(filter: .statuses(Set(JobStatus.allCases.filter { !$0.isTerminal })), limit: 1_000)
    var jobs: [Job] = []
    while true {
      let page = try await door.client.list(query)
      jobs += page.jobs
      guard let next = page.next else { return jobs.reversed() }
      query.before = next
    }
  }
}

/// `stint follow`
struct Follow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a job's progress and output until it is over.",
    discussion: """
      What the job prints stands behind "out |", what it prints as errors and remarks behind "err |"; `stint logs` has \
      the output of earlier attempts. Where another job takes over, that one is followed.

      Ends with 0 where it completed, 1 where it failed, 2 where it was cancelled. With --json: one object a line, as in \
      GET /api/jobs/{id}/progress and GET /api/jobs/{id}/output.

      Example:
        stint follow 0f6a9e01
      """)

  @Argument(help: "The job's id, a unique prefix of 6 or more, or its last 8 characters.") var id: String
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    let code = try await Door.with(session, .existing) { door in
      let job = try await door.job(id)
      let ended = try await Interruption.during {
        if !job.status.isTerminal { try await door.warnIfAlone(job) }
        return try await door.ended(job, in: FollowView(session, id: job.id))
      }
      return [ended].exitCode
    }
    if code != .success { throw code }
  }
}
