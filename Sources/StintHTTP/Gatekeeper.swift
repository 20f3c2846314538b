import Crypto
import HTTPTypes
import StintCore
import StintEngine

/// Who may come in, and for what: SPEC §14.
final class Gatekeeper: Sendable {
  /// What a request may do once it is in.
  struct Access: Sendable {
    /// The token's owner.
    var owner: String?
    /// Whether it may only read.
    var isReadOnly = false
  }

  /// Whose tokens open a route.
  enum Door: Sendable {
    /// People's and programs', or nobody's where none is configured.
    case people
    /// Workers', always.
    case worker
    /// Workers', or the lease token of the attempt that the request is about.
    case workerOrLease
  }

  private struct Key: Sendable {
    let digest: SHA256Digest
    let cookie: SessionCookie
    let access: Access
    let isWorker: Bool
    /// Whether nobody finds it by trying.
    let isLong: Bool
  }

  /// From so many bytes on a token can not be found by trying: it is good also where too many wrong ones came from.
  static let longToken = 16

  private let keys: [Key]
  private let hosts: [HostName]
  private let origins: Set<String>
  private let boundHost: String
  private let tries: Int
  private let time: any TimeSource
  private let failures = Locked<[String: (since: Duration, count: Int)]>([:])

  init(_ configuration: HTTPConfiguration, time: any TimeSource) {
    self.keys = configuration.tokens.map { token in
      Key(
        digest: SHA256.hash(data: Array(token.text.utf8)), cookie: SessionCookie(token: token.text),
        access: Access(owner: token.owner, isReadOnly: token.scope == .readOnly), isWorker: token.scope == .worker,
        isLong: token.text.utf8.count >= Self.longToken)
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

  /// Whether a request other than a worker's needs a token at all.
  var needsToken: Bool { keys.contains { !$0.isWorker } }

  /// Whether the token of a request is in the form of lease tokens: whether a seal is needed to judge it.
  static func carriesLease(_ head: HTTPRequest) -> Bool {
    head.headerFields[.authorization].map { bearer($0).hasPrefix(LeaseSeal.prefix) } ?? false
  }

  /// What the token of a request, or a browser's cookie in its place, allows. Throws `unauthorized`, `forbidden` for a
  /// lease token, or `quota_exceeded` after too many wrong tokens.
  func access(
    _ head: HTTPRequest, from address: String, seal: LeaseSeal?, at now: Timestamp
  ) throws(StintError) -> Access {
    guard needsToken else { return Access() }
    guard let field = head.headerFields[.authorization] else {
      guard let cookie = SessionCookie.value(in: head) else {
        throw StintError(.unauthorized, "A token is needed: Authorization: Bearer TOKEN")
      }
      var found: Access?
      for key in keys where !key.isWorker && key.cookie.isValid(cookie, at: now) { found = found ?? key.access }
      guard let found else { throw StintError(.unauthorized, "The session is over: sign in again") }
      return found
    }
    let token = Self.bearer(field)
    // It is no guess: it was given out here.
    if seal?.token(token) != nil { throw Self.onlyLease }
    return try person(token, from: address).access
  }

  private static let onlyLease = StintError(
    .forbidden, "A lease token opens the heartbeat, progress and output of its own attempt, and nothing else")

  /// Lets a worker in, by its own token or, where `opensToLeases`, by a lease token; the attempt that that one is for.
  /// Throws `unauthorized`, `forbidden` for a token that does not open this, or `quota_exceeded`.
  func checkWorker(
    _ head: HTTPRequest, from address: String, seal: LeaseSeal?, opensToLeases: Bool
  ) throws(StintError) -> LeaseToken? {
    let field = head.headerFields[.authorization]
    let token = field.map(Self.bearer) ?? ""
    if let lease = seal?.token(token) {
      guard opensToLeases else { throw Self.onlyLease }
      return lease
    }
    guard keys.contains(where: \.isWorker) else {
      throw StintError(
        .unauthorized,
        "No worker token is configured, and workers always need one: put a secret into a file of mode 0600, name the "
          + "file in http.worker_token_file or stint serve --worker-token-file, and send Authorization: Bearer TOKEN")
    }
    guard field != nil else {
      throw StintError(
        .unauthorized, "A worker token is needed, that of http.worker_token_file: Authorization: Bearer TOKEN")
    }
    guard try key(of: token, from: address).isWorker else {
      throw StintError(.forbidden, "This token opens no workers' routes; they need that of http.worker_token_file")
    }
    return nil
  }

  /// The token in an `Authorization` field; empty where there is none.
  private static func bearer(_ field: String) -> Substring {
    let parts = field.split(separator: " ", maxSplits: 1)
    return parts.count == 2 && parts[0].lowercased() == "bearer" ? parts[1] : ""
  }

  /// What a token allows, and the `Set-Cookie` field that stands for it from now on. Throws as `access` does.
  func signIn(
    _ token: String, from address: String, at now: Timestamp
  ) throws(StintError) -> (access: Access, cookie: String) {
    let key = try person(token[...], from: address)
    return (key.access, key.cookie.field(at: now))
  }

  private func person(_ token: Substring, from address: String) throws(StintError) -> Key {
    let key = try key(of: token, from: address)
    guard !key.isWorker else {
      throw StintError(.forbidden, "This is a worker token; it opens /api/worker/ and nothing else")
    }
    return key
  }

  private func key(of token: Substring, from address: String) throws(StintError) -> Key {
    let digest = SHA256.hash(data: Array(token.utf8))
    var found: Key?
    // Digests are compared in constant time, and always all of them: the time tells nothing of a token.
    for key in keys where key.digest == digest { found = found ?? key }
    // Others' wrong tokens do not keep out who has a right one. A short one could be guessed: what is right about it
    // must not be told to those who have tried too often.
    if let found, found.isLong || !isShutOut(address) { return found }
    guard !isShutOut(address) else {
      throw StintError(
        .quotaExceeded, "\(tries) wrong tokens from \(address) within a minute, and that many are allowed; try later")
    }
    countFailure(of: address)
    throw StintError(.unauthorized, "The token is not known here")
  }

  /// Whether too many wrong tokens came from there within a minute.
  private func isShutOut(_ address: String) -> Bool {
    let now = time.uptime()
    return failures.withLock { failures in
      guard let entry = failures[address] else { return false }
      guard now - entry.since < .seconds(60) else {
        failures[address] = nil
        return false
      }
      return entry.count >= tries
    }
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
