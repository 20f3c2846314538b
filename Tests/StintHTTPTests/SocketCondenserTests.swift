import StintCore
import StintEngine
import Testing

@testable import StintHTTP

/// What sockets are told of what happens, by a clock that stands still.
@Suite struct SocketCondenserTests {
  private func job(_ id: String, revision: Int64 = 1, _ status: JobStatus = .pending) -> Job {
    let at = Timestamp(microseconds: 0)
    let spec = JobSpec(
      id: JobID(known: id), type: "noop", queue: "default", priority: .normal, params: .emptyObject, maxRetries: 0,
      retry: .standard, timeout: nil, stallTimeout: nil, tags: [:], metadata: .emptyObject, owner: nil, createdAt: at)
    return Job(spec: spec, state: JobState(status: status, revision: revision, runAt: at))
  }

  private func created(_ ids: Range<Int>) -> [FeedItem] { ids.map { .event(.created(job("job-\($0)"))) } }

  private func words(_ messages: [EventCondenser.Message]) -> [String] {
    messages.map { message in
      switch message {
      case .event(.created(let job)): "created \(job.id)"
      case .event(.started(let job)): "started \(job.id)"
      case .event(.moved(let job)): "\(job.status) \(job.id)"
      case .event(.progressed(let id, _, _)): "progress \(id)"
      case .event(.removed(let id)): "removed \(id)"
      case .removed(let ids): "removed \(ids.count)"
      case .created(let id): "read \(id)"
      case .changed(let ids): "changed \(ids.count)"
      case .state: "state"
      }
    }
  }

  @Test func tellsFewEventsOneByOne() {
    var condenser = EventCondenser()
    let told = words(
      condenser.handle(created(0..<3) + [.event(.moved(job("job-1", revision: 2, .completed)))], at: .zero))
    #expect(told == ["created job-0", "created job-1", "created job-2", "completed job-1"])
    #expect(condenser.deadline == nil)
  }

  @Test func condensesAboveTwoHundredASecond() {
    var condenser = EventCondenser()
    var told = condenser.handle(created(0..<500), at: .milliseconds(100))
    #expect(told.count == 200)
    #expect(condenser.deadline == .milliseconds(350))
    // Order is kept: nothing overtakes what waits.
    told = condenser.handle(created(500..<501), at: .milliseconds(200))
    #expect(told.isEmpty)
    told = condenser.handle(created(400..<420), at: .milliseconds(300))
    #expect(told.isEmpty, "the same ids once more")
    told = condenser.handle([], at: .milliseconds(350))
    #expect(words(told) == ["changed 301"])
    #expect(condenser.deadline == nil)
    // The second is not over: still too many.
    told = condenser.handle(created(600..<601), at: .milliseconds(900))
    #expect(told.isEmpty)
    told = condenser.handle([], at: .milliseconds(1_150))
    #expect(words(told) == ["changed 1"])
    // It is: one by one again.
    told = condenser.handle(created(700..<701), at: .milliseconds(2_600))
    #expect(words(told) == ["created job-700"])
  }

  @Test func neverTellsMoreThanItMay() {
    var condenser = EventCondenser()
    var told: [(at: Duration, word: String)] = []
    for step in 0..<1_000 {
      let now = Duration.milliseconds(step * 5)
      let items = step % 400 < 300 ? created(step * 25..<step * 25 + 25) : []
      for word in words(condenser.handle(items, at: now)) { told.append((now, String(word.prefix { $0 != " " }))) }
    }
    for (index, first) in told.enumerated() {
      let second = told[index...].prefix { $0.at - first.at < .seconds(1) }
      #expect(second.count { $0.word == "created" } <= 200)
      #expect(second.count { $0.word == "changed" } <= 4)
      #expect(second.count { $0.word == "state" } <= 1)
    }
    #expect(told.contains { $0.word == "changed" })
  }

  @Test func asksForAStateWhereIdsAreTooMany() {
    var condenser = EventCondenser()
    var told = condenser.handle(created(0..<2_000), at: .zero)
    #expect(told.count == 200)
    told = condenser.handle([], at: .milliseconds(250))
    #expect(words(told) == ["state"])
    // And not again within a second.
    told = condenser.handle(created(2_000..<4_000), at: .milliseconds(300))
    #expect(told.isEmpty)
    told = condenser.handle([], at: .milliseconds(550))
    #expect(told.isEmpty)
    #expect(condenser.deadline == .milliseconds(1_250))
    told = condenser.handle([], at: .milliseconds(1_250))
    #expect(words(told) == ["state"])
    #expect(condenser.deadline == nil)
  }

  @Test func asksForAStateWhereSomethingWasMissed() {
    var condenser = EventCondenser()
    var told = condenser.handle([.resync], at: .seconds(5))
    #expect(words(told) == ["state"])
    let more: [FeedItem] = [.resync, .event(.created(job("job-1"))), .resync]
    told = condenser.handle(more, at: .milliseconds(5_400))
    #expect(words(told) == ["created job-1"], "events go on meanwhile")
    #expect(condenser.deadline == .seconds(6))
    told = condenser.handle([], at: .seconds(6))
    #expect(words(told) == ["state"])
  }

  @Test func tellsRemovalsTogether() {
    var condenser = EventCondenser()
    let gone: [FeedItem] = (0..<2_500).map { .event(.removed(JobID(known: "job-\($0)"))) }
    let told = words(condenser.handle(gone + created(0..<1), at: .zero))
    #expect(told == ["removed 1000", "removed 1000", "removed 500", "created job-0"])
    #expect(condenser.deadline == nil, "they count as three")
  }

  @Test func sortsOutWhatWasOvertaken() {
    var condenser = EventCondenser()
    let id = JobID(known: "job-1")
    let items: [FeedItem] = [
      .event(.started(job("job-1", revision: 2, .running))),
      // Its submitter was slow to tell.
      .event(.created(job("job-1", revision: 1))),
      .event(.moved(job("job-1", revision: 3, .completed))),
      // A report that was on its way.
      .event(.progressed(id, revision: 2, Progress(percent: 50))),
      .event(.started(job("job-1", revision: 2, .running))),
      .event(.removed(id)),
      // The same id, new: its revisions begin anew.
      .event(.created(job("job-1", revision: 1))),
    ]
    let told = words(condenser.handle(items, at: .zero))
    #expect(told == ["started job-1", "read job-1", "completed job-1", "removed 1", "created job-1"])
  }

  @Test func givesEveryGroupItsShare() {
    #expect(QueueSnapshot.shares([0, 0, 0]) == [100, 100, 100])
    #expect(QueueSnapshot.shares([1_000, 1_000, 1_000]) == [300, 100, 100])
    #expect(QueueSnapshot.shares([3, 0, 10_000]) == [100, 100, 497])
    #expect(QueueSnapshot.shares([50, 1_000, 20]) == [100, 430, 100])
  }
}
