/// One parameter of a job type: what is allowed, and what a form shows.
public struct Param: Sendable, Hashable {
  /// What a value may be.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A whole number.
    case integer
    /// Any number.
    case number
    /// Text.
    case string
    /// `true` or `false`.
    case boolean
    /// A list.
    case array
    /// An object.
    case object
    /// A file's path beneath a root.
    case path
  }

  /// The key in `params`.
  public let name: String
  /// What a value may be.
  public var type: Kind
  /// Whether a submission must give it.
  public var isRequired: Bool
  /// The value where a submission gives none.
  public var defaultValue: JSONValue?
  /// The smallest number, or the fewest characters.
  public var min: Double?
  /// The largest number, or the most characters.
  public var max: Double?
  /// The most elements of a list.
  public var maxItems: Int?
  /// The fewest elements of a list.
  public var minItems: Int?
  /// What each element of a list may be; nil for anything.
  public var elements: Kind?
  /// The only values allowed.
  public var choices: [JSONValue]?
  /// Whether the value is shown as `***`.
  public var isSecret: Bool
  /// What it is for.
  public var description: String
  /// What a value must look like beyond its type, where it goes to a process or names a file.
  public var form: Form?

  /// A parameter from its parts.
  public init(
    _ name: String, _ type: Kind, required: Bool = false, default defaultValue: JSONValue? = nil, min: Double? = nil,
    max: Double? = nil, minItems: Int? = nil, maxItems: Int? = nil, choices: [JSONValue]? = nil, secret: Bool = false,
    description: String = "", form: Form? = nil
  ) {
    self.name = name
    self.type = type
    self.isRequired = required
    self.defaultValue = defaultValue
    self.min = min
    self.max = max
    self.minItems = minItems
    self.maxItems = maxItems
    self.choices = choices
    self.isSecret = secret
    self.description = description
    self.form = form
  }

  /// It as people may see it: of a secret one neither default nor choices.
  public var published: Param {
    guard isSecret else { return self }
    var param = self
    (param.defaultValue, param.choices) = (nil, nil)
    return param
  }

  /// What is wrong with `value`, naming it and what is allowed; nil if nothing.
  /// A secret value is never repeated.
  public func fault(in value: JSONValue) -> String? {
    let given = isSecret ? "***" : value.excerpt()
    guard type.fits(value) else { return "\(given) is \(value.kind), expected \(Self.article(type))" }
    if let choices, !choices.contains(value) {
      let allowed = isSecret ? "the values allowed" : choices.map { $0.excerpt() }.joined(separator: ", ")
      return "\(given) is not one of \(allowed)"
    }
    if let number = value.number, !inRange(number) { return "\(given) is out of range, allowed is \(rangeText)" }
    if let text = value.string, !inRange(Double(text.count)) {
      return "\(given) has \(text.count) characters, allowed are \(rangeText)"
    }
    if let count = value.array?.count, count > maxItems ?? .max || count < minItems ?? 0 {
      return "\(count) elements, allowed are \(minItems ?? 0) to \(maxItems.map(String.init) ?? "any number")"
    }
    if let elements, let wrong = value.array?.enumerated().first(where: { !elements.fits($0.element) }) {
      let element = wrong.element
      return
        "element \(wrong.offset), \(isSecret ? "***" : element.excerpt()), is \(element.kind), expected \(Self.article(elements))"
    }
    return form?.fault(in: value, given: given)
  }

  private func inRange(_ number: Double) -> Bool {
    number >= min ?? -.infinity && number <= max ?? .infinity
  }

  private var rangeText: String {
    func text(_ bound: Double) -> String { JSONValue.number(bound).excerpt() }
    switch (min, max) {
    case (let min?, let max?): return "\(text(min)) to \(text(max))"
    case (let min?, nil): return "\(text(min)) or more"
    case (nil, let max?): return "\(text(max)) or less"
    case (nil, nil): return "any"
    }
  }

  static func article(_ type: Kind) -> String {
    type == .integer || type == .array || type == .object ? "an \(type.rawValue)" : "a \(type.rawValue)"
  }
}

/// A kind of work: a name, what it is for, and the params it takes. The handler itself is the engine's.
public struct JobType: Sendable, Hashable {
  /// The name submissions give.
  public let name: String
  /// What it does.
  public var description: String
  /// What it takes.
  public var params: [Param]
  /// Whether params that are not named in ``params`` are let through.
  public var allowsOtherParams: Bool
  /// Other names for it, for jobs submitted before it was renamed.
  public var aliases: [String]
  /// Retries where the submission names none.
  public var maxRetries: Int?
  /// Delays where the submission names none.
  public var retry: RetryPolicy?
  /// The attempt's timeout where the submission names none.
  public var timeout: Duration?
  /// The attempt's stall timeout where the submission names none.
  public var stallTimeout: Duration?
  /// Whether it is closed to those who come from outside (``Actor/isRemote``), unless that is configured.
  public var isLocalOnly: Bool

  /// The type that runs any command.
  public static let exec = "exec"

  /// A job type from its parts.
  public init(
    name: String, description: String = "", params: [Param] = [], allowsOtherParams: Bool = false,
    aliases: [String] = [], maxRetries: Int? = nil, retry: RetryPolicy? = nil, timeout: Duration? = nil,
    stallTimeout: Duration? = nil, localOnly: Bool = false
  ) {
    self.name = name
    self.description = description
    self.params = params
    self.allowsOtherParams = allowsOtherParams
    self.aliases = aliases
    self.maxRetries = maxRetries
    self.retry = retry
    self.timeout = timeout
    self.stallTimeout = stallTimeout
    self.isLocalOnly = localOnly
  }

  /// The names of its secret params; no list is made where there is none, as with most types.
  public var secretParams: [String] { params.lazy.filter(\.isSecret).map(\.name) }

  /// `params` with defaults filled in, and every fault.
  public func check(_ params: [JSONMember]) -> (params: [JSONMember], faults: [StintError.Detail]) {
    var checked: [JSONMember] = []
    var faults: [StintError.Detail] = []
    for param in self.params {
      let given = params.first { $0.key == param.name }?.value
      if let value = given, value != .null || param.isRequired {
        if let fault = param.fault(in: value) {
          faults.append(.init(param: param.name, message: fault))
        } else {
          checked.append(JSONMember(param.name, value))
        }
      } else if let value = param.defaultValue {
        checked.append(JSONMember(param.name, value))
      } else if param.isRequired {
        faults.append(.init(param: param.name, message: "is required"))
      }
    }
    for param in self.params {
      guard case .laterArgument? = param.form, let value = checked.first(where: { $0.key == param.name })?.value,
        let fault = param.form?.fault(in: value, given: param.isSecret ? "***" : value.excerpt(), among: checked)
      else { continue }
      faults.append(.init(param: param.name, message: fault))
    }
    let known = Set(self.params.map(\.name))
    for member in params where !known.contains(member.key) {
      if allowsOtherParams {
        checked.append(member)
      } else {
        let names =
          self.params.isEmpty ? "\(name) takes none" : "allowed: " + self.params.map(\.name).joined(separator: ", ")
        faults.append(.init(param: member.key, message: "unknown param; \(names)"))
      }
    }
    return (checked, faults)
  }
}

extension JobType {
  /// A type of which nothing but its name is known: it takes any params.
  package static func undescribed(_ name: String) -> JobType { JobType(name: name, allowsOtherParams: true) }

  /// Whether nothing but its name is known.
  package var isUndescribed: Bool { self == .undescribed(name) }

  /// The type with these params secret too.
  package func hiding(_ names: [String]) -> JobType {
    if names.isEmpty { return self }
    var type = self
    for index in type.params.indices where names.contains(type.params[index].name) {
      type.params[index].isSecret = true
    }
    return type
  }
}

/// The job types that are known, by name and alias.
public struct JobTypes: Sendable {
  /// All of them, by name.
  public private(set) var all: [JobType] = []
  private var index: [String: Int] = [:]

  /// A collection of types; of two with one name the later one stays.
  public init(_ types: [JobType] = []) {
    for type in types { add(type) }
  }

  /// Adds a type, or replaces the one of that name.
  public mutating func add(_ type: JobType) {
    if let position = index[type.name], all[position].name == type.name {
      all[position] = type
    } else {
      all.append(type)
      index[type.name] = all.count - 1
    }
    for alias in type.aliases where index[alias] == nil { index[alias] = index[type.name] }
  }

  /// The type of a name or alias.
  public subscript(name: String) -> JobType? { index[name].map { all[$0] } }

  /// "Unknown job type", with the nearest name and all names.
  public func unknown(_ name: String) -> StintError {
    let names = all.map(\.name).sorted()
    let suggestion = NearMiss.suggestion(for: name, among: names)
    let shown = JSONValue.string(name).excerpt()
    return StintError(
      .unknownType, "Unknown job type \(shown).\(suggestion) Known: \(names.joined(separator: ", "))")
  }
}

extension Param.Kind {
  /// Whether a value is of this kind.
  func fits(_ value: JSONValue) -> Bool {
    switch self {
    case .integer: value.integer != nil
    case .number: value.number != nil
    case .string, .path: value.string != nil
    case .boolean: value.bool != nil
    case .array: value.array != nil
    case .object: value.object != nil
    }
  }
}
