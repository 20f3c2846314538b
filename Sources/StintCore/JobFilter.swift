/// Which jobs: a tree of conditions that every store understands alike. Never SQL text.
public indirect enum JobFilter: Sendable, Hashable {
  /// Every job.
  case all
  /// In one of these statuses.
  case statuses(Set<JobStatus>)
  /// Of this type.
  case type(String)
  /// In this queue.
  case queue(String)
  /// Of this owner.
  case owner(String)
  /// With this tag.
  case tag(key: String, value: String)
  /// Submitted at this instant or later.
  case since(Timestamp)
  /// Submitted before this instant.
  case until(Timestamp)
  /// With this text in its id, type, queue, tags or last error; upper and lower case of ASCII letters are alike.
  case text(String)
  /// Whose id begins or ends so.
  case idFragment(String)
  /// These jobs.
  case ids(Set<JobID>)
  /// Whose failure another job took over (true), or did not (false).
  case escalated(Bool)
  /// Whose last failure is of this kind.
  case errorType(JobError.Kind)
  /// All of these.
  case and([JobFilter])

  /// Failed for good, and nothing took over.
  public static let deadLetters = JobFilter.and([.statuses([.failed]), .escalated(false)])

  /// Whether `job` is one of them.
  public func matches(_ job: Job) -> Bool {
    switch self {
    case .all: return true
    case .statuses(let statuses): return statuses.contains(job.status)
    case .type(let type): return job.spec.type == type
    case .queue(let queue): return job.spec.queue == queue
    case .owner(let owner): return job.spec.owner == owner
    case .tag(let key, let value): return job.spec.tags[key] == value
    case .since(let instant): return job.spec.createdAt >= instant
    case .until(let instant): return job.spec.createdAt < instant
    case .text(let text):
      let needle = Self.folded(text)
      let hay = [job.id.text, job.spec.type, job.spec.queue, job.error?.message ?? ""]
      return hay.contains { Self.folded($0).contains(needle) }
        || job.spec.tags.contains { Self.folded("\($0.key):\($0.value)").contains(needle) }
    case .idFragment(let fragment): return job.id.text.hasPrefix(fragment) || job.id.text.hasSuffix(fragment)
    case .ids(let ids): return ids.contains(job.id)
    case .escalated(let escalated): return (job.state.escalatedTo != nil) == escalated
    case .errorType(let type): return job.error?.type == type
    case .and(let filters): return filters.allSatisfy { $0.matches(job) }
    }
  }

  /// The bytes with ASCII letters in lower case, all else as it is: what SQLite's `lower` gives. Bytes, because Swift
  /// compares text by its meaning (`é` in one or two scalars), and stores do not.
  private static func folded(_ text: String) -> [UInt8] {
    text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
  }
}

/// A page of jobs to read: newest first.
public struct JobQuery: Sendable, Hashable {
  /// Which jobs.
  public var filter: JobFilter
  /// How many at most: 1 to 1,000 over HTTP.
  public var limit: Int
  /// Only jobs submitted before the one at this place (``JobPage/next`` of the page before).
  public var before: Int64?

  /// A page of `limit` jobs.
  public init(filter: JobFilter = .all, limit: Int = 100, before: Int64? = nil) {
    self.filter = filter
    self.limit = limit
    self.before = before
  }
}

/// A page of jobs, newest first; stable while jobs move, because it is ordered by submission.
public struct JobPage: Sendable, Hashable {
  /// The jobs.
  public var jobs: [Job]
  /// Where the next page begins; nil if this is the last.
  public var next: Int64?

  /// A page.
  public init(jobs: [Job], next: Int64? = nil) {
    self.jobs = jobs
    self.next = next
  }
}
