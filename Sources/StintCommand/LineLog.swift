import Logging
import StintCore
import StintEngine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Writes each log message as one line to standard error: `key=value`, or a JSON object. Values are quoted and escaped,
/// so that none can forge a line.
struct LineLog: LogHandler {
  /// How a line looks.
  enum Format: Sendable { case text, json }

  let format: Format
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let time: any TimeSource
  private let write: @Sendable ([UInt8]) -> Void

  /// A log that writes what is as important as `level` or more.
  init(
    format: Format, level: Logger.Level, time: any TimeSource = SystemTime(),
    write: @escaping @Sendable ([UInt8]) -> Void = { Console.write($0, to: STDERR_FILENO) }
  ) {
    self.format = format
    self.logLevel = level
    self.time = time
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let fields =
      [("time", time.now().iso8601), ("level", event.level.rawValue), ("message", event.message.description)]
      + all.map { ($0.key, "\($0.value)") }
    write(format == .json ? Self.json(fields) : Self.text(fields))
  }

  private static func text(_ fields: [(String, String)]) -> [UInt8] {
    let line = fields.map { key, value in "\(quoted(key))=\(quoted(value))" }.joined(separator: " ")
    return Array((line + "\n").utf8)
  }

  /// The text, in quotes where it is not a plain word.
  private static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
    if isPlain { return text }
    var escaped = ""
    for character in text {
      if character == "\"" || character == "\\" { escaped += "\\" }
      escaped.append(character)
    }
    return "\"\(escaped.escapedForTerminal)\""
  }

  private static func json(_ fields: [(String, String)]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { json in for (key, value) in fields { json.member(key, value) } }
    return writer.bytes + [0x0A]
  }
}
