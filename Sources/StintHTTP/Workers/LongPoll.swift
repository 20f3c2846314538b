import Logging
import NIOCore
import ServiceLifecycle
import StintCore
import StintEngine
import Synchronization

/// A request that is answered once there is something to say: it waits for hints, and gives up when its time is over,
/// the server stops, or its client has gone.
final class LongPoll: Sendable {
  /// How many hints in a row are believed at once.
  private static let freeMisses = 4
  /// How long a poll waits after more of them.
  private static let pause: Duration = .milliseconds(25)

  private let signal = Signal()
  private let isOver = Atomic(false)
  private let isGone = Atomic(false)
  private let deadline: Duration
  private let interval: Duration
  private let time: any TimeSource
  private let logger: Logger

  /// A poll of at most `wait`, which looks again every `interval` even without a hint.
  init(wait: Duration, interval: Duration, time: any TimeSource, logger: Logger) {
    self.time = time
    self.logger = logger
    self.interval = interval
    deadline = time.uptime() + wait
  }

  /// Whether nobody is there to read the answer.
  var hasNoClient: Bool { isGone.load(ordering: .acquiring) }

  /// There may be something.
  func look() { signal.notify() }

  /// Answers at the next turn, whatever there is.
  private func end() {
    isOver.store(true, ordering: .releasing)
    signal.notify()
  }

  private func leave() {
    if !isGone.exchange(true, ordering: .acquiringAndReleasing) {
      logger.info("a worker left before it was answered")
    }
    end()
  }

  /// Hears when the client goes: whoever closes its side while it waits for an answer has gone.
  func watch(_ channel: any Channel) {
    channel.triggerUserOutboundEvent(ClientWatch { self.leave() }, promise: nil)
    if !channel.isActive { leave() }
  }

  /// Asks `find` until it gives something, or the wait is over.
  func run<Value: Sendable>(_ find: () async -> Value?) async -> Value? {
    await withGracefulShutdownHandler {
      var misses = 0
      while true {
        if hasNoClient { return nil }
        if let found = await find() { return found }
        let now = time.uptime()
        guard now < deadline, !isOver.load(ordering: .acquiring), !Task.isCancelled else { return nil }
        await signal.wait(untilUptime: min(deadline, now + interval), time: time)
        misses = time.uptime() - now < interval ? misses + 1 : 0
        // Hints that speak of others' jobs must not make a poll ask without a pause.
        if misses > Self.freeMisses, !isOver.load(ordering: .acquiring) { try? await time.sleep(for: Self.pause) }
      }
    } onGracefulShutdown: {
      self.end()
    }
  }
}

/// Tells the connection's handler whom to tell when the client goes before it was answered.
struct ClientWatch: Sendable {
  let gone: @Sendable () -> Void

  init(gone: @escaping @Sendable () -> Void) { self.gone = gone }
}
