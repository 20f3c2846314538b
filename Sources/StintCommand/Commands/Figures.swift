import ArgumentParser
import StintCore
import StintEngine

/// `stint stats`
struct ShowStats: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show how many jobs are in each status, totals and throughput.",
    discussion: """
      Totals and throughput are the server's since its start; straight on a store there is no server, and they are 0.

      Example:
        stint stats --url http://127.0.0.1:8080
      """)

  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    let (stats, dead) = try await Door.with(session, .existing) { door in
      let stats = try await door.client.stats()
      // They take a look at all of them; who wants JSON asks for them with `stint dead list`.
      let groups = session.json ? [] : try await door.client.deadLetters(.all)
      return (stats, groups.reduce(0) { $0 + $1.count })
    }
    if session.json { return session.console.json(stats.json) }
    var table = Table(["STATUS", "JOBS"])
    for status in JobStatus.allCases {
      table.add([.init(status.rawValue, status.color), .init("\(stats.counts[status])")])
    }
    table.add([.init("total"), .init("\(stats.counts.total)")])
    for line in table.lines(session.console) { session.console.line(line) }
    let mean = stats.averageDurationMilliseconds.map { ", \(Duration.microseconds(Int64($0 * 1_000)).text) each" } ?? ""
    session.console.line()
    session.console.line(
      "workers     \(stats.workerActive) of \(stats.workerCapacity) slots busy, \(stats.workerProcessed) attempts ended"
    )
    session.console.line(
      "dead        \(dead) dead \(dead == 1 ? "letter" : "letters")\(dead > 0 ? " (stint dead list)" : "")")
    session.console.line(
      "throughput  \((stats.throughput * 10).rounded() / 10) jobs/s over \(stats.windowSeconds) s\(mean)")
    session.console.line(
      "totals      \(stats.enqueued) submitted, \(stats.completed) completed, \(stats.failed) attempts failed, "
        + "\(stats.retried) retried, \(stats.deadLettered) dead letters")
  }
}

extension Stats {
  /// The figures as `GET /api/stats` gives them.
  var json: RawJSON {
    var writer = JSONWriter()
    write(to: &writer)
    return RawJSON(wellFormed: writer.bytes)
  }
}

/// `stint job-types`
struct ShowJobTypes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job-types",
    abstract: "List the job types and their params.",
    discussion: """
      Those this program brings, and those that live workers have published in the store.

      Example:
        stint job-types --json
      """)

  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    let types = try await types(session)
    if session.json {
      var writer = JSONWriter()
      writer.array { list in for type in types { type.write(to: &list) } }
      return session.console.json(RawJSON(wellFormed: writer.bytes))
    }
    for (index, type) in types.enumerated() {
      if index > 0 { session.console.line() }
      let about = type.description.isEmpty ? "" : "  " + type.description
      session.console.line(
        session.console.colored(type.name.escapedForTerminal, .bold) + about.escapedForTerminal)
      var table = Table(["  PARAM", "TYPE", "DEFAULT", "ALLOWED", "DESCRIPTION"])
      for param in type.params.map(\.published) {
        table.add([
          .init("  " + param.name), .init(param.type.rawValue),
          .init(param.defaultValue.map { $0.excerpt() } ?? (param.isRequired ? "required" : "")),
          .init(param.allowedText), .init(param.description),
        ])
      }
      if !type.params.isEmpty { for line in table.lines(session.console) { session.console.line(line) } }
    }
  }

  /// Without a store, what this program brings is all there is; nothing is made to say so.
  private func types(_ session: Session) async throws -> [JobType] {
    guard session.remoteURL != nil || session.hasStore else {
      return try session.builtInHandlers().map(\.type).sorted { $0.name < $1.name }
    }
    return try await Door.with(session, .existing) { try await $0.client.jobTypes() }
  }
}

extension Param {
  /// What is allowed besides the type, in words.
  fileprivate var allowedText: String {
    func text(_ bound: Double) -> String { JSONValue.number(bound).excerpt() }
    if let choices { return choices.map { $0.excerpt() }.joined(separator: ", ") }
    if maxItems != nil || minItems != nil { return "\(minItems ?? 0) to \(maxItems.map(String.init) ?? "…") elements" }
    switch (min, max) {
    case (let min?, let max?): return "\(text(min)) to \(text(max))"
    case (let min?, nil): return "\(text(min)) or more"
    case (nil, let max?): return "\(text(max)) or less"
    case (nil, nil): return ""
    }
  }
}
