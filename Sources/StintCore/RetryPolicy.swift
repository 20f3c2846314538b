/// When a failed job is tried again.
///
/// The strategies and presets are those of SPEC §5; the share of randomness (jitter) keeps a burst of failures with
/// one cause from coming back as one wave, after Marc Brooker's "Exponential Backoff And Jitter".
public struct RetryPolicy: Sendable, Hashable {
  /// How the delay grows from one retry to the next, with `b` for ``RetryPolicy/base``.
  public enum Strategy: String, Sendable, Hashable, CaseIterable {
    /// 0, 0, 0
    case immediate
    /// b, 2b, 3b
    case linear
    /// b, 2b, 4b
    case exponential
    /// b, b, 2b, 3b, 5b
    case fibonacci
  }

  /// How the delay grows.
  public var strategy: Strategy
  /// The first delay.
  public var base: Duration
  /// No delay is longer.
  public var maxDelay: Duration
  /// The share of the delay that is random, 0–1; 0 gives exact delays.
  public var jitter: Double

  /// A policy from its parts.
  public init(strategy: Strategy, base: Duration, maxDelay: Duration = .seconds(300), jitter: Double = 0.1) {
    self.strategy = strategy
    self.base = base
    self.maxDelay = maxDelay
    self.jitter = jitter
  }

  /// A policy and a number of retries under a name.
  public struct Preset: Sendable {
    /// The name people give.
    public let name: String
    /// The delays.
    public let policy: RetryPolicy
    /// How many counted failures are followed by another attempt.
    public let maxRetries: Int
  }

  /// `default`, `fast`, `slow`, `none`.
  public static let presets: [Preset] = [
    Preset(name: "default", policy: RetryPolicy(strategy: .exponential, base: .seconds(1)), maxRetries: 3),
    Preset(name: "fast", policy: RetryPolicy(strategy: .linear, base: .milliseconds(100)), maxRetries: 5),
    Preset(
      name: "slow", policy: RetryPolicy(strategy: .exponential, base: .seconds(30), maxDelay: .seconds(3600)),
      maxRetries: 10),
    Preset(name: "none", policy: RetryPolicy(strategy: .immediate, base: .zero, jitter: 0), maxRetries: 0),
  ]

  /// The delays of the `default` preset.
  public static let standard = presets[0].policy

  /// The delay before the retry number `retry` (1 is the first). `random` is in 0..<1.
  public func delay(retry: Int, random: Double) -> Duration {
    let cap = Double(maxDelay.microseconds)
    let base = Double(base.microseconds)
    let steps = max(1, retry)
    let grown: Double =
      switch strategy {
      case .immediate: 0
      case .linear: base * Double(steps)
      case .exponential: base * (steps > 62 ? Double(Int64.max) : Double(Int64(1) << Int64(steps - 1)))
      case .fibonacci: base * Self.fibonacci(steps)
      }
    // A type's own policy is checked by nobody: a year is the longest that fits anything.
    let whole = max(0, min(grown, cap, 31_536_000_000_000))
    return .microseconds(Int64((whole * (1 - jitter) + whole * jitter * random).rounded()))
  }

  private static func fibonacci(_ n: Int) -> Double {
    var (a, b) = (1.0, 1.0)
    for _ in 1..<max(1, min(n, 80)) { (a, b) = (b, a + b) }
    return a
  }
}
