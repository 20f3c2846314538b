/// A submission: what a user asks for, before it is checked.
public struct NewJob: Sendable, Hashable {
  /// The job type's name.
  public var type: String
  /// The params, as given.
  public var params: [JSONMember]
  /// The submitter's own id; nil lets Stint give one.
  public var id: String?
  /// The queue's name.
  public var queue = "default"
  /// How urgent it is.
  public var priority = Priority.normal
  /// Not before this instant.
  public var runAt: Timestamp?
  /// Not before this time from now has passed; at most one of it and ``runAt``.
  public var delay: Duration?
  /// The delays between attempts; nil takes the type's or the `default` preset's.
  public var retry: RetryPolicy?
  /// How many counted failures are followed by another attempt; nil takes the preset's or the type's, or 3.
  public var maxRetries: Int?
  /// The longest an attempt may take.
  public var timeout: Duration?
  /// The longest an attempt may show no sign of life.
  public var stallTimeout: Duration?
  /// The longest it may wait once due.
  public var startWithin: Duration?
  /// The instant by which it must be over.
  public var deadline: Timestamp?
  /// Labels to filter by.
  public var tags: [String: String] = [:]
  /// A JSON object kept with the job.
  public var metadata: JSONValue = .object([])
  /// Whose job it is.
  public var owner: String?
  /// Lets a type through that no worker has published yet; its params are then not checked.
  public var allowsUnknownType = false
  /// What could not be read of the JSON that it comes from; said with all else that is wrong when it is submitted.
  public internal(set) var unread: [StintError.Detail] = []

  /// A submission of `type` with `params`, all else at its default.
  public init(_ type: String, params: [JSONMember] = []) {
    self.type = type
    self.params = params
  }

  /// A submission of `type` with `params`, all else at its default.
  public init(_ type: String, params: KeyValuePairs<String, JSONValue>) {
    self.init(type, params: params.map { JSONMember($0.key, $0.value) })
  }

  /// The job this becomes, or one error that names every fault.
  ///
  /// - Parameters:
  ///   - by: who submits it.
  ///   - types: what is known; the params are checked against the type's and its defaults filled in.
  ///   - id: the identity where the submitter gave none.
  ///   - at: the time of submission.
  /// - Throws: ``StintError`` of kind `unknown_type`, `invalid_params` or `too_large`.
  public func checked(
    against types: JobTypes, limits: Limits, id newID: JobID, at: Timestamp, by actor: Actor
  ) throws(StintError) -> Job {
    func isUnread(_ key: String) -> Bool { unread.contains { $0.param == key } }
    guard !isUnread("type") else {
      throw StintError.invalid("Invalid submission", unread + optionFaults(limits: limits, at: at))
    }
    let type = types[self.type]
    guard type != nil || (allowsUnknownType && Name.isLegal(self.type)) else { throw types.unknown(self.type) }
    var faults = unread + optionFaults(limits: limits, at: at)
    var params = self.params
    if let type, !isUnread("params") {
      let checked = type.check(self.params)
      params = checked.params
      faults += checked.faults
    }
    var jobID = newID
    if let text = self.id {
      if let given = JobID(text) {
        jobID = given
      } else {
        faults.append(.init(param: "id", message: "\(JSONValue.string(text).excerpt()): an id is \(Name.rule)"))
      }
    }
    guard faults.isEmpty else { throw StintError.invalid("Invalid submission of \(self.type)", faults) }
    let raw = RawJSON(.object(params))
    guard raw.bytes.count <= limits.paramsBytes else {
      throw StintError(
        .tooLarge, "The params of \(self.type) are \(raw.bytes.count) bytes; allowed are \(limits.paramsBytes)")
    }
    return job(id: jobID, type: type, params: raw, at: at, by: actor)
  }

  private func job(id: JobID, type: JobType?, params: RawJSON, at: Timestamp, by actor: Actor) -> Job {
    let spec = JobSpec(
      id: id, type: type?.name ?? self.type, queue: queue, priority: priority, params: params,
      maxRetries: maxRetries ?? type?.maxRetries ?? RetryPolicy.presets[0].maxRetries,
      retry: retry ?? type?.retry ?? .standard, timeout: timeout ?? type?.timeout,
      stallTimeout: stallTimeout ?? type?.stallTimeout,
      tags: tags, metadata: RawJSON(metadata), owner: owner, createdAt: at, submittedBy: actor,
      secretParams: type?.secretParams ?? [])
    let due = max(at, runAt ?? delay.map { at + $0 } ?? at)
    var state = JobState(status: due > at ? .scheduled : .pending, revision: 0, runAt: due)
    state.startWithin = startWithin
    state.deadlineAt = deadline
    return Job(spec: spec, state: state)
  }

  private func optionFaults(limits: Limits, at: Timestamp) -> [StintError.Detail] {
    var faults: [StintError.Detail] = []
    func fault(_ param: String, _ message: String) { faults.append(.init(param: param, message: message)) }
    func name(_ param: String, _ value: String?) {
      if let value, !Name.isLegal(value) {
        fault(param, "\(JSONValue.string(value).excerpt()): a name is \(Name.rule)")
      }
    }
    func positive(_ param: String, _ value: Duration?) {
      if let value, value <= .zero { fault(param, "\(value.seconds) s must be more than 0") }
    }
    name("queue", queue)
    name("owner", owner)
    if runAt != nil, delay != nil { fault("delay", "give either run_at or delay, not both") }
    if let delay, delay < .zero { fault("delay", "\(delay.seconds) s must be 0 or more") }
    if let maxRetries, !(0...10_000).contains(maxRetries) {
      fault("max_retries", "\(maxRetries): allowed is 0 to 10000")
    }
    positive("timeout_seconds", timeout)
    positive("stall_timeout_seconds", stallTimeout)
    positive("start_within_seconds", startWithin)
    if let deadline, deadline <= at { fault("deadline", "\(deadline.iso8601) has passed") }
    if tags.count > limits.tags { fault("tags", "\(tags.count) tags; allowed are \(limits.tags)") }
    for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
      if key.isEmpty || key.count > limits.tagCharacters || value.count > limits.tagCharacters {
        let shown = JSONValue.string(key).excerpt()
        fault("tags", "\(shown): key and value are \(limits.tagCharacters) characters at most, the key at least 1")
      }
    }
    let metadataBytes = RawJSON(metadata).bytes.count
    if metadata.object == nil {
      fault("metadata", "\(metadata.excerpt()) is \(metadata.kind), expected an object")
    } else if metadataBytes > limits.metadataBytes {
      fault("metadata", "\(metadataBytes) bytes; allowed are \(limits.metadataBytes)")
    }
    if let retry { faults += retry.faults }
    return faults
  }
}

extension RetryPolicy {
  /// What is out of range.
  public var faults: [StintError.Detail] {
    var faults: [StintError.Detail] = []
    if base < .zero || base > .seconds(86_400 * 365) {
      faults.append(.init(param: "retry.base_seconds", message: "\(base.seconds): allowed is 0 to one year"))
    }
    if maxDelay < .zero || maxDelay > .seconds(86_400 * 365) {
      faults.append(.init(param: "retry.max_delay_seconds", message: "\(maxDelay.seconds): allowed is 0 to one year"))
    }
    if !(0...1).contains(jitter) {
      faults.append(.init(param: "retry.jitter", message: "\(jitter): allowed is 0 to 1"))
    }
    return faults
  }
}
