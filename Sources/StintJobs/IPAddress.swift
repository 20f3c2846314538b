import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// An IP address as its bytes: 4 or 16.
struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  let bytes: [UInt8]
  /// The address as the system writes it.
  let description: String

  /// The address of a socket; nil for a Unix domain socket.
  init?(_ address: SocketAddress) {
    guard let text = address.ipAddress else { return nil }
    switch address {
    case .v4(let v4): bytes = withUnsafeBytes(of: v4.address.sin_addr) { Array($0) }
    case .v6(let v6): bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
    case .unixDomainSocket: return nil
    }
    description = text
  }

  /// An address in its plain form: four decimal numbers, or IPv6 without a zone. No octal, hexadecimal or short forms.
  init?(_ text: String) {
    guard !text.utf8.contains(UInt8(ascii: "%")), let address = try? SocketAddress(ipAddress: text, port: 0) else {
      return nil
    }
    self.init(address)
  }

  /// What makes it unfit for an outward request: `a private address`; nil for an address of the public internet.
  ///
  /// After IANA's registries of special-purpose addresses. Forms of IPv6 that carry an IPv4 address inside are refused
  /// whatever they carry.
  var refusal: String? {
    for (range, reason) in Self.special where range.contains(self) { return reason }
    if bytes.count == 16, bytes[0] >> 5 != 1 { return "a reserved address" }
    return nil
  }

  private static let special: [(AddressRange, String)] = [
    ("0.0.0.0/32", "the unspecified address"), ("0.0.0.0/8", "a reserved address"),
    ("10.0.0.0/8", "a private address"), ("100.64.0.0/10", "a shared address of carrier-grade NAT"),
    ("127.0.0.0/8", "a loopback address"), ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"), ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "a documentation address"), ("192.88.99.0/24", "a 6to4 relay address"),
    ("192.168.0.0/16", "a private address"), ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"), ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"), ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"), ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an IPv4-mapped address"), ("::/96", "an IPv4-compatible address"),
    ("::ffff:0:0:0/96", "an IPv4-translated address"), ("64:ff9b::/96", "a NAT64 address"),
    ("64:ff9b:1::/48", "a NAT64 address"), ("2001::/32", "a Teredo address"), ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "a documentation address"), ("2002::/16", "a 6to4 address"),
    ("3fff::/20", "a documentation address"), ("fc00::/7", "a unique-local address"),
    ("fe80::/10", "a link-local address"), ("fec0::/10", "a site-local address"), ("ff00::/8", "a multicast address"),
  ].compactMap { text, reason in (try? AddressRange(text)).map { ($0, reason) } }
}
