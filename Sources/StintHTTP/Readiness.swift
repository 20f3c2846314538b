import StintCore
import StintEngine

/// Answers whether the store works, within a second whatever the store does: at most one check is under way, and
/// whoever asks meanwhile waits for the same one.
actor Readiness {
  private let client: any JobClient
  private let time: any TimeSource
  private var waiting: [AsyncStream<StintError?>.Continuation] = []
  private var check: Task<Void, Never>?

  init(client: any JobClient, time: any TimeSource) {
    self.client = client
    self.time = time
  }

  /// Throws `store_unavailable` if the check fails or is not done within a second.
  func verify() async throws(StintError) {
    let (results, continuation) = AsyncStream<StintError?>.makeStream()
    waiting.append(continuation)
    if check == nil { check = Task { await run() } }
    let time = time
    let fault = await withTaskGroup(of: StintError?.self) { group in
      group.addTask {
        for await result in results { return result }
        return StintError(.storeUnavailable, "The check of the store was given up")
      }
      group.addTask {
        try? await time.sleep(for: .seconds(1))
        return StintError(.storeUnavailable, "The store did not answer within a second")
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    if let fault { throw fault }
  }

  private func run() async {
    var fault: StintError?
    do throws(StintError) { try await client.check() } catch { fault = error }
    for continuation in waiting {
      continuation.yield(fault)
      continuation.finish()
    }
    waiting = []
    check = nil
  }
}
