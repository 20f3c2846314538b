import StintCore
import StintStore

/// How often a caller asks a store that is away, before it is told so: SPEC §13.
///
/// A worker asks for ever; it has attempts to settle. A caller has somebody waiting.
struct Persistence: Sendable {
  /// Tries in all.
  static let tries = 5
  /// The wait before the second try; each further one is twice as long, and up to a half more by chance, so that callers
  /// do not come back as one wave.
  static let firstWait: Duration = .milliseconds(50)

  let time: any TimeSource
  let random: RandomSource

  /// Runs a store operation until it succeeds, fails for good, or was tried ``tries`` times. Its errors become those
  /// that users see. `isRepeated` tells whether an earlier try may have had its effect.
  func callAsFunction<Value: Sendable>(
    _ operation: () async throws(StoreError) -> Value
  ) async throws(StintError) -> (value: Value, isRepeated: Bool) {
    var isRepeated = false
    var wait = Self.firstWait
    var left = Self.tries
    while true {
      do throws(StoreError) { return (try await operation(), isRepeated) } catch {
        left -= 1
        // A caller that no longer waits is told at once.
        guard left > 0, case .unavailable(_, let effect) = error,
          (try? await time.sleep(for: wait + wait / 2 * random.unit())) != nil
        else { throw isRepeated ? error.afterDoubt : error.stintError }
        if effect == .unknown { isRepeated = true }
        wait = wait * 2
      }
    }
  }
}

extension StoreError {
  /// As users see it where an earlier try may have had its effect.
  fileprivate var afterDoubt: StintError {
    StintError(.storeUnavailable, "\(description). An earlier try may have been stored all the same")
  }
}

extension Store {
  /// What became of the job, if an earlier call whose answer was lost has stored this change, or if the attempt has
  /// completed the job itself, in a transaction of its own; else nil.
  func earlier(_ change: Change) async throws(StoreError) -> JobStatus? {
    guard change.event != nil else { return nil }
    return change.status(in: try await history([change.id])[0])
  }
}
