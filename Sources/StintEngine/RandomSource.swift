public import StintCore

/// Where the engine gets ids and jitter from.
public struct RandomSource: Sendable {
  /// 64 random bits.
  public let next: @Sendable () -> UInt64

  /// A source from a function.
  public init(next: @escaping @Sendable () -> UInt64) { self.next = next }

  /// The machine's own randomness.
  public static let system = RandomSource {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  /// The same numbers for the same seed (SplitMix64, after Steele, Lea and Flood).
  public static func seeded(_ seed: UInt64) -> RandomSource {
    let box = SeedBox(seed)
    return RandomSource {
      box.state.withLock { state in
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
      }
    }
  }

  private final class SeedBox: Sendable {
    let state: Locked<UInt64>
    init(_ seed: UInt64) { state = Locked(seed) }
  }

  /// A number in 0..<1.
  public func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A new time-ordered id.
  public func jobID(at: Timestamp) -> JobID { .timeOrdered(at: at, random: (next(), next())) }

  /// `count` characters of `a-z0-9`.
  public func letters(_ count: Int) -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<count).map { _ in alphabet[Int(next() % 36)] })
  }
}
