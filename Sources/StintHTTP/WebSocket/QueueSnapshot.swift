import StintCore
import StintEngine
import StintStore

/// What a new socket is told first: the jobs that matter most, and the figures.
struct QueueSnapshot: Sendable {
  /// Running, waiting, ended; each newest first.
  let jobs: [Job]
  let stats: Stats
  /// Whether there are jobs that are not in it.
  let hasMore: Bool

  /// Jobs at most.
  static let limit = 500
  /// Places that each group is sure of.
  static let share = 100

  private static let groups: [Set<JobStatus>] = [
    [.running], [.pending, .retrying, .scheduled, .blocked], [.completed, .failed, .cancelled],
  ]

  /// Reads the present state.
  static func read(_ client: any JobClient) async throws(StintError) -> QueueSnapshot {
    let stats = try await client.stats()
    let room = shares(groups.map { group in group.reduce(0) { $0 + stats.counts[$1] } })
    var pages = [JobPage](repeating: JobPage(jobs: []), count: groups.count)
    // In the order in which most jobs move, so that one that moves meanwhile is in two groups rather than in none; of one
    // that is in none, its event tells.
    for index in [1, 0, 2] {
      pages[index] = try await client.list(JobQuery(filter: .statuses(groups[index]), limit: room[index]))
    }
    let counts = shares(pages.map(\.jobs.count))
    let cut = zip(pages, counts).map { Array($0.jobs.prefix($1)) }
    var last: [JobID: Int] = [:]
    for index in [1, 0, 2] { for job in cut[index] { last[job.id] = index } }
    let jobs = cut.indices.flatMap { index in cut[index].filter { last[$0.id] == index } }
    let hasMore = zip(pages, counts).contains { page, count in page.next != nil || page.jobs.count > count }
    return QueueSnapshot(jobs: jobs, stats: stats, hasMore: hasMore)
  }

  /// How many places each group gets: its share, and what the others leave, from the first group on.
  static func shares(_ counts: [Int]) -> [Int] {
    var left = limit - counts.reduce(0) { $0 + min($1, share) }
    return counts.map { count in
      let more = min(max(0, count - share), left)
      left -= more
      return share + more
    }
  }
}
