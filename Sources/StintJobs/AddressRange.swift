import StintCore

/// The addresses that share their first bits, written `10.0.0.0/8`.
struct AddressRange: Sendable, Hashable {
  let base: [UInt8]
  /// How many bits they share.
  let prefix: Int

  /// A range from its text; without a `/` it is one address.
  ///
  /// Throws a ``StintCore/StintError`` that names the text and what is wrong with it.
  init(_ text: String) throws(StintError) {
    func fault(_ reason: String) -> StintError {
      let shown = JSONValue.string(text).excerpt()
      return StintError(
        .invalidParams, "\(shown) is not a range of addresses such as 10.0.0.0/8 or fd00::/8: \(reason)")
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let shownAddress = JSONValue.string(parts.first.map(String.init) ?? "").excerpt()
    guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else {
      throw fault("\(shownAddress) is not an address")
    }
    let bits = address.bytes.count * 8
    var prefix = bits
    if parts.count == 2 {
      let digits = parts[1]
      guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
        let number = Int(digits), number <= bits
      else {
        throw fault("the prefix \(JSONValue.string(String(digits)).excerpt()) is not a number from 0 to \(bits)")
      }
      prefix = number
    }
    self.base = address.bytes
    self.prefix = prefix
    guard Self.masked(base, prefix) == base else { throw fault("there are bits set behind the first \(prefix)") }
  }

  /// Whether `address` is of the same family and shares the first bits.
  func contains(_ address: IPAddress) -> Bool {
    address.bytes.count == base.count && Self.masked(address.bytes, prefix) == base
  }

  private static func masked(_ bytes: [UInt8], _ prefix: Int) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      let kept = min(8, max(0, prefix - index * 8))
      return kept == 0 ? 0 : byte & (0xFF << UInt8(8 - kept))
    }
  }
}
