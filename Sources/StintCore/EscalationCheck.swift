/// Whether what a failed job has can be what the job that takes over gets.
struct EscalationCheck {
  /// Where the rule stands.
  let key: String
  /// The failing type; nil where it is not known yet.
  let source: JobType?
  let target: JobType

  /// What is wrong with a rule's params, or with those that are handed on where it has none.
  func faults(_ rule: EscalationRule) -> [StintError.Detail] {
    guard let params = rule.params else { return source.map { handedOnFaults($0) } ?? [] }
    var faults = params.flatMap { mappedFaults($0) }
    for param in target.params where param.isRequired && !params.contains(where: { $0.key == param.name }) {
      faults.append(.init(param: "\(key).params.\(param.name)", message: "is required by \(target.name)"))
    }
    return faults
  }

  private func fault(_ name: String, _ message: String) -> StintError.Detail {
    .init(param: "\(key).params.\(name)", message: message)
  }

  /// Without a mapping, what the failed job has must be something that the target takes.
  private func handedOnFaults(_ source: JobType) -> [StintError.Detail] {
    let taken = Dictionary(target.params.map { ($0.name, $0) }) { first, _ in first }
    let given = Set(source.params.map(\.name))
    let extra = target.allowsOtherParams ? [] : source.params.filter { taken[$0.name] == nil }
    let missing =
      source.allowsOtherParams ? [] : target.params.filter { $0.isRequired && !given.contains($0.name) }
    guard extra.isEmpty, missing.isEmpty else {
      let message = "\(target.name) takes other params than \(source.name): map them"
      return [.init(param: "\(key).params", message: message)]
    }
    return source.params.compactMap { param in
      guard let into = taken[param.name] else { return nil }
      if param.isSecret, !into.isSecret { return fault(param.name, "is secret, and \(target.name)'s is not") }
      return mismatch(param, into: into, as: "\(source.name)'s").map { fault(param.name, $0) }
    }
  }

  private func mappedFaults(_ member: JSONMember) -> [StintError.Detail] {
    let names = ParamTemplate.names(in: member.value)
    var faults = ParamTemplate.faults(in: member.value).map { fault(member.key, $0) }
    for name in names {
      if let source, !source.allowsOtherParams, param(name) == nil {
        faults.append(fault(member.key, "${params.\(name)}: \(source.name) has no such param"))
      }
    }
    let into = target.params.first { $0.name == member.key }
    if into?.isSecret != true, let secret = names.first(where: { param($0)?.isSecret ?? false }) {
      faults.append(fault(member.key, "${params.\(secret)} is secret, and this param is not"))
    }
    guard let into else {
      if !target.allowsOtherParams { faults.append(fault(member.key, "\(target.name) has no such param")) }
      return faults
    }
    let wrong = names.isEmpty ? into.fault(in: member.value) : filledFault(member.value, into: into)
    return faults + (wrong.map { [fault(member.key, $0)] } ?? [])
  }

  /// The failing type's param of that name.
  private func param(_ name: String) -> Param? { source?.params.first { $0.name == name } }

  /// Why what a value with placeholders in it becomes can never be taken, or may not be there; nil where nothing is
  /// known to be wrong. What its values are is checked when the job runs.
  private func filledFault(_ value: JSONValue, into: Param) -> String? {
    guard case .string(let text) = value, let name = ParamTemplate(text).only else {
      if let kind = kind(of: value), !kind.canBe(into.type) {
        return "\(value.excerpt()) becomes \(Param.article(kind)), expected \(Param.article(into.type))"
      }
      guard let elements = into.elements else { return nil }
      for (index, element) in (value.array ?? []).enumerated() {
        guard let kind = kind(of: element), !kind.canBe(elements) else { continue }
        return
          "element \(index), \(element.excerpt()), becomes \(Param.article(kind)), expected \(Param.article(elements))"
      }
      return nil
    }
    guard let from = param(name) else { return nil }
    return mismatch(from, into: into, as: "${params.\(name)}")
  }

  /// Why one param can not be handed on as another; nil where it can.
  private func mismatch(_ from: Param, into: Param, as shown: String) -> String? {
    guard from.type.canBe(into.type) else {
      return "\(shown) is \(Param.article(from.type)), expected \(Param.article(into.type))"
    }
    guard into.isRequired, !from.isRequired, from.defaultValue == nil else { return nil }
    return "is required by \(target.name), and \(shown) may be missing: \(source?.name ?? "the job") can do without it"
  }

  /// What a value becomes once it is filled in; nil where that is not known.
  private func kind(of value: JSONValue) -> Param.Kind? {
    guard case .string(let text) = value else {
      return Param.Kind.allCases.first { $0 != .path && $0.fits(value) }
    }
    guard let name = ParamTemplate(text).only else { return .string }
    return param(name)?.type
  }
}

extension Param.Kind {
  /// Whether some value of this kind is one of the other.
  func canBe(_ other: Param.Kind) -> Bool {
    switch (self, other) {
    case (.integer, .number), (.number, .integer), (.string, .path), (.path, .string): true
    default: self == other
    }
  }
}
