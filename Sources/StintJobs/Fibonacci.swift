import BigInt
import StintCore
import StintEngine

/// Computes Fibonacci numbers.
struct Fibonacci: JobHandler {
  static let jobType = "fibonacci"
  static let summary = "Computes the first Fibonacci numbers exactly."
  static let paramRules: [String: ParamRule] = [
    "count": ParamRule("How many numbers.", default: 50, min: 1, max: 1000)
  ]

  var count: Int

  func run(_ context: JobContext) async throws -> Sequence {
    let start = context.time.uptime()
    var numbers: [ExactInteger] = []
    var (current, next) = (BigInt(1), BigInt(1))
    for position in stride(from: 1, through: count, by: 1) {
      numbers.append(ExactInteger(value: current))
      (current, next) = (next, current + next)
      guard position % 10 == 0 else { continue }
      context.progress(Double(position) / Double(count) * 100, "\(position) of \(count) numbers")
      await Task.yield()
      try Task.checkCancellation()
    }
    return Sequence(numbers: numbers, duration: context.seconds(since: start))
  }

  struct Sequence: Codable, Sendable {
    var numbers: [ExactInteger]
    var duration: Double
  }
}

/// A whole number as JSON: a number where every reader keeps it exact (to 2^53), else text.
struct ExactInteger: Codable, Sendable, Hashable {
  static let largestNumber: Int64 = 1 << 53

  let value: BigInt

  init(value: BigInt) { self.value = value }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int64.self) {
      value = BigInt(number)
      return
    }
    guard let number = BigInt(try container.decode(String.self), radix: 10) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a whole number")
    }
    value = number
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.magnitude <= Self.largestNumber.magnitude, let number = Int64(exactly: value) {
      try container.encode(number)
    } else {
      try container.encode(value.description)
    }
  }
}
