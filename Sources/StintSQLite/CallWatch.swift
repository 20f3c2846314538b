import Dispatch
import StintCore
import StintStore
import Synchronization

/// Calls on a disk that may hang: who waits for one that lasts too long is told so, and does not wait for ever.
///
/// The call itself can not be taken back. It goes on in its thread, and what it does is done when the disk answers.
final class CallWatch: Sendable {
  /// How long a call may last.
  static let patience: Duration = .seconds(10)

  private struct Call {
    let began: UInt64
    let signs: SignsOfLife
    let giveUp: @Sendable () -> Void
  }

  private struct State {
    var calls: [UInt64: Call] = [:]
    var next: UInt64 = 0
    var isLooking = false
  }

  private let state = Locked(State())
  private let patience: Duration
  private let thread = DispatchQueue(label: "stint.sqlite.watch", qos: .userInitiated)

  /// A watch with this patience.
  init(patience: Duration = CallWatch.patience) { self.patience = patience }

  private static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// A call begins: `giveUp` is called if it is not over in time, and SQLite does nothing for it. The number ends it.
  func begin(_ signs: SignsOfLife, giveUp: @escaping @Sendable () -> Void) -> UInt64 {
    let began = Self.now
    let (number, starts) = state.withLock { state in
      state.next += 1
      state.calls[state.next] = Call(began: began, signs: signs, giveUp: giveUp)
      defer { state.isLooking = true }
      return (state.next, !state.isLooking)
    }
    if starts { look() }
    return number
  }

  /// The call is over.
  func end(_ number: UInt64) { state.withLock { _ = $0.calls.removeValue(forKey: number) } }

  /// Looks now and then, for as long as there is something to look after.
  private func look() {
    let pause = max(10, Int(patience.microseconds / 8_000))
    thread.asyncAfter(deadline: .now() + .milliseconds(pause)) { [self] in
      let now = Self.now
      let limit = UInt64(patience.microseconds) * 1_000
      let (late, goesOn) = state.withLock { state in
        let late = state.calls.filter { call in
          let last = max(call.value.began, call.value.signs.last)
          return last < now && now - last >= limit
        }
        for number in late.keys { state.calls[number] = nil }
        state.isLooking = !state.calls.isEmpty
        return (late.values, state.isLooking)
      }
      for call in late { call.giveUp() }
      if goesOn { look() }
    }
  }

  /// What who waited is told.
  func error(_ path: String, effect: StoreError.Effect) -> StoreError {
    let outcome = effect == .unknown ? "; whether it was stored is not known" : ""
    return .unavailable("The disk of \(path) has not answered for \(patience.text)\(outcome)", effect: effect)
  }
}

/// When SQLite was last seen at work on a connection: a question that takes long is not a disk that hangs.
final class SignsOfLife: Sendable {
  private let instant = Atomic<UInt64>(0)

  /// In nanoseconds of this process's uptime; 0 if never.
  var last: UInt64 { instant.load(ordering: .relaxed) }

  func give() { instant.store(DispatchTime.now().uptimeNanoseconds, ordering: .relaxed) }
}

/// Somebody who waits for an answer, and gets one, once.
final class Answer<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var continuation: CheckedContinuation<Result<Value, StoreError>, Never>?
  }

  private let state: Locked<State>

  init(_ continuation: CheckedContinuation<Result<Value, StoreError>, Never>) {
    state = Locked(State(continuation: continuation))
  }

  /// Whether it has not been given.
  var isOpen: Bool { state.withLock { $0.continuation != nil } }

  /// Keeps what is to be answered if all goes well.
  func keep(_ value: Value) { state.withLock { $0.value = value } }

  /// Answers with what was kept, or with what went wrong; false where it had been answered before.
  @discardableResult
  func give(_ error: StoreError?) -> Bool {
    let (continuation, value) = state.withLock { state in
      defer { state.continuation = nil }
      return (state.continuation, state.value)
    }
    guard let continuation else { return false }
    if let value, error == nil {
      continuation.resume(returning: .success(value))
    } else {
      continuation.resume(returning: .failure(error ?? .closed))
    }
    return true
  }
}
