import StintCore
import StintEngine
import StintSQLite
import StintStore

/// What `stint doctor` finds.
struct DoctorReport {
  private let session: Session
  private var store: [(name: String, value: JSONValue)] = []
  private var workers: [WorkerInfo] = []
  private var laws: [(name: String, violation: String?)] = []
  /// What may be a mistake in the configuration.
  private var warnings: [StintError.Detail] = []
  /// What stands in the way of using the store or server.
  private(set) var problem: StintError?

  init(_ session: Session) { self.session = session }

  /// Opens what is configured, and looks at it.
  mutating func examine() async {
    do {
      // Of a server, the rules are its own.
      warnings = session.remoteURL == nil ? try session.escalations().warnings : []
      if let url = session.remoteURL {
        store.append(("server", .string(url.contains("@") ? "***" : url)))
      } else {
        let location = try session.location()
        if session.hasStore { try await probe(location) }
      }
      let found = try await Door.with(session, .examining) { door in
        let capabilities = door.engine?.store.capabilities
        let settings = try await (door.engine?.store as? SQLiteStore)?.settings()
        try await door.client.check()
        return (capabilities, settings.map { Settings($0) }, try await door.client.workers())
      }
      describe(found.0, found.1)
      store.append(("write and read", "ok"))
      workers = found.2
      // What a live worker has is no mistake.
      let known = Set(workers.flatMap { $0.record.types.flatMap { [$0.name] + $0.aliases } })
      warnings.removeAll { warning in known.contains { warning.param == "escalation.\($0)" } }
    } catch let error as StintError {
      problem = problem ?? error
    } catch let error as StoreError {
      problem = problem ?? error.stintError
    } catch {
      problem = problem ?? StintError(.storeUnavailable, "\(error)")
    }
  }

  private struct Settings: Sendable {
    let journalMode: String
    let synchronous: Int
    let version: Int

    init(_ settings: (journalMode: String, synchronous: Int, version: Int)) {
      (journalMode, synchronous, version) = settings
    }
  }

  /// How long the disk beneath the store takes to make a small write durable.
  private mutating func probe(_ location: StoreLocation) async throws(StintError) {
    guard case .sqlite(let path) = location else { return }
    store.append(("disk sync ms", .number(try await DiskProbe.medianMilliseconds(beside: path))))
  }

  private mutating func describe(_ capabilities: StoreCapabilities?, _ settings: Settings?) {
    if let capabilities {
      store.append(("kind", .string(capabilities.name)))
      store.append(("location", .string(capabilities.location)))
      store.append(("durable", .bool(capabilities.isDurable)))
      store.append(("shared by processes", .bool(capabilities.isShared)))
    }
    guard let settings else { return }
    store.append(("schema version", .integer(Int64(settings.version))))
    store.append(("journal mode", .string(settings.journalMode)))
    store.append(("synchronous", .string(["off", "normal", "full", "extra"][min(3, max(0, settings.synchronous))])))
  }

  /// Checks the store's laws on a scratch store.
  mutating func verify() async {
    do {
      laws = try await StoreVerification.run(try session.location())
      let broken = laws.filter { $0.violation != nil }.count
      if broken > 0 {
        problem = problem ?? StintError(.internalError, "The store breaks \(broken) of its \(laws.count) laws")
      }
    } catch let error as StintError {
      problem = problem ?? error
    } catch {
      problem = problem ?? StintError(.storeUnavailable, "\(error)")
    }
  }

  /// A value as it may be shown.
  private static func shown(_ setting: Setting, _ value: JSONValue) -> JSONValue {
    // Of tools the names: what a command holds may be anybody's secret.
    if case .tools = setting.kind, let members = value.object { return .array(members.map { .string($0.key) }) }
    guard let text = value.string, let scheme = text.range(of: "://"), let at = text.lastIndex(of: "@") else {
      return value
    }
    return .string(text[..<scheme.upperBound] + "***" + text[at...])
  }

  /// The report for people.
  func print() {
    let console = session.console
    console.line(console.colored("Stint \(Version.text)", .bold))
    console.line("configuration file: \((session.file ?? "none").escapedForTerminal)")
    console.line()
    var settings = Table(["SETTING", "VALUE", "FROM"])
    for setting in Setting.all {
      let entry = session.configuration[setting.key]
      settings.add([
        .init(setting.key), .init(Self.shown(setting, entry.value).excerpt(limit: 200)),
        .init(entry.origin.description, entry.origin == .byDefault ? .faint : nil),
      ])
    }
    var tables = [settings]
    var facts = Table(["STORE", ""])
    for fact in store { facts.add([.init(fact.name), .init(fact.value.string ?? fact.value.excerpt())]) }
    if !store.isEmpty { tables.append(facts) }
    if !tools.isEmpty { tables.append(toolTable) }
    if problem == nil || !workers.isEmpty { tables.append(workerTable) }
    for (index, table) in tables.enumerated() {
      if index > 0 { console.line() }
      for line in table.lines(console) { console.line(line) }
    }
    for warning in warnings {
      let text = "note: \(warning.param): \(warning.message)".escapedForTerminal
      console.line("\n" + console.colored(text, .yellow))
    }
    guard !laws.isEmpty else { return }
    console.line()
    for law in laws {
      let mark = law.violation == nil ? console.colored("holds ", .green) : console.colored("BROKEN", .red)
      console.line("\(mark)  \(law.name)" + (law.violation.map { ": \($0)".escapedForTerminal } ?? ""))
    }
  }

  private var tools: [ToolCheck] {
    let policy = session.processPolicy
    return session.configuration.tools.map { ToolCheck($0, policy) }
  }

  private var toolTable: Table {
    var table = Table(["TOOL", "PROGRAM", "PARAMS", "ENV", "NOTE"])
    for tool in tools {
      table.add([
        .init(tool.name), .init(tool.program.escapedForTerminal), .init(tool.params.joined(separator: " ")),
        .init(tool.variables.joined(separator: " ")),
        .init(tool.problems.joined(separator: "; ").escapedForTerminal, tool.problems.isEmpty ? nil : .yellow),
      ])
    }
    return table
  }

  private var workerTable: Table {
    var table = Table(["WORKER", "STATE", "SLOTS", "ENDED", "SEEN", "TYPES"])
    let now = session.time.now()
    for worker in workers {
      let record = worker.record
      table.add([
        .init(record.id), .init(record.state.rawValue), .init("\(record.slots)"), .init("\(record.processed)"),
        .init(record.seenAt.relative(to: now)), .init(record.types.map(\.name).sorted().joined(separator: " ")),
      ])
    }
    if workers.isEmpty { table.add([.init("none: start one with `stint serve`")]) }
    return table
  }

  /// The report as one JSON object.
  var json: RawJSON {
    let settings = Setting.all.map { setting -> JSONValue in
      let entry = session.configuration[setting.key]
      return [
        "key": .string(setting.key), "value": Self.shown(setting, entry.value),
        "from": .string(entry.origin.description),
      ]
    }
    let workers = workers.map { worker -> JSONValue in
      let record = worker.record
      return [
        "id": .string(record.id), "state": .string(record.state.rawValue), "slots": .integer(Int64(record.slots)),
        "processed": .integer(Int64(record.processed)), "abandoned": .integer(Int64(record.abandoned)),
        "seen_at": .number(record.seenAt.seconds),
        "types": .array(record.types.map { .string($0.name) }),
      ]
    }
    let laws = laws.map { law -> JSONValue in
      ["law": .string(law.name), "violation": law.violation.map { .string($0) } ?? .null]
    }
    var writer = JSONWriter()
    writer.value([
      "version": .string(Version.text), "config_file": session.file.map { .string($0) } ?? .null,
      "settings": .array(settings), "tools": .array(tools.map(\.json)),
      "store": .object(store.map { JSONMember($0.name.split(separator: " ").joined(separator: "_"), $0.value) }),
      "workers": .array(workers), "warnings": .array(warnings.map { .string("\($0.param): \($0.message)") }),
      "laws": .array(laws),
      "problem": problem.map { .string($0.message) } ?? .null,
    ])
    return RawJSON(wellFormed: writer.bytes)
  }
}
