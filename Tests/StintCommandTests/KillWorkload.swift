import StintCore
import StintEngine
import StintRemote
import StintTesting

/// What the clients of a round ask for, and what they were told.
final class KillWorkload: Sendable {
  private struct State {
    var told: Auditor.Acknowledged
    /// Jobs of this round: others are left alone.
    var jobs: [JobID] = []
    /// Requests without an answer yet.
    var open: Set<Int> = []
    var next = 0
    var answered = 0
    var unanswered = 0
    /// Answers that nobody should get.
    var strange: [String] = []
    var server = ServerState.there
  }

  private enum ServerState {
    case there
    /// It was asked to end: it may turn clients away.
    case leaving
    /// It was killed, or the clients may end for another reason.
    case gone
  }

  /// What came of a round's requests.
  struct Outcome {
    /// What clients were told in this round and the ones before.
    let told: Auditor.Acknowledged
    let unanswered: Int
    /// Answers that nobody should get.
    let strange: [String]
  }

  private let state: Locked<State>
  private static let actor = Actor(name: "test", origin: "test")
  static let clients = 6
  /// A file in the server's folder: `exec` jobs write into it that they run.
  static let executions = "executions"

  init(told: Auditor.Acknowledged) { state = Locked(State(told: told)) }

  var outcome: Outcome {
    state.withLock { Outcome(told: $0.told, unanswered: $0.unanswered, strange: $0.strange) }
  }
  /// Requests that have no answer yet.
  var open: Set<Int> { state.withLock { $0.open } }
  var answered: Int { state.withLock { $0.answered } }
  private var isOver: Bool { state.withLock { $0.server == .gone } }

  // MARK: The server

  /// A server is there.
  func begin() { state.withLock { $0.server = .there } }

  /// The server was asked to end.
  func leave() { state.withLock { $0.server = .leaving } }

  /// Lets the clients end.
  func stop() { state.withLock { $0.server = .gone } }

  // MARK: Work

  /// Clients at work until the server has gone, and enough that runs.
  func run(on client: RemoteClient, running: Int, _ sources: [RandomSource]) async {
    await withTaskGroup(of: Void.self) { group in
      for source in sources { group.addTask { while !self.isOver { await self.act(on: client, source) } } }
      group.addTask {
        while !self.isOver {
          let now = try? await client.stats().counts[.running]
          if let now, now < running { await self.submit((0..<4).map { _ in Self.long }, to: client) }
          // A pause, so that looking is not all that the server does.
          try? await Task.sleep(for: .milliseconds(10))
        }
      }
    }
  }

  /// A little more by every client.
  func run(on client: RemoteClient, rounds: Int, _ sources: [RandomSource]) async {
    await withTaskGroup(of: Void.self) { group in
      for source in sources { group.addTask { for _ in 0..<rounds { await self.act(on: client, source) } } }
    }
  }

  /// A request, with what its answer promises.
  private func ask<Value>(
    _ request: () async throws -> Value, promises: (inout State, Value) -> Void
  ) async {
    let number = state.withLock { state in
      state.next += 1
      state.open.insert(state.next)
      return state.next
    }
    do {
      let value = try await request()
      state.withLock { state in
        promises(&state, value)
        state.answered += 1
        state.open.remove(number)
      }
    } catch {
      let fault = error as? StintError
      state.withLock { state in
        state.open.remove(number)
        let isUnreachable = fault?.type == .storeUnavailable && fault?.message.contains("be reached") == true
        switch state.server {
        case _ where fault?.type == .illegalMove: state.answered += 1
        case .gone where isUnreachable: state.unanswered += 1
        // Nobody listens any more.
        case .leaving where isUnreachable: state.server = .gone
        default: state.strange.append("\(error)")
        }
      }
    }
  }

  func submit(_ jobs: [NewJob], to client: RemoteClient) async {
    await ask {
      try await client.submit(jobs, by: Self.actor)
    } promises: { state, jobs in
      state.told.submitted.formUnion(jobs.map(\.id))
      state.jobs += jobs.map(\.id)
    }
  }

  /// One request of a kind and on a job that chance picks.
  private func act(on client: RemoteClient, _ random: RandomSource) async {
    let choice = random.next() % 100
    let jobs = state.withLock { $0.jobs }
    let job = jobs.randomElement(random)
    // Only jobs that are over are retried; those cancelled are, or will be soon.
    let cancelled = state.withLock { state in state.jobs.filter(state.told.cancelled.contains) }.randomElement(random)
    switch (choice, choice < 20 ? job : cancelled ?? job) {
    case (..<20, let job?):
      await ask {
        try await client.cancel(job, by: Self.actor)
      } promises: { state, _ in
        state.told.cancelled.insert(job)
      }
    case (..<45, let job?):
      await ask {
        try await client.retry(job, by: Self.actor)
      } promises: { state, _ in
        state.told.retried.insert(job)
      }
    case (..<60, _): await submit((0..<4).map { _ in Self.short(random) }, to: client)
    default: await submit([Self.short(random)], to: client)
    }
  }

  /// A job that lasts.
  static let long = NewJob("countdown", params: ["seconds": 1])

  private static func short(_ random: RandomSource) -> NewJob {
    var job =
      switch random.next() % 16 {
      case 0: long
      case 1: NewJob("exec", params: ["command": ["sh", "-c", .string(note)]])
      case 2...8: NewJob("prime", params: ["limit": 1_000])
      default: NewJob("fibonacci", params: ["count": 20])
      }
    if random.next() % 8 == 0 { job.delay = .milliseconds(Int(random.next() % 300)) }
    return job
  }

  private static let note = "echo \"$STINT_JOB_ID $STINT_JOB_ATTEMPT\" >> \(executions)"
}

extension Array {
  fileprivate func randomElement(_ random: RandomSource) -> Element? {
    isEmpty ? nil : self[Int(random.next() % UInt64(count))]
  }
}
