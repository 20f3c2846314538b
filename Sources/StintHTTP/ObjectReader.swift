import StintCore

/// Reads the members of a JSON object and collects every fault. A member that is `null` is one that is not given.
struct ObjectReader {
  private let members: [JSONMember]
  private let prefix: String
  private(set) var faults: [StintError.Detail] = []

  /// A reader of an object that may have these keys; `prefix` is where it stands in the body, such as `job_types.0.`.
  init(_ json: JSONValue, keys: [String], prefix: String = "") {
    self.prefix = prefix
    members = (json.object ?? []).filter { $0.value != .null }
    if json.object == nil {
      let place = prefix.isEmpty ? "body" : String(prefix.dropLast())
      faults.append(.init(param: place, message: "\(json.excerpt()) is \(json.kind), expected an object"))
    }
    // `null` or not, what nobody knows is a mistake.
    for member in json.object ?? [] where !keys.contains(member.key) {
      fault(member.key, "unknown; allowed: \(keys.joined(separator: ", "))")
    }
  }

  mutating func fault(_ key: String, _ message: String) { faults.append(.init(param: prefix + key, message: message)) }

  /// Takes over the faults of a reader of a part.
  mutating func add(_ others: [StintError.Detail]) { faults += others }

  /// Throws `invalid_params` naming every fault.
  func finish(_ subject: String) throws(StintError) {
    if !faults.isEmpty { throw StintError.invalid(subject, faults) }
  }

  func has(_ key: String) -> Bool { members.contains { $0.key == key } }

  /// Any value.
  func value(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  mutating func require(_ key: String) { if !has(key) { fault(key, "is required") } }

  mutating func text(_ key: String, _ length: ClosedRange<Int> = 0...Int.max) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { return wrong(key, value, "a string") }
    guard length.contains(text.unicodeScalars.count) else {
      fault(key, "\(text.unicodeScalars.count) characters, allowed are \(length.lowerBound) to \(length.upperBound)")
      return nil
    }
    return text
  }

  mutating func name(_ key: String) -> String? {
    guard let text = text(key) else { return nil }
    guard Name.isLegal(text) else {
      fault(key, "\(JSONValue.string(text).excerpt()) is no name: \(Name.rule)")
      return nil
    }
    return text
  }

  mutating func integer(_ key: String, _ range: ClosedRange<Int64>) -> Int? {
    guard let value = value(key) else { return nil }
    guard let integer = value.integer else { return wrong(key, value, "an integer") }
    guard range.contains(integer) else {
      fault(key, "\(value.excerpt()) is out of range, allowed is \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return Int(integer)
  }

  /// What a number may be that is not restricted.
  static let anyNumber = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude

  mutating func number(_ key: String, _ range: ClosedRange<Double> = anyNumber) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.number else { return wrong(key, value, "a number") }
    guard range.contains(number) else {
      let (low, high) = (JSONValue.number(range.lowerBound).excerpt(), JSONValue.number(range.upperBound).excerpt())
      fault(key, "\(value.excerpt()) is out of range, allowed is \(low) to \(high)")
      return nil
    }
    return number
  }

  /// A duration in seconds.
  mutating func seconds(_ key: String, _ range: ClosedRange<Double>) -> Duration? {
    number(key, range).flatMap { Duration(seconds: $0) }
  }

  mutating func bool(_ key: String) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let bool = value.bool else { return wrong(key, value, "a boolean") }
    return bool
  }

  mutating func word<Word: RawRepresentable<String>>(_ key: String, of words: [Word]) -> Word? {
    guard let text = text(key) else { return nil }
    if let word = words.first(where: { $0.rawValue == text }) { return word }
    let all = words.map(\.rawValue).joined(separator: ", ")
    fault(key, "\(JSONValue.string(text).excerpt()) is none of \(all)")
    return nil
  }

  mutating func list(_ key: String, _ count: ClosedRange<Int>) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard let list = value.array else { return wrong(key, value, "an array") }
    guard count.contains(list.count) else {
      fault(key, "\(list.count) elements, allowed are \(count.lowerBound) to \(count.upperBound)")
      return nil
    }
    return list
  }

  mutating func texts(_ key: String, _ count: ClosedRange<Int>) -> [String]? {
    guard let list = list(key, count) else { return nil }
    var texts: [String] = []
    for (index, value) in list.enumerated() {
      if let text = value.string {
        texts.append(text)
      } else {
        fault("\(key).\(index)", "\(value.excerpt()) is \(value.kind), expected a string")
      }
    }
    return texts
  }

  mutating func names(_ key: String, _ count: ClosedRange<Int>) -> [String]? {
    guard let texts = texts(key, count) else { return nil }
    for (index, text) in texts.enumerated() where !Name.isLegal(text) {
      fault("\(key).\(index)", "\(JSONValue.string(text).excerpt()) is no name: \(Name.rule)")
    }
    return texts
  }

  private mutating func wrong<Value>(_ key: String, _ value: JSONValue, _ expected: String) -> Value? {
    fault(key, "\(value.excerpt()) is \(value.kind), expected \(expected)")
    return nil
  }
}
