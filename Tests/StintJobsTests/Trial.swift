import StintCore
import StintEngine
import StintTesting

@testable import StintJobs

/// One run of a built-in job, with a clock in the test's hand and a record of what it said.
struct Trial: Sendable {
  let time = ManualTime()
  let reports = Reports()
  let handler: Handler

  init(_ name: String, fetch: FetchPolicy = FetchPolicy()) throws {
    let handlers = try BuiltInJobs.handlers(fetch: fetch)
    guard let handler = handlers.first(where: { $0.type.name == name }) else { throw Missing(name: name) }
    self.handler = handler
  }

  struct Missing: Error { let name: String }

  /// Starts it; `onReport` is called inside the job, before it goes on.
  func start(
    _ params: JSONValue, filled: Bool = true, onReport: @escaping @Sendable (Progress) -> Void = { _ in }
  ) -> Task<JSONValue, any Error> {
    let given = params.object ?? []
    let checked = filled ? handler.type.check(given).params : given
    let now = time.now()
    let spec = JobSpec(
      id: JobID(known: "trial"), type: handler.type.name, params: RawJSON(.object(checked)), createdAt: now)
    let job = Job(spec: spec, state: JobState(status: .running, revision: 1, runAt: now))
    let context = JobContext(job: job, time: time) { [reports] news in
      guard case .progress(let progress) = news else { return }
      reports.add(progress)
      onReport(progress)
    }
    return Task { [handler] in try await handler.run(context)?.parsed() ?? .null }
  }

  /// Runs it to its end.
  func run(
    _ params: JSONValue, onReport: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> JSONValue {
    try await start(params, onReport: onReport).value
  }
}

/// What a job reported, in order.
final class Reports: Sendable {
  private let list = Locked<[Progress]>([])

  var all: [Progress] { list.withLock { $0 } }
  var messages: [String] { all.map { $0.message ?? "" } }
  func add(_ progress: Progress) { list.withLock { $0.append(progress) } }
}

/// Cancels the job from inside its own report, so that it is certainly in mid-work.
let cancelCurrentTask: @Sendable (Progress) -> Void = { _ in withUnsafeCurrentTask { $0?.cancel() } }
