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

/// SIGINT and SIGTERM as a stream, instead of the end of the process; for as long as it lives.
final class StopSignals: @unchecked Sendable {
  // Safe because all properties are set once, and a dispatch source may be cancelled from any thread.
  /// One element for each signal.
  let arrivals: AsyncStream<Int32>
  private let continuation: AsyncStream<Int32>.Continuation
  private let sources: [any DispatchSourceSignal]
  private static let signals = [SIGINT, SIGTERM]

  /// Begins to catch signals; when this returns, none can be missed.
  static func caught() async -> StopSignals {
    let signals = StopSignals()
    for source in signals.sources {
      await withCheckedContinuation { continuation in
        source.setRegistrationHandler { continuation.resume() }
        source.resume()
      }
    }
    #if canImport(Darwin)
      for number in Self.signals { signal(number, SIG_IGN) }
    #endif
    return signals
  }

  private init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    arrivals = stream
    self.continuation = continuation
    sources = Self.signals.map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      return source
    }
  }

  /// Lets signals end the process again.
  func stop() {
    for source in sources { source.cancel() }
    for number in Self.signals { signal(number, SIG_DFL) }
    continuation.finish()
  }
}

/// Ends what a command waits for when the user interrupts it: exit 130.
enum Interruption {
  static let exitCode = ExitCode(130)

  /// Does `work`; a signal cancels it and waits until it has cleaned up, a second one ends the process at once.
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
      group.addTask {
        for await _ in signals.arrivals { exit(Self.exitCode.rawValue) }
        return nil
      }
      _ = try? await group.next()
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
