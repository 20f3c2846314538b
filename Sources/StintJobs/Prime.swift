import StintCore
import StintEngine

/// Finds primes.
struct Prime: JobHandler {
  static let jobType = "prime"
  static let summary = "Finds all primes up to a limit with the sieve of Eratosthenes."
  static let paramRules: [String: ParamRule] = [
    "limit": ParamRule("The largest number looked at.", default: 1000, min: 100, max: 100_000)
  ]

  var limit: Int

  func run(_ context: JobContext) async throws -> Found {
    let start = context.time.uptime()
    var isComposite = [Bool](repeating: false, count: limit + 1)
    var primes: [Int] = []
    var tenths = 0
    for number in stride(from: 2, through: limit, by: 1) {
      if !isComposite[number] {
        primes.append(number)
        for multiple in stride(from: number * number, through: limit, by: number) { isComposite[multiple] = true }
      }
      let reachedTenth = number * 10 >= (tenths + 1) * limit
      if reachedTenth {
        tenths += 1
        context.progress(Double(tenths * 10), "\(primes.count) primes up to \(number)")
      }
      if reachedTenth || number % 1_000 == 0 {
        await Task.yield()
        try Task.checkCancellation()
      }
    }
    return Found(count: primes.count, primes: primes, duration: context.seconds(since: start))
  }

  struct Found: Codable, Sendable {
    var count: Int
    var primes: [Int]
    var duration: Double
  }
}
