extension NewJob {
  /// The keys a submission may have, in the order of the documentation.
  public static let keys = [
    "type", "params", "id", "queue", "priority", "run_at", "delay", "retry", "max_retries", "timeout_seconds",
    "stall_timeout_seconds", "start_within_seconds", "deadline_at", "tags", "metadata", "owner", "allow_unknown_type",
  ]

  /// Keys of jobs on the wire whose features this version does not have; they may be given empty.
  static let unavailable = [
    "depends_on", "on_dependency_failure", "workflow_id", "unique_key", "concurrency_key",
  ]

  /// Other spellings of the keys above.
  static let synonyms = [
    "delay_seconds": "delay", "timeout": "timeout_seconds", "stall_timeout": "stall_timeout_seconds",
    "start_within": "start_within_seconds", "deadline": "deadline_at", "job_type": "type",
  ]

  /// A submission from the body of `POST /api/jobs`. `now` is what a deadline given as a duration counts from.
  ///
  /// Throws ``StintError`` of kind `invalid_params`, naming every fault.
  public init(json: JSONValue, now: Timestamp) throws(StintError) {
    try self.init(reading: json, now: now)
    guard unread.isEmpty else { throw StintError.invalid("Invalid submission", unread) }
  }

  /// A submission from the body of `POST /api/jobs`, with what can not be read of it in ``unread``.
  ///
  /// Throws ``StintError`` of kind `invalid_params` for what is no object.
  init(reading json: JSONValue, now: Timestamp) throws(StintError) {
    guard let members = json.object else {
      throw StintError(.invalidParams, "A submission is a JSON object, not \(json.kind)")
    }
    var reader = SubmissionReader(now: now)
    var job = NewJob("")
    var seen: Set<String> = []
    for member in members {
      let key = Self.synonyms[member.key] ?? member.key
      if !seen.insert(key).inserted {
        reader.fault(member.key, "given twice, as \(key) too")
      } else {
        reader.read(key, member.value, into: &job)
      }
    }
    if job.type.isEmpty, !reader.faults.contains(where: { $0.param == "type" }) { reader.fault("type", "is required") }
    job.unread = reader.faults
    self = job
  }

  /// One submission, or an array of them, with what can not be read of each in ``unread``: whoever submits them is told
  /// of everything at once. Throws ``StintError`` for what is no object, naming the place in the array.
  public static func list(json: JSONValue, limits: Limits, now: Timestamp) throws(StintError) -> [NewJob] {
    guard let elements = json.array else { return [try NewJob(reading: json, now: now)] }
    guard elements.count <= limits.batchJobs else {
      throw StintError(.tooLarge, "\(elements.count) jobs in one batch; allowed are \(limits.batchJobs)")
    }
    guard !elements.isEmpty else { throw StintError(.invalidParams, "A batch needs at least one job") }
    var jobs: [NewJob] = []
    jobs.reserveCapacity(elements.count)
    var faulty: [(index: Int, error: StintError)] = []
    for (index, element) in elements.enumerated() {
      do throws(StintError) { jobs.append(try NewJob(reading: element, now: now)) } catch {
        faulty.append((index, error))
      }
    }
    if let error = StintError.batch(faulty, of: elements.count) { throw error }
    return jobs
  }
}

extension StintError {
  /// The error with the place in a batch where it arose.
  public func at(index: Int) -> StintError {
    StintError(
      type, "Job \(index) of the batch: \(message)",
      details: details.map { Detail(param: "\(index).\($0.param)", message: $0.message) }, existing: existing)
  }

  /// One error for the jobs of a batch that can not be, of the kind of the first; nil where there are none.
  ///
  /// It tells of ten of them in full, and how many more there are: a batch has ten thousand jobs at most.
  public static func batch(_ faulty: [(index: Int, error: StintError)], of count: Int) -> StintError? {
    guard let first = faulty.first else { return nil }
    guard faulty.count > 1 else { return first.error.at(index: first.index) }
    let shown = faulty.prefix(10).map { $0.error.at(index: $0.index) }
    let rest = faulty.count > shown.count ? "; and \(faulty.count - shown.count) more" : ""
    return StintError(
      first.error.type,
      "\(faulty.count) of the batch's \(count) jobs can not be. " + shown.map(\.message).joined(separator: "; ") + rest,
      details: shown.flatMap(\.details))
  }
}

/// Reads the members of a submission and collects the faults.
private struct SubmissionReader {
  let now: Timestamp
  var faults: [StintError.Detail] = []

  init(now: Timestamp) { self.now = now }

  mutating func fault(_ param: String, _ message: String) { faults.append(.init(param: param, message: message)) }

  mutating func read(_ key: String, _ value: JSONValue, into job: inout NewJob) {
    if value == .null, key != "type", NewJob.keys.contains(key) || NewJob.unavailable.contains(key) { return }
    switch key {
    case "type": job.type = text(key, value) ?? job.type
    case "params":
      if let members = value.object { job.params = members } else { wrong(key, value, "an object") }
    case "id": job.id = text(key, value)
    case "queue": job.queue = text(key, value) ?? job.queue
    case "priority": priority(value, into: &job)
    case "run_at": job.runAt = instant(key, value)
    case "delay": job.delay = duration(key, value)
    case "retry": retry(value, into: &job)
    case "max_retries":
      if let count = value.integer, let int = Int(exactly: count) {
        job.maxRetries = int
      } else {
        wrong(key, value, "an integer")
      }
    case "timeout_seconds": job.timeout = duration(key, value)
    case "stall_timeout_seconds": job.stallTimeout = duration(key, value)
    case "start_within_seconds": job.startWithin = duration(key, value)
    case "deadline_at": job.deadline = deadline(key, value)
    case "tags": tags(value, into: &job)
    case "metadata": job.metadata = value
    case "owner": job.owner = text(key, value)
    case "allow_unknown_type":
      if let flag = value.bool { job.allowsUnknownType = flag } else { wrong(key, value, "a boolean") }
    default: unknown(key, value)
    }
  }

  private mutating func wrong(_ key: String, _ value: JSONValue, _ expected: String) {
    fault(key, "\(value.excerpt()) is \(value.kind), expected \(expected)")
  }

  private mutating func unknown(_ key: String, _ value: JSONValue) {
    guard NewJob.unavailable.contains(key) else {
      return fault(key, "unknown option; allowed: \(NewJob.keys.joined(separator: ", "))")
    }
    if value == .array([]) || key == "on_dependency_failure" && value == "cancel" { return }
    fault(key, "is not available in this version of Stint")
  }

  private mutating func text(_ key: String, _ value: JSONValue) -> String? {
    if let text = value.string { return text }
    wrong(key, value, "a string")
    return nil
  }

  private mutating func instant(_ key: String, _ value: JSONValue) -> Timestamp? {
    let instant = value.number.flatMap { Timestamp(seconds: $0) } ?? value.string.flatMap { Timestamp(iso8601: $0) }
    if instant == nil { fault(key, "\(value.excerpt()) is no time; allowed are Unix seconds or ISO 8601") }
    return instant
  }

  private mutating func duration(_ key: String, _ value: JSONValue) -> Duration? {
    if let seconds = value.number, abs(seconds) < 1e11 {
      // Outward at both ends (0 and a year upward): what lies outside by less than a microsecond must not round inside.
      let rule: FloatingPointRoundingRule = seconds < 0 ? .down : seconds < 31_536_000 ? .toNearestOrAwayFromZero : .up
      return .microseconds(Int64((seconds * 1_000_000).rounded(rule)))
    }
    if let duration = value.string.flatMap({ Duration(text: $0) }) { return duration }
    let seconds = value.number ?? value.string.flatMap { Duration.seconds(text: $0) }
    if let seconds, seconds.magnitude >= Duration.limit {
      // The policy's own range is the narrower one.
      let allowed = key.hasPrefix("retry.") ? "0 to one year" : "less than \(Duration.limitText)"
      fault(key, "\(value.excerpt()) is too long; allowed is \(allowed)")
    } else {
      fault(key, "\(value.excerpt()) is no duration; allowed are seconds or text such as 90s, 5m, 1h30m")
    }
    return nil
  }

  private mutating func deadline(_ key: String, _ value: JSONValue) -> Timestamp? {
    if let duration = value.string.flatMap({ Duration(text: $0) }) { return now + duration }
    return instant(key, value)
  }

  private mutating func priority(_ value: JSONValue, into job: inout NewJob) {
    if let priority = value.string.flatMap(Priority.init(rawValue:)) {
      job.priority = priority
    } else {
      fault("priority", "\(value.excerpt()) is none of \(Priority.allCases.map(\.rawValue).joined(separator: ", "))")
    }
  }

  private mutating func tags(_ value: JSONValue, into job: inout NewJob) {
    guard let members = value.object else { return wrong("tags", value, "an object of strings") }
    for member in members {
      if let text = member.value.string {
        job.tags[member.key] = text
      } else {
        fault("tags.\(member.key)", "\(member.value.excerpt()) is \(member.value.kind), expected a string")
      }
    }
  }

  private mutating func retry(_ value: JSONValue, into job: inout NewJob) {
    let names = RetryPolicy.presets.map(\.name).joined(separator: ", ")
    if let name = value.string {
      guard let preset = RetryPolicy.presets.first(where: { $0.name == name }) else {
        return fault("retry", "\(value.excerpt()) is no preset; allowed: \(names), or an object")
      }
      job.retry = preset.policy
      if job.maxRetries == nil { job.maxRetries = preset.maxRetries }
      return
    }
    guard let members = value.object else { return wrong("retry", value, "a preset (\(names)) or an object") }
    var policy = RetryPolicy.standard
    let known = ["strategy", "base_seconds", "max_delay_seconds", "jitter"]
    for member in members where member.value != .null || !known.contains(member.key) {
      let key = "retry.\(member.key)"
      switch member.key {
      case "strategy":
        if let strategy = member.value.string.flatMap(RetryPolicy.Strategy.init(rawValue:)) {
          policy.strategy = strategy
        } else {
          let all = RetryPolicy.Strategy.allCases.map(\.rawValue).joined(separator: ", ")
          fault(key, "\(member.value.excerpt()) is none of \(all)")
        }
      case "base_seconds": policy.base = duration(key, member.value) ?? policy.base
      case "max_delay_seconds": policy.maxDelay = duration(key, member.value) ?? policy.maxDelay
      case "jitter":
        if let jitter = member.value.number { policy.jitter = jitter } else { wrong(key, member.value, "a number") }
      default: fault(key, "unknown; allowed: \(known.joined(separator: ", "))")
      }
    }
    job.retry = policy
  }
}
