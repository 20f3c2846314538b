#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
public import StintCore

/// A job as a Swift type: its stored properties are the params, `run` is the work.
///
/// ```swift
/// struct Greet: JobHandler {
///   static let jobType = "greet"
///   var name: String
///   func run(_ context: JobContext) async throws -> String { "Hello, \(name)" }
/// }
/// ```
///
/// The params a submission may have are derived from the `Codable` conformance; ``paramRules`` adds ranges, defaults
/// and descriptions to them.
public protocol JobHandler: Codable, Sendable {
  /// What ``run(_:)`` gives; it becomes the job's `result`.
  associatedtype Output: Codable & Sendable

  /// The name submissions give: `[A-Za-z0-9._:-]`, 1–128.
  static var jobType: String { get }
  /// What it does, for people.
  static var summary: String { get }
  /// What the properties' types do not say: ranges, defaults, choices, descriptions, by property.
  static var paramRules: [String: ParamRule] { get }
  /// Retries, timeout and other names.
  static var options: JobTypeOptions { get }

  /// Does the work. Cancellation of the task is the sign to stop.
  ///
  /// Throwing fails the attempt; ``JobControl`` asks for another time, or for none.
  func run(_ context: JobContext) async throws -> Output
}

extension JobHandler {
  /// No description.
  public static var summary: String { "" }
  /// No rules beyond the types.
  public static var paramRules: [String: ParamRule] { [:] }
  /// The defaults.
  public static var options: JobTypeOptions { JobTypeOptions() }
}

/// The output of work that gives nothing: the job's `result` is `null`.
public struct NoOutput: Codable, Sendable, Hashable {
  /// Nothing.
  public init() {}
}

/// What a property's type does not say of a param.
public struct ParamRule: Sendable, Hashable {
  /// The value where a submission gives none.
  public var defaultValue: JSONValue?
  /// The smallest number, or the fewest characters.
  public var min: Double?
  /// The largest number, or the most characters.
  public var max: Double?
  /// The fewest elements.
  public var minItems: Int?
  /// The most elements.
  public var maxItems: Int?
  /// The only values allowed.
  public var choices: [JSONValue]?
  /// Whether the value is shown as `***`.
  public var isSecret: Bool
  /// What it is for.
  public var description: String

  /// A rule; what is not given is not restricted.
  public init(
    _ description: String = "", default defaultValue: JSONValue? = nil, min: Double? = nil, max: Double? = nil,
    minItems: Int? = nil, maxItems: Int? = nil, choices: [JSONValue]? = nil, secret: Bool = false
  ) {
    self.description = description
    self.defaultValue = defaultValue
    self.min = min
    self.max = max
    self.minItems = minItems
    self.maxItems = maxItems
    self.choices = choices
    self.isSecret = secret
  }
}

/// What a job type decides for its jobs where a submission does not.
public struct JobTypeOptions: Sendable, Hashable {
  /// Counted failures that are followed by another attempt.
  public var maxRetries: Int?
  /// The delays between them.
  public var retry: RetryPolicy?
  /// The longest an attempt may take.
  public var timeout: Duration?
  /// Other names for the type.
  public var aliases: [String]

  /// Options; nil leaves it to the `default` preset.
  public init(maxRetries: Int? = nil, retry: RetryPolicy? = nil, timeout: Duration? = nil, aliases: [String] = []) {
    self.maxRetries = maxRetries
    self.retry = retry
    self.timeout = timeout
    self.aliases = aliases
  }
}

/// What a handler may throw instead of an error.
public enum JobControl: Error, Sendable, Hashable {
  /// Failed, and counted; but the next attempt comes after this time, whatever the policy says.
  case retryAfter(Duration, String)
  /// Not now: run again after this time. Not counted.
  case snooze(Duration)
  /// Failed, and no further attempt makes sense.
  case giveUp(String)
}

/// A handler as the worker calls it: a type, and a function from params to result.
public struct Handler: Sendable {
  /// The type with its params.
  public let type: JobType
  /// Decodes the params and does the work; gives the result as JSON, or nil for none.
  public let run: @Sendable (JobContext) async throws -> RawJSON?

  /// A handler from a function, for those who decode params themselves.
  public init(_ type: JobType, run: @escaping @Sendable (JobContext) async throws -> RawJSON?) {
    self.type = type
    self.run = run
  }

  /// The handler of a Swift type. Throws ``StintCore/StintError`` where its params can not be derived, naming why.
  public init<Work: JobHandler>(_ work: Work.Type) throws(StintError) {
    self.type = try ParamDerivation.jobType(of: work)
    self.run = { context in
      let decoded: Work
      do {
        decoded = try JSONDecoder().decode(Work.self, from: Data(context.job.spec.params.bytes))
      } catch {
        throw UndecodableParams(reason: "\(error)")
      }
      let output = try await decoded.run(context)
      if output is NoOutput { return nil }
      return RawJSON(wellFormed: Array(try Handler.encoder.encode(output)))
    }
  }

  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    // Sorted, so that a result's text is the same in every process.
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    return encoder
  }()
}

extension Handler {
  /// The handler, with its params' ranges checked again before it runs: a job may come from a store that another
  /// version wrote.
  public func checkingParams() -> Handler {
    Handler(type) { [type, run] context in
      if let params = (try? context.job.spec.params.parsed())?.object {
        let faults = type.hiding(context.job.spec.secretParams).check(params).faults
        if !faults.isEmpty {
          throw UndecodableParams(reason: faults.map { "\($0.param): \($0.message)" }.joined(separator: "; "))
        }
      }
      return try await run(context)
    }
  }
}

/// What a handler throws whose params no longer decode or are no longer allowed: a dead letter at once, not counted.
public struct UndecodableParams: Error, Sendable, Hashable {
  /// What is wrong with them.
  public let reason: String

  /// An error that says what is wrong.
  public init(reason: String) { self.reason = reason }
}
