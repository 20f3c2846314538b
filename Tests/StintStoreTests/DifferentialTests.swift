import StintCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@testable import StintSQLite
@testable import StintStore

/// SQLite against the state in memory, by random sequences of operations. `STINT_SEED` gives the first sequence's
/// seed, `STINT_SEQUENCES` how many there are.
@Suite(.timeLimit(.minutes(5))) struct DifferentialTests {
  private static let environment = ProcessInfo.processInfo.environment
  static let seed = environment["STINT_SEED"].flatMap { UInt64($0) } ?? 1
  static let count = environment["STINT_SEQUENCES"].flatMap { Int($0) } ?? 10_000
  static let length = 50

  @Test func sqliteAgreesWithMemory() async throws {
    try await withThrowingTaskGroup(of: String?.self) { group in
      for half in 0..<2 {
        group.addTask { try await Self.run(sequences: (0..<Self.count).filter { $0 % 2 == half }) }
      }
      for try await failure in group {
        if let failure { Issue.record(Comment(rawValue: failure)) }
      }
    }
  }

  /// Runs sequences on a store of their own; tells of the first that fails.
  private static func run(sequences: [Int]) async throws -> String? {
    try await withTemporaryFolder { folder in
      let clock = SettableClock()
      clock.now = LeaseInstant(boot: "test", microseconds: 0)
      // Hundreds of sequences are one write.
      let store = try await SQLiteStore.open(
        path: folder + "/stint.db", leaseClock: { clock.now }, patience: .seconds(3_600))
      return try await withStore(store) { store in
        for start in stride(from: 0, to: sequences.count, by: 500) {
          let chunk = sequences[start..<min(start + 500, sequences.count)]
          let failure = try await store.writer.write { session -> String? in
            // Names of workers outlive what is undone between sequences.
            for worker in StepGenerator.workers { _ = try session.workerNumber(worker) }
            for index in chunk {
              let seed = seed &+ UInt64(index)
              let steps = StepGenerator.sequence(seed: seed, length: length)
              guard try disagreement(steps, session, clock) != nil else { continue }
              let shrunk = try shrink(steps) { try disagreement($0, session, clock) != nil }
              let reason = try disagreement(shrunk, session, clock) ?? ""
              return report(seed: seed, steps: shrunk, reason: reason)
            }
            return nil
          }
          if let failure { return failure }
        }
        return nil
      }
    }
  }

  static func report(seed: UInt64, steps: [Step], reason: String) -> String {
    let list = steps.enumerated().map { "  \($0.offset + 1). \($0.element)" }.joined(separator: "\n")
    return "SQLite and memory disagree; again with STINT_SEED=\(seed).\n\(list)\n\(reason)"
  }

  /// Runs a sequence on an empty state and an empty database; what differs first, or nil.
  private static func disagreement(
    _ steps: [Step], _ session: WriteSession, _ clock: SettableClock
  ) throws -> String? {
    let before = session.ledger
    try session.connection.statement("SAVEPOINT \"sequence\"").run()
    defer {
      try? session.connection.execute("ROLLBACK TO \"sequence\"; RELEASE \"sequence\"")
      session.ledger = before
    }
    var state = MemoryStore.State()
    var director = Director(clock: clock)
    func compare(_ call: Call) throws -> String? {
      let expected = state.answer(call, clock: clock.now)
      let found = try session.answer(call)
      return found == expected ? nil : "\(call)\nSQLite: \(found)\nmemory: \(expected)"
    }
    for step in steps {
      guard let call = director.call(step, present: { state.job($0) }) else { continue }
      if let difference = try compare(call) { return difference }
    }
    for call in Director.closing {
      if let difference = try compare(call) { return difference }
    }
    return nil
  }

  /// A shorter sequence that fails too: leaves out ever smaller parts while it still does.
  static func shrink(_ steps: [Step], fails: ([Step]) throws -> Bool) rethrows -> [Step] {
    var steps = steps
    var size = max(1, steps.count / 2)
    while true {
      var position = 0
      while position < steps.count {
        var shorter = steps
        shorter.removeSubrange(position..<min(position + size, steps.count))
        if try fails(shorter) { steps = shorter } else { position += size }
      }
      if size == 1 { return steps }
      size /= 2
    }
  }

  @Test func thePublicPortsAgree() async throws {
    for index in 0..<200 {
      let seed = Self.seed &+ 1_000_000 &+ UInt64(index)
      let steps = StepGenerator.sequence(seed: seed, length: Self.length)
      guard let reason = try await Self.disagreement(steps) else { continue }
      Issue.record(Comment(rawValue: Self.report(seed: seed, steps: steps, reason: reason)))
      return
    }
  }

  private static func disagreement(_ steps: [Step]) async throws -> String? {
    let clock = SettableClock()
    var director = Director(clock: clock)
    let memory = MemoryStore(leaseClock: { clock.now })
    return try await withTemporaryFolder { folder in
      let opened = try await SQLiteStore.open(path: folder + "/stint.db", leaseClock: { clock.now })
      return try await withStore(opened) { store in
        func compare(_ call: Call) async throws -> String? {
          let expected = try await memory.answer(call)
          let found = try await store.answer(call)
          return found == expected ? nil : "\(call)\nSQLite: \(found)\nmemory: \(expected)"
        }
        for step in steps {
          let present = try await memory.jobs(StepGenerator.ids)
          let call = director.call(step) { id in present.first { $0?.id == id } ?? nil }
          if let call, let difference = try await compare(call) { return difference }
        }
        for call in Director.closing {
          if let difference = try await compare(call) { return difference }
        }
        return nil
      }
    }
  }
}
