/// What happens when jobs of a type keep failing: another type takes over (SPEC §5).
public struct EscalationRule: Sendable, Hashable {
  /// The type that takes over.
  public var target: String
  /// How many counted failures are retried before it does; nil leaves that to the job's own retries.
  public var retriesBefore: Int?
  /// The params of the new job, with `${params.NAME}` standing for those of the failed one; nil hands them on as they
  /// are.
  public var params: [JSONMember]?
  /// Only failures of these kinds; nil is all that can escalate.
  public var errorTypes: Set<JobError.Kind>?
  /// While so many failures of the type stand within a time, the next one escalates at once.
  public var window: Window?

  /// A number of failures within a time.
  public struct Window: Sendable, Hashable {
    /// How many.
    public let failures: Int
    /// Within this time.
    public let within: Duration

    /// `failures` within a time.
    public init(failures: Int, within: Duration) {
      self.failures = failures
      self.within = within
    }
  }

  /// A rule by which `target` takes over.
  public init(
    _ target: String, retriesBefore: Int? = nil, params: [JSONMember]? = nil,
    errorTypes: Set<JobError.Kind>? = nil, window: Window? = nil
  ) {
    self.target = target
    self.retriesBefore = retriesBefore
    self.params = params
    self.errorTypes = errorTypes
    self.window = window
  }

  /// The params of the new job.
  func params(for job: Job) -> RawJSON {
    guard let params else { return job.spec.params }
    let given = (try? job.spec.params.parsed().object) ?? []
    let mapped = params.compactMap { member -> JSONMember? in
      ParamTemplate.fill(member.value, from: given).map { JSONMember(member.key, $0) }
    }
    return RawJSON(.object(mapped))
  }
}

/// A rule, ready to be used on one failing job: what ``Lifecycle`` needs to make the new one.
public struct Escalation: Sendable, Hashable {
  /// The rule.
  public let rule: EscalationRule
  /// The type that takes over: its retries and clocks are the new job's.
  public let target: JobType
  /// The identity that the new job would have.
  public let id: JobID
  /// Whether the rule's window is full: the next failure escalates at once.
  public let isAtOnce: Bool

  /// A rule with what it needs.
  public init(_ rule: EscalationRule, target: JobType, id: JobID, isAtOnce: Bool = false) {
    self.rule = rule
    self.target = target
    self.id = id
    self.isAtOnce = isAtOnce
  }

  /// The job that takes over from `failed`.
  func job(for failed: Job, at: Timestamp) -> Job {
    let old = failed.spec
    // What is handed on stays as secret as it was: as it is, or within what a rule makes of it.
    let handed =
      old.secretParams.isEmpty
      ? []
      : rule.params.map { params in
        params.filter { ParamTemplate.names(in: $0.value).contains(where: old.secretParams.contains) }.map(\.key)
      } ?? old.secretParams
    let spec = JobSpec(
      id: id, type: target.name, queue: old.queue, priority: old.priority, params: rule.params(for: failed),
      maxRetries: target.maxRetries ?? RetryPolicy.presets[0].maxRetries, retry: target.retry ?? .standard,
      timeout: target.timeout, stallTimeout: target.stallTimeout, tags: old.tags, metadata: old.metadata,
      owner: old.owner, createdAt: at, submittedBy: Actor(name: "stint", origin: "escalation"),
      escalatedFrom: old.id,
      secretParams: handed.isEmpty ? target.secretParams : Set(target.secretParams + handed).sorted())
    return Job(spec: spec, state: JobState(status: .pending, revision: 0, runAt: at))
  }
}

/// The rules of all types, checked against each other.
public struct Escalations: Sendable, Hashable {
  /// By the failing type's name.
  public let rules: [String: EscalationRule]
  /// The types that take over, by name.
  private let targets: [String: JobType]
  /// What may be a mistake, and may be none: rules for types that nobody has made known yet.
  public let warnings: [StintError.Detail]

  /// No rules.
  public static let none = Escalations(rules: [:], targets: [:], warnings: [])

  private init(rules: [String: EscalationRule], targets: [String: JobType], warnings: [StintError.Detail]) {
    self.rules = rules
    self.targets = targets
    self.warnings = warnings
  }

  /// Rules by type, checked. The failing type may be one that `types` does not know: workers of other programs make
  /// theirs known later. That is among the ``warnings``.
  ///
  /// - Throws: ``StintError`` of kind `invalid_params`, naming every fault: a type to take over that does not exist, a
  ///   loop, params that the target does not take or may not get, a number out of range.
  public init(_ rules: [String: EscalationRule], types: JobTypes, allowsLocalOnly: Bool = false) throws(StintError) {
    var named: [String: EscalationRule] = [:]
    var targets: [String: JobType] = [:]
    var faults: [StintError.Detail] = []
    var warnings: [StintError.Detail] = []
    for (name, rule) in rules.sorted(by: { $0.key < $1.key }) {
      let key = "escalation.\(name)"
      if !Name.isLegal(name) {
        faults.append(.init(param: key, message: "is no job type's name: a name is \(Name.rule)"))
      } else if types[name] == nil {
        let suggestion = NearMiss.suggestion(for: name, among: types.all.map(\.name))
        let message = "no job type of this name is known here: the rule waits for workers that have it.\(suggestion)"
        warnings.append(.init(param: key, message: message))
      }
      named[types[name]?.name ?? name] = rule
      guard let target = types[rule.target] else {
        faults.append(.init(param: "\(key).on_failure", message: types.unknown(rule.target).message))
        continue
      }
      targets[rule.target] = target
      if target.isLocalOnly, !allowsLocalOnly {
        faults.append(
          .init(param: "\(key).on_failure", message: "\(target.name) may not be reached from outside: allow it first"))
      }
      if let retries = rule.retriesBefore, !(0...10_000).contains(retries) {
        let message = "\(retries): allowed is 0 to 10000"
        faults.append(.init(param: "\(key).max_retries_before_escalation", message: message))
      }
      faults += EscalationCheck(key: key, source: types[name], target: target).faults(rule)
    }
    for (name, rule) in named.sorted(by: { $0.key < $1.key }) {
      var path = [name]
      var next = types[rule.target]?.name ?? rule.target
      while !path.contains(next), let further = named[next] {
        path.append(next)
        next = types[further.target]?.name ?? further.target
      }
      guard path.first == next else { continue }
      let loop = (path + [next]).joined(separator: " → ")
      faults.append(.init(param: "escalation.\(name)", message: "is a loop: \(loop)"))
    }
    guard faults.isEmpty else { throw StintError.invalid("Invalid escalation", faults) }
    self.init(rules: named, targets: targets, warnings: warnings)
  }

  /// The rule for a job of this type; nil where there is none.
  public func rule(for type: String) -> EscalationRule? { rules.isEmpty ? nil : rules[type] }

  /// The rule for a failing job, ready to be used; nil where its type has none.
  public func escalation(for job: Job, id: @autoclosure () -> JobID, isAtOnce: Bool = false) -> Escalation? {
    guard let rule = rule(for: job.spec.type), let target = targets[rule.target] else { return nil }
    return Escalation(rule, target: target, id: id(), isAtOnce: isAtOnce)
  }
}
