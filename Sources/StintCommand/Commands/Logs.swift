import ArgumentParser
import StintCore
import StintEngine

/// `stint logs`
struct Logs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print what a job said: the output of all its attempts.",
    discussion: """
      What it printed goes to standard output, what it printed as errors and remarks to standard error, as do the lines \
      that say which attempt speaks. Where another job took over, its output follows. With --follow it goes on until the \
      job is over. With --json: one object a line.

      Examples:
        stint logs 0f6a9e01
        stint logs 0f6a9e01 --attempt 2
        stint logs 0f6a9e01 --follow
      """)

  @Argument(help: "The job's id, a unique prefix of 6 or more, or its last 8 characters.") var id: String
  @Flag(name: [.long, .customShort("f")], help: "Go on until the job is over.") var follow = false
  @Option(help: ArgumentHelp("Only this attempt.", valueName: "n")) var attempt: Int?
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    try await Door.with(session, .existing) { door in
      let job = try await door.job(id)
      if let attempt, !(1...max(1, job.state.attempt)).contains(attempt) {
        throw StintError(
          .invalidParams,
          "--attempt \(attempt): the job \(job.id) has had \(job.state.attempt) \(job.state.attempt == 1 ? "attempt" : "attempts")"
        )
      }
      try await Interruption.during {
        let place = attempt.map { OutputPlace(attempt: $0, number: 0) }
        var speaker = job.id
        for try await update in try await door.client.output(job.id, after: place, follows: follow) {
          if let attempt, !Self.belongs(update, to: attempt, of: job.id) { return }
          if case .attempt(_, of: let next) = update { speaker = next }
          show(update, speaker, session, isOther: speaker != job.id)
        }
      }
    }
  }

  private static func belongs(_ update: OutputUpdate, to attempt: Int, of id: JobID) -> Bool {
    switch update {
    case .attempt(let number, of: let job): number == attempt && job == id
    case .chunk(let chunk): chunk.attempt == attempt
    case .gap: true
    case .ended(let job): job.id == id
    }
  }

  private func show(_ update: OutputUpdate, _ speaker: JobID, _ session: Session, isOther: Bool) {
    if session.json { return session.console.json(update.json(of: speaker)) }
    switch update {
    case .attempt(let number, _):
      // The first attempt of the job itself needs no announcement.
      if number > 1 || isOther {
        session.console.note("-- attempt \(number)\(isOther ? " of \(speaker.shown)" : "") --")
      }
    case .gap: session.console.note("-- some output is missing --")
    case .ended: break
    case .chunk(let chunk):
      let lines = chunk.text.displayLines
      switch chunk.stream {
      case .stdout, .event: for line in lines { session.console.line(line) }
      case .stderr, .notice: for line in lines { session.console.note(line) }
      }
    }
  }
}

/// Output as lines for people: each says where it comes from.
enum OutputText {
  /// The lines of an update, safe for a terminal.
  static func lines(_ update: OutputUpdate, _ console: Console) -> [String] {
    switch update {
    case .chunk(let chunk):
      let (mark, color): (String, Color?) =
        switch chunk.stream {
        case .stdout: ("out", nil)
        case .stderr: ("err", .red)
        case .event: ("event", .cyan)
        case .notice: ("note", .yellow)
        }
      return chunk.text.displayLines.map { console.colored("\(mark) | \($0)", color) }
    case .gap: return [console.colored("note | some output is missing", .yellow)]
    case .attempt, .ended: return []
    }
  }
}

extension OutputUpdate {
  /// One JSON object: the event's name as in Server-Sent Events, the job's id, and the event's data.
  func json(of id: JobID) -> RawJSON {
    var writer = JSONWriter()
    writer.object { json in
      switch self {
      case .chunk(let chunk):
        json.member("event", "output")
        json.member("job_id", id.text)
        json.member("attempt", Int64(chunk.attempt))
        json.member("number", Int64(chunk.number))
        json.member("stream", chunk.stream.rawValue)
        json.member("text", chunk.text)
        json.member("at", chunk.at)
      case .attempt(let number, of: let job):
        json.member("event", "attempt")
        json.member("job_id", job.text)
        json.member("attempt", Int64(number))
      case .gap:
        json.member("event", "gap")
        json.member("job_id", id.text)
      case .ended(let job):
        json.member("event", "end")
        json.member("job_id", job.id.text)
        json.member("status", job.status.rawValue)
        json.key("error")
        if let error = job.error { error.write(to: &json) } else { json.null() }
      }
    }
    return RawJSON(wellFormed: writer.bytes)
  }
}
