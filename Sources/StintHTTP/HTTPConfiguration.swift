import Foundation
public import StintCore

/// A secret that lets a program or a person in.
public struct AccessToken: Sendable, Hashable {
  /// The secret, as it stands after `Authorization: Bearer`.
  public let text: String
  /// Whose token it is; it wins over the owner a submission names, and is who acts. Nil leaves both to the request.
  public let owner: String?
  /// What it opens.
  public let scope: Scope

  /// What a token opens.
  public enum Scope: String, Sendable, Hashable, CaseIterable {
    /// Everything but the workers' routes.
    case full
    /// What only reads.
    case readOnly
    /// The workers' routes, and nothing else.
    case worker
  }

  /// A token.
  public init(text: String, owner: String? = nil, scope: Scope = .full) {
    self.text = text
    self.owner = owner
    self.scope = scope
  }
}

/// How the HTTP face is set up.
public struct HTTPConfiguration: Sendable {
  /// The address or name to listen on. Anything but loopback needs at least one token.
  public var host: String
  /// The port to listen on, 0–65535; 0 takes a free one.
  public var port: Int
  /// Who may come in. Without any but workers' tokens everyone may, which is allowed on loopback alone; workers always
  /// need one of theirs.
  public var tokens: [AccessToken]
  /// Names that requests may use besides loopback and the bound address: `stint.example` (any port) or with a port.
  public var allowedHosts: [String]
  /// Origins of other pages that may call from a browser: `https://board.example`.
  public var allowedOrigins: [String]
  /// What is too much.
  public var limits: Limits
  /// The version that `/openapi.json` names.
  public var version: String
  /// A folder from which the dashboard is served, for those who work on it; nil serves what is in the binary.
  public var webRoot: String?
  /// Connections at once; held below the number of files the process may open. More wait to be accepted.
  public var maxConnections = 10_000
  /// How long a connection may stay without a whole request, and a response without a reader, before it is closed.
  public var idleTimeout: Duration = .seconds(60)
  /// How long answers under way may take once the server stops; then their connections are closed.
  public var shutdownGrace: Duration = .seconds(5)
  /// Wrong tokens that one address may send within a minute.
  public var tokenTriesPerMinute = 20
  /// How long a lease lasts that is given out here, unless the claim names another.
  public var workerLease: Duration = .seconds(30)
  /// How long a worker in another process may take to stop a cancelled attempt.
  public var cancelGrace: Duration = .seconds(10)
  /// Losses of its worker after which a job that ran alone is a dead letter: SPEC §2.
  public var maxLosses = Lifecycle.maxLosses

  /// A configuration; without arguments, loopback on port 8080 without tokens.
  public init(
    host: String = "127.0.0.1", port: Int = 8080, tokens: [AccessToken] = [], allowedHosts: [String] = [],
    allowedOrigins: [String] = [], limits: Limits = Limits(), version: String = "0"
  ) {
    self.host = host
    self.port = port
    self.tokens = tokens
    self.allowedHosts = allowedHosts
    self.allowedOrigins = allowedOrigins
    self.limits = limits
    self.version = version
  }

  /// Throws ``StintCore/StintError`` of kind `invalid_params` for a setting that can not be.
  public func check() throws(StintError) {
    guard (0...65_535).contains(port) else {
      throw StintError(.invalidParams, "http.port \(port): allowed is 0 to 65535")
    }
    guard !host.isEmpty else {
      throw StintError(.invalidParams, "http.host \"\": give an address or a name, such as 127.0.0.1")
    }
    guard tokens.allSatisfy({ !$0.text.isEmpty }) else {
      throw StintError(.invalidParams, "http: an access token is empty; allowed is any text without spaces")
    }
    guard tokens.contains(where: { $0.scope != .worker }) || HostName.isLoopback(host) else {
      throw StintError(
        .invalidParams,
        "http.host \(host): an address other than loopback (127.0.0.1, ::1, localhost) needs an access token")
    }
    if let webRoot, !FileManager.default.isReadableFile(atPath: webRoot + "/index.html") {
      throw StintError(
        .invalidParams, "http.web_root \(webRoot): has no index.html that can be read; give the folder that holds it")
    }
    for origin in allowedOrigins where !origin.hasPrefix("http://") && !origin.hasPrefix("https://") {
      throw StintError(
        .invalidParams, "http.allowed_origins \(origin): an origin is http:// or https:// and a host, with its port")
    }
  }
}
