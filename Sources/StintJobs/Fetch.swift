import StintCore
import StintEngine

/// Fetches URLs, all at once.
struct Fetch: JobHandler {
  static let jobType = "fetch"
  static let summary = "Fetches up to 10 URLs at once and reports status, size and duration of each."
  static let paramRules: [String: ParamRule] = [
    "urls": ParamRule("The http and https URLs to fetch.", minItems: 1, maxItems: 10)
  ]

  var urls: [String]

  func run(_ context: JobContext) async throws -> Report {
    let transfer = FetchTransfer(policy: FetchPolicy.current)
    let results = try await withThrowingTaskGroup(of: (Int, Report.Item).self) { group in
      for (index, url) in urls.enumerated() {
        group.addTask { (index, try await Self.fetch(url, transfer, context)) }
      }
      var items: [Int: Report.Item] = [:]
      for try await (index, item) in group {
        items[index] = item
        context.progress(
          Double(items.count) / Double(urls.count) * 100, "Fetched \(items.count)/\(urls.count) URLs")
      }
      return items.sorted { $0.key < $1.key }.map(\.value)
    }
    try Task.checkCancellation()
    return Report(results: results)
  }

  /// Fetches one URL; only the job's cancellation is thrown, every other fault is the URL's own.
  private static func fetch(_ url: String, _ transfer: FetchTransfer, _ context: JobContext) async throws -> Report.Item
  {
    let start = context.time.uptime()
    let limit = transfer.policy.timeLimit
    var item = Report.Item(url: url, duration: 0)
    do {
      let received = try await within(limit, from: start, context.time) { try await transfer.run(url) }
      item.status = received.status
      item.size = received.size
    } catch {
      try Task.checkCancellation()
      item.error = FetchTransfer.text(of: error)
    }
    item.duration = context.seconds(since: start)
    return item
  }

  /// Does `work`, and cancels it when `limit` is over.
  private static func within<Value: Sendable>(
    _ limit: Duration, from start: Duration, _ time: any TimeSource,
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await work() }
      group.addTask {
        try await time.sleep(untilUptime: start + limit)
        return nil
      }
      guard let first = try await group.next(), let value = first else {
        let seconds = Int64(exactly: limit.seconds).map { "\($0)" } ?? "\(limit.seconds)"
        throw FetchFault("not done within \(seconds) seconds")
      }
      return value
    }
  }

  struct Report: Codable, Sendable {
    var results: [Item]

    struct Item: Codable, Sendable {
      var url: String
      var status: Int?
      var size: Int?
      var duration: Double
      var error: String?

      // Not derived: a missing value is written as null.
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(url, forKey: .url)
        try container.encode(status, forKey: .status)
        try container.encode(size, forKey: .size)
        try container.encode(duration, forKey: .duration)
        try container.encode(error, forKey: .error)
      }
    }
  }
}
