/// An error that reaches a user: one type, mapped once to HTTP status, exit code and text.
public struct StintError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of error, as they stand on the wire.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// No such job, or no such page.
    case notFound = "not_found"
    /// Params or options that do not fit.
    case invalidParams = "invalid_params"
    /// No such job type.
    case unknownType = "unknown_type"
    /// A job with this id exists.
    case duplicateID = "duplicate_id"
    /// Jobs that would wait for each other.
    case dependencyCycle = "dependency_cycle"
    /// A job depends on one that does not exist.
    case unknownDependency = "unknown_dependency"
    /// The lifecycle has no such move.
    case illegalMove = "illegal_move"
    /// The queue takes no more.
    case queueFull = "queue_full"
    /// The owner may not have more.
    case quotaExceeded = "quota_exceeded"
    /// Something is larger than its limit.
    case tooLarge = "too_large"
    /// No token, or a wrong one.
    case unauthorized
    /// Not allowed here.
    case forbidden
    /// The store can not be opened, read or written.
    case storeUnavailable = "store_unavailable"
    /// A late write of a lost lease.
    case superseded
    /// Text that can not be read.
    case malformed
    /// The path exists, the method does not.
    case methodNotAllowed = "method_not_allowed"
    /// A body of another type than `application/json`.
    case unsupportedMediaType = "unsupported_media_type"
    /// The path is a WebSocket, the request no handshake.
    case upgradeRequired = "upgrade_required"
    /// The store can not do this.
    case unsupported
    /// Something is wrong with Stint itself.
    case internalError = "internal_error"

    /// The HTTP status it is answered with.
    public var httpStatus: Int {
      switch self {
      case .malformed: 400
      case .unauthorized: 401
      case .forbidden: 403
      case .notFound: 404
      case .methodNotAllowed: 405
      case .duplicateID, .illegalMove, .superseded: 409
      case .tooLarge: 413
      case .unsupportedMediaType: 415
      case .invalidParams, .unknownType, .dependencyCycle, .unknownDependency, .unsupported: 422
      case .upgradeRequired: 426
      case .queueFull, .quotaExceeded: 429
      case .storeUnavailable: 503
      case .internalError: 500
      }
    }

    /// The exit code a command ends with.
    public var exitCode: Int32 {
      switch self {
      case .notFound: 66
      case .storeUnavailable: 69
      case .queueFull, .quotaExceeded, .superseded: 75
      case .unauthorized, .forbidden: 77
      case .internalError: 70
      case .invalidParams, .unknownType, .duplicateID, .dependencyCycle, .unknownDependency, .illegalMove, .tooLarge,
        .malformed, .methodNotAllowed, .unsupportedMediaType, .upgradeRequired, .unsupported:
        65
      }
    }
  }

  /// One fault among several.
  public struct Detail: Sendable, Hashable {
    /// The param or option.
    public let param: String
    /// What is wrong with it.
    public let message: String

    /// A fault of a param or option.
    public init(param: String, message: String) {
      self.param = param
      self.message = message
    }
  }

  /// What kind of error.
  public let type: Kind
  /// What is wrong, with the thing, the value and what is allowed.
  public let message: String
  /// Every fault, where several can be named.
  public var details: [Detail] = []
  /// The job that exists already, for ``Kind/duplicateID``.
  public var existing: Job?

  /// An error from its kind and its text.
  public init(_ type: Kind, _ message: String, details: [Detail] = [], existing: Job? = nil) {
    self.type = type
    self.message = message
    self.details = details
    self.existing = existing
  }

  /// The text, and every fault on a line of its own.
  public var description: String {
    details.reduce(message) { $0 + "\n  \($1.param): \($1.message)" }
  }

  /// "Job not found", with the id.
  public static func notFound(_ id: String) -> StintError { StintError(.notFound, "Job not found: \(id)") }

  /// An illegal move in words: what was asked, and where the job is.
  public static func illegal(_ move: Lifecycle.IllegalMove) -> StintError {
    let message: String
    switch move.cause {
    case .cancelRequested: message = "Job \(move.id) is already \(move.from.rawValue) and can not be cancelled"
    case .retried: message = "Job \(move.id) is \(move.from.rawValue); only failed and cancelled jobs can be retried"
    default: message = "Job \(move.id) is \(move.from.rawValue): \(move.cause.rawValue) is not possible"
    }
    return StintError(.illegalMove, message)
  }

  /// One error for all faults of a submission.
  public static func invalid(_ subject: String, _ faults: [Detail]) -> StintError {
    let first = faults.first.map { ": \($0.param): \($0.message)" } ?? ""
    let more = faults.count > 1 ? " (and \(faults.count - 1) more)" : ""
    return StintError(.invalidParams, subject + first + more, details: faults)
  }
}
