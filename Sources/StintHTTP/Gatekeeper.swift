import Crypto
import HTTPTypes
import StintCore
import StintEngine
import Synchronization

/// Who may come in, and for what: SPEC §14.
final class Gatekeeper: Sendable {
  /// What a request may do once it is in.
  struct Access: Sendable {
    /// The token's owner.
    var owner: String?
    /// Whether it may only read.
    var isReadOnly = false
  }

  private struct Key: Sendable {
    let digest: SHA256Digest
    let access: Access
  }

  private let keys: [Key]
  private let hosts: [HostName]
  private let origins: Set<String>
  private let boundHost: String
  private let tries: Int
  private let time: any TimeSource
  private let failures = Mutex<[String: (since: Duration, count: Int)]>([:])

  init(_ configuration: HTTPConfiguration, time: any TimeSource) {
    self.keys = configuration.tokens.map { token in
      Key(
        digest: SHA256.hash(data: Array(token.text.utf8)),
        access: Access(owner: token.owner, isReadOnly: token.isReadOnly))
    }
    self.hosts = configuration.allowedHosts.compactMap { HostName($0) }
    self.origins = Set(configuration.allowedOrigins.map { $0.lowercased() })
    self.boundHost = configuration.host.lowercased()
    self.tries = configuration.tokenTriesPerMinute
    self.time = time
  }

  // MARK: Host and Origin

  /// Refuses names that are not this server's: a page elsewhere may let its own name point here (DNS rebinding).
  /// Throws `malformed` or `forbidden`.
  func checkHost(_ head: HTTPRequest, localAddress: String?, port: Int) throws(StintError) {
    let others = head.headerFields.contains { $0.name.canonicalName == "host" }
    guard !others, let text = head.authority, let name = HostName(text) else {
      throw StintError(.malformed, "The Host header is \(head.authority ?? "missing"); it must name one host")
    }
    let isOwn =
      HostName.isLoopback(name.host) || name.host == boundHost || name.host == localAddress?.lowercased()
    if isOwn, name.port ?? 80 == port { return }
    if hosts.contains(where: { $0.host == name.host && ($0.port == nil || $0.port == name.port) }) { return }
    throw StintError(
      .forbidden,
      "Host \(JSONValue.string(text).excerpt()) is not allowed here; allowed are localhost:\(port), "
        + "the address it listens on, and http.allowed_hosts")
  }

  /// Refuses other pages' requests. Gives the origin where it is another one that is allowed. Throws `forbidden`.
  func checkOrigin(_ head: HTTPRequest) throws(StintError) -> String? {
    guard let origin = head.headerFields[.origin] else { return nil }
    let text = origin.lowercased()
    if let authority = head.authority?.lowercased(), text == "http://\(authority)" || text == "https://\(authority)" {
      return nil
    }
    guard origins.contains(text) else {
      throw StintError(
        .forbidden,
        "Origin \(JSONValue.string(origin).excerpt()) is not allowed here; allowed are this server's own pages and "
          + "http.allowed_origins")
    }
    return origin
  }

  // MARK: Tokens

  /// Whether a request needs a token at all.
  var needsToken: Bool { !keys.isEmpty }

  /// What the token of a request allows. Throws `unauthorized`, or `quota_exceeded` after too many wrong ones.
  func access(_ head: HTTPRequest, from address: String) throws(StintError) -> Access {
    guard needsToken else { return Access() }
    guard let field = head.headerFields[.authorization] else {
      throw StintError(.unauthorized, "A token is needed: Authorization: Bearer TOKEN")
    }
    try checkTries(of: address)
    let parts = field.split(separator: " ", maxSplits: 1)
    var found: Access?
    if parts.count == 2, parts[0].lowercased() == "bearer" {
      let digest = SHA256.hash(data: Array(parts[1].utf8))
      // Digests are compared in constant time, and always all of them: the time tells nothing of a token.
      for key in keys where key.digest == digest { found = found ?? key.access }
    }
    guard let found else {
      countFailure(of: address)
      throw StintError(.unauthorized, "The token is not known here")
    }
    return found
  }

  private func checkTries(of address: String) throws(StintError) {
    let now = time.uptime()
    let isOver = failures.withLock { failures in
      guard let entry = failures[address] else { return false }
      guard now - entry.since < .seconds(60) else {
        failures[address] = nil
        return false
      }
      return entry.count >= tries
    }
    guard isOver else { return }
    throw StintError(
      .quotaExceeded, "\(tries) wrong tokens from \(address) within a minute, and that many are allowed; try later")
  }

  private func countFailure(of address: String) {
    let now = time.uptime()
    failures.withLock { failures in
      if failures.count >= 4_096, failures[address] == nil {
        failures = failures.filter { now - $0.value.since < .seconds(60) }
        if failures.count >= 4_096, let any = failures.keys.first { failures[any] = nil }
      }
      failures[address, default: (now, 0)].count += 1
    }
  }
}
