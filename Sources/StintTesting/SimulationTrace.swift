package import StintCore

/// What happened in a simulation, one line a step.
package struct SimulationTrace: Sendable {
  struct Entry: Sendable {
    let time: Int64
    let process: Int
    let what: String
    let job: Int
    let word: String
    let a: Int64
    let b: Int64
  }

  private(set) var entries: [Entry] = []
  private(set) var jobs: [JobID] = []
  private var numbers: [JobID: Int] = [:]

  mutating func note(
    _ what: String, at time: Int64, process: Int, job: JobID? = nil, word: String = "", a: Int64 = 0, b: Int64 = 0
  ) {
    let number = job.map { self.number($0) } ?? -1
    entries.append(Entry(time: time, process: process, what: what, job: number, word: word, a: a, b: b))
  }

  private mutating func number(_ job: JobID) -> Int {
    if let number = numbers[job] { return number }
    numbers[job] = jobs.count
    jobs.append(job)
    return jobs.count - 1
  }

  /// A number that differs where two traces do (FNV-1a over every entry).
  package var digest: UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ value: Int64) {
      for shift in stride(from: 0, to: 64, by: 8) {
        hash = (hash ^ UInt64(truncatingIfNeeded: value >> Int64(shift)) & 0xFF) &* 0x100_0000_01B3
      }
    }
    func add(_ text: String) { for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
    for entry in entries {
      add(entry.time)
      add(Int64(entry.process))
      add(entry.what)
      add(Int64(entry.job))
      add(entry.word)
      add(entry.a)
      add(entry.b)
    }
    return hash
  }

  /// How many steps it has.
  package var count: Int { entries.count }

  /// The last `limit` lines about a job, and what happened to whole processes meanwhile; without a job, about all.
  package func lines(about job: JobID?, limit: Int = 200) -> [String] {
    let number = job.map { numbers[$0] ?? -2 }
    return entries.filter { number == nil || $0.job == number || $0.job == -1 }.suffix(limit).map(line)
  }

  private func line(_ entry: Entry) -> String {
    let whole = entry.time / 1_000_000
    let fraction = String(entry.time % 1_000_000 + 1_000_000).dropFirst()
    var text = "\(whole).\(fraction) s"
    if entry.process >= 0 { text += "  process \(entry.process)" }
    text += "  \(entry.what)"
    if entry.job >= 0 { text += " \(jobs[entry.job])" }
    if !entry.word.isEmpty { text += " \(entry.word)" }
    if entry.a != 0 || entry.b != 0 { text += " \(entry.a)" }
    if entry.b != 0 { text += " \(entry.b)" }
    return text
  }
}
