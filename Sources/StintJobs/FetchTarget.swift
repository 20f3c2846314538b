import StintCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A URL in the only form that is connected to, so that checker and HTTP client can not read it differently.
struct FetchTarget: Sendable, Hashable {
  /// The URL with a lower-case host, without user, password and fragment.
  let url: String
  /// The name or address, without brackets.
  let host: String
  let port: Int
  /// The address, where the host is one.
  let literal: IPAddress?

  /// A target from a URL's text, or from what a redirect says where `base` is the URL that redirects.
  init(_ text: String, redirectedFrom base: FetchTarget? = nil) throws(FetchFault) {
    let shown = JSONValue.string(text).excerpt(limit: 200)
    var absolute = text
    if let base {
      guard let resolved = URL(string: text, relativeTo: URL(string: base.url)) else {
        throw FetchFault("redirected to \(shown), which is not a URL")
      }
      absolute = resolved.absoluteString
    }
    guard let parts = URLComponents(string: absolute) else { throw FetchFault("\(shown) is not a URL") }
    let scheme = parts.scheme?.lowercased() ?? ""
    guard scheme == "http" || scheme == "https" else {
      throw FetchFault("\(shown): the scheme is \"\(scheme)\", allowed are http and https")
    }
    guard parts.user == nil, parts.password == nil else {
      throw FetchFault("\(shown): a user or password in a URL is not allowed")
    }
    let port = parts.port ?? (scheme == "http" ? 80 : 443)
    guard (1...65_535).contains(port) else {
      throw FetchFault("\(shown): the port is \(port), allowed are 1 to 65535")
    }
    (self.host, self.literal) = try Self.host(parts.percentEncodedHost ?? "", in: shown)
    self.port = port
    let authority = literal?.bytes.count == 16 ? "[\(host)]" : host
    let path = parts.percentEncodedPath
    let query = parts.percentEncodedQuery.map { "?" + $0 } ?? ""
    self.url = "\(scheme)://\(authority):\(port)\(path.hasPrefix("/") ? "" : "/")\(path)\(query)"
  }

  private static func host(_ given: String, in shown: String) throws(FetchFault) -> (String, IPAddress?) {
    var host = given.lowercased()
    if host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      guard let address = IPAddress(inner), address.bytes.count == 16 else {
        throw FetchFault("\(shown): \(given) is not an IPv6 address (zones such as %eth0 are not allowed)")
      }
      return (address.description, address)
    }
    if host.hasSuffix(".") { host.removeLast() }
    let labels = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isName = { (byte: UInt8) in
      (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
    guard let last = labels.last, host.utf8.count <= 253,
      labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(isName) })
    else {
      throw FetchFault("\(shown): \"\(given)\" is not a host name (write international names as xn--...)")
    }
    if let address = IPAddress(host) { return (address.description, address) }
    // Resolvers read 2130706433, 0x7f.1, 0177.0.0.1 and 127.1 as addresses: what ends like a number is one.
    let isNumber = last.allSatisfy { (48...57).contains($0) } || last.starts(with: "0x".utf8)
    guard !isNumber else {
      throw FetchFault("\(shown): write the address \(given) as four plain numbers, such as 192.0.2.1")
    }
    return (host, nil)
  }
}
