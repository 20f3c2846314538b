#if STINT_THREAD_SANITIZER
  internal import Synchronization

  // In builds for ThreadSanitizer these stand for what has the same names in the standard library: types of other
  // modules go before its own, and so do functions that need fewer arguments. The runtime tells ThreadSanitizer what one
  // task hands to the next, except where a continuation is resumed before its task has begun to wait for it.

  /// What one thread did before ``pass()`` has happened for the thread that does ``take()`` after it.
  private final class Handover: Sendable {
    private let passed = Atomic(false)
    func pass() { passed.store(true, ordering: .releasing) }
    func take() { _ = passed.load(ordering: .acquiring) }
  }

  /// The standard library's, with a hand-over that ThreadSanitizer sees.
  package struct CheckedContinuation<Value, Failure: Error>: Sendable {
    private let continuation: _Concurrency.CheckedContinuation<Value, Failure>
    private let handover: Handover

    fileprivate init(_ continuation: _Concurrency.CheckedContinuation<Value, Failure>, _ handover: Handover) {
      self.continuation = continuation
      self.handover = handover
    }

    /// The task goes on with `value`.
    package func resume(returning value: sending Value) {
      handover.pass()
      continuation.resume(returning: value)
    }

    /// The task goes on with `error`.
    package func resume(throwing error: Failure) {
      handover.pass()
      continuation.resume(throwing: error)
    }

    /// The task goes on.
    package func resume() where Value == Void {
      resume(returning: ())
    }

    /// The task goes on with what `result` is.
    package func resume(with result: sending Result<Value, Failure>) {
      handover.pass()
      continuation.resume(with: result)
    }
  }

  /// Waits until the continuation given to `body` is resumed.
  nonisolated(nonsending) package func withCheckedContinuation<Value>(
    _ body: (CheckedContinuation<Value, Never>) -> Void
  ) async -> sending Value {
    let handover = Handover()
    defer { handover.take() }
    return await _Concurrency.withCheckedContinuation {
      body(CheckedContinuation($0, handover))
    }
  }

  /// Waits until the continuation given to `body` is resumed, and throws what it is resumed with.
  nonisolated(nonsending) package func withCheckedThrowingContinuation<Value>(
    _ body: (CheckedContinuation<Value, any Error>) -> Void
  ) async throws -> sending Value {
    let handover = Handover()
    defer { handover.take() }
    return try await _Concurrency.withCheckedThrowingContinuation {
      body(CheckedContinuation($0, handover))
    }
  }
#endif
