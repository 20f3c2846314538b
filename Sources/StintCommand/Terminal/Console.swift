#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif
import StintCore

/// Where a command writes: standard output for what was asked, standard error for what people should know besides.
struct Console: Sendable {
  /// Whether standard output is a terminal that can be drawn on.
  let isTerminal: Bool
  /// Whether colour is wanted.
  let hasColor: Bool

  /// The console of this process. Colour needs a terminal, and no `NO_COLOR`.
  init(environment: [String: String]) {
    isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
    hasColor = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// A console from its properties.
  init(isTerminal: Bool, hasColor: Bool) {
    self.isTerminal = isTerminal
    self.hasColor = hasColor
  }

  /// How many columns there are; nil where nothing limits a line.
  var width: Int? { isTerminal ? size?.columns ?? 80 : nil }

  /// How many lines fit on the screen; nil where nothing limits them.
  var height: Int? { isTerminal ? size?.rows ?? 24 : nil }

  private var size: (columns: Int, rows: Int)? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Writes a line to standard output.
  func line(_ text: String = "") { write(text + "\n") }

  /// Writes text to standard output as it is.
  func write(_ text: String) { Self.write(Array(text.utf8), to: STDOUT_FILENO) }

  /// Writes a JSON text as a line to standard output.
  func json(_ json: RawJSON) { Self.write(json.bytes + [0x0A], to: STDOUT_FILENO) }

  /// Writes a line to standard error.
  func note(_ text: String) { Self.write(Array((text + "\n").utf8), to: STDERR_FILENO) }

  /// Called once, from whichever thread writes, when nobody reads standard output any more.
  static let whenUnread = Locked<(@Sendable () -> Void)?>(nil)

  /// Writes all bytes; what a reader that went away no longer takes is dropped.
  static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR && errno != EAGAIN {
        guard errno == EPIPE, descriptor == STDOUT_FILENO else { return }
        let tell = whenUnread.withLock { whenUnread in
          defer { whenUnread = nil }
          return whenUnread
        }
        tell?()
        return
      }
    }
  }

  /// The text in a colour, where colour is wanted.
  func colored(_ text: String, _ color: Color?) -> String {
    guard hasColor, let color else { return text }
    return "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m"
  }
}

/// A terminal's colours, by their code.
enum Color: Int, Sendable {
  case red = 31
  case green = 32
  case yellow = 33
  case blue = 34
  case cyan = 36
  case faint = 2
  case bold = 1
}

extension JobStatus {
  /// The colour it is shown in.
  var color: Color? {
    switch self {
    case .completed: .green
    case .failed: .red
    case .running: .blue
    case .retrying: .yellow
    case .cancelled: .faint
    case .scheduled, .blocked: .cyan
    case .pending: nil
    }
  }
}

// The C library's function, which the console's own `write` hides inside it.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
