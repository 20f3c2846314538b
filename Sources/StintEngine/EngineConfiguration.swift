public import StintCore
public import StintStore

/// How an engine works. The defaults are those of SPEC §11.
public struct EngineConfiguration: Sendable, Hashable {
  /// Jobs at once.
  public var slots = 3
  /// How long a lease lasts unless it is renewed.
  public var lease: Duration = .seconds(30)
  /// How often leases are renewed; less than a third of ``lease``.
  public var heartbeat: Duration = .seconds(10)
  /// How often to look for work without any hint.
  public var poll: Duration = .seconds(1)
  /// How long a cancelled or timed-out attempt may take to stop, before its slot is given to others.
  public var cancelGrace: Duration = .seconds(10)
  /// How long a graceful stop waits for running attempts.
  public var shutdownTimeout: Duration = .seconds(30)
  /// Only jobs of these queues; nil is all.
  public var queues: Set<String>?
  /// How much work is held ready, as the time all slots need for it.
  public var aheadTime: Duration = .milliseconds(100)
  /// The most jobs that are held ready.
  public var aheadLimit = 2_000
  /// Losses of its worker after which a job that ran alone is a dead letter of type `poison`.
  public var maxLosses = Lifecycle.maxLosses
  /// What happens when jobs of a type keep failing.
  public var escalations = Escalations.none
  /// Rules of queues, made known to the store before the first job is submitted or run.
  public var queueRules: [QueueRecord] = []
  /// Whether types that are closed to the outside (``StintCore/JobType/isLocalOnly``) are open to it after all.
  public var allowsLocalOnlyTypes = false
  /// What is too much.
  public var limits = Limits()

  /// The defaults.
  public init() {}
}
