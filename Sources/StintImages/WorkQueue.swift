import CVips
import Dispatch
import StintCore
import Synchronization

/// Where images are computed: threads apart from Swift's own, which must not be blocked.
enum WorkQueue {
  private static let queue = DispatchQueue(label: "stint.images", attributes: .concurrent)
  /// Why libvips can not be used; nil if it can. Loads it when it is first asked.
  private static let fault = stint_vips_start().map { String(cString: $0) }

  /// Makes libvips ready, once; must come before any other use of it. Blocks for some 50 ms.
  static func start() throws { if let fault { throw MissingLibrary(reason: fault) } }

  /// Runs `work` there. It is told by `Cancellation` that the task was cancelled.
  static func run<Value: Sendable>(_ work: @escaping @Sendable (Cancellation) throws -> Value) async throws -> Value {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        queue.async {
          continuation.resume(
            with: Result {
              try start()
              try cancellation.check()
              return try work(cancellation)
            })
        }
      }
    } onCancel: {
      cancellation.request()
    }
  }
}

/// Whether the task that waits for some work was cancelled.
final class Cancellation: Sendable {
  private let requested = Atomic(false)

  var isRequested: Bool { requested.load(ordering: .relaxed) }
  func request() { requested.store(true, ordering: .relaxed) }
  func check() throws { if isRequested { throw CancellationError() } }
}

/// The library that image jobs need is not there: the attempt fails, and one after it is installed succeeds.
struct MissingLibrary: Error, CustomStringConvertible {
  let reason: String
  var description: String {
    "libvips can not be loaded (\(reason)). Install it: apt-get install libvips42, or brew install vips"
  }
}
