import Crypto
import Foundation
import StintCore
import StintStore

/// The right to speak for one attempt, as a claim gave it.
struct LeaseToken: Sendable, Hashable {
  let job: JobID
  let attempt: Int
  /// The revision that the claim gave the job: the fencing token.
  let revision: Int64
  /// How long the lease lasts from each renewal.
  let lease: Duration
  /// Whether the attempt is run by a worker of Stint's own, which watches it and keeps its output: the token is a
  /// program's that the attempt started.
  var isLocal = false

  var key: AttemptKey { AttemptKey(id: job, revision: revision) }
}

/// Turns lease tokens into text and back. The text says what it is for, and ends in a seal that only servers on the
/// same store can make: so nothing of it is kept anywhere, and it outlives the server that gave it out.
struct LeaseSeal: Sendable {
  static let prefix = "lease_"
  private static let version: UInt8 = 1
  private static let localVersion: UInt8 = 2
  private static let headCount = 1 + 8 + 4 + 4
  private static let sealCount = 32

  private let key: SymmetricKey

  /// The seal of a store's secret.
  init(secret: [UInt8]) {
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: secret), info: Array("stint lease token".utf8), outputByteCount: 32)
  }

  /// The token as it travels: letters, digits, `-` and `_`.
  func text(of token: LeaseToken) -> String {
    var bytes: [UInt8] = [token.isLocal ? Self.localVersion : Self.version]
    bytes.append(bigEndian: UInt64(bitPattern: token.revision))
    bytes.append(bigEndian: UInt32(clamping: token.attempt))
    bytes.append(bigEndian: UInt32(clamping: token.lease.microseconds / 1_000))
    bytes += token.job.text.utf8
    bytes += HMAC<SHA256>.authenticationCode(for: bytes, using: key)
    let text = Data(bytes).base64EncodedString().utf8.compactMap { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      case UInt8(ascii: "="): nil
      default: byte
      }
    }
    return Self.prefix + String(decoding: text, as: UTF8.self)
  }

  /// What a text stands for; nil where it was not given out for this store. Seals are compared in constant time.
  func token(_ text: some StringProtocol) -> LeaseToken? {
    guard text.hasPrefix(Self.prefix), text.utf8.count <= 512 else { return nil }
    var base64 = text.dropFirst(Self.prefix.count).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
    base64 += [Character](repeating: "=", count: (4 - base64.count % 4) % 4)
    guard let data = Data(base64Encoded: String(base64)), data.count > Self.headCount + Self.sealCount else {
      return nil
    }
    let bytes = Array(data)
    let content = bytes.dropLast(Self.sealCount)
    guard HMAC<SHA256>.isValidAuthenticationCode(bytes.suffix(Self.sealCount), authenticating: content, using: key),
      content[0] == Self.version || content[0] == Self.localVersion,
      let job = JobID(String(decoding: content[Self.headCount...], as: UTF8.self))
    else { return nil }
    let token = LeaseToken(
      job: job, attempt: Int(content[9..<13].bigEndian), revision: Int64(bitPattern: content[1..<9].bigEndian),
      lease: .milliseconds(Int64(content[13..<17].bigEndian)), isLocal: content[0] == Self.localVersion)
    // Base64 has several texts for one value; a token has one.
    return self.text(of: token) == text ? token : nil
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var bigEndian: UInt64 { reduce(0) { $0 << 8 | UInt64($1) } }
}
