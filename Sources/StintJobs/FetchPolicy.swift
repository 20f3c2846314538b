import NIOCore
public import StintCore

/// What `fetch` may reach, and how much it may take. The default reaches the public internet only.
public struct FetchPolicy: Sendable {
  /// Ranges of addresses that may be reached although they are not public, such as `10.0.0.0/8`.
  public let allow: [String]
  /// The largest body, in bytes; 10 MiB unless set.
  public var bodyLimit: Int = 10 * 1_048_576
  /// The longest one URL may take, with name resolution, redirects and body; 30 seconds unless set.
  public var timeLimit: Duration = .seconds(30)
  /// How many redirects are followed; 5 unless set.
  public var maxRedirects: Int = 5

  let ranges: [AddressRange]
  /// Gives the addresses of a name and port.
  var resolve: @Sendable (String, Int) async throws -> [SocketAddress] = SystemResolver.resolve

  /// The public internet only, with the default limits.
  public init() {
    allow = []
    ranges = []
  }

  /// The public internet, and the ranges named.
  ///
  /// - Parameter allow: ranges as an address and the number of bits that count: `10.0.0.0/8`, `fd00::/8`, `127.0.0.1`.
  /// - Throws: a ``StintCore/StintError`` that names the range that can not be read.
  public init(allow: [String]) throws(StintError) {
    var ranges: [AddressRange] = []
    for text in allow { ranges.append(try AddressRange(text)) }
    self.allow = allow
    self.ranges = ranges
  }

  /// The policy of the handler that runs; a handler's own properties are its params.
  @TaskLocal static var current = FetchPolicy()

  /// What speaks against connecting to the address; nil if nothing does.
  func refusal(of address: IPAddress) -> String? {
    ranges.contains { $0.contains(address) } ? nil : address.refusal
  }

  /// The addresses of a target, every one of them checked.
  ///
  /// One forbidden address among several refuses the target: which one is reached must not be a matter of luck.
  func checkedAddresses(of target: FetchTarget) async throws -> [SocketAddress] {
    let addresses: [SocketAddress]
    if let literal = target.literal {
      addresses = [try SocketAddress(ipAddress: literal.description, port: target.port)]
    } else {
      addresses = try await resolve(target.host, target.port)
    }
    guard !addresses.isEmpty else { throw FetchFault("\(target.host) has no address") }
    for address in addresses {
      guard let ip = IPAddress(address) else { throw FetchFault("\(target.host) has no IP address") }
      if let reason = refusal(of: ip) {
        let subject = target.literal == nil ? "\(target.host) resolves to \(ip)" : "\(ip) is"
        throw FetchFault("refused: \(subject)\(target.literal == nil ? "," : "") \(reason)")
      }
    }
    return addresses
  }
}

/// Why one URL was not fetched, for people.
struct FetchFault: Error, Hashable {
  let text: String

  init(_ text: String) { self.text = text }
}
