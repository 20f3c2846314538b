import StintTesting

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// `make simulate`: runs many seeds of the simulation, or shows what happens in one.
@main struct Simulate {
  static let usage = "usage: StintSimulate SEEDS [FIRST] | seed SEED"

  static func main() async {
    let arguments = CommandLine.arguments.dropFirst()
    if arguments.first == "seed", let seed = arguments.dropFirst().first.flatMap({ UInt64($0) }) { return show(seed) }
    guard let count = arguments.first.flatMap({ UInt64($0) }), count > 0 else {
      print(usage)
      exit(64)
    }
    await run(count, from: arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1)
  }

  /// One seed, line by line.
  private static func show(_ seed: UInt64) {
    let report = Simulation.run(seed: seed)
    for line in report.trace.lines(about: nil, limit: .max) { print(line) }
    print(report.explanation)
    exit(report.findings.isEmpty ? 0 : 1)
  }

  /// Many seeds, on all processors; stops after the tenth with findings.
  private static func run(_ count: UInt64, from first: UInt64) async {
    var found = 0
    var done: UInt64 = 0
    var claims = 0
    let width = 50 as UInt64
    await withTaskGroup(of: [Simulation.Report].self) { group in
      var next = first
      let end = first + count
      func add(_ group: inout TaskGroup<[Simulation.Report]>) {
        guard next < end, found < 10 else { return }
        let range = next..<min(end, next + width)
        next = range.upperBound
        group.addTask { range.map { Simulation.run(seed: $0) } }
      }
      for _ in 0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) { add(&group) }
      while let reports = await group.next() {
        for report in reports {
          done += 1
          claims += report.claims
          guard !report.findings.isEmpty else { continue }
          found += 1
          print(report.explanation)
        }
        if done % 1_000 < width { print("\(done) of \(count) seeds, \(claims) attempts, \(found) with findings") }
        add(&group)
      }
    }
    print("\(done) seeds from \(first), \(claims) attempts: \(found) with findings")
    exit(found == 0 ? 0 : 1)
  }
}
