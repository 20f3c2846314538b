import StintCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct LifecyclePageTests {
  /// `STINT_WRITE_DOCS=1` writes the page instead: `make docs`.
  @Test func thePageIsTheTables() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appending(path: "docs/LIFECYCLE.md")
    if ProcessInfo.processInfo.environment["STINT_WRITE_DOCS"] != nil {
      try LifecyclePage.markdown.write(to: file, atomically: true, encoding: .utf8)
    }
    let found = try? String(contentsOf: file, encoding: .utf8)
    #expect(found == LifecyclePage.markdown, "docs/LIFECYCLE.md differs from Lifecycle.moves: run `make docs`")
  }

  @Test func everyMoveAndCauseIsOnThePage() {
    let lines = Set(LifecyclePage.markdown.split(separator: "\n").map(String.init))
    for move in Lifecycle.moves {
      let to = move.to.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      #expect(lines.contains("| `\(move.from.rawValue)` | `\(move.cause.rawValue)` | \(to) |"))
    }
    #expect(Set(Lifecycle.moves.map { [$0.from.rawValue, $0.cause.rawValue] }).count == Lifecycle.moves.count)
  }
}
