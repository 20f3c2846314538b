import StintCore
import Testing

@testable import StintSQLite
@testable import StintStore

/// How SQLite goes about the statements that must stay quick whatever the store holds: indexes by name, and no sorting.
@Suite(.timeLimit(.minutes(5))) struct QueryPlanTests {
  private static let start = Timestamp(microseconds: 1_764_230_400_000_000)

  /// Every step of the plan of `sql`.
  private static func plan(_ connection: SQLiteConnection, _ sql: String) throws -> [String] {
    let explain = try connection.prepare("EXPLAIN QUERY PLAN " + sql)
    var steps: [String] = []
    while try explain.step() { steps.append(explain.text(3)) }
    return steps
  }

  /// Whether no table is read from end to end, but for the few workers' names where statistics say that they are few.
  private static func isBySearch(_ plan: [String]) -> Bool {
    plan.allSatisfy { $0.hasPrefix("SEARCH") || $0 == "SCAN w LEFT-JOIN" }
  }

  /// Runs `check` on an empty store, and again after `ANALYZE` with a thousand jobs in one status: statistics like
  /// these once turned the claim into a scan with a sort.
  private static func withPlans(_ check: @escaping @Sendable (SQLiteConnection) throws -> Void) async throws {
    for status in [nil, JobStatus.pending, .completed] {
      try await withTemporaryFolder { folder in
        try await withStore(try await SQLiteStore.open(path: folder + "/a.db")) { store in
          if let status { try await fill(store, with: status) }
          try await store.writer.write { session in
            if status != nil { try session.connection.execute("ANALYZE") }
            try check(session.connection)
          }
        }
      }
    }
  }

  private static func fill(_ store: SQLiteStore, with status: JobStatus) async throws {
    let jobs = (0..<1_000).map { index in
      let spec = JobSpec(id: JobID(known: "j\(index)"), type: "t\(index % 3)", tags: ["a": "b"], createdAt: start)
      return Job(spec: spec, state: JobState(status: .pending, revision: 0, runAt: start))
    }
    _ = try await store.insert([jobs], at: start)
    guard status == .completed else { return }
    let claimed = try await store.claim(ClaimRequest(worker: "w", count: 1_000, lease: .seconds(30)), at: start)
    _ = try await store.apply(try claimed.map { try Lifecycle.move($0, .succeeded(nil), at: start) }, at: start)
  }

  @Test func claimingReadsTheIndexOfPendingJobsInItsOrder() async throws {
    try await Self.withPlans { connection in
      let plan = try Self.plan(connection, WriteSession.claimQuery)
      #expect(plan.first == "SEARCH s USING INDEX states_pending (lane=?)")
      #expect(plan.dropFirst().allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
    }
  }

  @Test func promotingReadsTheIndexOfDueTimesInItsOrder() async throws {
    try await Self.withPlans { connection in
      for sql in [WriteSession.dueQuery, WriteSession.nextDueQuery] {
        let plan = try Self.plan(connection, sql)
        #expect(plan.first?.contains("states_due") == true, "\(plan)")
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
      }
    }
  }

  @Test func rescuingReadsRunningJobsOnly() async throws {
    try await Self.withPlans { connection in
      let plan = try Self.plan(connection, SQLiteConnection.expiredQuery)
      #expect(plan.first == "SCAN s USING INDEX states_running", "\(plan)")
      #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
      #expect(Self.isBySearch(Array(plan.dropFirst())), "\(plan)")
    }
  }

  @Test func countingByWorkerReadsRunningJobsOnly() async throws {
    try await Self.withPlans { connection in
      let plan = try Self.plan(connection, SQLiteConnection.runningQuery)
      #expect(plan.contains("SCAN s USING INDEX states_running"), "\(plan)")
    }
  }

  @Test func expiringReadsOnlyWhatCanExpire() async throws {
    try await Self.withPlans { connection in
      let plan = try Self.plan(connection, SQLiteConnection.overdueQuery)
      #expect(plan.first?.contains("states_expires") == true, "\(plan)")
    }
  }

  @Test func listingNewestFirstNeedsNoSort() async throws {
    try await Self.withPlans { connection in
      let filters: [JobFilter] = [
        .all, .statuses([.pending]), .type("t1"), .since(Self.start), .text("x"),
        .and([.statuses([.failed]), .type("t1")]),
      ]
      for filter in filters {
        let plan = try Self.plan(connection, SQLiteConnection.listQuery(SQLFilter(filter)))
        #expect(!plan.contains { $0.contains("TEMP B-TREE FOR ORDER BY") }, "\(filter): \(plan)")
      }
    }
  }

  @Test func oneJobIsFoundByItsNumberAndItsNumberByItsID() async throws {
    try await Self.withPlans { connection in
      for sql in [SQLiteConnection.jobQuery, "SELECT sequence FROM jobs WHERE id = ?1"] {
        let plan = try Self.plan(connection, sql)
        #expect(Self.isBySearch(plan), "\(plan)")
      }
    }
  }
}
