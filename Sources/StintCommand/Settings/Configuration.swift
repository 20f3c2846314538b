import StintCore
import StintJobs
import StintStore

/// The values of all settings, each with where it came from: flags before the environment before stint.yaml before the
/// defaults.
struct Configuration: Sendable {
  /// Where a value came from.
  enum Origin: Sendable, Hashable, CustomStringConvertible {
    case byDefault
    case file(String)
    case environment(String)
    case flag(String)

    /// The weightier source wins.
    var weight: Int {
      switch self {
      case .byDefault: 0
      case .file: 1
      case .environment: 2
      case .flag: 3
      }
    }

    var description: String {
      switch self {
      case .byDefault: "default"
      case .file(let path): path
      case .environment(let name): "environment \(name)"
      case .flag(let name): "flag \(name)"
      }
    }
  }

  /// A value that a flag gives to a setting.
  struct Flag: Sendable {
    let key: String
    let name: String
    let text: String
  }

  /// A value and its origin.
  struct Entry: Sendable {
    var value: JSONValue
    var origin: Origin
  }

  /// The file that is read where none is named.
  static let defaultFile = "stint.yaml"

  private var entries: [String: Entry] = [:]

  /// The configuration from its sources; each value is checked.
  ///
  /// - Parameter file: the text and name of the configuration file, if there is one.
  /// - Throws: ``StintCore/StintError`` naming every key and value that is not allowed.
  init(file: (text: String, path: String)?, environment: [String: String], flags: [Flag]) throws(StintError) {
    var faults: [StintError.Detail] = []
    for setting in Setting.all { entries[setting.key] = Entry(value: setting.defaultValue, origin: .byDefault) }
    if let file { try read(file.text, path: file.path, faults: &faults) }
    read(environment, faults: &faults)
    for flag in flags {
      guard let setting = Setting.named(flag.key) else { continue }
      set(setting, setting.parsed(flag.text), .flag(flag.name), &faults)
    }
    checkTogether(&faults)
    guard faults.isEmpty else { throw StintError.invalid("Invalid configuration", faults) }
  }

  /// The value and origin of a setting.
  subscript(key: String) -> Entry { entries[key] ?? Entry(value: .null, origin: .byDefault) }

  /// A setting's text, nil for null.
  func text(_ key: String) -> String? { self[key].value.string }

  /// A setting's whole number.
  func integer(_ key: String) -> Int { Int(self[key].value.integer ?? 0) }

  /// A setting in seconds.
  func duration(_ key: String) -> Duration { .microseconds(Int64((self[key].value.number ?? 0) * 1_000_000)) }

  /// A setting's list.
  func list(_ key: String) -> [String] { (self[key].value.array ?? []).compactMap(\.string) }

  /// A setting that is true or false.
  func flag(_ key: String) -> Bool { self[key].value.bool ?? false }

  /// The rules of queues; what is wrong with them was said when the configuration was read.
  var queues: [QueueRecord] { QueueSettings.read(self["queues"].value).queues }

  /// The rules of escalation; what is wrong with them was said when the configuration was read.
  var escalation: [String: EscalationRule] { EscalationSettings.read(self["escalation"].value).rules }

  /// The tools; what is wrong with them was said when the configuration was read.
  var tools: [Tool] { Tool.read(self["tools"].value).tools }

  private mutating func set(
    _ setting: Setting, _ value: JSONValue, _ origin: Origin, _ faults: inout [StintError.Detail]
  ) {
    if setting.allows(value) {
      entries[setting.key] = Entry(value: value, origin: origin)
      for fault in setting.faults(in: value) {
        faults.append(.init(param: fault.param.escapedForTerminal, message: "(\(origin)) \(fault.message)"))
      }
    } else {
      let message = "\(value.excerpt()) (\(origin)) is not allowed; allowed is \(setting.allowed)"
      faults.append(.init(param: setting.key, message: message))
    }
  }

  private mutating func read(_ text: String, path: String, faults: inout [StintError.Detail]) throws(StintError) {
    let documents = try YAMLText.parse(text, source: path)
    guard documents.count <= 1 else {
      throw StintError(.malformed, "\(path) holds \(documents.count) YAML documents; allowed is one")
    }
    guard let document = documents.first, document != .null else { return }
    guard let members = document.object else {
      throw StintError(.malformed, "\(path) holds \(document.kind); expected are keys and values")
    }
    for member in members {
      guard Setting.sections.contains(member.key) else {
        read(member.key, member.value, path: path, &faults)
        continue
      }
      if member.value == .null { continue }
      guard let inner = member.value.object else {
        let message = "\(member.value.excerpt()) (\(path)) is \(member.value.kind), expected are keys and values"
        faults.append(.init(param: member.key, message: message))
        continue
      }
      for one in inner { read("\(member.key).\(one.key)", one.value, path: path, &faults) }
    }
  }

  private mutating func read(_ key: String, _ value: JSONValue, path: String, _ faults: inout [StintError.Detail]) {
    if let setting = Setting.named(key) {
      return set(setting, value, .file(path), &faults)
    }
    if Setting.unavailable.contains(key) {
      return faults.append(.init(param: key, message: "(\(path)) is not available in this version of Stint"))
    }
    let names = Setting.all.map(\.key)
    let suggestion = NearMiss.suggestion(for: key, among: names)
    let message = "(\(path)) is no setting.\(suggestion) Allowed: \(names.joined(separator: ", "))"
    faults.append(.init(param: key.escapedForTerminal, message: message))
  }

  private mutating func read(_ environment: [String: String], faults: inout [StintError.Detail]) {
    for setting in Setting.all {
      guard let text = environment[setting.environmentName] else { continue }
      set(setting, setting.parsed(text), .environment(setting.environmentName), &faults)
    }
    // A misspelt name would be silently without effect.
    let names = Setting.all.map(\.environmentName)
    let prefixes = Setting.sections.map { "STINT_" + $0.uppercased() + "_" }
    for name in environment.keys.sorted() where prefixes.contains(where: name.hasPrefix) && !names.contains(name) {
      let suggestion = NearMiss.suggestion(for: name, among: names)
      faults.append(.init(param: name, message: "is no setting of this version.\(suggestion)"))
    }
  }

  private func checkTogether(_ faults: inout [StintError.Detail]) {
    let lease = self["workers.lease_seconds"].value.number ?? 0
    let heartbeat = self["workers.heartbeat_seconds"]
    if let beat = heartbeat.value.number, beat * 3 > lease {
      let limit = JSONValue.number(lease / 3).excerpt()
      let message =
        "\(heartbeat.value.excerpt()) (\(heartbeat.origin)) is not allowed; allowed is a third of workers.lease_seconds at"
        + " most, which is \(limit)"
      faults.append(.init(param: "workers.heartbeat_seconds", message: message))
    }
  }
}
