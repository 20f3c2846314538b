#if DEBUG
  /// Ways to break what keeps jobs safe, for the tests that expect the simulation's auditor to see it. Debug builds
  /// alone have this.
  package enum Sabotage: String, Sendable, CaseIterable {
    /// A write under an old revision is stored.
    case fencing
    /// A rescue does not ask whether the lease is still over.
    case rescue
    /// Jobs are promoted before they are due.
    case earlyPromotion
    /// Some due jobs are never promoted.
    case forgottenPromotion
    /// What an attempt says outweighs the cancel mark.
    case cancellation

    /// What is broken in this task.
    @TaskLocal package static var current: Sabotage?
  }
#endif
