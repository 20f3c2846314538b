import StintCore

/// Shows how one job goes: a bar that redraws on a terminal, plain lines elsewhere.
struct ProgressBar {
  private let console: Console
  private var isDrawn = false
  /// What is drawn, with what draws it.
  private var bar = ""

  /// A bar on this console.
  init(_ console: Console) { self.console = console }

  /// How far it is.
  mutating func show(_ progress: Progress) {
    let message = progress.message.map { "  " + $0.escapedForTerminal } ?? ""
    let percent = "\(Int(progress.percent.rounded(.down)))%"
    guard console.isTerminal else { return console.line("\(percent)\(message)") }
    let width = 24
    let filled = Int((progress.percent / 100 * Double(width)).rounded(.down))
    let marks = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    let text = "[\(marks)] \(percent.leftPadded(to: 4))\(message)"
    bar = "\r\u{1B}[K" + text.fitted(to: (console.width ?? 80) - 1)
    console.write(bar)
    isDrawn = true
  }

  /// Lines that stay, above the bar.
  mutating func above(_ lines: [String]) {
    let text = lines.map { $0 + "\n" }.joined()
    console.write(isDrawn ? "\r\u{1B}[K" + text + bar : text)
  }

  /// A line that stays.
  mutating func line(_ text: String) {
    finish()
    console.line(text)
  }

  /// Leaves the bar as it is, with the cursor on a new line.
  mutating func finish() {
    if isDrawn { console.write("\n") }
    isDrawn = false
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }
}
