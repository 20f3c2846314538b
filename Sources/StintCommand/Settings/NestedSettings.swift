import StintCore
import StintStore

/// Reads the members of a part of the configuration, and keeps what is wrong with each.
private struct MemberReader {
  let place: String
  private let members: [JSONMember]
  private(set) var faults: [StintError.Detail] = []

  /// The members of `value`; nil, with a fault in `faults`, where it is no object.
  init?(_ value: JSONValue, at place: String, faults: inout [StintError.Detail]) {
    guard let members = value.object else {
      faults.append(.init(param: place, message: "\(value.excerpt()) is \(value.kind), expected are keys and values"))
      return nil
    }
    self.place = place
    self.members = members
  }

  /// The value of a key; nil where it is not there, null, or not what `read` takes: then that is a fault.
  mutating func take<Value>(_ key: String, allowed: String, _ read: (JSONValue) -> Value?) -> Value? {
    guard let given = members.first(where: { $0.key == key })?.value, given != .null else { return nil }
    if let value = read(given) { return value }
    fault(key, "\(given.excerpt()) is not allowed; allowed is \(allowed)")
    return nil
  }

  /// Faults for keys that do not exist, or not yet.
  mutating func refuseOthers(than keys: [String], unavailable: [String] = []) {
    for member in members where !keys.contains(member.key) {
      if unavailable.contains(member.key) {
        fault(member.key, "is not available in this version of Stint")
      } else {
        let suggestion = NearMiss.suggestion(for: member.key, among: keys)
        fault(member.key, "is no setting.\(suggestion) Allowed: \(keys.joined(separator: ", "))")
      }
    }
  }

  mutating func fault(_ key: String, _ message: String) {
    faults.append(.init(param: "\(place).\(key)", message: message))
  }
}

/// The setting `queues`: rules of queues, by name.
enum QueueSettings {
  /// Keys of a queue that belong to features this version does not have.
  static let unavailable = ["concurrency", "rate", "aging_seconds"]
  /// How many jobs a queue may be allowed to hold.
  static let waiting: ClosedRange<Int64> = 1...1_000_000_000

  /// The rules, and what is wrong with them.
  static func read(_ value: JSONValue) -> (queues: [QueueRecord], faults: [StintError.Detail]) {
    var queues: [QueueRecord] = []
    var faults: [StintError.Detail] = []
    for member in value.object ?? [] {
      guard Name.isLegal(member.key) else {
        faults.append(.init(param: member.key, message: "is no queue's name: a name is \(Name.rule)"))
        continue
      }
      guard member.value != .null else { continue }
      guard var reader = MemberReader(member.value, at: member.key, faults: &faults) else { continue }
      let allowed = "a whole number, \(waiting.lowerBound) to \(waiting.upperBound), or null for any number"
      let limit = reader.take("max_pending", allowed: allowed) { value in
        value.integer.flatMap { waiting.contains($0) ? Int($0) : nil }
      }
      reader.refuseOthers(than: ["max_pending"], unavailable: unavailable)
      faults += reader.faults
      queues.append(QueueRecord(name: member.key, maxPending: limit))
    }
    return (queues, faults)
  }
}

/// The setting `escalation`: rules by job type. Whether the types exist is checked where they are known.
enum EscalationSettings {
  /// The kinds of error that can escalate.
  static let kinds: [JobError.Kind] = [.handler, .timeout, .stalled, .poison]

  /// The rules, and what is wrong with them.
  static func read(_ value: JSONValue) -> (rules: [String: EscalationRule], faults: [StintError.Detail]) {
    var rules: [String: EscalationRule] = [:]
    var faults: [StintError.Detail] = []
    for member in value.object ?? [] {
      guard var reader = MemberReader(member.value, at: member.key, faults: &faults) else { continue }
      let target = reader.take("on_failure", allowed: "a job type's name") {
        $0.string.flatMap { $0.isEmpty ? nil : $0 }
      }
      var rule = EscalationRule(target ?? "")
      rule.retriesBefore = reader.take("max_retries_before_escalation", allowed: "a whole number, 0 to 10000") {
        value in
        value.integer.flatMap { (0...10_000).contains($0) ? Int($0) : nil }
      }
      rule.params = reader.take("params", allowed: "params of the new job, with ${params.NAME} for those of the old") {
        $0.object
      }
      let names = kinds.map(\.rawValue).joined(separator: ", ")
      rule.errorTypes = reader.take("error_types", allowed: "a list of some of \(names)") { value in
        let given = (value.array ?? []).map { $0.string.flatMap(JobError.Kind.init(rawValue:)) }
        guard !given.isEmpty, given.allSatisfy({ $0.map(kinds.contains) ?? false }) else { return nil }
        return Set(given.compactMap { $0 })
      }
      let window = reader.take("window", allowed: "{failures: n, seconds: s}") { value in
        value.object.map { JSONValue.object($0) }
      }
      if let window { rule.window = self.window(window, &reader) }
      reader.refuseOthers(
        than: ["on_failure", "max_retries_before_escalation", "params", "error_types", "window"])
      if target == nil, !reader.faults.contains(where: { $0.param.hasSuffix(".on_failure") }) {
        reader.fault("on_failure", "is required: the job type that takes over")
      }
      faults += reader.faults
      rules[member.key] = rule
    }
    return (rules, faults)
  }

  private static func window(_ value: JSONValue, _ reader: inout MemberReader) -> EscalationRule.Window? {
    var faults: [StintError.Detail] = []
    guard var inner = MemberReader(value, at: "window", faults: &faults) else { return nil }
    let failures = inner.take("failures", allowed: "a whole number, 1 to 10000") { value in
      value.integer.flatMap { (1...10_000).contains($0) ? Int($0) : nil }
    }
    let seconds = inner.take("seconds", allowed: "a number, 0.001 to 31536000") { value in
      value.number.flatMap { (0.001...31_536_000).contains($0) ? $0 : nil }
    }
    inner.refuseOthers(than: ["failures", "seconds"])
    for (key, isThere) in [("failures", failures != nil), ("seconds", seconds != nil)] {
      if !isThere, !inner.faults.contains(where: { $0.param == "window.\(key)" }) { inner.fault(key, "is required") }
    }
    for fault in inner.faults { reader.fault(fault.param, fault.message) }
    guard let failures, let within = seconds.flatMap({ Duration(seconds: $0) }) else { return nil }
    return EscalationRule.Window(failures: failures, within: within)
  }
}
