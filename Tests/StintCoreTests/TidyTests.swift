import Foundation
import Testing

/// The few rules of CONTRIBUTING.md that a machine can check.
@Suite struct TidyTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func swiftFiles(in folder: String) -> [(name: String, text: String)] {
    let base = root.appendingPathComponent(folder)
    let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix(".swift") }.compactMap { path in
      let text = try? String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
      return text.map { ("\(folder)/\(path)", $0) }
    }
  }

  @Test func filesAreShort() {
    let files = Self.swiftFiles(in: "Sources")
    #expect(files.count > 50)
    // The dashboard's files, embedded, are generated.
    for file in files where !file.name.hasSuffix("/WebFiles.swift") {
      let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count <= 501, "\(file.name) has \(lines.count - 1) lines")
    }
  }

  @Test func nothingTrapsAndNothingIsUncheckedWithoutAReason() {
    for file in Self.swiftFiles(in: "Sources") {
      #expect(!file.text.contains("try" + "!"), "\(file.name)")
      #expect(!file.text.contains("fatal" + "Error("), "\(file.name)")
      let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() where line.contains("@unchecked" + " Sendable") {
        let around = lines[max(0, index - 3)...min(lines.count - 1, index + 3)].joined()
        #expect(around.contains("Safe because"), "\(file.name):\(index + 1)")
      }
    }
  }

  @Test func theCoreReadsNoClock() {
    // ThreadSanitizer.swift stands for functions of the standard library, in builds for the sanitizer alone.
    for file in Self.swiftFiles(in: "Sources/StintCore") where !file.name.hasSuffix("/ThreadSanitizer.swift") {
      for word in ["Date()", ".random(", "UUID()", "Task {", "async "] {
        #expect(!file.text.contains(word), "\(file.name) has \(word)")
      }
    }
  }

  @Test func everyLockIsVisibleToTheThreadSanitizer() {
    for file in Self.swiftFiles(in: "Sources") + Self.swiftFiles(in: "Tests")
    where !file.name.hasSuffix("/Locked.swift") {
      #expect(!file.text.contains("Mut" + "ex<") && !file.text.contains("Mut" + "ex("), "\(file.name)")
    }
  }

  @Test func everyFileThatArchitectureNamesExists() throws {
    let page = try String(contentsOf: Self.root.appendingPathComponent("docs/ARCHITECTURE.md"), encoding: .utf8)
    let present = Set(
      (Self.swiftFiles(in: "Sources") + Self.swiftFiles(in: "Tests") + Self.swiftFiles(in: "Examples")).map {
        URL(fileURLWithPath: $0.name).lastPathComponent
      })
    let named = page.split(separator: "`").filter { $0.hasSuffix(".swift") && !$0.contains(" ") && !$0.contains("*") }
    #expect(named.count > 10)
    for name in named {
      let file = name.split(separator: "/").last.map(String.init) ?? ""
      #expect(present.contains(file), "docs/ARCHITECTURE.md names \(name)")
    }
  }
}
