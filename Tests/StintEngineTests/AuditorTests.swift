import StintCore
import StintEngine
import StintStore
import Testing

@testable import StintTesting

@Suite(.timeLimit(.minutes(5))) struct AuditorTests {
  @Test(arguments: StoreKind.allCases) func aStoreAfterRealWorkHasNoFindings(_ kind: StoreKind) async throws {
    let work = handler(maxRetries: 1, retry: .atOnce) { context in
      if context.job.spec.tags["fails"] != nil { throw Mishap() }
      return RawJSON(.integer(1))
    }
    try await withEngine(on: kind, [work]) { engine, time in
      var failing = NewJob("work")
      failing.tags["fails"] = "yes"
      var later = NewJob("work")
      later.delay = .seconds(3_600)
      let jobs = try await engine.client.submit([NewJob("work"), failing, later], by: someone)
      _ = try await engine.client.cancel(jobs[2].id, by: someone)
      try await advancing(time) { for job in jobs { _ = try await engine.client.end(of: job.id) } }
      _ = try await engine.client.retry(jobs[1].id, by: someone)
      try await advancing(time) { _ = try await engine.client.end(of: jobs[1].id) }
      var told = Auditor.Acknowledged()
      told.submitted = Set(jobs.map(\.id))
      told.cancelled = [jobs[2].id]
      told.retried = [jobs[1].id]
      #expect(try await Auditor.audit(engine.store, told: told, isOver: true) == [])
      told.submitted.insert(JobID(known: "gone"))
      told.cancelled.insert(jobs[0].id)
      let findings = try await Auditor.audit(engine.store, told: told, isOver: true)
      #expect(findings.map(\.rule) == [.acknowledged, .acknowledged])
      #expect(findings.map(\.job) == [JobID(known: "gone"), jobs[0].id])
    }
  }

  // MARK: Broken histories

  private struct Step {
    let kind: Cause.Kind
    let status: JobStatus
    let revision: Int64
    let attempt: Int
  }

  /// The rules that a job breaks whose history is this one, and which stands as its last event says.
  private func broken(_ steps: [Step], isOver: Bool = false) -> Set<Auditor.Rule> {
    let at = Timestamp(microseconds: 1)
    let id = JobID(known: "job")
    let error = JobError(type: .handler, message: "no", attempt: 1)
    let events = steps.map { step in
      var event = Event(
        jobID: id, kind: step.kind, status: step.status, revision: step.revision, attempt: step.attempt, at: at)
      if step.kind == .failed { event.error = error }
      if step.kind.endsAttempt { event.workerID = "w" }
      if step.kind == .retried || step.kind == .cancelRequested { event.actor = someone }
      return event
    }
    guard let last = events.last else { return [] }
    var state = JobState(status: last.status, revision: last.revision, runAt: at)
    state.attempt = last.attempt
    state.retryCount = events.count { $0.kind == .failed }
    state.completedAt = last.status.isTerminal ? at : nil
    state.cancelledBy = "somebody"
    let job = Job(spec: JobSpec(id: id, type: "work", createdAt: at), state: state, error: last.error)
    var auditor = Auditor()
    auditor.judge(job, history: events, isOver: isOver)
    return Set(auditor.findings.map(\.rule))
  }

  private let submitted = Step(kind: .submitted, status: .pending, revision: 0, attempt: 0)

  @Test func aPathOfTheTableIsFine() {
    let failed = Step(kind: .failed, status: .retrying, revision: 2, attempt: 1)
    // Promoted, claimed, given back before it began, claimed: none of these leaves an event.
    let done = Step(kind: .succeeded, status: .completed, revision: 7, attempt: 3)
    #expect(broken([submitted, failed, done], isOver: true) == [])
    #expect(broken([submitted, failed], isOver: true) == [.stuck])
  }

  @Test func anOutcomeUnderAnOldRevisionIsFound() {
    let failed = Step(kind: .failed, status: .retrying, revision: 2, attempt: 1)
    let late = Step(kind: .succeeded, status: .completed, revision: 3, attempt: 1)
    #expect(broken([submitted, failed, late]) == [.path, .attempts])
    let gap = Step(kind: .succeeded, status: .completed, revision: 6, attempt: 2)
    #expect(broken([submitted, failed, gap]) == [.path])
  }

  @Test func aSecondEndIsFound() {
    let done = Step(kind: .succeeded, status: .completed, revision: 2, attempt: 1)
    let again = Step(kind: .failed, status: .failed, revision: 3, attempt: 2)
    #expect(broken([submitted, done, again]).contains(.terminal))
  }

  @Test func aCancelThatWasOverrunIsFound() {
    let mark = Step(kind: .cancelRequested, status: .running, revision: 1, attempt: 1)
    let stopped = Step(kind: .stopped, status: .cancelled, revision: 2, attempt: 1)
    #expect(broken([submitted, mark, stopped], isOver: true) == [])
    let done = Step(kind: .succeeded, status: .completed, revision: 2, attempt: 1)
    #expect(broken([submitted, mark, done]).contains(.cancel))
    let retrying = Step(kind: .failed, status: .retrying, revision: 2, attempt: 1)
    #expect(broken([submitted, mark, retrying]).contains(.cancel))
  }
}
