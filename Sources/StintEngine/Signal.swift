import StintCore

/// Wakes one waiting task. Notifications while nobody waits are remembered as one.
package final class Signal: Sendable {
  private struct State {
    var isSet = false
    var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
    var nextID: UInt64 = 0
  }

  private let state = Locked(State())

  /// A signal that nobody has given yet.
  package init() {}

  /// Lets the waiting task go on, or the next one that waits.
  package func notify() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard let waiter = state.waiter else {
        state.isSet = true
        return nil
      }
      state.waiter = nil
      return waiter.continuation
    }
    waiter?.resume()
  }

  /// Returns at the next notification, or when the task is cancelled.
  package func wait() async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goesOn = state.withLock { state -> CheckedContinuation<Void, Never>? in
          if state.isSet || Task.isCancelled {
            state.isSet = false
            return continuation
          }
          // One waits at a time; should a second come, the first goes on rather than wait for ever.
          defer { state.waiter = (id, continuation) }
          return state.waiter?.continuation
        }
        goesOn?.resume()
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard let waiter = state.waiter, waiter.id == id else { return nil }
        state.waiter = nil
        return waiter.continuation
      }
      waiter?.resume()
    }
  }

  /// Returns at the next notification, at `deadline` (nil: never) by `time`'s uptime, or when the task is cancelled.
  package func wait(untilUptime deadline: Duration?, time: any TimeSource) async {
    guard let deadline else { return await wait() }
    if state.withLock({ state in
      defer { state.isSet = false }
      return state.isSet
    }) {
      return
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait() }
      group.addTask { try? await time.sleep(untilUptime: deadline) }
      await group.next()
      group.cancelAll()
    }
  }
}
