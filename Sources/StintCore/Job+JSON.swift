extension Job {
  /// How much of params and results goes along.
  public enum Extent: Sendable {
    /// All: one job alone.
    case whole
    /// Up to so many bytes each, else `null` and `"truncated": true`: lists and events.
    case inline(bytes: Int)
  }

  /// Writes the job as SPEC §3 shows it, with `***` in place of the params that were secret when it was submitted and
  /// of those named in `secrets`; nil hides nothing, for the worker that is to run it.
  public func write(to writer: inout JSONWriter, extent: Extent = .whole, secrets: Set<String>? = []) {
    let (params, result, truncated) = contents(extent: extent, secrets: secrets)
    writer.object { json in
      json.member("id", spec.id.text)
      json.member("type", spec.type)
      json.member("queue", spec.queue)
      json.member("status", state.status.rawValue)
      json.member("priority", spec.priority.rawValue)
      json.key("params")
      json.raw(params)
      json.key("progress")
      if let progress { progress.write(to: &json) } else { json.null() }
      json.member("attempt", Int64(state.attempt))
      json.member("retry_count", Int64(state.retryCount))
      json.member("losses", Int64(state.losses))
      json.member("max_retries", Int64(spec.maxRetries))
      json.key("retry")
      spec.retry.write(to: &json)
      json.member("timeout_seconds", spec.timeout)
      json.member("stall_timeout_seconds", spec.stallTimeout)
      json.member("start_within_seconds", state.startWithin)
      json.member("deadline_at", state.deadlineAt)
      json.key("depends_on")
      json.array { _ in }
      json.member("on_dependency_failure", "cancel")
      json.member("workflow_id", nil as String?)
      json.key("tags")
      json.object { tags in for (key, value) in spec.tags.sorted(by: { $0.key < $1.key }) { tags.member(key, value) } }
      json.key("metadata")
      json.raw(spec.metadata)
      json.member("unique_key", nil as String?)
      json.member("concurrency_key", nil as String?)
      json.member("owner", spec.owner)
      json.member("created_at", spec.createdAt)
      json.member("run_at", state.runAt)
      json.member("started_at", state.startedAt)
      json.member("completed_at", state.completedAt)
      json.member("next_retry_at", nextRetryAt)
      json.member("duration_seconds", duration)
      json.member("worker_id", state.workerID)
      json.member("cancel_requested_at", state.cancelRequestedAt)
      json.member("cancelled_by", state.cancelledBy)
      json.key("result")
      json.raw(result)
      json.key("error")
      if let error { error.write(to: &json) } else { json.null() }
      json.member("escalated_from", spec.escalatedFrom?.text)
      json.member("escalated_to", state.escalatedTo?.text)
      for key in ["schedule", "tick_at"] { json.member(key, nil as String?) }
      if truncated { json.member("truncated", true) }
    }
  }

  private func contents(extent: Extent, secrets: Set<String>?) -> (RawJSON?, RawJSON?, truncated: Bool) {
    var params: RawJSON? = spec.params
    var result = result
    var truncated = false
    if case .inline(let bytes) = extent {
      if spec.params.bytes.count > bytes { (params, truncated) = (nil, true) }
      if result?.bytes.count ?? 0 > bytes { (result, truncated) = (nil, true) }
    }
    if let secrets, params != nil { params = self.params(hiding: secrets) }
    return (params, result, truncated)
  }

  /// The params with `***` in place of those that were secret when it was submitted and of those named in `secrets`.
  public func params(hiding secrets: Set<String>) -> RawJSON {
    let stored = spec.secretParams
    guard !secrets.isEmpty || !stored.isEmpty, let members = try? spec.params.parsed().object else {
      return spec.params
    }
    return RawJSON(
      .object(
        members.map { member in
          let isSecret = secrets.contains(member.key) || stored.contains(member.key)
          return isSecret ? JSONMember(member.key, "***") : member
        }))
  }

  /// The job as JSON text; `secrets` as in ``write(to:extent:secrets:)``.
  public func json(extent: Extent = .whole, secrets: Set<String>? = []) -> RawJSON {
    var writer = JSONWriter(capacity: 1_200 + spec.params.bytes.count)
    write(to: &writer, extent: extent, secrets: secrets)
    return RawJSON(wellFormed: writer.bytes)
  }

  /// A job from its wire form, as a remote client reads it; nil where something essential is missing.
  ///
  /// The revision does not travel: it is 0.
  public init?(json: JSONValue) {
    func instant(_ key: String) -> Timestamp? { json[key]?.number.flatMap { Timestamp(seconds: $0) } }
    func duration(_ key: String) -> Duration? {
      json[key]?.number.flatMap { Duration(seconds: $0) }
    }
    func count(_ key: String) -> Int { json[key]?.integer.flatMap { Int(exactly: $0) } ?? 0 }
    guard let id = json["id"]?.string, let type = json["type"]?.string,
      let status = json["status"]?.string.flatMap(JobStatus.init(rawValue:)), let created = instant("created_at")
    else { return nil }
    let tags = (json["tags"]?.object ?? []).compactMap { tag in tag.value.string.map { (tag.key, $0) } }
    let spec = JobSpec(
      id: JobID(known: id), type: type, queue: json["queue"]?.string ?? "default",
      priority: json["priority"]?.string.flatMap(Priority.init(rawValue:)) ?? .normal,
      params: RawJSON(json["params"] ?? .null), maxRetries: count("max_retries"),
      retry: json["retry"].flatMap { RetryPolicy(json: $0) } ?? .standard, timeout: duration("timeout_seconds"),
      stallTimeout: duration("stall_timeout_seconds"), tags: Dictionary(tags) { $1 },
      metadata: RawJSON(json["metadata"] ?? .object([])), owner: json["owner"]?.string, createdAt: created,
      escalatedFrom: json["escalated_from"]?.string.map { JobID(known: $0) })
    var state = JobState(status: status, revision: 0, runAt: instant("run_at") ?? created)
    state.dueAt = instant("next_retry_at") ?? state.runAt
    state.attempt = count("attempt")
    state.retryCount = count("retry_count")
    state.losses = count("losses")
    state.startedAt = instant("started_at")
    state.completedAt = instant("completed_at")
    state.workerID = json["worker_id"]?.string
    state.cancelRequestedAt = instant("cancel_requested_at")
    state.cancelledBy = json["cancelled_by"]?.string
    state.startWithin = duration("start_within_seconds")
    state.deadlineAt = instant("deadline_at")
    state.escalatedTo = json["escalated_to"]?.string.map { JobID(known: $0) }
    self.init(
      spec: spec, state: state, progress: json["progress"].flatMap { Progress(json: $0) },
      result: json["result"].flatMap { $0 == .null ? nil : RawJSON($0) },
      error: json["error"].flatMap { JobError(json: $0) })
  }
}

extension Progress {
  /// `{"percent", "message"}`
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("percent", percent)
      json.member("message", message)
    }
  }

  /// Progress from its wire form.
  public init?(json: JSONValue) {
    guard let percent = json["percent"]?.number else { return nil }
    self.init(percent: percent, message: json["message"]?.string)
  }
}

extension JobError {
  /// `{"type", "message", "attempt"}`
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("type", type.rawValue)
      json.member("message", message)
      json.member("attempt", Int64(attempt))
    }
  }

  /// An error from its wire form.
  public init?(json: JSONValue) {
    guard let type = json["type"]?.string.flatMap(Kind.init(rawValue:)), let message = json["message"]?.string else {
      return nil
    }
    self.init(type: type, message: message, attempt: json["attempt"]?.integer.flatMap { Int(exactly: $0) } ?? 0)
  }
}

extension RetryPolicy {
  /// `{"strategy", "base_seconds", "max_delay_seconds", "jitter"}`
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("strategy", strategy.rawValue)
      json.member("base_seconds", base)
      json.member("max_delay_seconds", maxDelay)
      json.member("jitter", jitter)
    }
  }

  /// A policy from its wire form.
  public init?(json: JSONValue) {
    func duration(_ key: String) -> Duration? {
      json[key]?.number.flatMap { Duration(seconds: $0) }
    }
    guard let strategy = json["strategy"]?.string.flatMap(Strategy.init(rawValue:)),
      let base = duration("base_seconds"), let cap = duration("max_delay_seconds"), let jitter = json["jitter"]?.number
    else { return nil }
    self.init(strategy: strategy, base: base, maxDelay: cap, jitter: jitter)
  }
}

extension Event {
  /// One entry of `GET /api/jobs/{id}/history`.
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("job_id", jobID.text)
      json.member("event", kind.rawValue)
      json.member("status", status.rawValue)
      json.member("attempt", Int64(attempt))
      json.member("at", at)
      json.member("started_at", startedAt)
      json.member("ended_at", kind.endsAttempt ? at : nil)
      json.member("duration_seconds", duration)
      json.member("worker_id", workerID)
      json.key("error")
      if let error { error.write(to: &json) } else { json.null() }
      json.member("by", actor?.name)
      json.member("from", actor?.origin)
    }
  }

  /// An event from its wire form, of the job `jobID` where it names none; sequence and revision do not travel.
  public init?(json: JSONValue, jobID: JobID) {
    let jobID = json["job_id"]?.string.map { JobID(known: $0) } ?? jobID
    func instant(_ key: String) -> Timestamp? { json[key]?.number.flatMap { Timestamp(seconds: $0) } }
    guard let kind = json["event"]?.string.flatMap(Cause.Kind.init(rawValue:)),
      let status = json["status"]?.string.flatMap(JobStatus.init(rawValue:)), let at = instant("at")
    else { return nil }
    let actor = json["by"]?.string.map { Actor(name: $0, origin: json["from"]?.string ?? "") }
    self.init(
      jobID: jobID, kind: kind, status: status, revision: 0,
      attempt: json["attempt"]?.integer.flatMap { Int(exactly: $0) } ?? 0, at: at, startedAt: instant("started_at"),
      workerID: json["worker_id"]?.string, error: json["error"].flatMap { JobError(json: $0) }, actor: actor)
  }
}

extension JobType {
  /// One entry of `GET /api/job-types`; `isWhole` adds what only other processes of Stint need to know: whether other
  /// params are let through, and what holds where a submission names no retries or timeout.
  public func write(to writer: inout JSONWriter, isWhole: Bool = false) {
    writer.object { json in
      json.member("name", name)
      json.member("description", description)
      json.key("params")
      json.array { list in for param in params { param.write(to: &list, isWhole: isWhole) } }
      json.key("aliases")
      json.array { list in for alias in aliases { list.string(alias) } }
      guard isWhole else { return }
      json.member("allows_other_params", allowsOtherParams)
      json.member("max_retries", maxRetries.map(Int64.init))
      json.key("retry")
      if let retry { retry.write(to: &json) } else { json.null() }
      json.member("timeout_seconds", timeout)
      json.member("stall_timeout_seconds", stallTimeout)
      json.member("local_only", isLocalOnly)
    }
  }

  /// A type from its wire form.
  public init?(json: JSONValue) {
    guard let name = json["name"]?.string else { return nil }
    self.init(
      name: name, description: json["description"]?.string ?? "",
      params: (json["params"]?.array ?? []).compactMap { Param(json: $0) },
      allowsOtherParams: json["allows_other_params"]?.bool ?? false,
      aliases: (json["aliases"]?.array ?? []).compactMap(\.string),
      maxRetries: json["max_retries"]?.integer.flatMap { Int(exactly: $0) },
      retry: json["retry"].flatMap { RetryPolicy(json: $0) },
      timeout: json["timeout_seconds"]?.number.flatMap { Duration(seconds: $0) },
      stallTimeout: json["stall_timeout_seconds"]?.number.flatMap { Duration(seconds: $0) },
      localOnly: json["local_only"]?.bool ?? false)
  }
}

extension Param {
  /// `{name, type, required, default, min, max, max_items, choices, secret, description}`; what is not set is `null`,
  /// and default and choices of a secret one are. `isWhole` adds what only other processes of Stint need: those two,
  /// what each element may be, and the form of a value.
  public func write(to writer: inout JSONWriter, isWhole: Bool = false) {
    (isWhole ? self : published).writeMembers(to: &writer, isWhole: isWhole)
  }

  private func writeMembers(to writer: inout JSONWriter, isWhole: Bool) {
    writer.object { json in
      json.member("name", name)
      json.member("type", type.rawValue)
      json.member("required", isRequired)
      json.key("default")
      json.value(defaultValue ?? .null)
      json.member("min", min)
      json.member("max", max)
      json.member("min_items", minItems.map(Int64.init))
      json.member("max_items", maxItems.map(Int64.init))
      json.key("choices")
      json.value(choices.map { .array($0) } ?? .null)
      json.member("secret", isSecret)
      json.member("description", description)
      guard isWhole else { return }
      if let elements { json.member("elements", elements.rawValue) }
      if let form {
        json.key("form")
        json.value(form.json)
      }
    }
  }

  /// A param from its wire form.
  public init?(json: JSONValue) {
    guard let name = json["name"]?.string, let type = json["type"]?.string.flatMap(Kind.init(rawValue:)) else {
      return nil
    }
    self.init(
      name, type, required: json["required"]?.bool ?? false,
      // `nil` alone would be the literal of a JSON null.
      default: json["default"].flatMap { $0 == .null ? Optional.none : $0 },
      min: json["min"]?.number, max: json["max"]?.number,
      minItems: json["min_items"]?.integer.flatMap { Int(exactly: $0) },
      maxItems: json["max_items"]?.integer.flatMap { Int(exactly: $0) }, choices: json["choices"]?.array,
      secret: json["secret"]?.bool ?? false, description: json["description"]?.string ?? "",
      form: json["form"].flatMap { Form(json: $0) })
    elements = json["elements"]?.string.flatMap(Kind.init(rawValue:))
  }
}

extension StintError {
  /// `{"error", "code", "type"}`, with `"details"` where several faults can be named and `"job"` for a duplicate id.
  public func write(to writer: inout JSONWriter, secrets: Set<String> = []) {
    writer.object { json in
      json.member("error", message)
      json.member("code", Int64(type.httpStatus))
      json.member("type", type.rawValue)
      if !details.isEmpty {
        json.key("details")
        json.array { list in
          for detail in details {
            list.object { entry in
              entry.member("param", detail.param)
              entry.member("message", detail.message)
            }
          }
        }
      }
      if let existing {
        json.key("job")
        existing.write(to: &json, secrets: secrets)
      }
    }
  }

  /// An error from its wire form.
  public init?(json: JSONValue) {
    guard let type = json["type"]?.string.flatMap(Kind.init(rawValue:)), let message = json["error"]?.string else {
      return nil
    }
    let details = (json["details"]?.array ?? []).compactMap { entry -> Detail? in
      guard let param = entry["param"]?.string, let message = entry["message"]?.string else { return nil }
      return Detail(param: param, message: message)
    }
    self.init(type, message, details: details, existing: json["job"].flatMap { Job(json: $0) })
  }
}

extension JSONWriter {
  /// A key with text, or `null`.
  public mutating func member(_ key: String, _ text: String?) {
    self.key(key)
    string(text)
  }

  /// A key with a whole number, or `null`.
  public mutating func member(_ key: String, _ value: Int64?) {
    self.key(key)
    integer(value)
  }

  /// A key with a number, or `null`.
  public mutating func member(_ key: String, _ value: Double?) {
    self.key(key)
    number(value)
  }

  /// A key with a truth value.
  public mutating func member(_ key: String, _ value: Bool) {
    self.key(key)
    bool(value)
  }

  /// A key with an instant as seconds, or `null`.
  public mutating func member(_ key: String, _ instant: Timestamp?) {
    self.key(key)
    timestamp(instant)
  }

  /// A key with a duration as seconds, or `null`.
  public mutating func member(_ key: String, _ duration: Duration?) {
    self.key(key)
    self.duration(duration)
  }
}
