import Logging
import StintCore

/// Says what does not work once, once more when it is another thing, and when it works again: not each time it is
/// tried.
package final class TroubleLog: Sendable {
  private struct Trouble {
    var error: String
    var times: Int
    var lastUptime: Duration
  }

  /// For how long nothing must have failed before calls that had nothing to write are taken for a sign that the store
  /// works: on a full disk they succeed between those that fail.
  package static let quiet: Duration = .seconds(10)

  private let logger: Logger
  private let time: any TimeSource
  private let troubles = Locked<[String: Trouble]>([:])

  package init(logger: Logger, time: any TimeSource) {
    self.logger = logger
    self.time = time
  }

  /// `what` failed once more.
  package func failed(_ what: String, _ error: any Error, _ metadata: Logger.Metadata = [:]) {
    let error = "\(error)"
    let uptime = time.uptime()
    let isNews = troubles.withLock { troubles in
      defer {
        troubles[what] = Trouble(error: error, times: (troubles[what]?.times ?? 0) + 1, lastUptime: uptime)
      }
      return troubles[what]?.error != error
    }
    guard isNews else { return }
    logger.warning("\(what) failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
  }

  /// `what` worked. Where it `wrote` nothing, that is the end of a trouble only after a while without any.
  package func worked(_ what: String, wrote: Bool = true) {
    let trouble = troubles.withLock { troubles -> Trouble? in
      guard let trouble = troubles.isEmpty ? nil : troubles[what] else { return nil }
      guard wrote || time.uptime() - trouble.lastUptime >= Self.quiet else { return nil }
      return troubles.removeValue(forKey: what)
    }
    guard let trouble else { return }
    logger.notice("\(what) works again", metadata: ["failures": "\(trouble.times)"])
  }
}
