/// Replaces secrets by `***` in what a process prints.
struct Redaction: Sendable {
  /// The shortest text that is taken for a secret: shorter ones occur by chance.
  static let shortest = 8
  private let secrets: [[UInt8]]

  /// Secrets from their texts; what is too short to be one is left out.
  init(_ texts: [String] = []) {
    // Output comes by lines: of a secret of several, each is one.
    let lines = texts.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) }
    // The longest first: one may be a part of another.
    secrets = Set(texts + lines).filter { $0.utf8.count >= Self.shortest }.map { Array($0.utf8) }
      .sorted { $0.count > $1.count }
  }

  /// These, and one more.
  func adding(_ text: String?) -> Redaction {
    Redaction(secrets.map { String(decoding: $0, as: UTF8.self) } + (text.map { [$0] } ?? []))
  }

  /// The bytes with `***` in place of each secret.
  func applied(to bytes: [UInt8]) -> [UInt8] {
    secrets.reduce(bytes) { Self.replace($1, in: $0) }
  }

  private static func replace(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= secret.count else { return bytes }
    var safe: [UInt8] = []
    var start = 0
    var index = 0
    while index + secret.count <= bytes.count {
      if bytes[index] == secret[0], bytes[index..<(index + secret.count)].elementsEqual(secret) {
        safe += bytes[start..<index] + "***".utf8
        index += secret.count
        start = index
      } else {
        index += 1
      }
    }
    return start == 0 ? bytes : safe + bytes[start...]
  }
}
