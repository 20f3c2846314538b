import CProcess
import Foundation
import StintCore

/// The processes of an attempt whose guardian is gone: found by what only they have in their environment.
enum Survivors {
  /// How it went.
  struct Outcome: Hashable {
    /// How many processes were found and killed.
    var killed = 0
    /// Whether none was left at the end.
    var areGone = true
  }

  /// What every process of an attempt inherits and nobody else can know: the path of its folder.
  static func mark(paramsFile: String) -> String { "STINT_JOB_PARAMS=\(paramsFile)" }

  /// Kills all processes with the mark, and those that they start meanwhile, until none is left or `limit` is over.
  static func kill(mark: String, within limit: TimeInterval = 5) -> Outcome {
    var seen: Set<pid_t> = []
    var found = [pid_t](repeating: 0, count: 512)
    let end = ProcessInfo.processInfo.systemUptime + limit
    // Twice, because one that has just been started may have a number that was passed already.
    var empty = 0
    while true {
      let count = Int(stint_kill_marked(mark, &found, Int32(found.count)))
      empty = count > 0 ? 0 : empty + 1
      if count > 0 { seen.formUnion(found[..<count]) }
      if empty == 2 { return Outcome(killed: seen.count) }
      if ProcessInfo.processInfo.systemUptime > end { return Outcome(killed: seen.count, areGone: false) }
      usleep(5_000)
    }
  }
}
