import StintCore

/// Derives a job type's params from a type's `Codable` conformance: decodes it from a decoder that answers every
/// question with a harmless value and keeps a record of what was asked.
enum ParamDerivation {
  /// The job type of `work`. Throws ``StintError`` of kind `invalid_params` where the name is illegal, a rule names no
  /// property, or a property can not be probed.
  static func jobType<Work: JobHandler>(of work: Work.Type) throws(StintError) -> JobType {
    guard Name.isLegal(Work.jobType) else {
      throw StintError(.invalidParams, "\(Work.self).jobType \"\(Work.jobType)\": a name is \(Name.rule)")
    }
    let record = Record()
    do {
      _ = try Work(from: ProbeDecoder(record: record, codingPath: []))
    } catch {
      throw StintError(
        .invalidParams,
        "The params of \(Work.self) can not be derived (\(error)). Give a type that decodes from any value, "
          + "or use Handler(_:run:) with params of your own.")
    }
    var params: [Param] = []
    for found in record.params {
      var param = found
      if let rule = Work.paramRules[param.name] { param.adopt(rule) }
      if let value = param.defaultValue, let fault = param.fault(in: value) {
        throw StintError(.invalidParams, "\(Work.self).\(param.name): its default \(fault)")
      }
      params.append(param)
    }
    for name in Work.paramRules.keys.sorted() where !params.contains(where: { $0.name == name }) {
      throw StintError(.invalidParams, "\(Work.self).paramRules has a rule for \"\(name)\", which is no property")
    }
    return JobType(
      name: Work.jobType, description: Work.summary, params: params, aliases: Work.options.aliases,
      maxRetries: Work.options.maxRetries, retry: Work.options.retry, timeout: Work.options.timeout)
  }

  /// What was asked for, in order.
  final class Record {
    var params: [Param] = []

    func add(
      _ name: String, _ type: Param.Kind, required: Bool, choices: [JSONValue]? = nil, elements: Param.Kind? = nil
    ) {
      guard !params.contains(where: { $0.name == name }) else { return }
      var param = Param(name, type, required: required, choices: choices)
      param.elements = elements
      params.append(param)
    }
  }
}

extension Param {
  fileprivate mutating func adopt(_ rule: ParamRule) {
    defaultValue = rule.defaultValue
    if rule.defaultValue != nil { isRequired = false }
    (min, max, minItems, maxItems) = (rule.min, rule.max, rule.minItems, rule.maxItems)
    if let choices = rule.choices { self.choices = choices }
    isSecret = rule.isSecret
    description = rule.description
  }
}

private struct ProbeDecoder: Decoder {
  let record: ParamDerivation.Record?
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(ProbeKeyed<Key>(record: record, codingPath: codingPath))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { ProbeUnkeyed(codingPath: codingPath) }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { ProbeSingle(codingPath: codingPath) }
}

/// What a type is on the wire, and a value of it that decodes.
private enum Probe {
  static func kind<T>(of type: T.Type) -> Param.Kind {
    if type == Bool.self { return .boolean }
    if type is any BinaryInteger.Type { return .integer }
    if type is any BinaryFloatingPoint.Type { return .number }
    if type == String.self { return .string }
    if type is any RawRepresentable.Type, let raw = rawKind(of: type) { return raw }
    if type is any ProbeList.Type { return .array }
    // Dates and URLs travel as text or numbers; what they accept is known only when they decode.
    let name = String(reflecting: type)
    if name.hasSuffix(".URL") || name.hasSuffix(".UUID") { return .string }
    if name.hasSuffix(".Date") || name.hasSuffix(".Decimal") { return .number }
    return .object
  }

  /// What a plain type is on the wire; nil where only decoding can tell.
  static func certainKind<T>(of type: T.Type) -> Param.Kind? {
    if type == Bool.self { return .boolean }
    if type is any BinaryInteger.Type { return .integer }
    if type is any BinaryFloatingPoint.Type { return .number }
    return type == String.self ? .string : nil
  }

  private static func rawKind(of type: Any.Type) -> Param.Kind? {
    func raw<R: RawRepresentable>(_: R.Type) -> Param.Kind { kind(of: R.RawValue.self) }
    guard let type = type as? any RawRepresentable.Type else { return nil }
    return raw(type)
  }

  static func choices(of type: Any.Type) -> [JSONValue]? {
    func all<C: CaseIterable>(_: C.Type) -> [Any] { Array(C.allCases) }
    guard let cases = type as? any CaseIterable.Type else { return nil }
    let values = all(cases).compactMap { element -> JSONValue? in
      guard let element = element as? any RawRepresentable else { return nil }
      if let text = element.rawValue as? String { return .string(text) }
      if let number = element.rawValue as? any BinaryInteger { return Int64(exactly: number).map { .integer($0) } }
      return nil
    }
    return values.isEmpty ? nil : values
  }

  static func value<T: Decodable>(of type: T.Type, path: [any CodingKey]) throws -> T {
    func first<C: CaseIterable>(_: C.Type) -> Any? { C.allCases.first }
    if let cases = type as? any CaseIterable.Type, let value = first(cases) as? T { return value }
    if let integer = (type as? any BinaryInteger.Type).map({ $0.init(0) }) as? T { return integer }
    if let number = (type as? any BinaryFloatingPoint.Type).map({ $0.init(0) }) as? T { return number }
    if let text = "" as? T { return text }
    if let flag = false as? T { return flag }
    return try T(from: ProbeDecoder(record: nil, codingPath: path))
  }
}

private protocol ProbeList {
  static var elementKind: Param.Kind? { get }
}

extension Array: ProbeList {
  fileprivate static var elementKind: Param.Kind? { Probe.certainKind(of: Element.self) }
}

extension Set: ProbeList {
  fileprivate static var elementKind: Param.Kind? { Probe.certainKind(of: Element.self) }
}

private struct ProbeKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let record: ParamDerivation.Record?
  let codingPath: [any CodingKey]
  var allKeys: [Key] { [] }

  func contains(_ key: Key) -> Bool { true }
  func decodeNil(forKey key: Key) throws -> Bool { false }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    note(type, key, required: true)
    return try Probe.value(of: type, path: codingPath + [key])
  }

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    note(type, key, required: false)
    return nil
  }

  // The defaults of these forward to `decode` after `contains`, which would record an optional as required.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { optional(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { optional(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { optional(type, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { optional(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { optional(type, key) }
  func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { optional(type, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { optional(type, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { optional(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { optional(type, key) }
  func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { optional(type, key) }
  func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { optional(type, key) }
  func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { optional(type, key) }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { optional(type, key) }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { optional(type, key) }

  private func optional<T>(_ type: T.Type, _ key: Key) -> T? {
    note(type, key, required: false)
    return nil
  }

  private func note<T>(_ type: T.Type, _ key: Key, required: Bool) {
    record?.add(
      key.stringValue, Probe.kind(of: type), required: required, choices: Probe.choices(of: type),
      elements: (type as? any ProbeList.Type)?.elementKind)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    record?.add(key.stringValue, .object, required: true)
    return KeyedDecodingContainer(ProbeKeyed<NestedKey>(record: nil, codingPath: codingPath + [key]))
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    record?.add(key.stringValue, .array, required: true)
    return ProbeUnkeyed(codingPath: codingPath + [key])
  }

  func superDecoder() throws -> any Decoder { ProbeDecoder(record: nil, codingPath: codingPath) }
  func superDecoder(forKey key: Key) throws -> any Decoder { ProbeDecoder(record: nil, codingPath: codingPath + [key]) }
}

/// An empty list.
private struct ProbeUnkeyed: UnkeyedDecodingContainer {
  let codingPath: [any CodingKey]
  var count: Int? { 0 }
  var isAtEnd: Bool { true }
  var currentIndex: Int { 0 }

  private var ended: DecodingError {
    .valueNotFound(Any.self, .init(codingPath: codingPath, debugDescription: "the probe's lists are empty"))
  }
  func decodeNil() throws -> Bool { throw ended }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { throw ended }
  func nestedContainer<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> { throw ended }
  func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw ended }
  func superDecoder() throws -> any Decoder { throw ended }
}

private struct ProbeSingle: SingleValueDecodingContainer {
  let codingPath: [any CodingKey]
  func decodeNil() -> Bool { false }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try Probe.value(of: type, path: codingPath) }
}
