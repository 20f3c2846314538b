import Foundation
import Logging
import StintCore
import StintEngine
import Testing

@testable import StintCommand

/// Parts of the commands that need no process of their own.
@Suite struct CommandLineTests {
  @Test func valuesMayBeNegativeNumbers() {
    func joined(_ line: String) -> String {
      Main.joined(line.split(separator: " ").map(String.init)).joined(separator: " ")
    }
    #expect(joined("submit prime --max-retries -1 --wait") == "submit prime --max-retries=-1 --wait")
    #expect(joined("start-workers --count -1") == "start-workers --count=-1")
    #expect(joined("submit x --delay=5 -3") == "submit x --delay=5 -3")
    #expect(joined("submit x -p n=-3 --follow -q") == "submit x -p n=-3 --follow -q")
    #expect(joined("submit x -- --count -1") == "submit x -- --count -1")
    #expect(joined("--count") == "--count" && joined("") == "")
  }

  @Test(arguments: ["0x3", "0x1p2", "inf", "nan", "infinity", ""]) func onlyDecimalNumbersAreNumbers(text: String) {
    #expect(NumberText.parse(text) == nil)
    #expect(Duration(text: text) == nil)
  }

  @Test func theSampleOfTheConfigurationPageWorks() throws {
    let page = Reference.text(.configuration)
    let sample = try #require(page.components(separatedBy: "```yaml\n").dropFirst().first)
    let yaml = try #require(sample.components(separatedBy: "```").first)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml")
    try Data(yaml.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let session = try Session(configFile: file.path, flags: [], json: false)
    let rules = try session.escalations()
    #expect(rules.rule(for: "aider")?.target == "codex" && rules.warnings.isEmpty)
    #expect(session.configuration.integer("http.port") == 9_000 && session.engineConfiguration.slots == 8)
  }

  // MARK: Workers in a terminal

  private func job(_ status: JobStatus, attempt: Int = 1) -> Job {
    let spec = JobSpec(
      id: JobID(known: "job-00000001"), type: "work", params: RawJSON([:]), maxRetries: 3,
      createdAt: Timestamp(microseconds: 0))
    var state = JobState(status: status, revision: Int64(attempt), runAt: Timestamp(microseconds: 0))
    state.attempt = attempt
    return Job(spec: spec, state: state)
  }

  private func lines(json: Bool, _ body: (WorkerLines, Logger) -> Void) -> [String] {
    let written = Locked<[String]>([])
    let lines = WorkerLines(
      Console(isTerminal: false, hasColor: false), json: json, isVerbose: true, time: SystemTime()
    ) { line in written.withLock { $0.append(line) } }
    let quiet = LineLog(format: .text, level: .error)
    body(lines, Logger(label: "test") { _ in WorkerLog(quiet, lines) })
    return written.withLock { $0 }
  }

  @Test func onlyAReleaseIsCalledReleased() {
    let told = lines(json: false) { lines, _ in
      lines.show(.started(job(.running)))
      lines.show(.moved(job(.retrying)))
      lines.show(.moved(job(.pending)))  // its retry is due
      lines.show(.started(job(.running, attempt: 2)))
      lines.show(.moved(job(.pending, attempt: 2)))
    }
    #expect(told.count == 4 && told.count { $0.contains("released") } == 1, "\(told)")
    #expect(told.last?.contains("released") == true)
  }

  @Test func progressIsToldAsJSONToo() throws {
    let told = lines(json: true) { lines, _ in
      lines.show(.started(job(.running)))
      lines.show(.progressed(JobID(known: "job-00000001"), revision: 1, Progress(percent: 40, message: "on it")))
    }
    let json = try told.map { try JSONParser.parse(Array($0.utf8)) }
    #expect(json.map { $0["event"] } == ["started", "progress"])
    #expect(json.last?["percent"]?.number == 40 && json.last?["message"] == "on it" && json.last?["type"] == "work")
  }

  @Test func troubleOfTheStoreIsToldWhenItBeginsAndWhenItIsOver() {
    let told = lines(json: false) { _, logger in
      let troubles = TroubleLog(logger: logger, time: SystemTime())
      for what in ["claiming", "renewing", "claiming"] {
        troubles.failed(what, StintError(.storeUnavailable, "locked"))
      }
      troubles.worked("claiming")
      troubles.worked("renewing")
      troubles.worked("settling")
    }
    #expect(told.count == 2, "\(told)")
    #expect(told.first?.contains("store trouble: claiming failed: ") == true && told.first?.contains("locked") == true)
    #expect(told.last?.contains("the store works again") == true)
  }

  @Test func anAttemptWhoseLeaseWasLostGetsALineOnce() {
    let told = lines(json: false) { lines, logger in
      logger.warning("superseded", metadata: ["job_id": "job-00000001", "attempt": "1"])  // its beginning was not told
      lines.show(.started(job(.running, attempt: 2)))
      logger.warning("superseded", metadata: ["job_id": "job-00000001", "attempt": "1"])
      logger.warning("lease lost", metadata: ["job_id": "job-00000001", "revision": "2"])
      logger.warning("superseded", metadata: ["job_id": "job-00000001", "attempt": "2"])
    }
    #expect(told.count == 2 && told.last?.contains("lost") == true, "\(told)")
  }
}
