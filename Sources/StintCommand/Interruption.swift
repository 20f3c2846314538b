import ArgumentParser
import Dispatch
import ServiceLifecycle
import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// What asks this process to stop, as a stream, instead of its end: SIGINT, SIGTERM and SIGHUP; where that is wanted,
/// SIGPIPE too, once, where nobody reads standard output any more.
///
/// As long as it lives, no write to a pipe that nobody reads ends the process.
final class StopSignals: @unchecked Sendable {
  // Safe because all properties are set once, and a dispatch source may be cancelled from any thread.
  /// One element for each signal.
  let arrivals: AsyncStream<Int32>
  private let continuation: AsyncStream<Int32>.Continuation
  private let sources: [any DispatchSourceSignal]
  private let signals: [Int32]

  /// Begins to catch signals; when this returns, none can be missed.
  static func caught(withOutput watchesOutput: Bool = true) async -> StopSignals {
    let signals = StopSignals()
    for source in signals.sources {
      await withCheckedContinuation { continuation in
        source.setRegistrationHandler { continuation.resume() }
        source.resume()
      }
    }
    #if canImport(Darwin)
      for number in signals.signals { signal(number, SIG_IGN) }
    #endif
    // Not ignored: that would be inherited by the programs that jobs start.
    signal(SIGPIPE) { _ in }
    if watchesOutput { Console.whenUnread.withLock { $0 = { signals.continuation.yield(SIGPIPE) } } }
    return signals
  }

  private init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    arrivals = stream
    self.continuation = continuation
    // Whoever started this with nohup wants it to outlive the terminal.
    signals = [SIGINT, SIGTERM] + (Self.isIgnored(SIGHUP) ? [] : [SIGHUP])
    sources = signals.map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      return source
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var present = sigaction()
    guard sigaction(number, nil, &present) == 0 else { return false }
    #if canImport(Darwin)
      let handler = present.__sigaction_u.__sa_handler
    #elseif canImport(Musl)
      let handler = present.__sa_handler.sa_handler
    #else
      let handler = present.__sigaction_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Lets signals end the process again.
  func stop() {
    Console.whenUnread.withLock { $0 = nil }
    for source in sources { source.cancel() }
    // Not SIGPIPE: connections may still be open, and a write to one that is gone must not end the process.
    for number in signals { signal(number, SIG_DFL) }
    continuation.finish()
  }
}

/// Ends what a command waits for when the user interrupts it: exit 130.
enum Interruption {
  static let exitCode = ExitCode(130)
  /// How long a second signal lets what was begun be given back.
  static let patience = Duration.seconds(10)

  /// Does `work`; a signal cancels it and waits until it has cleaned up, after a second one no longer than
  /// ``patience``.
  static func during<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let signals = await StopSignals.caught()
    defer { signals.stop() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        for await _ in signals.arrivals { return nil }
        return nil
      }
      if let value = try await group.next().flatMap({ $0 }) {
        group.cancelAll()
        return value
      }
      group.cancelAll()
      // Outside the group, which is cancelled. Awaited right below.
      let second = Task {
        for await _ in signals.arrivals {
          guard (try? await Task.sleep(for: patience)) != nil else { return }
          exit(Self.exitCode.rawValue)
        }
      }
      _ = try? await group.next()
      second.cancel()
      await second.value
      throw Self.exitCode
    }
  }
}

extension ServiceGroup {
  /// Runs the services; the first signal stops them gracefully, after `say` was called, the second at once. Whether
  /// there was a second.
  func run(until signals: StopSignals, say: @escaping @Sendable () -> Void) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      tasks.addTask {
        try await self.run()
        return false
      }
      tasks.addTask {
        var arrivals = signals.arrivals.makeAsyncIterator()
        guard await arrivals.next() != nil else { return false }
        say()
        await self.triggerGracefulShutdown()
        KillPoint.reached(.shutdownBegun)
        return await arrivals.next() != nil
      }
      defer { tasks.cancelAll() }
      guard try await tasks.next() ?? false else { return false }
      tasks.cancelAll()
      // What the services say of having been cancelled is no news.
      _ = try? await tasks.next()
      return true
    }
  }
}
