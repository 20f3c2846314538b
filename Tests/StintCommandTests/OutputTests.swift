import Foundation
import Logging
import StintCore
import StintTesting
import Testing

@testable import StintCommand

@Suite struct OutputTests {
  @Test func whatATerminalWouldObeyIsWrittenOut() {
    #expect("plain — text ✓".escapedForTerminal == "plain — text ✓")
    #expect("a\u{1B}[31mb\nc\td\re\u{7F}\u{9B}".escapedForTerminal == "a\\x1b[31mb\\nc\\td\\re\\x7f\\x9b")
    #expect("left\u{202E}right".escapedForTerminal == "left\\u{202e}right")
  }

  @Test func columnsLineUp() {
    var table = Table(["ID", "NAME", "NOTE"])
    table.add([.init("1"), .init("東京"), .init("x")])
    table.add([.init("22"), .init("a\u{1B}"), .init("")])
    table.add([.init("333"), .init("ab"), .init("y")])
    let lines = table.lines(Console(isTerminal: false, hasColor: false))
    #expect(lines == ["ID   NAME   NOTE", "1    東京   x", "22   a\\x1b", "333  ab     y"])
  }

  @Test func colourOnlyWhereItIsWanted() {
    #expect(Console(isTerminal: true, hasColor: false).colored("x", .red) == "x")
    #expect(Console(isTerminal: true, hasColor: true).colored("x", .red) == "\u{1B}[31mx\u{1B}[0m")
  }

  @Test func textIsCutByColumns() {
    #expect("abcdef".fitted(to: 4) == "abc…")
    #expect("東京都".fitted(to: 5) == "東京…")
    #expect("abc".fitted(to: 3) == "abc")
    #expect("abc".fitted(to: 0) == "")
  }

  @Test func agesAndIds() {
    let now = Timestamp(microseconds: 1_000_000_000_000)
    #expect((now - .seconds(200)).relative(to: now) == "3m ago")
    #expect((now + .seconds(90_000)).relative(to: now) == "in 25h")
    #expect(JobID(known: "01932c5e-7f3a-7c11-b1a7-0c5d0f6a9e01").shown == "0f6a9e01")
    #expect(JobID(known: "invoice-2026-000012").shown == "invoice-2026-000012")
  }

  @Test func theWorstExitCodeOfMany() {
    func job(_ status: JobStatus) -> Job {
      let at = Timestamp(microseconds: 0)
      return Job(
        spec: JobSpec(id: JobID(known: "x"), type: "t", createdAt: at),
        state: JobState(status: status, revision: 1, runAt: at))
    }
    #expect([Job]().exitCode.rawValue == 0)
    #expect([job(.completed)].exitCode.rawValue == 0)
    #expect([job(.failed), job(.completed)].exitCode.rawValue == 1)
    #expect([job(.cancelled), job(.failed)].exitCode.rawValue == 2)
  }

  private func logged(_ format: LineLog.Format, _ body: (Logger) -> Void) -> String {
    let sink = Sink()
    let time = ManualTime()
    body(Logger(label: "x") { _ in LineLog(format: format, level: .info, time: time) { sink.add($0) } })
    return sink.text
  }

  private final class Sink: Sendable {
    private let bytes = Locked<[UInt8]>([])
    func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
  }

  @Test func logLinesCanNotBeForged() {
    let text = logged(.text) { logger in
      logger.info("job \"done\"\nlevel=error", metadata: ["job_id": "abc", "empty": "", "a b": "x=y"])
      logger.debug("not this")
    }
    #expect(
      text == """
        time=2025-11-27T08:00:00.000Z level=info message="job \\"done\\"\\nlevel=error" "a b"="x=y" empty="" job_id=abc

        """)
  }

  @Test func logLinesAsJSON() throws {
    let text = logged(.json) { $0.warning("two\nlines", metadata: ["job_id": "abc"]) }
    let json = try JSONParser.parse(Array(text.utf8))
    #expect(json["message"] == "two\nlines" && json["level"] == "warning" && json["job_id"] == "abc")
    #expect(text.filter { $0 == "\n" }.count == 1)
  }
}

@Suite struct GeneratedPageTests {
  @Test(arguments: Reference.Page.allCases) func thePageIsWhatTheCodeMakes(_ page: Reference.Page) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("docs/\(page.rawValue).md"), encoding: .utf8)
    #expect(text == Reference.text(page), "docs/\(page.rawValue).md is not up to date: make docs")
  }

  @Test func everyCommandHasAnExample() {
    for command in Root.configuration.subcommands + Dead.configuration.subcommands {
      #expect(command.configuration.discussion.contains("Example"), "\(command)")
      #expect(command.configuration.discussion.contains("  stint "), "\(command)")
    }
  }
}
