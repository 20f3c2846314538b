import NIOCore
import NIOPosix
import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// The machine's own name resolution.
enum SystemResolver {
  /// As many threads as one job has URLs, so that slow names do not wait for each other.
  private static let threads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 10)
    pool.start()
    return pool
  }()

  /// The addresses of a name, in the order the system prefers them. A cancelled task does not wait for the answer.
  static let resolve: @Sendable (String, Int) async throws -> [SocketAddress] = { host, port in
    try await offPool { try lookUp(host, port) }
  }

  /// Runs blocking work on a thread of its own. Where the task is cancelled the work is left behind.
  static func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    let outcome = FirstOutcome<Value>()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard outcome.wait(continuation) else { return }
        threads.submit { state in
          guard state == .active, !outcome.isKnown else { return outcome.set(.failure(CancellationError())) }
          outcome.set(Result { try work() })
        }
      }
    } onCancel: {
      outcome.set(.failure(CancellationError()))
    }
  }

  private static func lookUp(_ host: String, _ port: Int) throws -> [SocketAddress] {
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else { throw FetchFault("\(host) can not be resolved: \(String(cString: gai_strerror(code)))") }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var entry = list
    while let info = entry?.pointee {
      let bytes = UnsafeRawPointer(info.ai_addr)
      if let bytes, info.ai_family == AF_INET {
        addresses.append(SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self), host: host))
      } else if let bytes, info.ai_family == AF_INET6 {
        addresses.append(SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self), host: host))
      }
      entry = info.ai_next
    }
    return addresses
  }
}

/// Gives a waiting task the first outcome that is set; later ones are dropped.
private final class FirstOutcome<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case known(Result<Value, any Error>)
  }
  private let state = Locked(State.empty)

  var isKnown: Bool {
    state.withLock { state in
      if case .known = state { true } else { false }
    }
  }

  /// False where the outcome is known already, and given.
  func wait(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
    let known: Result<Value, any Error>? = state.withLock { state in
      if case .known(let result) = state { return result }
      state = .waiting(continuation)
      return nil
    }
    guard let known else { return true }
    continuation.resume(with: known)
    return false
  }

  func set(_ result: Result<Value, any Error>) {
    let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
      switch state {
      case .known: return nil
      case .empty:
        state = .known(result)
        return nil
      case .waiting(let continuation):
        state = .known(result)
        return continuation
      }
    }
    waiting?.resume(with: result)
  }
}
