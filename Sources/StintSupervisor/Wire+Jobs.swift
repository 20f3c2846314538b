import StintCore
import StintStore

/// Jobs, attempts and outcomes on the wire.
extension WireWriter {
  mutating func put(_ id: JobID) { put(id.text) }

  mutating func put(_ actor: Actor) {
    put(actor.name)
    put(actor.origin)
  }

  mutating func put(_ key: AttemptKey) {
    put(key.id)
    put(key.revision)
  }

  mutating func put(_ spec: JobSpec) {
    put(spec.id)
    put(spec.type)
    put(spec.queue)
    put(spec.priority.rank)
    put(spec.params)
    put(spec.maxRetries)
    put(spec.retry.strategy.rawValue)
    put(spec.retry.base)
    put(spec.retry.maxDelay)
    put(spec.retry.jitter)
    put(spec.timeout) { $0.put($1) }
    put(spec.stallTimeout) { $0.put($1) }
    put(spec.tags) { wire, tag in
      wire.put(tag.key)
      wire.put(tag.value)
    }
    put(spec.metadata)
    put(spec.owner) { $0.put($1) }
    put(spec.createdAt)
    put(spec.submittedBy)
    put(spec.escalatedFrom) { $0.put($1) }
    put(spec.secretParams) { $0.put($1) }
  }

  mutating func put(_ state: JobState) {
    put(state.status.code)
    put(state.revision)
    put(state.runAt)
    put(state.dueAt)
    put(state.attempt)
    put(state.retryCount)
    put(state.losses)
    put(state.startedAt) { $0.put($1) }
    put(state.workerID) { $0.put($1) }
    put(state.cancelRequestedAt) { $0.put($1) }
    put(state.cancelledBy) { $0.put($1) }
    put(state.startWithin) { $0.put($1) }
    put(state.deadlineAt) { $0.put($1) }
  }

  mutating func put(_ job: Job) {
    put(job.spec)
    put(job.state)
    put(job.error) { wire, error in
      wire.put(error.type.rawValue)
      wire.put(error.message)
      wire.put(error.attempt)
    }
  }

  mutating func put(_ progress: Progress) {
    put(progress.percent)
    put(progress.message) { $0.put($1) }
  }

  mutating func put(_ chunk: OutputChunk) {
    put(chunk.attempt)
    put(chunk.number)
    put(chunk.stream.code)
    put(chunk.text)
    put(chunk.at)
  }

  mutating func put(_ report: AttemptReport) {
    put(report.attempt)
    put(report.startedAt) { $0.put($1) }
    put(report.progress) { $0.put($1) }
    put(report.output) { $0.put($1) }
    put(report.checkpoint) { $0.put($1) }
  }

  /// An outcome: the causes with which a worker ends an attempt.
  mutating func put(_ cause: Cause) {
    put(cause.kind.code)
    switch cause {
    case .succeeded(let result): put(result) { $0.put($1) }
    case .failed(let message, let retryAfter):
      put(message)
      put(retryAfter) { $0.put($1) }
    case .gaveUp(let message), .undecodable(let message): put(message)
    case .snoozed(let until): put(until)
    default: break
    }
  }
}

extension WireReader {
  mutating func jobID() throws(Malformed) -> JobID { JobID(known: try text()) }

  mutating func attemptKey() throws(Malformed) -> AttemptKey {
    AttemptKey(id: try jobID(), revision: try int64())
  }

  mutating func spec() throws(Malformed) -> JobSpec {
    let (id, type, queue) = (try jobID(), try text(), try text())
    let priority = Priority(rank: try int()) ?? .normal
    let (params, maxRetries) = (try json(), try int())
    guard let strategy = RetryPolicy.Strategy(rawValue: try text()) else { throw Malformed() }
    let (base, maxDelay, jitter) = (try duration(), try duration(), try double())
    let retry = RetryPolicy(strategy: strategy, base: base, maxDelay: maxDelay, jitter: jitter)
    let timeout = try optional { (wire) throws(Malformed) in try wire.duration() }
    let stallTimeout = try optional { (wire) throws(Malformed) in try wire.duration() }
    let tags = try array { (wire) throws(Malformed) in (try wire.text(), try wire.text()) }
    let metadata = try json()
    let owner = try optional { (wire) throws(Malformed) in try wire.text() }
    let createdAt = try timestamp()
    let submittedBy = Actor(name: try text(), origin: try text())
    let escalatedFrom = try optional { (wire) throws(Malformed) in try wire.jobID() }
    let secretParams = try array { (wire) throws(Malformed) in try wire.text() }
    return JobSpec(
      id: id, type: type, queue: queue, priority: priority, params: params, maxRetries: maxRetries, retry: retry,
      timeout: timeout, stallTimeout: stallTimeout, tags: Dictionary(tags) { $1 }, metadata: metadata, owner: owner,
      createdAt: createdAt, submittedBy: submittedBy, escalatedFrom: escalatedFrom,
      secretParams: secretParams)
  }

  mutating func state() throws(Malformed) -> JobState {
    guard let status = JobStatus(code: try int()) else { throw Malformed() }
    var state = JobState(status: status, revision: try int64(), runAt: try timestamp())
    state.dueAt = try timestamp()
    state.attempt = try int()
    state.retryCount = try int()
    state.losses = try int()
    state.startedAt = try optional { (wire) throws(Malformed) in try wire.timestamp() }
    state.workerID = try optional { (wire) throws(Malformed) in try wire.text() }
    state.cancelRequestedAt = try optional { (wire) throws(Malformed) in try wire.timestamp() }
    state.cancelledBy = try optional { (wire) throws(Malformed) in try wire.text() }
    state.startWithin = try optional { (wire) throws(Malformed) in try wire.duration() }
    state.deadlineAt = try optional { (wire) throws(Malformed) in try wire.timestamp() }
    return state
  }

  mutating func job() throws(Malformed) -> Job {
    let (spec, state) = (try spec(), try state())
    let error = try optional { (wire) throws(Malformed) -> JobError in
      guard let type = JobError.Kind(rawValue: try wire.text()) else { throw Malformed() }
      return JobError(type: type, message: try wire.text(), attempt: try wire.int())
    }
    return Job(spec: spec, state: state, error: error)
  }

  mutating func progress() throws(Malformed) -> Progress {
    Progress(percent: try double(), message: try optional { (wire) throws(Malformed) in try wire.text() })
  }

  mutating func chunk() throws(Malformed) -> OutputChunk {
    let (attempt, number) = (try int(), try int())
    guard let stream = OutputChunk.Stream(code: try int()) else { throw Malformed() }
    return OutputChunk(attempt: attempt, number: number, stream: stream, text: try text(), at: try timestamp())
  }

  mutating func report() throws(Malformed) -> AttemptReport {
    AttemptReport(
      attempt: try attemptKey(), startedAt: try optional { (wire) throws(Malformed) in try wire.timestamp() },
      progress: try optional { (wire) throws(Malformed) in try wire.progress() },
      output: try array { (wire) throws(Malformed) in try wire.chunk() },
      checkpoint: try optional { (wire) throws(Malformed) in try wire.json() })
  }

  mutating func cause() throws(Malformed) -> Cause {
    switch Cause.Kind(code: try int()) {
    case .succeeded: return .succeeded(try optional { (wire) throws(Malformed) in try wire.json() })
    case .failed:
      return .failed(
        message: try text(), retryAfter: try optional { (wire) throws(Malformed) in try wire.duration() })
    case .gaveUp: return .gaveUp(message: try text())
    case .undecodable: return .undecodable(message: try text())
    case .snoozed: return .snoozed(until: try timestamp())
    case .timedOut: return .timedOut
    case .stalled: return .stalled
    case .released: return .released
    case .stopped: return .stopped
    case .deadlineExceeded: return .deadlineExceeded
    default: throw Malformed()
    }
  }
}
