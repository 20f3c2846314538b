import NIOCore

/// A host and a port as `Host`, `Origin` and settings spell them.
struct HostName: Sendable, Hashable {
  /// In lower case, without brackets.
  let host: String
  /// The port, where one is given.
  let port: Int?

  /// The parts of `localhost:8080`, `[::1]:8080`, `stint.example`; nil where it is none of these.
  init?(_ text: String) {
    var rest = Substring(text.lowercased())
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[rest.index(after: end)...]
    } else {
      let name = rest.prefix { $0 != ":" }
      rest = rest.dropFirst(name.count)
      host = String(name.hasSuffix(".") ? name.dropLast() : name)
    }
    let legal = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
        true
      default: false
      }
    }
    guard !host.isEmpty, legal else { return nil }
    if rest.isEmpty {
      port = nil
    } else {
      guard rest.first == ":", let number = UInt16(rest.dropFirst()) else { return nil }
      port = Int(number)
    }
  }

  /// Whether a name or address means this machine alone.
  static func isLoopback(_ host: String) -> Bool {
    let host = host.lowercased()
    if host == "localhost" || host == "::1" { return true }
    guard host.hasPrefix("127."), let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
    return address.protocol == .inet
  }
}
