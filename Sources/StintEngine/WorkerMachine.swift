import DequeModule
package import StintCore
package import StintStore

/// Everything a worker knows and decides, as a pure value: which jobs wait in it, which run, what came of them, what
/// must be said to the gateway, and when. No clock, no tasks, no I/O; ``Worker`` is its shell.
package struct WorkerMachine {
  package let id: String
  let configuration: EngineConfiguration
  let types: Set<String>
  /// Runs this job and no other, where one is named.
  let only: JobID?

  var slots: [Slot]
  /// How many of the slots may be taken.
  private(set) var capacity: Int
  /// Claimed ahead of a free slot; the handler has not begun.
  var ready: Deque<Held> = []
  var ended: [Settlement] = []
  /// What is to be kept of attempts, one report each: the newest progress, and the beginning where that is news.
  var reports: [AttemptKey: AttemptReport] = [:]
  package var isDraining = false
  var isStopping = false
  /// Whether a claim for free slots could find something.
  private var mightHaveWork = true
  /// Whether a claim beyond the free slots could find something.
  private var mightHaveAhead = true
  var isClaiming = false
  /// Whether a renewal is on its way: the other clocks go on meanwhile.
  private var isRenewing = false
  /// Since when a claim whose answer was lost may have given jobs that this worker does not know of.
  var doubtfulSince: Duration?
  /// Whether the worker is to end without knowing what such a claim gave it.
  package private(set) var hasGivenUpDoubt = false
  /// Outcomes that are on their way to the store, and those that arrived there while it asked what it runs.
  var underWay: [Settlement] = []
  var settledMeanwhile: Set<AttemptKey> = []
  private var wakes = 0
  private var wakesAtClaim = 0
  var claimAskedAt: Duration = .zero
  private var nextRunner: UInt64 = 0
  var nextPoll: Duration = .zero
  private var nextHeartbeat: Duration?
  private var nextReport: Duration = .zero
  var stopAt: Duration?
  var giveUpAt: Duration?
  private var means = DurationMeans()
  /// Attempts that ended since the start.
  package var processed = 0
  /// Attempts that did not stop when they should: their slots were given to others.
  package var abandoned = 0

  /// Attempts that ran alone, and whose outcomes are not stored yet: until then nobody begins beside them.
  var unsettled: Set<AttemptKey> = []

  /// A claimed job and the boot-clock time of its last renewal.
  struct Held {
    var job: Job
    var renewedAt: Duration
    /// Whether its beginning is on its way to the store; see ``WorkerMachine/markNext(at:)``.
    var isMarking = false
  }

  /// One of the places where a job runs. A slot whose attempt does not listen is given up; its runner ends with it.
  struct Slot {
    /// Distinguishes the runner that has the slot now from one that was given up.
    var runner: UInt64 = 0
    var hasRunner = false
    var attempt: Attempt?
  }

  struct Attempt {
    var job: Job
    var startedAt: Timestamp
    let startedUptime: Duration
    var renewedAt: Duration
    var lastSignOfLife: Duration
    var isStartReported: Bool
    /// Reported and not yet kept.
    var progress: Progress?
    var output: [OutputChunk] = []
    var checkpoint: RawJSON?
    /// Pieces and bytes of output so far.
    var pieces = 0
    var outputBytes = 0
    var isOutputCut = false
    var stop: Stop?
    var stopBy: Duration?
  }

  /// Why an attempt was asked to stop.
  enum Stop {
    case cancelled, timedOut, stalled, deadline, released, leaseLost
  }

  /// What the shell must do at once.
  package enum Action: Equatable {
    /// Start a runner for this slot; it takes its first job from ``WorkerMachine/begin(slot:runner:at:uptime:)``.
    case startRunner(slot: Int, runner: UInt64)
    /// Cancel the runner's task.
    case cancelRunner(UInt64)
    /// Something is there to settle.
    case settle
    /// There may be work, and room for it.
    case claim
    /// A timer may have come nearer.
    case reschedule
  }

  package init(id: String, configuration: EngineConfiguration, types: Set<String>, only: JobID? = nil) {
    self.id = id
    self.configuration = configuration
    self.types = types
    self.only = only
    self.slots = [Slot](repeating: Slot(), count: max(1, configuration.slots))
    self.capacity = slots.count
  }

  // MARK: Claiming

  package var busy: Int { slots.reduce(0) { $0 + ($1.attempt == nil ? 0 : 1) } }

  private var free: Int { isFullOfOne || !unsettled.isEmpty ? 0 : max(0, capacity - busy - ready.count) }

  /// Whether a job runs, or is next, that must have this process for itself.
  private var isHeldForOne: Bool {
    if let next = ready.first, runsAlone(next.job) { return true }
    return isOneRunning
  }

  /// Whether a job runs, or waits here, that must have this process for itself: it is the last that waits, see
  /// ``giveWay(at:)``. Until it is over nothing is claimed.
  private var isFullOfOne: Bool { ready.last.map { runsAlone($0.job) } ?? false || isOneRunning }

  private var isOneRunning: Bool { slots.contains { $0.attempt.map { runsAlone($0.job) } ?? false } }

  /// Gives back what would have to wait for the end of a job that must run alone: others may have room for it now.
  private mutating func giveWay(at: Timestamp) -> [Action] {
    var isBehind = isOneRunning
    guard isBehind || ready.contains(where: { runsAlone($0.job) }) else { return [] }
    let maxLosses = configuration.maxLosses
    mightHaveWork = true
    return releaseReady(at: at) { held in
      defer { isBehind = isBehind || held.job.runsAlone(maxLosses: maxLosses) }
      return isBehind
    }
  }

  /// A job that has taken its worker down before takes no neighbour along the next time.
  func runsAlone(_ job: Job) -> Bool { job.runsAlone(maxLosses: configuration.maxLosses) }

  /// Changes how many jobs may run at once; what runs goes on.
  mutating func resize(to count: Int, at: Timestamp) -> [Action] {
    // What was held ready for slots that are no more goes back to those who have some.
    let given = count < capacity ? releaseReady(at: at) : []
    capacity = max(0, count)
    if slots.count < capacity { slots += [Slot](repeating: Slot(), count: capacity - slots.count) }
    return given + startRunners() + [.claim]
  }

  /// How many jobs to hold ready beyond the free slots: what all slots finish in `aheadTime`.
  private var aheadTarget: Int {
    guard only == nil, let mean = means.quickMean(limit: configuration.aheadTime) else { return 0 }
    let fits = Double(capacity) * configuration.aheadTime.seconds / max(mean, 1e-6)
    return min(configuration.aheadLimit, Int(fits))
  }

  /// What to claim now; nil if there is no room, or nothing to be had.
  package mutating func claimRequest(uptime: Duration) -> ClaimRequest? {
    if doubtfulSince != nil { return recovery(uptime: uptime) }
    guard !isDraining, !isClaiming, !isFullOfOne, unsettled.isEmpty, mightHaveWork || uptime >= nextPoll else {
      return nil
    }
    let target = aheadTarget
    let ahead = max(0, target - ready.count)
    guard free > 0 || (mightHaveAhead && target > 0 && ready.count <= target / 2 && !isHeldUp(uptime: uptime))
    else { return nil }
    return request(
      count: free, ahead: ahead, aheadTypes: target > 0 ? means.quickTypes(limit: configuration.aheadTime) : [],
      uptime: uptime)
  }

  mutating func request(count: Int, ahead: Int, aheadTypes: Set<String>, uptime: Duration) -> ClaimRequest {
    isClaiming = true
    wakesAtClaim = wakes
    claimAskedAt = uptime
    return ClaimRequest(
      worker: id, count: count, ahead: ahead, aheadTypes: aheadTypes, queues: configuration.queues, types: types,
      only: only, lease: configuration.lease)
  }

  /// When to claim without a hint; nil while there is no room.
  package func nextClaim() -> Duration? { doubtfulSince == nil && (isDraining || free == 0) ? nil : nextPoll }

  /// The gateway answered a claim.
  package mutating func claimed(_ jobs: [Job], for request: ClaimRequest, at: Timestamp, uptime: Duration) -> [Action] {
    isClaiming = false
    // A hint that came while the claim was on its way may speak of jobs that the claim did not see.
    let isHinted = wakes != wakesAtClaim
    if request.count > 0 { mightHaveWork = isHinted || jobs.count >= request.count }
    mightHaveAhead = isHinted || jobs.count >= request.count + request.ahead
    nextPoll = uptime + configuration.poll
    if nextHeartbeat == nil, !jobs.isEmpty { nextHeartbeat = uptime + configuration.heartbeat }
    if request.isRecovering {
      take(found: jobs)
      // What there is for free slots is asked for next.
      mightHaveWork = true
    } else {
      // The leases began at some time after the claim was asked for; nobody knows how long the answer took.
      ready.append(contentsOf: jobs.map { Held(job: $0, renewedAt: claimAskedAt) })
    }
    if isDraining || capacity == 0 { return releaseReady(at: at) + [.settle] }
    guard !jobs.isEmpty else { return startRunners() }
    return giveWay(at: at) + startRunners() + [.reschedule]
  }

  /// The gateway could not answer a claim. `isInDoubt` tells whether it may have had its effect all the same.
  package mutating func claimFailed(isInDoubt: Bool = false, uptime: Duration) {
    isClaiming = false
    settledMeanwhile = []
    if isInDoubt { doubtfulSince = doubtfulSince ?? claimAskedAt }
    if doubtfulSince != nil, mayGiveUp(uptime: uptime) { (doubtfulSince, hasGivenUpDoubt) = (nil, true) }
    // While all slots are taken nobody looks at the poll's time: the next slot that becomes free must claim.
    mightHaveWork = free == 0
    mightHaveAhead = false
    nextPoll = uptime + configuration.poll
  }

  /// A hint that jobs are pending.
  package mutating func wake(_ priority: Priority, at: Timestamp) -> [Action] {
    wakes += 1
    mightHaveWork = true
    mightHaveAhead = true
    guard !isDraining else { return [] }
    // Something more urgent than what is held ready: give that back, so that the order of claiming holds.
    func isLess(_ held: Held) -> Bool {
      held.job.spec.priority < priority && held.job.state.startedAt == nil && !held.isMarking
    }
    let actions = ready.contains(where: isLess) ? releaseReady(at: at, where: isLess) : []
    return actions + [.claim]
  }

  mutating func startRunners() -> [Action] {
    var actions: [Action] = []
    var waiting = ready.firstIndex(where: mustBeMarked) ?? ready.count
    if !unsettled.isEmpty { waiting = 0 }
    if isHeldForOne { waiting = busy > 0 ? 0 : min(1, waiting) }
    waiting = min(waiting, capacity - busy)
    for index in slots.indices where waiting > 0 && !slots[index].hasRunner {
      nextRunner += 1
      slots[index].runner = nextRunner
      slots[index].hasRunner = true
      actions.append(.startRunner(slot: index, runner: slots[index].runner))
      waiting -= 1
    }
    return actions
  }

  // MARK: Running

  /// The next job for a runner; nil ends it.
  package mutating func begin(slot: Int, runner: UInt64, at: Timestamp, uptime: Duration) -> Job? {
    guard slots[slot].runner == runner, slots[slot].hasRunner else { return nil }
    guard !isDraining, busy < capacity, unsettled.isEmpty, !isHeldForOne || busy == 0,
      !(ready.first.map(mustBeMarked) ?? false), let held = ready.popFirst()
    else {
      slots[slot].hasRunner = false
      return nil
    }
    var job = held.job
    // What the claim noted, unless the wall clock was set since.
    let isStartReported = job.state.startedAt.map { Attempt.fits($0, at, within: uptime - held.renewedAt) } ?? false
    if !isStartReported { job.state.startedAt = at }
    slots[slot].attempt = Attempt(
      job: job, startedAt: at, startedUptime: uptime, renewedAt: held.renewedAt, lastSignOfLife: uptime,
      isStartReported: isStartReported)
    return job
  }

  /// An attempt ended with `cause`. What to do; the runner then asks for its next job, and gets none if it was
  /// cancelled: a task's cancellation can not be taken back.
  package mutating func end(slot: Int, runner: UInt64, cause: Cause, at: Timestamp, uptime: Duration) -> [Action] {
    guard slots[slot].runner == runner, let attempt = slots[slot].attempt else {
      abandoned -= 1
      return [.settle]
    }
    let wasQuiet = ended.isEmpty
    slots[slot].attempt = nil
    processed += 1
    means.add(attempt.job.spec.type, uptime - attempt.startedUptime)
    if let cause = Self.cause(of: attempt.stop, handler: cause) { settle(attempt, cause, at: at, uptime: uptime) }
    var actions: [Action] = wasQuiet ? [.settle] : []
    if ready.first.map(mustBeMarked) ?? false { actions.append(.reschedule) }
    if attempt.stop != nil {
      slots[slot].hasRunner = false
      actions += startRunners()
    } else if runsAlone(attempt.job) || !ready.isEmpty && isHeldForOne {
      actions += startRunners() + [.claim]
    }
    if !isDraining, mightHaveWork, ready.isEmpty || (mightHaveAhead && ready.count <= aheadTarget / 2) {
      actions.append(.claim)
    }
    return actions
  }

  /// What an attempt's end means, given why it was asked to stop; nil if its lease is gone and nobody wants to know.
  static func cause(of stop: Stop?, handler: Cause) -> Cause? {
    switch stop {
    case nil: return handler
    case .leaseLost: return nil
    case .cancelled: return .stopped
    case .timedOut: return .timedOut
    case .stalled: return .stalled
    case .deadline: return .deadlineExceeded
    case .released:
      // It finished after all: that is worth more than giving it back.
      if case .succeeded = handler { return handler }
      return .released
    }
  }

  mutating func settle(_ attempt: Attempt, _ cause: Cause, at: Timestamp, uptime: Duration) {
    var attempt = attempt
    _ = attempt.follow(wallClock: at, uptime: uptime)
    if attempt.hasNews { keep(attempt.news) }
    if runsAlone(attempt.job) { unsettled.insert(attempt.job.key) }
    ended.append(Settlement(job: attempt.job, cause: cause, at: at, uptime: uptime))
  }

  // MARK: Settling

  /// Whether everything has ended and nothing is left to say.
  package var isDone: Bool {
    isDraining && !isClaiming && doubtfulSince == nil && ready.isEmpty && ended.isEmpty && reports.isEmpty
      && slots.allSatisfy { $0.attempt == nil }
  }

  // MARK: Time

  /// What the clocks ask for now.
  package struct Due {
    package var actions: [Action] = []
    /// Leases to renew.
    package var renew: [AttemptKey] = []
  }

  /// How often progress is kept; watchers of this process see it with that.
  static let reportInterval: Duration = .milliseconds(25)

  package mutating func tick(at: Timestamp, uptime: Duration) -> Due {
    var due = Due()
    if let stopAt, uptime >= stopAt, !isStopping { due.actions += stop(grace: .seconds(1), at: at, uptime: uptime) }
    for index in slots.indices {
      if slots[index].attempt?.follow(wallClock: at, uptime: uptime) ?? false {
        // What is shown of it must not say that it has run for hours, or begins in the future.
        slots[index].attempt?.isStartReported = false
      }
      due.actions += check(index, at: at, uptime: uptime)
    }
    due.actions += releaseUnrenewed(at: at, uptime: uptime)
    // What the first of those that wait held up may begin once that one has gone.
    due.actions += markNext(at: at) + startRunners()
    if !ready.isEmpty, isHeldUp(uptime: uptime) { due.actions += releaseReady(at: at) }
    if uptime >= nextReport, collectReports(uptime: uptime) {
      nextReport = uptime + Self.reportInterval
      due.actions.append(.settle)
    }
    if let heartbeat = nextHeartbeat, uptime >= heartbeat, !isRenewing {
      due.renew =
        slots.compactMap { $0.attempt.flatMap { $0.stop == .leaseLost ? nil : $0.job.key } } + ready.map(\.job.key)
      nextHeartbeat = due.renew.isEmpty ? nil : uptime + configuration.heartbeat
      isRenewing = !due.renew.isEmpty
    }
    return due
  }

  /// The clocks of one attempt.
  private mutating func check(_ index: Int, at: Timestamp, uptime: Duration) -> [Action] {
    guard let attempt = slots[index].attempt else { return [] }
    if attempt.stop != nil {
      guard let stopBy = attempt.stopBy, uptime >= stopBy else { return [] }
      return abandon(index, at: at, uptime: uptime)
    }
    if let timeout = attempt.job.spec.timeout, uptime - attempt.startedUptime >= timeout {
      return ask(index, .timedOut, uptime: uptime)
    }
    if let stall = attempt.job.spec.stallTimeout, uptime - attempt.lastSignOfLife >= stall {
      return ask(index, .stalled, uptime: uptime)
    }
    if let deadline = attempt.job.state.deadlineAt, at >= deadline { return ask(index, .deadline, uptime: uptime) }
    // The lease can not be trusted past two thirds without a renewal.
    if uptime - attempt.renewedAt >= configuration.lease * 2 / 3 { return ask(index, .released, uptime: uptime) }
    return []
  }

  /// When ``tick(at:uptime:)`` next has something to do; nil if nothing is under way.
  package func nextTick(at: Timestamp, uptime: Duration) -> Duration? {
    var next: Duration?
    func consider(_ candidate: Duration) { next = min(next ?? candidate, candidate) }
    if let stopAt, !isStopping { consider(stopAt) }
    // Those that wait begin without the clock being told: it must not overlook that one of them lasts.
    if !ready.isEmpty { consider(uptime + configuration.aheadTime) }
    if let nextHeartbeat, !isRenewing, !ready.isEmpty || slots.contains(where: { $0.attempt != nil }) {
      consider(nextHeartbeat)
    }
    for case let attempt? in slots.map(\.attempt) {
      if attempt.stop != nil {
        if let stopBy = attempt.stopBy { consider(stopBy) }
        continue
      }
      if let timeout = attempt.job.spec.timeout { consider(attempt.startedUptime + timeout) }
      if let stall = attempt.job.spec.stallTimeout { consider(attempt.lastSignOfLife + stall) }
      if let deadline = attempt.job.state.deadlineAt { consider(uptime + max(.zero, deadline - at)) }
      consider(attempt.renewedAt + configuration.lease * 2 / 3)
      if attempt.hasNews { consider(nextReport) }
      if !attempt.isStartReported { consider(max(nextReport, attempt.startedUptime + configuration.aheadTime)) }
    }
    return next
  }

  /// Gives back what waits here under a lease that can not be trusted any more.
  private mutating func releaseUnrenewed(at: Timestamp, uptime: Duration) -> [Action] {
    let limit = configuration.lease * 2 / 3
    guard ready.contains(where: { uptime - $0.renewedAt >= limit }) else { return [] }
    return releaseReady(at: at) { uptime - $0.renewedAt >= limit } + [.claim]
  }

  /// The gateway answered a renewal that was asked at `asked`.
  package mutating func renewed(
    _ keys: [AttemptKey], _ results: [RenewResult], asked: Duration, at: Timestamp, uptime: Duration
  ) -> [Action] {
    isRenewing = false
    var actions: [Action] = []
    var outcome: [AttemptKey: RenewResult] = [:]
    for (key, result) in zip(keys, results) { outcome[key] = result }
    for index in slots.indices {
      guard let attempt = slots[index].attempt, let result = outcome[attempt.job.key] else { continue }
      switch result {
      case .renewed(let cancelledBy):
        slots[index].attempt?.renewedAt = asked
        if cancelledBy != nil, attempt.stop == nil { actions += ask(index, .cancelled, uptime: uptime) }
      case .lost: actions += ask(index, .leaseLost, uptime: uptime)
      }
    }
    var kept: Deque<Held> = []
    for var held in ready {
      switch outcome[held.job.key] {
      case nil: kept.append(held)
      case .renewed(nil):
        held.renewedAt = asked
        kept.append(held)
      case .renewed(cancelledBy: .some):
        ended.append(Settlement(job: held.job, cause: .stopped, at: at))
        actions += [.settle, .claim]
      case .lost: actions.append(.claim)
      }
    }
    ready = kept
    return actions
  }

  /// The gateway could not renew: again in a second.
  package mutating func renewalFailed(uptime: Duration) {
    isRenewing = false
    nextHeartbeat = uptime + .seconds(1)
  }
}
