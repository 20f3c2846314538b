import ArgumentParser
import StintCore

/// `stint submit`
struct Submit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Submit one job, or many from a file.",
    discussion: """
      Prints the new job once it is on disk. With --wait or --follow the command goes on until the job is over and ends \
      with its exit code (0 completed, 1 failed, 2 cancelled); where no live worker knows the type, it then runs the job \
      itself.

      Examples:
        stint submit prime --param limit=5000 --wait
        stint submit fetch --param urls=https://example.org --param urls=https://swift.org --tag team=web
        echo '[{"type": "countdown"}, {"type": "prime"}]' | stint submit --job-file -
      """)

  @OptionGroup var submission: SubmissionOptions
  @Flag(help: "Wait until the job is over.") var wait = false
  @Flag(help: "Show its progress and output until it is over.") var follow = false
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func validate() throws {
    if wait, follow { throw ValidationError("Give either --wait or --follow, not both.") }
  }

  func run() async throws {
    let session = try access.session()
    let limits = Limits()
    let file: String?
    if let path = submission.jobFile {
      file = try await InputFile.read(path, limit: limits.bodyBytes)
    } else {
      file = nil
    }
    let code = try await Door.with(session, wait || follow ? .running : .creating) { door in
      let types = JobTypes(try await door.client.jobTypes())
      let new = try submission.jobs(file: file, types: types, limits: limits, now: session.time.now())
      let jobs = try await door.client.submit(new, by: session.actor)
      let view = JobView(door: door, isList: submission.isList(file: file))
      guard wait || follow else {
        try await view.submitted(jobs)
        return ExitCode.success
      }
      let ended = try await finish(jobs, door: door)
      if !follow { try await view.show(ended) }
      return ended.exitCode
    }
    if code != .success { throw code }
  }

  private func finish(_ jobs: [Job], door: Door) async throws -> [Job] {
    let slots = door.session.engineConfiguration.slots
    let follow = follow
    return try await Interruption.during {
      try await withThrowingTaskGroup(of: (Int, Job).self) { group in
        var ended = jobs
        var next = 0
        func start() {
          let (index, job) = (next, jobs[next])
          next += 1
          let view = follow ? FollowView(door.session, id: job.id, isOneOfMany: jobs.count > 1) : nil
          group.addTask { (index, try await door.finished(job, in: view)) }
        }
        while next < min(slots, jobs.count) { start() }
        while let (index, job) = try await group.next() {
          ended[index] = job
          if next < jobs.count { start() }
        }
        return ended
      }
    }
  }
}

/// Prints jobs that a command was about.
struct JobView {
  let door: Door
  /// Whether JSON is an array even for one job.
  let isList: Bool

  /// Jobs that were just submitted.
  func submitted(_ jobs: [Job]) async throws {
    if door.session.json { return try await json(jobs) }
    for job in jobs {
      let due = job.status == .scheduled ? ", due \(job.state.dueAt.relative(to: door.session.time.now()))" : ""
      door.session.console.line("\(job.id) \(job.spec.type) \(job.status.rawValue)\(due)")
    }
  }

  /// Jobs as they stand: a sentence each, and the result of what completed.
  func show(_ jobs: [Job]) async throws {
    if door.session.json { return try await json(jobs) }
    for job in jobs {
      door.session.console.line(door.session.console.colored(job.sentence, job.status.color))
      if let result = job.result { door.session.console.line(result.text.escapedForTerminal) }
    }
  }

  /// The jobs as JSON: an array, or the one object.
  func json(_ jobs: [Job]) async throws {
    let secrets = try await door.secrets()
    var writer = JSONWriter()
    if isList || jobs.count != 1 {
      writer.array { list in for job in jobs { job.write(to: &list, secrets: secrets[job.spec.type] ?? []) } }
    } else {
      for job in jobs { job.write(to: &writer, secrets: secrets[job.spec.type] ?? []) }
    }
    door.session.console.json(RawJSON(wellFormed: writer.bytes))
  }
}
