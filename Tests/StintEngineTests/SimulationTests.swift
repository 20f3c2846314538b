import StintCore
import StintEngine
import StintStore
import StintTesting
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct SimulationTests {
  private static let seeds = ProcessInfo.processInfo.environment["STINT_SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 300

  @Test func everyPromiseIsKeptInEverySeed() async {
    for seed in 1...max(1, Self.seeds) {
      let report = Simulation.run(seed: seed)
      #expect(report.findings.isEmpty, "\(report.explanation)")
      // Other tests run beside it.
      await Task.yield()
    }
  }

  @Test(arguments: [3, 17, 123_456]) func aSeedGivesTheSameRunAgain(_ seed: UInt64) {
    let (first, second) = (Simulation.run(seed: seed), Simulation.run(seed: seed))
    #expect(first.trace.digest == second.trace.digest)
    #expect(first.trace.count > 100)
    #expect(first.trace.digest != Simulation.run(seed: seed + 1).trace.digest)
  }

  #if DEBUG
    /// A simulation that would not see a broken promise would be worth nothing.
    @Test(arguments: Sabotage.allCases) func sabotageIsFoundWithin500Seeds(_ sabotage: Sabotage) throws {
      let found = Sabotage.$current.withValue(sabotage) {
        (1...500 as ClosedRange<UInt64>).lazy.map { Simulation.run(seed: $0) }.first { !$0.findings.isEmpty }
      }
      let report = try #require(found, "\(sabotage) was not seen")
      print("\(sabotage.rawValue) is seen at seed \(report.seed): \(report.findings[0])")
      #expect(report.explanation.contains("make simulate SEED=\(report.seed)"))
      #expect(Simulation.run(seed: report.seed).findings.isEmpty, "without sabotage nothing is found")
    }
  #endif
}
