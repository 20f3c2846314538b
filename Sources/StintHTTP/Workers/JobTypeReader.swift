import StintCore

/// Reads a job type that a worker publishes, with every fault: what is wrong in it would mislead all who submit.
enum JobTypeReader {
  static let keys = [
    "name", "description", "params", "aliases", "allows_other_params", "max_retries", "retry", "timeout_seconds",
    "stall_timeout_seconds",
  ]
  static let paramKeys = [
    "name", "type", "required", "default", "min", "max", "min_items", "max_items", "choices", "secret", "description",
  ]
  /// A path must stay beneath a root, and a server knows those of its own types alone.
  static let paramKinds = Param.Kind.allCases.filter { $0 != .path }
  static let retryKeys = ["strategy", "base_seconds", "max_delay_seconds", "jitter"]
  static let descriptionLength = 0...10_000
  static let params = 0...200
  static let aliases = 0...100
  static let choices = 1...1_000
  static let timeouts = 0.001...1_000_000_000
  static let retries: ClosedRange<Int64> = 0...10_000

  /// The type, or what is wrong with it; `prefix` is where it stands in the body.
  static func read(_ json: JSONValue, prefix: String) -> (JobType?, [StintError.Detail]) {
    var reader = ObjectReader(json, keys: keys, prefix: prefix)
    reader.require("name")
    let name = reader.name("name") ?? ""
    var type = JobType(name: name)
    type.description = reader.text("description", descriptionLength) ?? ""
    type.allowsOtherParams = reader.bool("allows_other_params") ?? false
    type.aliases = reader.names("aliases", aliases) ?? []
    type.maxRetries = reader.integer("max_retries", retries)
    type.timeout = reader.seconds("timeout_seconds", timeouts)
    type.stallTimeout = reader.seconds("stall_timeout_seconds", timeouts)
    if let value = reader.value("retry") { type.retry = retry(value, &reader, prefix: prefix + "retry.") }
    for (index, value) in (reader.list("params", params) ?? []).enumerated() {
      var part = ObjectReader(value, keys: paramKeys, prefix: "\(prefix)params.\(index).")
      let param = param(&part)
      if type.params.contains(where: { $0.name == param.name }) { part.fault("name", "\(param.name) is there twice") }
      reader.add(part.faults)
      type.params.append(param)
    }
    return reader.faults.isEmpty ? (type, []) : (nil, reader.faults)
  }

  private static func retry(_ json: JSONValue, _ reader: inout ObjectReader, prefix: String) -> RetryPolicy {
    if let name = json.string {
      if let preset = RetryPolicy.presets.first(where: { $0.name == name }) { return preset.policy }
      reader.fault(
        "retry", "\(json.excerpt()) is no preset; allowed: \(RetryPolicy.presets.map(\.name).joined(separator: ", "))")
      return .standard
    }
    var part = ObjectReader(json, keys: retryKeys, prefix: prefix)
    var policy = RetryPolicy.standard
    policy.strategy = part.word("strategy", of: RetryPolicy.Strategy.allCases) ?? policy.strategy
    policy.base = part.seconds("base_seconds", EndBody.delays) ?? policy.base
    policy.maxDelay = part.seconds("max_delay_seconds", EndBody.delays) ?? policy.maxDelay
    policy.jitter = part.number("jitter", 0...1) ?? policy.jitter
    reader.add(part.faults)
    return policy
  }

  private static func param(_ reader: inout ObjectReader) -> Param {
    reader.require("name")
    reader.require("type")
    let isPath = reader.value("type")?.string == Param.Kind.path.rawValue
    if isPath {
      reader.fault(
        "type", "a path needs a root that the server knows, and a published type has none: use string, and check it")
    }
    let kind = isPath ? .path : reader.word("type", of: paramKinds) ?? .string
    var param = Param(reader.name("name") ?? "", kind)
    param.isRequired = reader.bool("required") ?? false
    param.isSecret = reader.bool("secret") ?? false
    param.description = reader.text("description", descriptionLength) ?? ""
    param.min = reader.number("min")
    param.max = reader.number("max")
    param.minItems = reader.integer("min_items", 0...1_000_000)
    param.maxItems = reader.integer("max_items", 0...1_000_000)
    param.choices = reader.list("choices", choices)
    param.defaultValue = reader.value("default")
    guard reader.faults.isEmpty else { return param }
    bounds(of: param, &reader)
    for (index, choice) in (param.choices ?? []).enumerated() {
      if let fault = fault(of: choice, in: param) { reader.fault("choices.\(index)", fault) }
    }
    if let value = param.defaultValue, let fault = param.fault(in: value) { reader.fault("default", fault) }
    return param
  }

  private static func bounds(of param: Param, _ reader: inout ObjectReader) {
    let isNumber = param.type == .integer || param.type == .number
    let isText = param.type == .string
    for (key, bound) in [("min", param.min), ("max", param.max)] {
      guard let bound, !isNumber else { continue }
      if !isText {
        reader.fault(key, "only numbers and text have a \(key)")
      } else if bound < 0 || bound != bound.rounded() {
        reader.fault(key, "\(JSONValue.number(bound).excerpt()) is no number of characters")
      }
    }
    if param.type != .array {
      if param.minItems != nil { reader.fault("min_items", "only an array has items") }
      if param.maxItems != nil { reader.fault("max_items", "only an array has items") }
    }
    if let min = param.min, let max = param.max, min > max { reader.fault("max", "is less than min") }
    if let min = param.minItems, let max = param.maxItems, min > max {
      reader.fault("max_items", "is less than min_items")
    }
  }

  private static func fault(of choice: JSONValue, in param: Param) -> String? {
    var free = param
    free.choices = nil
    return free.fault(in: choice)
  }
}
