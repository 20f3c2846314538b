import StintCore
import StintEngine

/// Handlers wait in it until the test lets them go on, and the test waits for what they do: so that a test holds a job
/// in the middle of its work without looking at a clock.
final class Gate: Sendable {
  private struct State {
    var inside: [(id: UInt64, job: JobID, continuation: CheckedContinuation<Bool, Never>)] = []
    var watchers: [(reached: @Sendable (Tally) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    var tally = Tally()
    var isOpen = false
    var nextID: UInt64 = 0

    mutating func takeReached() -> [CheckedContinuation<Void, Never>] {
      let tally = tally
      let reached = watchers.filter { $0.reached(tally) }.map(\.continuation)
      watchers.removeAll { $0.reached(tally) }
      return reached
    }
  }

  /// What has happened at the gate.
  struct Tally: Sendable {
    /// How many wait now.
    var inside = 0
    /// The most that ever waited at once.
    var most = 0
    /// Those that came, in order.
    var came: [JobID] = []
    /// How many were asked to stop while they waited.
    var asked = 0
  }

  private let state = Locked(State())

  var tally: Tally { state.withLock { $0.tally } }

  /// Waits until the gate lets it through. Throws `CancellationError` when the task is cancelled, unless it is deaf.
  func pass(_ context: JobContext, isDeaf: Bool = false) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let isThrough = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in enter(id, context.job.id, continuation, isDeaf: isDeaf) }
    } onCancel: {
      cancel(id, isDeaf: isDeaf)
    }
    if !isThrough { throw CancellationError() }
  }

  private func enter(_ id: UInt64, _ job: JobID, _ continuation: CheckedContinuation<Bool, Never>, isDeaf: Bool) {
    let (answer, reached) = state.withLock { state -> (Bool?, [CheckedContinuation<Void, Never>]) in
      state.tally.came.append(job)
      var answer: Bool?
      if state.isOpen {
        answer = true
      } else if Task.isCancelled, !isDeaf {
        answer = false
      } else {
        state.inside.append((id, job, continuation))
        state.tally.inside += 1
        state.tally.most = max(state.tally.most, state.tally.inside)
      }
      return (answer, state.takeReached())
    }
    if let answer { continuation.resume(returning: answer) }
    for watcher in reached { watcher.resume() }
  }

  private func cancel(_ id: UInt64, isDeaf: Bool) {
    let (left, reached) = state.withLock {
      state -> (CheckedContinuation<Bool, Never>?, [CheckedContinuation<Void, Never>]) in
      state.tally.asked += 1
      var left: CheckedContinuation<Bool, Never>?
      if !isDeaf, let index = state.inside.firstIndex(where: { $0.id == id }) {
        left = state.inside.remove(at: index).continuation
        state.tally.inside -= 1
      }
      return (left, state.takeReached())
    }
    left?.resume(returning: false)
    for watcher in reached { watcher.resume() }
  }

  /// Lets the first `count` of those that wait go on.
  func letThrough(_ count: Int = 1) {
    let (through, reached) = state.withLock { state in
      let through = state.inside.prefix(count).map(\.continuation)
      state.inside.removeFirst(through.count)
      state.tally.inside -= through.count
      return (through, state.takeReached())
    }
    for continuation in through { continuation.resume(returning: true) }
    for watcher in reached { watcher.resume() }
  }

  /// Lets all go on, also those that come later.
  func open() {
    state.withLock { $0.isOpen = true }
    letThrough(.max)
  }

  /// Returns once the tally is like this.
  func wait(until reached: @escaping @Sendable (Tally) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isReached = state.withLock { state in
        if reached(state.tally) { return true }
        state.watchers.append((reached, continuation))
        return false
      }
      if isReached { continuation.resume() }
    }
  }

  /// Returns once `count` wait in it.
  func wait(inside count: Int) async { await wait { $0.inside == count } }
}

/// Things that happened, in order, told by handlers.
final class Log<Entry: Sendable>: Sendable {
  private let entries = Locked<[Entry]>([])
  func add(_ entry: Entry) { entries.withLock { $0.append(entry) } }
  var all: [Entry] { entries.withLock { $0 } }
}
