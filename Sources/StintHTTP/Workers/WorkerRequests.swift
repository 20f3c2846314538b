import StintCore

/// The body of `POST /api/worker/claim`.
struct ClaimBody: Sendable {
  static let keys = [
    "worker", "worker_id", "types", "job_types", "queues", "count", "wait_seconds", "lease_seconds", "slots", "host",
    "pid",
  ]
  static let counts: ClosedRange<Int64> = 1...100
  static let waits = 0.0...30
  static let leases = 1.0...3_600
  /// A worker's name leaves room for `-` and eight letters.
  static let nameLength = 1...119

  let worker: String
  let id: String?
  let types: [String]
  let jobTypes: [JobType]
  let queues: [String]?
  let count: Int
  let wait: Duration
  let lease: Duration?
  let slots: Int?
  let host: String?
  let pid: Int32

  /// Every name by which the worker claims.
  var names: Set<String> { Set(types + jobTypes.flatMap { [$0.name] + $0.aliases }) }

  /// Throws `invalid_params` with every fault.
  init(_ json: JSONValue) throws(StintError) {
    var reader = ObjectReader(json, keys: Self.keys)
    reader.require("worker")
    let worker = reader.name("worker") ?? ""
    if worker.count > Self.nameLength.upperBound {
      reader.fault("worker", "\(worker.count) characters, allowed are up to \(Self.nameLength.upperBound)")
    }
    let id = reader.name("worker_id")
    if let id,
      id.dropLast(8) != worker + "-"
        || id.suffix(8).contains(where: { !$0.isASCII || $0.isUppercase || !($0.isLetter || $0.isNumber) })
    {
      reader.fault("worker_id", "\(id) was not given to a worker called \(worker)")
    }
    if !reader.has("types"), !reader.has("job_types") {
      reader.fault("types", "give types, job_types, or both: what this worker can run")
    }
    types = reader.names("types", 1...1_000) ?? []
    for (index, name) in types.enumerated() where types.firstIndex(of: name) != index {
      reader.fault("types.\(index)", "\(JSONValue.string(name).excerpt()) is there twice")
    }
    jobTypes = Self.jobTypes(&reader)
    queues = reader.names("queues", 1...1_000)
    count = reader.integer("count", Self.counts) ?? 1
    wait = reader.seconds("wait_seconds", Self.waits) ?? .zero
    lease = reader.seconds("lease_seconds", Self.leases)
    slots = reader.integer("slots", 1...10_000)
    host = reader.text("host", 1...255)
    pid = Int32(reader.integer("pid", 0...Int64(Int32.max)) ?? 0)
    try reader.finish("Invalid claim")
    self.worker = worker
    self.id = id
  }
}

extension ClaimBody {
  /// What the worker describes: no name or alias means two things.
  private static func jobTypes(_ reader: inout ObjectReader) -> [JobType] {
    var types: [JobType] = []
    var places: [String: String] = [:]
    for (index, json) in (reader.list("job_types", 1...1_000) ?? []).enumerated() {
      let (type, faults) = JobTypeReader.read(json, prefix: "job_types.\(index).")
      reader.add(faults)
      guard let type else { continue }
      types.append(type)
      let names = [(type.name, "name")] + type.aliases.enumerated().map { ($1, "aliases.\($0)") }
      for (name, key) in names {
        let place = "job_types.\(index).\(key)"
        if let other = places[name] {
          reader.fault(place, "\(JSONValue.string(name).excerpt()) is there twice: it is \(other) too")
        } else {
          places[name] = place
        }
      }
    }
    return types
  }
}

/// The body of `POST /api/worker/heartbeat`.
struct HeartbeatBody: Sendable {
  static let keys = ["worker_id", "leases", "wait_seconds", "leaving"]
  static let leases = 0...10_000

  let worker: String?
  let leases: [String]
  let wait: Duration
  let isLeaving: Bool

  /// Throws `invalid_params` with every fault.
  init(_ json: JSONValue) throws(StintError) {
    var reader = ObjectReader(json, keys: Self.keys)
    worker = reader.name("worker_id")
    reader.require("leases")
    leases = reader.texts("leases", Self.leases) ?? []
    wait = reader.seconds("wait_seconds", ClaimBody.waits) ?? .zero
    isLeaving = reader.bool("leaving") ?? false
    try reader.finish("Invalid heartbeat")
  }
}

/// The body of `POST /api/worker/progress`.
struct ProgressBody: Sendable {
  static let keys = ["token", "percent", "message", "checkpoint"]

  let token: String?
  /// Nil where nothing is said of it.
  let progress: Progress?
  let checkpoint: RawJSON?

  /// Throws `invalid_params` with every fault.
  init(_ json: JSONValue) throws(StintError) {
    var reader = ObjectReader(json, keys: Self.keys)
    token = reader.text("token")
    let percent = reader.number("percent")
    let message = reader.text("message").map { MessageText.cut($0) }
    if percent == nil, message != nil { reader.fault("percent", "is required with a message") }
    try reader.finish("Invalid progress")
    progress = percent.map { Progress(percent: $0, message: message) }
    checkpoint = reader.value("checkpoint").map { RawJSON($0) }
  }
}

/// The body of `POST /api/worker/output`.
struct OutputBody: Sendable {
  static let keys = ["token", "chunks", "number"]
  static let numbers: ClosedRange<Int64> = 1...1_000_000_000
  static let chunks = 1...1_000
  /// `notice` is Stint's own.
  static let streams: [OutputChunk.Stream] = [.stdout, .stderr, .event]

  struct Chunk: Sendable {
    let stream: OutputChunk.Stream
    let text: String
  }

  let token: String?
  let chunks: [Chunk]
  let number: Int?

  /// Throws `invalid_params` with every fault.
  init(_ json: JSONValue, limits: Limits) throws(StintError) {
    var reader = ObjectReader(json, keys: Self.keys)
    token = reader.text("token")
    reader.require("chunks")
    var chunks: [Chunk] = []
    for (index, value) in (reader.list("chunks", Self.chunks) ?? []).enumerated() {
      var part = ObjectReader(value, keys: ["stream", "text"], prefix: "chunks.\(index).")
      let stream = part.word("stream", of: Self.streams) ?? .stdout
      part.require("text")
      let text = part.text("text") ?? ""
      if stream == .event, part.faults.isEmpty,
        (try? JSONParser.parse(Array(text.utf8), depth: limits.jsonDepth))?.object == nil
      {
        part.fault("text", "an event is the text of a JSON object, such as {\"event\": \"built\"}")
      }
      reader.add(part.faults)
      chunks.append(Chunk(stream: stream, text: text))
    }
    self.chunks = chunks
    number = reader.integer("number", Self.numbers)
    try reader.finish("Invalid output")
  }
}

/// One end of an attempt, as `POST /api/worker/complete` and `/fail` take it.
struct EndBody: Sendable {
  static let batch = 1...1_000

  /// What a worker says came of an attempt.
  enum Outcome: Sendable, Hashable {
    case succeeded(RawJSON?)
    case failed(message: String, retryAfter: Duration?)
    case timedOut(message: String?)
    case stalled(message: String?)
    case gaveUp(message: String)
    case undecodable(message: String)
    case snoozed(Duration)
    case released
  }

  /// The types of failure that a worker may name.
  static let types: [JobError.Kind] = [.handler, .timeout, .stalled, .undecodable]
  static let delays = 0.0...31_536_000

  let token: String
  let outcome: Outcome

  /// The ends that a body of one, or an array of them, names; `read` adds what is wrong to the reader.
  static func list(
    _ json: JSONValue, _ subject: String, keys: [String], _ read: (inout ObjectReader) -> Outcome
  ) throws(StintError) -> [EndBody] {
    var ends: [EndBody] = []
    var faults: [StintError.Detail] = []
    if let list = json.array, !batch.contains(list.count) {
      throw StintError(.tooLarge, "\(list.count) in one batch; allowed are \(batch.lowerBound) to \(batch.upperBound)")
    }
    for (index, element) in (json.array ?? [json]).enumerated() {
      var reader = ObjectReader(element, keys: keys, prefix: json.array == nil ? "" : "\(index).")
      reader.require("token")
      let token = reader.text("token") ?? ""
      let outcome = read(&reader)
      faults += reader.faults
      ends.append(EndBody(token: token, outcome: outcome))
    }
    guard faults.isEmpty else { throw StintError.invalid(subject, Array(faults.prefix(100))) }
    return ends
  }

  /// What `POST /api/worker/complete` names.
  static func completions(_ json: JSONValue) throws(StintError) -> [EndBody] {
    try list(json, "Invalid completion", keys: ["token", "result"]) { reader in
      .succeeded(reader.value("result").map { RawJSON($0) })
    }
  }

  static let failureKeys = [
    "token", "message", "type", "retry_after_seconds", "snooze_seconds", "give_up", "release",
  ]

  /// What `POST /api/worker/fail` names.
  static func failures(_ json: JSONValue) throws(StintError) -> [EndBody] {
    try list(json, "Invalid failure", keys: failureKeys, failure)
  }

  private static func failure(_ reader: inout ObjectReader) -> Outcome {
    let message = reader.text("message").map { MessageText.cut($0) } ?? ""
    let type = reader.word("type", of: types)
    let retryAfter = reader.seconds("retry_after_seconds", delays)
    let snooze = reader.seconds("snooze_seconds", delays)
    let givesUp = reader.bool("give_up") ?? false
    let isRelease = reader.bool("release") ?? false
    let ways = ["retry_after_seconds", "snooze_seconds", "give_up", "release"].filter { key in
      reader.value(key) != nil && reader.value(key) != false
    }
    if ways.count > 1 { reader.fault(ways[1], "does not go together with \(ways[0])") }
    if let type, type != .handler, let way = ways.first {
      reader.fault(way, "does not go together with the type \(type.rawValue)")
    }
    if let snooze { return .snoozed(snooze) }
    if isRelease { return .released }
    switch type {
    case .timeout: return .timedOut(message: message.isEmpty ? nil : message)
    case .stalled: return .stalled(message: message.isEmpty ? nil : message)
    default: break
    }
    reader.require("message")
    if type == .undecodable { return .undecodable(message: message) }
    return givesUp ? .gaveUp(message: message) : .failed(message: message, retryAfter: retryAfter)
  }
}

/// What attempts say to people.
enum MessageText {
  /// The longest that is kept, in characters.
  static let limit = 4_096

  static func cut(_ text: String) -> String { text.count <= limit ? text : String(text.prefix(limit)) + "…" }
}
