import Crypto
import Foundation
import HTTPTypes
import StintCore

/// What a browser holds in place of a token: until when it is good, and a seal that only the token's holder can make.
///
/// Nothing is kept on the server, so a restart ends no session; a changed token ends all of its sessions.
struct SessionCookie: Sendable {
  static let name = "stint_session"
  /// How long one is good, in seconds: thirty days.
  static let age: Int64 = 30 * 86_400

  private let key: SymmetricKey

  /// The cookies of a token.
  init(token: String) {
    let seed = SymmetricKey(data: SHA256.hash(data: Array(token.utf8)))
    key = HKDF<SHA256>.deriveKey(inputKeyMaterial: seed, info: Array(Self.name.utf8), outputByteCount: 32)
  }

  /// The field that gives a browser the cookie.
  func field(at now: Timestamp) -> String {
    let until = now.microseconds / 1_000_000 + Self.age
    let seal = HMAC<SHA256>.authenticationCode(for: Array(String(until).utf8), using: key)
    return "\(Self.name)=\(until).\(Data(seal).base64EncodedString()); \(Self.attributes); Max-Age=\(Self.age)"
  }

  /// The field that takes it back.
  static let cleared = "\(name)=; \(attributes); Max-Age=0"

  private static let attributes = "HttpOnly; SameSite=Strict; Path=/"

  /// Whether a cookie's value was given out for this token and is still good. Compares in constant time.
  func isValid(_ value: Substring, at now: Timestamp) -> Bool {
    guard let (until, seal) = String(value).pair(separatedBy: "."), let seconds = Int64(until),
      let code = Data(base64Encoded: seal)
    else { return false }
    let isSealed = HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Array(until.utf8), using: key)
    return isSealed && now.microseconds / 1_000_000 < seconds
  }

  /// The value that a request carries.
  static func value(in head: HTTPRequest) -> Substring? {
    for field in head.headerFields[values: .cookie] {
      for part in field.split(separator: ";") {
        let pair = part.drop { $0 == " " }
        if pair.hasPrefix(name + "=") { return pair.dropFirst(name.utf8.count + 1) }
      }
    }
    return nil
  }
}
