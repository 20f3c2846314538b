import StintCore

/// Counts since the process began, and the last ten seconds in half-second steps.
struct Totals: Sendable {
  static let windowSeconds = 10
  private static let stepMicroseconds: Int64 = 500_000

  private(set) var enqueued = 0
  private(set) var completed = 0
  private(set) var failed = 0
  private(set) var retried = 0
  private(set) var deadLettered = 0
  private var steps: [Step] = []

  private struct Step {
    let number: Int64
    var completed = 0
    var ended = 0
    var microseconds: Int64 = 0
  }

  mutating func count(_ event: LiveEvent, at: Timestamp) {
    switch event {
    case .created: enqueued += 1
    case .moved(let job): count(job, at: at)
    case .started, .progressed, .removed: break
    }
  }

  private mutating func count(_ job: Job, at: Timestamp) {
    switch job.status {
    case .completed:
      completed += 1
      add(job, at: at)
    case .failed:
      failed += 1
      // What another job took over is no dead letter.
      if job.state.escalatedTo == nil { deadLettered += 1 }
      add(job, at: at)
    case .retrying:
      failed += 1
      retried += 1
      add(job, at: at)
    case .blocked, .scheduled, .pending, .running, .cancelled: break
    }
  }

  private mutating func add(_ job: Job, at: Timestamp) {
    let number = at.microseconds / Self.stepMicroseconds
    // The wall clock was set back: what was counted in its future is in no window any more.
    if let last = steps.last, last.number > number + 1 { steps.removeAll() }
    if steps.last?.number ?? .min < number {
      steps.append(Step(number: number))
      forget(before: at)
    }
    let last = steps.count - 1
    if job.status == .completed { steps[last].completed += 1 }
    guard let start = job.state.startedAt else { return }
    steps[last].ended += 1
    steps[last].microseconds += (job.state.completedAt ?? at).elapsed(since: start).microseconds
  }

  mutating func forget(before at: Timestamp) {
    let oldest = at.microseconds / Self.stepMicroseconds - Int64(Self.windowSeconds * 2)
    if let last = steps.last, last.number > oldest + Int64(Self.windowSeconds * 2) + 1 { steps.removeAll() }
    if let first = steps.first, first.number <= oldest { steps.removeAll { $0.number <= oldest } }
  }

  /// Jobs completed a second over the window.
  var throughput: Double { Double(steps.reduce(0) { $0 + $1.completed }) / Double(Self.windowSeconds) }

  /// The mean duration of attempts that ended in the window.
  var averageDurationMilliseconds: Double? {
    let ended = steps.reduce(0) { $0 + $1.ended }
    guard ended > 0 else { return nil }
    return Double(steps.reduce(0) { $0 + $1.microseconds }) / 1_000 / Double(ended)
  }
}
