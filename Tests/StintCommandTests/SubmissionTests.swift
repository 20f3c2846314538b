import StintCore
import Testing

@testable import StintCommand

@Suite struct SubmissionTests {
  private let types = JobTypes([
    JobType(
      name: "work",
      params: [
        Param("count", .integer), Param("share", .number), Param("name", .string), Param("loud", .boolean),
        Param("urls", .array), Param("more", .object),
      ])
  ])
  private let now = Timestamp(microseconds: 1_764_230_400_000_000)

  private func jobs(_ arguments: [String], file: String? = nil) throws -> [NewJob] {
    try SubmissionOptions.parse(arguments).jobs(file: file, types: types, limits: Limits(), now: now)
  }

  private func params(_ arguments: String...) throws -> [JSONMember] {
    try jobs(["work"] + arguments.flatMap { ["--param", $0] })[0].params
  }

  private func message(_ arguments: [String], file: String? = nil) -> String {
    do {
      let unread = try jobs(arguments, file: file).flatMap(\.unread)
      return unread.isEmpty ? "none" : unread.map { "\($0.param): \($0.message)" }.joined(separator: "\n")
    } catch {
      return SubmissionOptions.message(for: error) + "\(error)"
    }
  }

  @Test func paramsAreReadAsTheirTypeWantsThem() throws {
    #expect(try params("count=12") == [JSONMember("count", 12)])
    #expect(try params("count=twelve") == [JSONMember("count", "twelve")])
    #expect(try params("share=1.5") == [JSONMember("share", 1.5)])
    #expect(try params("name=12") == [JSONMember("name", "12")])
    #expect(try params("name=a=b") == [JSONMember("name", "a=b")])
    #expect(try params("name=") == [JSONMember("name", "")])
    #expect(try params("loud=true") == [JSONMember("loud", true)])
    #expect(try params("loud=yes") == [JSONMember("loud", "yes")])
    #expect(try params("urls=a") == [JSONMember("urls", ["a"])])
    #expect(try params("urls=a", "count=1", "urls=b") == [JSONMember("urls", ["a", "b"]), JSONMember("count", 1)])
    #expect(try params(#"urls=["a", 2]"#) == [JSONMember("urls", ["a", 2])])
    #expect(try params(#"more={"a": null}"#) == [JSONMember("more", ["a": nil])])
    #expect(try params("other=12") == [JSONMember("other", 12)])
    #expect(try params("other=x y") == [JSONMember("other", "x y")])
  }

  @Test func badParamsAreNamed() {
    #expect(message(["work", "-p", "count=1", "-p", "count=2"]).contains("--param count is given 2 times"))
    #expect(message(["work", "-p", "more={"]).contains("--param more"))
    #expect(message(["work", "-p", "count"]).contains("\"count\" is no key=value"))
    #expect(message(["work", "-p", "=1"]).contains("is no key=value"))
    #expect(message([]).contains("Give a job TYPE"))
    #expect(message(["work", "--delay", "1s", "--at", "5"]).contains("not both"))
  }

  @Test func everyOptionReachesTheSubmission() throws {
    let job = try jobs([
      "work", "--id", "mine", "--queue", "q", "--priority", "high", "--tag", "team=video", "--tag", "a=b=c",
      "--metadata", #"{"x": 1}"#, "--owner", "ann", "--delay", "90s", "--retry", "slow", "--max-retries", "2",
      "--timeout", "5m", "--stall-timeout", "30", "--start-within", "1h", "--deadline", "2h", "--allow-unknown-type",
    ])[0]
    #expect(job.id == "mine" && job.queue == "q" && job.priority == .high && job.owner == "ann")
    #expect(job.tags == ["team": "video", "a": "b=c"])
    #expect(job.metadata == ["x": 1])
    #expect(job.delay == .seconds(90) && job.maxRetries == 2 && job.retry?.base == .seconds(30))
    #expect(job.timeout == .seconds(300) && job.stallTimeout == .seconds(30) && job.startWithin == .seconds(3600))
    #expect(job.deadline == now + .seconds(7200))
    #expect(job.allowsUnknownType)
    #expect(try jobs(["work", "--at", "1764230500"])[0].runAt == now + .seconds(100))
    #expect(try jobs(["work", "--at", "2025-11-27T08:01:40Z"])[0].runAt == now + .seconds(100))
    #expect(
      try jobs(["work", "--retry", #"{"strategy": "linear", "base_seconds": 2}"#])[0].retry?.strategy == .linear)
  }

  @Test func badOptionsAreNamed() {
    #expect(message(["work", "--priority", "urgent"]).contains("critical, high, normal, low"))
    #expect(message(["work", "--timeout", "soon"]).contains("timeout_seconds"))
    #expect(message(["work", "--retry", "often"]).contains("retry"))
    #expect(message(["work", "--metadata", "{"]).contains("--metadata"))
    #expect(message(["work", "--metadata", "[]"]) == "none")  // checked with the limits, at submission
    #expect(message(["work", "--max-retries", "x"]).contains("max_retries"))
    #expect(message(["work", "--depends-on", "x"]).contains("--depends-on"))
  }

  @Test func flagsWinOverTheJobFile() throws {
    let file = #"{"type": "work", "params": {"count": 1, "name": "n"}, "tags": {"a": "1", "b": "2"}, "run_at": 1}"#
    let job = try jobs(
      ["--job-file", "f.json", "-p", "count=5", "--tag", "a=9", "--delay", "3s", "--queue", "q"], file: file)[0]
    #expect(job.params == [JSONMember("name", "n"), JSONMember("count", 5)])
    #expect(job.tags == ["a": "9", "b": "2"])
    #expect(job.runAt == nil && job.delay == .seconds(3) && job.queue == "q" && job.type == "work")
    #expect(try jobs(["other", "--job-file", "-"], file: file)[0].type == "other")
  }

  @Test func jobFilesInJSONAndYAML() throws {
    let yaml = "type: work\nparams:\n  count: 3\n"
    #expect(try jobs(["--job-file", "f.yaml"], file: yaml)[0].params == [JSONMember("count", 3)])
    #expect(try jobs(["--job-file", "-"], file: yaml).count == 1)
    #expect(try jobs(["--job-file", "-"], file: "- type: a\n- type: b\n").map(\.type) == ["a", "b"])
    #expect(try jobs(["--job-file", "-"], file: "type: a\n---\ntype: b\n").map(\.type) == ["a", "b"])
    #expect(try jobs(["--job-file", "-"], file: #"[{"type": "a"}, {"type": "b"}]"#).map(\.type) == ["a", "b"])
    #expect(try jobs(["--job-file", "f.yml"], file: "{type: a}").map(\.type) == ["a"])
  }

  @Test func badJobFilesAreNamed() {
    #expect(message(["--job-file", "f.json"], file: #"{"type": "#).contains("f.json is no JSON"))
    #expect(message(["--job-file", "f.yaml"], file: "a: b: c").contains("f.yaml is no YAML"))
    #expect(message(["--job-file", "-"], file: "  \n").contains("standard input is empty"))
    #expect(message(["--job-file", "-"], file: "[]").contains("at least one job"))
    #expect(message(["--job-file", "-"], file: "hello").contains("A submission is a JSON object"))
    #expect(message(["--job-file", "-"], file: "[{type: a}, 5]").contains("no JSON"))
    #expect(message(["--job-file", "-"], file: #"[{"type": "a"}, 5]"#).contains("Job 1 of the batch"))
    #expect(
      message(["--job-file", "f", "--id", "x"], file: #"[{"type": "a"}, {"type": "b"}]"#).contains("--id names one job")
    )
  }
}
