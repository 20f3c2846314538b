#if STINT_THREAD_SANITIZER
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif

  /// A value behind a lock, in builds for ThreadSanitizer: `Synchronization.Mutex` over a lock of POSIX.
  ///
  /// On Linux the mutex of the standard library waits in the kernel by itself, which ThreadSanitizer does not see:
  /// what threads hand to each other through a contended one looks like a race. It knows the locks of POSIX.
  package struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Safe because the value is reached only while the lock is held.
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    /// `initialValue`, with nobody in it.
    package init(_ initialValue: consuming sending Value) {
      lock = .allocate(capacity: 1)
      lock.initialize(to: pthread_mutex_t())
      let failure = pthread_mutex_init(lock, nil)
      precondition(failure == 0, "No lock: error \(failure)")
      value = .allocate(capacity: 1)
      value.initialize(to: initialValue)
    }

    deinit {
      value.deinitialize(count: 1)
      value.deallocate()
      pthread_mutex_destroy(lock)
      lock.deallocate()
    }

    /// Runs `body` on the value while nobody else does.
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
      _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return try body(&value.pointee)
    }
  }
#else
  package import Synchronization

  /// A value behind a lock: `Synchronization.Mutex`, but for builds for ThreadSanitizer, which see through it.
  package typealias Locked<Value: ~Copyable> = Mutex<Value>
#endif
