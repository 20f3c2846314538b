import ArgumentParser
import Foundation
import StintCore
import StintSQLite
import StintStore

/// `stint bench`
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a store as users use it.",
    discussion: """
      Submits no-op jobs one by one, from 64 callers and in batches of 1,000, drains them with the worker that serves \
      users, checks every row, and measures the time from submit to start when idle. On SQLite it also runs a loop of \
      bare C calls that only claims and completes, on the same disk, as a yardstick. The store is made for this and \
      removed afterwards; what is there already is never touched.

      Example:
        stint bench --store sqlite:/var/tmp/bench.db --jobs 100000 --json
      """)

  @Option(help: ArgumentHelp("The store: sqlite:PATH of a file that does not exist yet, or memory:.", valueName: "url"))
  var store = "sqlite:stint-bench.db"

  @Option(help: "How many jobs, 1000 to 10000000.")
  var jobs = 100_000

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1_000...10_000_000).contains(jobs) else {
      throw ValidationError("--jobs \(jobs): allowed is 1000 to 10000000.")
    }
  }

  func run() async throws {
    let console = Console(environment: ProcessInfo.processInfo.environment)
    let json = json
    let say: @Sendable (String) -> Void = { if !json { console.note("… \($0)") } }
    let report: BenchmarkReport
    switch try StoreLocation(store) {
    case .memory: report = try await Benchmark(store: MemoryStore(), jobs: jobs, directory: nil, say: say).run()
    case .sqlite(let path): report = try await measure(path, say: say)
    }
    if json { return console.json(report.json) }
    for line in report.lines { console.line(line) }
  }

  private func measure(_ path: String, say: @escaping @Sendable (String) -> Void) async throws -> BenchmarkReport {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw StintError(
        .invalidParams, "store: \(path) exists; bench makes a store of its own and removes it afterwards")
    }
    let sqlite: SQLiteStore
    do throws(StoreError) { sqlite = try await SQLiteStore.open(path: path) } catch { throw error.stintError }
    defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    do {
      let report = try await Benchmark(store: sqlite, jobs: jobs, directory: directory, say: say).run()
      await sqlite.close()
      return report
    } catch {
      await sqlite.close()
      throw error
    }
  }
}

extension BenchmarkReport {
  /// The figures for people.
  var lines: [String] {
    func rate(_ value: Double) -> String { "\(Int(value.rounded())) jobs/s" }
    func milliseconds(_ value: Double) -> String { "\((value * 1_000).rounded() / 1_000) ms" }
    var lines = [
      "store               \(store), \(jobs) jobs",
      "submit one by one   \(rate(submitSerialPerSecond))",
      "submit, 64 callers  \(rate(submitConcurrentPerSecond))",
      "submit in batches   \(rate(submitBatchPerSecond))",
      "drain               \(rate(drainPerSecond))",
      "submit to start     p50 \(milliseconds(latencyMilliseconds.p50)), p99 \(milliseconds(latencyMilliseconds.p99)), "
        + "max \(milliseconds(latencyMilliseconds.max))",
      "peak memory         \(peakRSSBytes / 1_048_576) MiB",
    ]
    if let raw = rawLoopPerSecond {
      lines.append("disk sync           \(milliseconds(diskSyncMilliseconds))")
      lines.append("raw loop            \(rate(raw)); drain is \((drainPerSecond / raw * 100).rounded() / 100) of it")
    }
    return lines
  }
}
