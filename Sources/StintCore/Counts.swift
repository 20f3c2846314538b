/// How many jobs are in each status.
public struct Counts: Sendable, Hashable {
  private var values = [Int](repeating: 0, count: JobStatus.allCases.count)

  /// No jobs.
  public init() {}

  /// The number of jobs in a status.
  public subscript(status: JobStatus) -> Int {
    get { values[status.code] }
    set { values[status.code] = newValue }
  }

  /// The number of jobs that wait: blocked, scheduled, pending, retrying.
  public var waiting: Int { self[.blocked] + self[.scheduled] + self[.pending] + self[.retrying] }

  /// The number of jobs.
  public var total: Int { values.reduce(0, +) }

  /// The sums of both.
  public static func + (a: Counts, b: Counts) -> Counts {
    var sum = a
    for status in JobStatus.allCases { sum[status] += b[status] }
    return sum
  }
}
