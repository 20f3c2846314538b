extension String {
  /// The text with everything that a terminal would obey instead of show written out: control characters, and the
  /// marks that reverse the direction of writing.
  var escapedForTerminal: String {
    guard unicodeScalars.contains(where: \.isUnsafeOnTerminal) else { return self }
    var safe = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": safe += "\\n"
      case "\r": safe += "\\r"
      case "\t": safe += "\\t"
      case _ where scalar.isUnsafeOnTerminal:
        let hex = String(scalar.value, radix: 16)
        safe += scalar.value < 0x100 ? "\\x" + (hex.count < 2 ? "0" + hex : hex) : "\\u{\(hex)}"
      default: safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }

  /// The text's lines without their ends, each safe for a terminal; tabs stay.
  var displayLines: [String] {
    var lines = utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line -> String in
      let text = String(Substring(line.last == 0x0D ? line.dropLast() : line))
      return text.split(separator: "\t", omittingEmptySubsequences: false)
        .map { String($0).escapedForTerminal }.joined(separator: "\t")
    }
    if lines.count > 1, lines.last?.isEmpty ?? false { lines.removeLast() }
    return lines
  }

  /// How many columns a terminal gives the text.
  var columns: Int { reduce(0) { $0 + $1.columns } }

  /// The text cut to `limit` columns, with `…` where something was cut.
  func fitted(to limit: Int) -> String {
    guard columns > limit else { return self }
    guard limit > 0 else { return "" }
    var kept = ""
    var width = 0
    for character in self {
      guard width + character.columns <= limit - 1 else { break }
      kept.append(character)
      width += character.columns
    }
    return kept + "…"
  }

  /// The text with spaces up to `width` columns.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - columns)) }
}

extension Unicode.Scalar {
  fileprivate var isUnsafeOnTerminal: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }
}

extension Character {
  /// 2 for what East Asian scripts and pictures take, else 1.
  fileprivate var columns: Int {
    switch unicodeScalars.first?.value ?? 0 {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      2
    default: 1
    }
  }
}
