#if DEBUG
  internal import Synchronization

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif
#endif

/// A moment at which the kill tests end a process with SIGKILL, named by what has just happened.
///
/// The code says that it is there: `KillPoint.reached(.cancelCommitted)`. In release builds that is nothing. In debug
/// builds a process that was started with ``variable`` in its environment, and for which somebody set the ``Trap``,
/// stops there as a whole (SIGSTOP): whoever set it looks at the world as it is at that moment, and kills the process
/// or lets it go on.
package enum KillPoint: UInt8, Sendable, CaseIterable {
  // MARK: The process that has the store

  /// A job's first row is written and the second is not, in one transaction.
  case submissionHalfWritten
  /// A job is written; the transaction is open.
  case submissionWritten
  /// A submission is on disk; nobody was told.
  case submissionCommitted
  /// A request to cancel is on disk; nobody was told.
  case cancelCommitted
  /// A person's retry is on disk; nobody was told.
  case retryCommitted
  /// A claim is written; the transaction is open.
  case claimWritten
  /// A claim is on disk; the worker process does not know.
  case claimCommitted
  /// A claim was handed to the worker process.
  case claimHandedOver
  /// The usual end of an attempt: the job's row is written and the event is not, in one transaction.
  case outcomeHalfWritten
  /// The usual end of an attempt is written; the transaction is open.
  case outcomeWritten
  /// Outcomes are on disk; the worker process does not know.
  case settlementCommitted
  /// Any other move: the event is written and the job's row is not, in one transaction.
  case moveHalfWritten
  /// Some of the due jobs are written as pending; the transaction is open.
  case promotionHalfWritten
  /// Due jobs are pending; no worker was told.
  case promotionCommitted
  /// The log's copy to the file begins: what is killed is what follows.
  case checkpointBegun
  /// The bulk of the log is in the file; the log has not begun anew.
  case checkpointHalfDone
  /// A worker process is gone, and what becomes of its attempts is decided, not written.
  case lossesDecided
  /// What becomes of the attempts of a worker process that is gone is on disk; its entries are still there.
  case lossesCommitted
  /// A worker process was started; its supervisor does not know it yet.
  case processSpawned
  /// Attempts whose leases were over are given to others, on disk; nobody was told.
  case rescueCommitted
  /// A graceful stop began: requests may finish.
  case shutdownBegun
  /// The worker processes were asked to finish what runs; requests have ended.
  case processesDraining

  // MARK: The process that has the worker

  /// A claim's jobs came; the worker has not looked at them.
  case claimReceived
  /// An attempt has begun; its handler has not.
  case attemptBegun
  /// A handler said how far it is.
  case progressReported
  /// A handler has ended; its attempt has not.
  case handlerEnded
  /// An attempt has ended; its outcome is not kept.
  case attemptEnded
  /// Outcomes were taken to be sent, and are not sent.
  case outcomesTaken
  /// Outcomes were sent; the answer has not come.
  case outcomesSent
  /// The worker was asked to finish what runs and to end.
  case workerDraining

  /// The environment's variable that names the file which process and test share.
  package static let variable = "STINT_KILL_POINTS"

  #if DEBUG
    /// This process's; nil where none was asked for.
    private static let trap: Trap? = getenv(variable).flatMap { Trap(path: String(cString: $0)) }

    /// Whether this process was started for the kill tests.
    package static var isWatched: Bool { trap != nil }

    /// Says that the process is there.
    package static func reached(_ point: KillPoint) { trap?.pass(point) }

    /// One order, in a file that the processes under test and the test map: at which point, which process, and at
    /// which pass it is to stop. A process under test does no more than to look at one word.
    package final class Trap: Sendable {
      // Safe because they are set once, and the words are atomic.
      nonisolated(unsafe) private let order: UnsafeMutablePointer<Atomic<UInt64>>
      nonisolated(unsafe) private let stopped: UnsafeMutablePointer<Atomic<UInt64>>
      private static let size = 16

      /// Maps the file, and makes it where it is not there; nil where that can not be.
      package init?(path: String) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard ftruncate(file, off_t(Self.size)) == 0 else { return nil }
        let address = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let address, address != MAP_FAILED else { return nil }
        order = address.bindMemory(to: Atomic<UInt64>.self, capacity: 2)
        stopped = order + 1
      }

      deinit { munmap(order, Self.size) }

      /// The point, how many passes are left, and the process, from the lowest byte up.
      private static func word(_ point: KillPoint, passes: UInt64, _ pid: Int32) -> UInt64 {
        UInt64(point.rawValue) | passes << 8 | UInt64(UInt32(bitPattern: pid)) << 32
      }

      /// Has the process stop at the point, at this pass from now on. An earlier order is forgotten.
      package func set(_ point: KillPoint, in pid: Int32, pass: UInt64 = 1) {
        stopped.pointee.store(0, ordering: .sequentiallyConsistent)
        order.pointee.store(
          Self.word(point, passes: max(1, min(pass, 0xFF_FFFF)), pid), ordering: .sequentiallyConsistent)
      }

      /// Forgets the order; false where it was carried out before.
      @discardableResult
      package func release() -> Bool { order.pointee.exchange(0, ordering: .sequentiallyConsistent) != 0 }

      /// The process that stopped, or does so in this moment; nil where none has since the last order.
      package var stoppedProcess: Int32? {
        let pid = stopped.pointee.load(ordering: .sequentiallyConsistent)
        return pid == 0 ? nil : Int32(truncatingIfNeeded: pid)
      }

      fileprivate func pass(_ point: KillPoint) {
        var known = order.pointee.load(ordering: .relaxed)
        while known != 0, known & 0xFF == UInt64(point.rawValue), known >> 32 == UInt64(UInt32(bitPattern: getpid())) {
          let passes = known >> 8 & 0xFF_FFFF
          let next = passes > 1 ? Self.word(point, passes: passes - 1, getpid()) : 0
          let (isMine, found) = order.pointee.compareExchange(
            expected: known, desired: next, ordering: .sequentiallyConsistent)
          if isMine {
            if next == 0 { stop() }
            return
          }
          known = found
        }
      }

      private func stop() {
        stopped.pointee.store(UInt64(UInt32(bitPattern: getpid())), ordering: .sequentiallyConsistent)
        // To this thread, so that it goes no further; with it stops the whole process.
        raise(SIGSTOP)
      }
    }
  #else
    /// Whether this process was started for the kill tests.
    @inlinable package static var isWatched: Bool { false }

    /// Nothing.
    @inlinable package static func reached(_ point: KillPoint) {}
  #endif
}
