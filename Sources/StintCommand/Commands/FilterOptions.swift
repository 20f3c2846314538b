import ArgumentParser
import StintCore

/// The options that choose jobs, as they stand on the command line.
struct FilterOptions: ParsableArguments {
  @Option(help: "Only this job type.") var type: String?
  @Option(
    help: ArgumentHelp(
      "Only where the last failure is of this kind: \(JobError.Kind.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "kind"))
  var error: String?
  @Option(help: "Only this queue.") var queue: String?
  @Option(help: "Only this owner's.") var owner: String?
  @Option(
    name: .customLong("tag"), parsing: .singleValue,
    help: ArgumentHelp("Only with this tag; repeated, with all of them.", valueName: "key=value"))
  var tags: [String] = []
  @Option(help: ArgumentHelp("Only submitted at this instant or later.", valueName: "time")) var since: String?
  @Option(help: ArgumentHelp("Only submitted before this instant.", valueName: "time")) var until: String?
  @Option(
    name: [.customLong("search"), .customShort("q")],
    help: ArgumentHelp("Only with this text in id, type, queue, tags or last error.", valueName: "text"))
  var text: String?

  func validate() throws {
    for pair in tags where pair.pair(separatedBy: "=") == nil {
      throw ValidationError("\"\(pair.escapedForTerminal)\" is no key=value.")
    }
  }

  /// What they choose; everything where none is given. Throws ``StintCore/StintError`` naming what does not fit.
  func filter() throws(StintError) -> JobFilter {
    var filters: [JobFilter] = []
    if let type { filters.append(.type(type)) }
    if let error {
      guard let kind = JobError.Kind(rawValue: error) else {
        let names = JobError.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw StintError(
          .invalidParams, "--error \(JSONValue.string(error).excerpt()) is no kind of error; allowed: \(names)")
      }
      filters.append(.errorType(kind))
    }
    if let queue { filters.append(.queue(queue)) }
    if let owner { filters.append(.owner(owner)) }
    for tag in tags {
      guard let pair = tag.pair(separatedBy: "=") else { continue }  // `validate` has refused it
      filters.append(.tag(key: pair.key, value: pair.value))
    }
    if let since { filters.append(.since(try Self.instant(since, option: "--since"))) }
    if let until { filters.append(.until(try Self.instant(until, option: "--until"))) }
    if let text { filters.append(.text(text)) }
    return filters.isEmpty ? .all : filters.count == 1 ? filters[0] : .and(filters)
  }

  private static func instant(_ text: String, option: String) throws(StintError) -> Timestamp {
    if let instant = Double(text).flatMap({ Timestamp(seconds: $0) }) ?? Timestamp(iso8601: text) { return instant }
    throw StintError(
      .invalidParams,
      "\(option) \(JSONValue.string(text).excerpt()) is no time; allowed are ISO 8601 or Unix seconds")
  }
}
