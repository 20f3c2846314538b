/// Rows under headings, in columns that line up.
struct Table {
  /// One cell: safe text, and the colour it is shown in.
  struct Cell {
    let text: String
    let color: Color?

    /// A cell; what a terminal would obey is written out.
    init(_ text: String, _ color: Color? = nil) {
      self.text = text.escapedForTerminal
      self.color = color
    }
  }

  private let headings: [String]
  private var rows: [[Cell]] = []

  /// A table without rows.
  init(_ headings: [String]) { self.headings = headings }

  /// Adds a row.
  mutating func add(_ cells: [Cell]) { rows.append(cells) }

  /// The lines. Where the console has a width, the last column is cut to it.
  func lines(_ console: Console) -> [String] {
    var widths = headings.map(\.columns)
    for row in rows { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.text.columns) } }
    let limit = console.width
    let all = [headings.map { Cell($0, .bold) }] + rows
    return all.map { line($0, widths: widths, limit: limit, console: console) }
  }

  private func line(_ row: [Cell], widths: [Int], limit: Int?, console: Console) -> String {
    var line = ""
    var left = limit ?? .max
    let last = row.lastIndex { !$0.text.isEmpty } ?? -1
    for (index, cell) in row.enumerated() where index <= last && left > 0 {
      let text = cell.text.fitted(to: left)
      left -= max(text.columns, widths[index]) + 2
      line += console.colored(text, cell.color)
      if index < last { line += String(repeating: " ", count: max(0, widths[index] - text.columns) + 2) }
    }
    return line
  }
}
