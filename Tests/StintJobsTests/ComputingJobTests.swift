import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintJobs

@Suite("Built-in jobs", .timeLimit(.minutes(5)))
struct BuiltInJobTests {
  @Test("The types and params are those of the contract")
  func schema() throws {
    let types = try BuiltInJobs.handlers().map(\.type)
    #expect(types.map(\.name) == ["countdown", "prime", "fibonacci", "fetch", "echo", "exec"])
    let params = types.map { $0.params.map(Shape.init) }
    #expect(
      params == [
        [Shape("seconds", .integer, required: false, default: 10, min: 1, max: 60)],
        [Shape("limit", .integer, required: false, default: 1000, min: 100, max: 100_000)],
        [Shape("count", .integer, required: false, default: 50, min: 1, max: 1000)],
        [Shape("urls", .array, required: true, minItems: 1, maxItems: 10)],
        [
          Shape("message", .string, required: true),
          Shape("delay", .integer, required: true, min: 1, max: 30),
        ],
        [
          Shape("command", .array, required: true, minItems: 1), Shape("env", .object, required: false),
          Shape("cwd", .string, required: false, min: 1), Shape("stdin", .string, required: false),
        ],
      ])
    #expect(types.allSatisfy { !$0.description.isEmpty && $0.params.allSatisfy { !$0.description.isEmpty } })
  }

  struct Shape: Equatable {
    var name: String
    var type: Param.Kind
    var required: Bool
    var `default`: JSONValue?
    var min: Double?
    var max: Double?
    var minItems: Int?
    var maxItems: Int?

    init(
      _ name: String, _ type: Param.Kind, required: Bool, default: JSONValue? = nil, min: Double? = nil,
      max: Double? = nil, minItems: Int? = nil, maxItems: Int? = nil
    ) {
      (self.name, self.type, self.required, self.default) = (name, type, required, `default`)
      (self.min, self.max, self.minItems, self.maxItems) = (min, max, minItems, maxItems)
    }

    init(_ param: Param) {
      self.init(
        param.name, param.type, required: param.isRequired, default: param.defaultValue, min: param.min,
        max: param.max, minItems: param.minItems, maxItems: param.maxItems)
    }
  }

  @Test(
    "Params out of range never reach the work",
    arguments: [("countdown", "seconds", 61), ("prime", "limit", -5), ("fibonacci", "count", 1001)]
      as [(String, String, Int64)])
  func outOfRange(name: String, param: String, value: Int64) async throws {
    let trial = try Trial(name)
    let params = JSONValue.object([JSONMember(param, .integer(value))])
    let error = await #expect(throws: UndecodableParams.self) {
      try await trial.start(params, filled: false).value
    }
    #expect(error?.reason.contains("\(value) is out of range") == true)
    #expect(trial.reports.all.isEmpty)
  }
}

@Suite("countdown", .timeLimit(.minutes(5)))
struct CountdownTests {
  @Test("Says each second how many are left, waits each one, and ends")
  func counts() async throws {
    let trial = try Trial("countdown")
    let job = trial.start([:])
    for second in 0..<10 {
      await trial.time.waitForSleepers()
      #expect(trial.reports.all.count == second + 1)
      trial.time.advance(by: .milliseconds(999))
      #expect(trial.reports.all.count == second + 1)
      trial.time.advance(by: .milliseconds(1))
    }
    #expect(try await job.value == ["message": "Countdown complete!"])
    #expect(
      trial.reports.messages == (2...10).reversed().map { "\($0) seconds remaining..." } + [
        "1 second remaining...", "0 seconds remaining...",
      ])
    #expect(trial.reports.all.map(\.percent) == stride(from: 0.0, through: 100, by: 10).map { $0 })
    #expect(trial.reports.all[3] == Progress(percent: 30, message: "7 seconds remaining..."))
  }

  @Test("Is cancelled while it waits")
  func cancelled() async throws {
    let trial = try Trial("countdown")
    let job = trial.start(["seconds": 60])
    await trial.time.waitForSleepers()
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.reports.messages == ["60 seconds remaining..."])
  }
}

@Suite("echo", .timeLimit(.minutes(5)))
struct EchoTests {
  @Test("Gives the message back with the time")
  func echoes() async throws {
    let trial = try Trial("echo")
    let result = try await trial.run(["message": "Grüße \"\u{1F40C}\"", "delay": 3]) { _ in
      trial.time.advance(by: .seconds(1))
    }
    #expect(result["message"] == "Grüße \"\u{1F40C}\"")
    // Three seconds of waiting, and one that the trial adds at the last report.
    #expect(result["echoed_at"] == 1_764_230_404)
    #expect(result.object?.count == 2)
    #expect(
      trial.reports.messages == [
        "3 seconds remaining...", "2 seconds remaining...", "1 second remaining...", "0 seconds remaining...",
      ])
  }

  @Test("Is cancelled while it waits")
  func cancelled() async throws {
    let trial = try Trial("echo")
    let job = trial.start(["message": "hello", "delay": 30])
    await trial.time.waitForSleepers()
    job.cancel()
    await #expect(throws: CancellationError.self) { try await job.value }
  }
}

@Suite("prime", .timeLimit(.minutes(5)))
struct PrimeTests {
  @Test("Finds the primes to 1000, and says so at each tenth of the range")
  func finds() async throws {
    let trial = try Trial("prime")
    let result = try await trial.run([:]) { _ in trial.time.advance(by: .milliseconds(150)) }
    let expected = (2...1000).filter { number in !(2..<number).contains { number % $0 == 0 } }
    #expect(result["count"] == 168)
    #expect(result["primes"]?.array?.compactMap(\.integer) == expected.map(Int64.init))
    #expect(result["duration"] == 1.5)
    #expect(trial.reports.all.map(\.percent) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    #expect(trial.reports.messages.first == "25 primes up to 100")
    #expect(trial.reports.messages.last == "168 primes up to 1000")
  }

  @Test("Counts right at the ends of the range", arguments: [(100, 25), (101, 26), (99_991, 9592), (100_000, 9592)])
  func counts(limit: Int64, count: Int64) async throws {
    let trial = try Trial("prime")
    let result = try await trial.run(["limit": .integer(limit)])
    #expect(result["count"] == .integer(count))
    #expect(trial.reports.all.count == 10)
  }

  @Test("Is cancelled in the middle of the sieve")
  func cancelled() async throws {
    let trial = try Trial("prime")
    let job = trial.start(["limit": 100_000], onReport: cancelCurrentTask)
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.reports.all.count == 1)
  }
}

@Suite("fibonacci", .timeLimit(.minutes(5)))
struct FibonacciTests {
  @Test("Computes 50 numbers, and says so at each ten")
  func computes() async throws {
    let trial = try Trial("fibonacci")
    let result = try await trial.run([:]) { _ in trial.time.advance(by: .milliseconds(100)) }
    let numbers = try #require(result["numbers"]?.array)
    #expect(numbers.count == 50)
    #expect(numbers.prefix(8) == [1, 1, 2, 3, 5, 8, 13, 21])
    #expect(numbers.last == 12_586_269_025)
    #expect(result["duration"] == 0.5)
    #expect(trial.reports.messages == [10, 20, 30, 40, 50].map { "\($0) of 50 numbers" })
    #expect(trial.reports.all.map(\.percent) == [20, 40, 60, 80, 100])
  }

  @Test("Writes numbers past 2^53 as text, exactly")
  func exact() async throws {
    let trial = try Trial("fibonacci")
    let result = try await trial.run(["count": 1000])
    let numbers = try #require(result["numbers"]?.array)
    #expect(numbers[77] == 8_944_394_323_791_464)
    #expect(numbers[78] == "14472334024676221")
    #expect(
      numbers[999].string
        == "434665576869374564356885276750406258025646605173717804024817290895365554179490518904038798400792551692959"
        + "22593080322634775209689623239873322471161642996440906533187938298969649928516003704476137795166849228875")
    #expect(numbers.prefix(78).allSatisfy { $0.integer != nil })
    #expect(numbers.dropFirst(78).allSatisfy { $0.string != nil })
  }

  @Test("The border is 2^53 itself")
  func border() throws {
    let encoded = try [0, 1].map {
      String(decoding: try JSONEncoder().encode(ExactInteger(value: .init((1 << 53) + $0))), as: UTF8.self)
    }
    #expect(encoded == ["9007199254740992", "\"9007199254740993\""])
  }

  @Test("Is cancelled in the middle")
  func cancelled() async throws {
    let trial = try Trial("fibonacci")
    let job = trial.start(["count": 1000], onReport: cancelCurrentTask)
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.reports.messages == ["10 of 1000 numbers"])
  }
}
