import StintCore
import StintEngine
import StintStore

extension ChannelMessage {
  /// The message as bytes.
  var bytes: [UInt8] {
    var wire = WireWriter()
    switch self {
    case .call(let number, let call):
      wire.put(0)
      wire.put(Int64(bitPattern: number))
      wire.put(call)
    case .alive: wire.put(1)
    case .reply(let number, let reply):
      wire.put(2)
      wire.put(Int64(bitPattern: number))
      wire.put(reply)
    case .tell(let message):
      wire.put(3)
      wire.put(message)
    }
    return wire.bytes
  }

  /// The message of these bytes; nil where they are none.
  init?(bytes: [UInt8]) {
    var wire = WireReader(bytes)
    do throws(WireReader.Malformed) {
      switch try wire.int() {
      case 0: self = .call(UInt64(bitPattern: try wire.int64()), try wire.call())
      case 1: self = .alive
      case 2: self = .reply(UInt64(bitPattern: try wire.int64()), try wire.reply())
      case 3: self = .tell(try wire.supervisorMessage())
      default: return nil
      }
    } catch { return nil }
  }
}

extension WireWriter {
  mutating func put(_ call: GatewayCall) {
    switch call {
    case .announce(let worker):
      put(0)
      put(worker)
    case .leave(let worker):
      put(1)
      put(worker)
    case .claim(let request):
      put(2)
      put(request)
    case .renew(let attempts, let lease):
      put(3)
      put(attempts) { $0.put($1) }
      put(lease)
    case .record(let reports):
      put(4)
      put(reports) { $0.put($1) }
    case .checkpoint(let id):
      put(5)
      put(id)
    case .access(let attempt):
      put(7)
      put(attempt)
    case .settle(let outcomes):
      put(6)
      put(outcomes) { wire, outcome in
        wire.put(outcome.attempt)
        wire.put(outcome.startedAt) { $0.put($1) }
        wire.put(outcome.cause)
        wire.put(outcome.at)
      }
    }
  }

  mutating func put(_ worker: WorkerRecord) {
    put(worker.id)
    put(worker.host)
    put(Int(worker.pid))
    put(worker.state.rawValue)
    put(worker.slots)
    put(worker.types) { wire, type in
      var json = JSONWriter()
      type.write(to: &json, isWhole: true)
      wire.put(RawJSON(wellFormed: json.bytes))
    }
    put(worker.processed)
    put(worker.abandoned)
    put(worker.startedAt)
    put(worker.seenAt)
  }

  mutating func put(_ request: ClaimRequest) {
    put(request.worker)
    put(request.count)
    put(request.ahead)
    put(request.aheadTypes) { $0.put($1) }
    put(request.queues) { wire, queues in wire.put(queues) { $0.put($1) } }
    put(request.types) { wire, types in wire.put(types) { $0.put($1) } }
    put(request.only) { $0.put($1) }
    put(request.lease)
    put(request.isRecovering)
  }

  mutating func put(_ reply: GatewayReply) {
    switch reply {
    case .done: put(0)
    case .jobs(let jobs):
      put(1)
      put(jobs) { $0.put($1) }
    case .renewed(let results):
      put(2)
      put(results) { wire, result in
        switch result {
        case .lost: wire.put(0)
        case .renewed(let cancelledBy):
          wire.put(1)
          wire.put(cancelledBy) { $0.put($1) }
        }
      }
    case .checkpoint(let value):
      put(3)
      put(value) { $0.put($1) }
    case .settled(let results):
      put(4)
      put(results) { wire, result in
        if case .settled(let status) = result { wire.put(status.code) } else { wire.put(-1) }
      }
    case .access(let access):
      put(6)
      put(access) { wire, access in
        wire.put(access.url)
        wire.put(access.token)
      }
    case .failed(let error):
      put(5)
      if case .closed = error { put(true) } else { put(false) }
      put(error.description)
      if case .unavailable(_, .unknown) = error { put(true) } else { put(false) }
    }
  }

  mutating func put(_ message: SupervisorMessage) {
    switch message {
    case .configure(let configuration):
      put(0)
      put(configuration.slots)
      put(configuration.lease)
      put(configuration.heartbeat)
      put(configuration.poll)
      put(configuration.cancelGrace)
      put(configuration.shutdownTimeout)
      put(configuration.queues) { wire, queues in wire.put(queues) { $0.put($1) } }
      put(configuration.aheadTime)
      put(configuration.aheadLimit)
      put(configuration.maxLosses)
      put(configuration.limits.resultBytes)
      put(configuration.limits.outputBytes)
    case .signal(.ready(let priority)):
      put(1)
      put(priority.rank)
    case .signal(.cancel(let id)):
      put(2)
      put(id)
    case .signal(.due(let at)):
      put(3)
      put(at)
    case .signal(.alive(let attempt)):
      put(7)
      put(attempt)
    case .drain: put(4)
    case .stop: put(5)
    case .leave: put(6)
    }
  }
}

extension WireReader {
  mutating func call() throws(Malformed) -> GatewayCall {
    switch try int() {
    case 0: return .announce(try worker())
    case 1: return .leave(try text())
    case 2: return .claim(try claimRequest())
    case 3:
      return .renew(try array { (wire) throws(Malformed) in try wire.attemptKey() }, lease: try duration())
    case 4: return .record(try array { (wire) throws(Malformed) in try wire.report() })
    case 5: return .checkpoint(try jobID())
    case 7: return .access(try attemptKey())
    case 6:
      return .settle(
        try array { (wire) throws(Malformed) in
          GatewayCall.Settled(
            attempt: try wire.attemptKey(),
            startedAt: try wire.optional { (wire) throws(Malformed) in try wire.timestamp() },
            cause: try wire.cause(), at: try wire.timestamp())
        })
    default: throw Malformed()
    }
  }

  private mutating func worker() throws(Malformed) -> WorkerRecord {
    let (id, host, pid) = (try text(), try text(), Int32(truncatingIfNeeded: try int()))
    guard let state = WorkerRecord.State(rawValue: try text()) else { throw Malformed() }
    let slots = try int()
    let types = try array { (wire) throws(Malformed) in try wire.json() }
    return WorkerRecord(
      id: id, host: host, pid: pid, state: state, slots: slots,
      types: types.compactMap { type in (try? type.parsed()).flatMap { JobType(json: $0) } }, processed: try int(),
      abandoned: try int(), startedAt: try timestamp(), seenAt: try timestamp())
  }

  private mutating func names() throws(Malformed) -> Set<String> {
    Set(try array { (wire) throws(Malformed) in try wire.text() })
  }

  private mutating func claimRequest() throws(Malformed) -> ClaimRequest {
    var request = ClaimRequest(
      worker: try text(), count: try int(), ahead: try int(), aheadTypes: try names(),
      queues: try optional { (wire) throws(Malformed) in try wire.names() },
      types: try optional { (wire) throws(Malformed) in try wire.names() },
      only: try optional { (wire) throws(Malformed) in try wire.jobID() }, lease: try duration())
    request.isRecovering = try bool()
    return request
  }

  mutating func reply() throws(Malformed) -> GatewayReply {
    switch try int() {
    case 0: return .done
    case 1: return .jobs(try array { (wire) throws(Malformed) in try wire.job() })
    case 2:
      return .renewed(
        try array { (wire) throws(Malformed) -> RenewResult in
          guard try wire.int() == 1 else { return .lost }
          return .renewed(cancelledBy: try wire.optional { (wire) throws(Malformed) in try wire.text() })
        })
    case 3: return .checkpoint(try optional { (wire) throws(Malformed) in try wire.json() })
    case 6:
      return .access(
        try optional { (wire) throws(Malformed) in AttemptAccess(url: try wire.text(), token: try wire.text()) })
    case 4:
      return .settled(
        try array { (wire) throws(Malformed) -> SettleResult in
          let code = try wire.int()
          return JobStatus(code: code).map { .settled($0) } ?? .superseded
        })
    case 5:
      let isClosed = try bool()
      let reason = try text()
      let effect: StoreError.Effect = try bool() ? .unknown : .notApplied
      return .failed(isClosed ? .closed : .unavailable(reason, effect: effect))
    default: throw Malformed()
    }
  }

  mutating func supervisorMessage() throws(Malformed) -> SupervisorMessage {
    switch try int() {
    case 0:
      var configuration = EngineConfiguration()
      configuration.slots = try int()
      configuration.lease = try duration()
      configuration.heartbeat = try duration()
      configuration.poll = try duration()
      configuration.cancelGrace = try duration()
      configuration.shutdownTimeout = try duration()
      configuration.queues = try optional { (wire) throws(Malformed) in try wire.names() }
      configuration.aheadTime = try duration()
      configuration.aheadLimit = try int()
      configuration.maxLosses = try int()
      configuration.limits.resultBytes = try int()
      configuration.limits.outputBytes = try int()
      return .configure(configuration)
    case 1: return .signal(.ready(Priority(rank: try int()) ?? .normal))
    case 2: return .signal(.cancel(try jobID()))
    case 3: return .signal(.due(try timestamp()))
    case 4: return .drain
    case 5: return .stop
    case 6: return .leave
    case 7: return .signal(.alive(try attemptKey()))
    default: throw Malformed()
    }
  }
}
