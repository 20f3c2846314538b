import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import StintCore

/// One URL's way from its text to the last byte of its body.
struct FetchTransfer: Sendable {
  let policy: FetchPolicy

  struct Received: Sendable {
    let status: Int
    let size: Int
  }

  private enum Answer {
    case received(Received)
    case redirect(String)
  }

  /// Fetches the URL, following redirects; every one of them is resolved and checked like the first.
  func run(_ url: String) async throws -> Received {
    var target = try FetchTarget(url)
    var redirects = 0
    while true {
      switch try await ask(target) {
      case .received(let received): return received
      case .redirect(let location):
        guard redirects < policy.maxRedirects else { throw FetchFault("more than \(policy.maxRedirects) redirects") }
        redirects += 1
        target = try FetchTarget(location, redirectedFrom: target)
      }
    }
  }

  /// Asks at the target's addresses, one after the other until one can be reached.
  private func ask(_ target: FetchTarget) async throws -> Answer {
    var unreachable: any Error = FetchFault("\(target.host) has no address")
    for address in try await policy.checkedAddresses(of: target) {
      do {
        return try await ask(target, at: address)
      } catch let error where Self.isUnreachable(error) {
        try Task.checkCancellation()
        unreachable = error
      }
    }
    throw unreachable
  }

  private func ask(_ target: FetchTarget, at address: SocketAddress) async throws -> Answer {
    let client = HTTPClient(configuration: try Self.configuration(target, address))
    // Not awaited: a peer that does not answer TLS' goodbye would hold the job up for seconds. NIO closes the
    // connection, and the client goes when that is done.
    defer { client.shutdown { _ in } }
    var request = HTTPClientRequest(url: target.url)
    request.headers.add(name: "host", value: target.hostHeader)
    request.headers.add(name: "accept", value: "*/*")
    request.headers.add(name: "user-agent", value: "stint")
    let response = try await client.execute(request, deadline: .distantFuture)
    if [301, 302, 303, 307, 308].contains(response.status.code), let location = response.headers.first(name: "location")
    {
      return .redirect(location)
    }
    return .received(Received(status: Int(response.status.code), size: try await count(response)))
  }

  /// The body's size; its bytes are dropped as they come.
  private func count(_ response: HTTPClientResponse) async throws -> Int {
    let announced = response.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    guard announced <= policy.bodyLimit else { throw tooLarge }
    var size = 0
    for try await chunk in response.body {
      size += chunk.readableBytes
      guard size <= policy.bodyLimit else { throw tooLarge }
    }
    try Task.checkCancellation()
    return size
  }

  private var tooLarge: FetchFault {
    let limit = policy.bodyLimit
    let shown = limit % 1_048_576 == 0 ? "\(limit / 1_048_576) MiB" : "\(limit) bytes"
    return FetchFault("the body is larger than \(shown)")
  }

  /// A client that connects to `address` and to nothing else, and asks and checks certificates by name.
  private static func configuration(_ target: FetchTarget, _ address: SocketAddress) throws -> HTTPClient.Configuration
  {
    guard let checked = IPAddress(address) else { throw FetchFault("\(target.host) has no IP address") }
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), proxy: nil, decompression: .disabled)
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    if target.literal == nil { configuration.dnsOverride = [target.host: checked.description] }
    // The last word, before a byte of the request is sent: the peer is the address that was checked.
    configuration.http1_1ConnectionDebugInitializer = { channel in
      guard let peer = channel.remoteAddress, IPAddress(peer)?.bytes == checked.bytes else {
        return channel.close().flatMapThrowing {
          throw FetchFault("refused: connected to another address than checked")
        }
      }
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    return configuration
  }

  private static func isUnreachable(_ error: any Error) -> Bool {
    error is IOError || (error as? HTTPClientError) == .connectTimeout
  }

  /// What happened, in words.
  static func text(of error: any Error) -> String {
    if let fault = error as? FetchFault { return fault.text }
    guard let error = error as? HTTPClientError else { return "\(error)" }
    switch error {
    case .connectTimeout: return "no connection within 10 seconds"
    case .remoteConnectionClosed: return "the server closed the connection before the answer was complete"
    default: return error.shortDescription
    }
  }
}

extension FetchTarget {
  /// The name with the port where it is not the scheme's own.
  var hostHeader: String {
    let name = literal?.bytes.count == 16 ? "[\(host)]" : host
    let standard = url.hasPrefix("https:") ? 443 : 80
    return port == standard ? name : "\(name):\(port)"
  }
}
