import StintCore
import StintEngine
import StintStore

/// The gateway of a worker process: every call goes to the supervisor, which has the store.
final class ChannelGateway: WorkerGateway {
  private struct State {
    var waiting: [UInt64: CheckedContinuation<GatewayReply, Never>] = [:]
    var nextNumber: UInt64 = 0
  }

  private let channel: FrameChannel
  private let state = Locked(State())

  init(channel: FrameChannel) { self.channel = channel }

  /// An answer came.
  func take(_ reply: GatewayReply, to number: UInt64) {
    state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: reply)
  }

  private func call(
    _ call: GatewayCall, reaching point: KillPoint? = nil
  ) async throws(StoreError) -> GatewayReply {
    let reply = await withCheckedContinuation { continuation in
      let number = state.withLock { state in
        state.nextNumber += 1
        state.waiting[state.nextNumber] = continuation
        return state.nextNumber
      }
      channel.send(ChannelMessage.call(number, call).bytes, reaching: point)
    }
    if case .failed(let error) = reply { throw error }
    return reply
  }

  private static let garbled = StoreError.unavailable("The supervisor gave an answer of another kind", effect: .unknown)

  func announce(_ worker: WorkerRecord) async throws(StoreError) { _ = try await call(.announce(worker)) }

  func leave(_ worker: String) async throws(StoreError) { _ = try await call(.leave(worker)) }

  func claim(_ request: ClaimRequest) async throws(StoreError) -> [Job] {
    guard case .jobs(let jobs) = try await call(.claim(request)) else { throw Self.garbled }
    return jobs
  }

  func renew(_ attempts: [AttemptKey], lease: Duration) async throws(StoreError) -> [RenewResult] {
    guard case .renewed(let results) = try await call(.renew(attempts, lease: lease)) else { throw Self.garbled }
    return results
  }

  func record(_ reports: [AttemptReport]) async throws(StoreError) { _ = try await call(.record(reports)) }

  func checkpoint(_ id: JobID) async throws(StoreError) -> RawJSON? {
    guard case .checkpoint(let value) = try await call(.checkpoint(id)) else { throw Self.garbled }
    return value
  }

  func access(_ job: Job) async -> AttemptAccess? {
    let attempt = job.key
    guard case .access(let access)? = try? await call(.access(attempt)) else { return nil }
    return access
  }

  func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
    let outcomes = settlements.map { settlement in
      GatewayCall.Settled(
        attempt: settlement.job.key,
        startedAt: settlement.job.state.startedAt, cause: settlement.cause, at: settlement.at)
    }
    guard case .settled(let results) = try await call(.settle(outcomes), reaching: .outcomesSent) else {
      throw Self.garbled
    }
    return results
  }
}
