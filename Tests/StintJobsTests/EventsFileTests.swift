import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintJobs

@Suite("The events file", .timeLimit(.minutes(5)))
struct EventsFileTests {
  @Test("Progress, events, checkpoints and the result come from it; what is printed is only output")
  func events() async throws {
    let trial = try ProcessTrial()
    let result = try await trial.run(
      script: """
        exec 9> "$STINT_JOB_EVENTS"
        echo '{"progress": 99}'
        echo '{"progress": 40, "message": "forty"}' >&9
        echo '{"event": "step", "data": {"n": 1}, "progress": 50}' >&9
        echo '{"checkpoint": {"page": 7}}' >&9
        echo '{"progress": 1000}' > "$STINT_JOB_EVENTS"
        printf '{"result": {"answer": 42, "exit_code": 9}}' >&9
        """)
    #expect(result["answer"] == 42 && result["exit_code"] == 9 && result["duration"] != nil)
    #expect(
      trial.heard.progress == [
        StintCore.Progress(percent: 40, message: "forty"), StintCore.Progress(percent: 50, message: nil),
        StintCore.Progress(percent: 1000, message: nil),
      ])
    #expect(trial.heard.pieces(.event) == [#"{"event":"step","data":{"n":1},"progress":50}"# + "\n"])
    #expect(trial.heard.checkpoints == [#"{"page":7}"#])
    #expect(trial.heard.text() == "{\"progress\": 99}\n")
    #expect(trial.heard.pieces(.notice).isEmpty)
  }

  @Test("Lines that mean nothing are said once and change nothing")
  func illFormed() async throws {
    let trial = try ProcessTrial()
    let result = try await trial.run(
      script: """
        exec 9> "$STINT_JOB_EVENTS"
        echo 'not json' >&9
        for line in '[1]' '{}' '{"progress": "x"}' '{"result": 3}' '{"event": 1}'; do echo "$line" >&9; done
        echo >&9
        echo '{"progress": 5, "unknown": true}' >&9
        """)
    #expect(result.object?.count == 2)
    #expect(trial.heard.progress == [StintCore.Progress(percent: 5, message: nil)])
    let notices = trial.heard.pieces(.notice)
    #expect(notices.count == 2, "\(notices)")
    #expect(notices.first?.contains("\"not json\"") == true && notices.last?.hasPrefix("5 further lines") == true)
  }

  @Test("A line that is too long is left out, and the next one is read")
  func endlessLine() async throws {
    let trial = try ProcessTrial()
    _ = try await trial.run(
      script: """
        exec 9> "$STINT_JOB_EVENTS"
        head -c 5000000 /dev/zero | tr '\\0' x >&9
        echo >&9
        printf '{"checkpoint": {"x": "' >&9
        head -c 1100000 /dev/zero | tr '\\0' x >&9
        echo '"}}' >&9
        echo '{"progress": 5}' >&9
        """)
    #expect(trial.heard.progress == [StintCore.Progress(percent: 5, message: nil)])
    #expect(trial.heard.checkpoints.isEmpty)
    let notices = trial.heard.pieces(.notice)
    #expect(notices.count == 2 && notices.first?.contains("longer than") == true, "\(notices)")
    #expect(notices.last == "Another line of the events file was ignored.\n")
  }

  @Test("Params and an earlier checkpoint are files for the owner alone, removed afterwards")
  func files() async throws {
    let trial = try ProcessTrial()
    let script = """
      cat "$STINT_JOB_CHECKPOINT"; echo
      cd "$(dirname "$STINT_JOB_PARAMS")"
      stat -c '%a %n' . params.json checkpoint.json events
      grep -c command "$STINT_JOB_PARAMS"
      """
    _ = try await trial.run(script: script, checkpoint: RawJSON(["page": 7]))
    #expect(
      trial.heard.text().split(separator: "\n")
        == ["{\"page\":7}", "700 .", "600 params.json", "600 checkpoint.json", "600 events", "1"])
    #expect(try trial.leftovers.isEmpty)
  }
}

@Suite("Pieces of output")
struct LineSplitterTests {
  @Test("Pieces put together are what came, however it came")
  func property() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let limit = Int.random(in: 4...40, using: &random)
      let text = String(
        (0..<Int.random(in: 0...200, using: &random)).map { _ in "ab\né€🐌".randomElement(using: &random) ?? "a" })
      let bytes = Array(text.utf8)
      var splitter = LineSplitter(limit: limit)
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(30, rest.count), using: &random)
        pieces += splitter.split(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      if let last = splitter.rest() { pieces.append(last) }
      #expect(pieces.flatMap { $0 } == bytes)
      // No character is cut through, no line shares a piece with another.
      #expect(pieces.allSatisfy { String(validating: $0, as: UTF8.self) != nil }, "\(limit) \(text)")
      #expect(pieces.allSatisfy { !$0.isEmpty && $0.count <= limit + 1 && $0.dropLast().firstIndex(of: 0x0A) == nil })
    }
  }

  @Test("A flood of short lines comes in few pieces of whole lines")
  func flood() {
    var splitter = LineSplitter(limit: 1_000, flood: 100)
    let long = [UInt8](repeating: 0x78, count: 2_500)
    let bytes = Array("begin".utf8) + [UInt8](repeating: 0x0A, count: 5_000) + long + Array("\nend".utf8)
    let pieces = splitter.split(bytes[...])
    #expect(pieces.count <= 10 && pieces.allSatisfy { $0.count <= 1_000 })
    #expect(pieces.filter { $0.last == 0x0A }.count >= 5)
    #expect(pieces.flatMap { $0 } + (splitter.rest() ?? []) == bytes)
  }
}
