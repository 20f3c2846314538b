import StintCore
import StintEngine
import StintStore

extension NewJob {
  /// The body of `POST /api/jobs`: what differs from the defaults.
  func write(to writer: inout JSONWriter) {
    writer.object { json in
      json.member("type", type)
      json.key("params")
      json.value(.object(params))
      if let id { json.member("id", id) }
      if queue != "default" { json.member("queue", queue) }
      if priority != .normal { json.member("priority", priority.rawValue) }
      if let runAt { json.member("run_at", runAt) }
      if let delay { json.member("delay", delay) }
      if let retry {
        json.key("retry")
        retry.write(to: &json)
      }
      if let maxRetries { json.member("max_retries", Int64(maxRetries)) }
      if let timeout { json.member("timeout_seconds", timeout) }
      if let stallTimeout { json.member("stall_timeout_seconds", stallTimeout) }
      if let startWithin { json.member("start_within_seconds", startWithin) }
      if let deadline { json.member("deadline_at", deadline) }
      if !tags.isEmpty {
        json.key("tags")
        json.object { list in for (key, value) in tags { list.member(key, value) } }
      }
      if metadata != .object([]) {
        json.key("metadata")
        json.value(metadata)
      }
      if let owner { json.member("owner", owner) }
      if allowsUnknownType { json.member("allow_unknown_type", true) }
    }
  }
}

extension Stats {
  /// Figures from their wire form.
  init(json: JSONValue) {
    self.init()
    func count(_ json: JSONValue?, _ key: String) -> Int { json?[key]?.integer.flatMap { Int(exactly: $0) } ?? 0 }
    for status in JobStatus.allCases { counts[status] = count(json, status.rawValue) }
    enqueued = count(json["totals"], "enqueued")
    completed = count(json["totals"], "completed")
    failed = count(json["totals"], "failed")
    retried = count(json["totals"], "retried")
    deadLettered = count(json["totals"], "dead_lettered")
    throughput = json["throughput"]?.number ?? 0
    averageDurationMilliseconds = json["avg_duration_ms"]?.number
    windowSeconds = count(json, "window_seconds")
    workerActive = count(json["worker"], "active")
    workerIdle = count(json["worker"], "idle")
    workerCapacity = count(json["worker"], "capacity")
    workerProcessed = count(json["worker"], "processed")
  }
}

extension WorkerInfo {
  /// A worker from its wire form; of its types only the names travel.
  init?(json: JSONValue) {
    func instant(_ key: String) -> Timestamp? { json[key]?.number.flatMap { Timestamp(seconds: $0) } }
    func count(_ key: String) -> Int { json[key]?.integer.flatMap { Int(exactly: $0) } ?? 0 }
    guard let id = json["id"]?.string, let state = json["state"]?.string.flatMap(WorkerRecord.State.init(rawValue:)),
      let started = instant("started_at"), let seen = instant("seen_at")
    else { return nil }
    var record = WorkerRecord(
      id: id, host: json["host"]?.string ?? "", pid: json["pid"]?.integer.flatMap { Int32(exactly: $0) } ?? 0,
      state: state, slots: count("slots"),
      types: (json["types"]?.array ?? []).compactMap { $0.string.map { JobType(name: $0) } },
      processed: count("processed"), abandoned: count("abandoned"), startedAt: started, seenAt: seen,
      supervisor: json["supervisor"]?.string)
    record.silence = json["silence_seconds"]?.number.flatMap { Duration(seconds: $0) } ?? .zero
    self.init(record: record, jobs: (json["jobs"]?.array ?? []).compactMap { Running(json: $0) })
  }
}

extension WorkerInfo.Running {
  /// A running job from its wire form.
  init?(json: JSONValue) {
    func duration(_ key: String) -> Duration? {
      json[key]?.number.flatMap { Duration(seconds: $0) }
    }
    guard let id = json["id"]?.string, let type = json["type"]?.string else { return nil }
    self.init(
      id: JobID(known: id), type: type, label: json["label"]?.string,
      startedAt: json["started_at"]?.number.flatMap { Timestamp(seconds: $0) },
      elapsed: duration("elapsed_seconds") ?? .zero, estimated: duration("estimated_seconds"),
      percent: json["percent"]?.number)
  }
}
