import StintCore
import StintEngine
import StintStore

/// What a worker process asks of its supervisor: the calls of ``StintEngine/WorkerGateway``.
enum GatewayCall: Sendable {
  case announce(WorkerRecord)
  case leave(String)
  case claim(ClaimRequest)
  case renew([AttemptKey], lease: Duration)
  case record([AttemptReport])
  case checkpoint(JobID)
  case access(AttemptKey)
  case settle([Settled])

  /// An outcome without the job, which the supervisor holds.
  struct Settled: Sendable {
    let attempt: AttemptKey
    let startedAt: Timestamp?
    let cause: Cause
    let at: Timestamp
  }
}

/// What a supervisor answers.
enum GatewayReply: Sendable {
  case done
  case jobs([Job])
  case renewed([RenewResult])
  case checkpoint(RawJSON?)
  case access(AttemptAccess?)
  case settled([SettleResult])
  case failed(StoreError)

  /// Whether it brings jobs to run.
  var hasJobs: Bool { if case .jobs(let jobs) = self { !jobs.isEmpty } else { false } }
}

/// What a supervisor tells by itself.
enum SupervisorMessage: Sendable {
  case configure(EngineConfiguration)
  case signal(WorkerSignal)
  /// To claim no more, and to end when all that runs has.
  case leave
  case drain
  case stop
}

/// Everything that goes over the channel.
enum ChannelMessage: Sendable {
  case call(UInt64, GatewayCall)
  case alive
  case reply(UInt64, GatewayReply)
  case tell(SupervisorMessage)
}
