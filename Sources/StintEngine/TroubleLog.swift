import Logging
import StintCore

/// Says what does not work once, once more when it is another thing, and when it works again: not each time it is
/// tried.
package final class TroubleLog: Sendable {
  private struct Trouble {
    var error: String
    var times: Int
  }

  private let logger: Logger
  private let troubles = Locked<[String: Trouble]>([:])

  package init(logger: Logger) { self.logger = logger }

  /// `what` failed once more.
  package func failed(_ what: String, _ error: any Error, _ metadata: Logger.Metadata = [:]) {
    let error = "\(error)"
    let isNews = troubles.withLock { troubles in
      defer { troubles[what] = Trouble(error: error, times: (troubles[what]?.times ?? 0) + 1) }
      return troubles[what]?.error != error
    }
    guard isNews else { return }
    logger.warning("\(what) failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
  }

  /// `what` worked.
  package func worked(_ what: String) {
    guard let trouble = troubles.withLock({ $0.isEmpty ? nil : $0.removeValue(forKey: what) }) else { return }
    logger.notice("\(what) works again", metadata: ["failures": "\(trouble.times)"])
  }
}
