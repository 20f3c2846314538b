import CProcess
import Foundation
import StintCore

/// Reads what a command and its guardian say, until the guardian has ended.
struct ProcessWatch {
  private enum Part { case output, error, events, status }

  private struct Reader {
    let part: Part
    let descriptor: Descriptor
    var splitter: LineSplitter
    var isOpen = true
  }

  private var readers: [Reader]
  private let pipes: Pipes
  private let hear: (ChildProcess.Source, [UInt8]) -> Void
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var said: [UInt8] = []

  /// The longest piece of a line of output, in bytes.
  static let outputLimit = 16 << 10
  /// The longest line on the events file, in bytes: a result of a megabyte fits.
  static let eventLimit = 2 << 20

  private static var lines: LineSplitter { LineSplitter(limit: outputLimit, flood: 256) }

  init(pipes: Pipes, hear: @escaping (ChildProcess.Source, [UInt8]) -> Void) {
    self.pipes = pipes
    self.hear = hear
    readers = [
      Reader(part: .output, descriptor: pipes.output, splitter: Self.lines),
      Reader(part: .error, descriptor: pipes.error, splitter: Self.lines),
      Reader(part: .status, descriptor: pipes.status, splitter: LineSplitter(limit: 0)),
    ]
    if let events = pipes.events {
      readers.append(Reader(part: .events, descriptor: events, splitter: LineSplitter(limit: Self.eventLimit)))
    }
  }

  /// Reads until the guardian's end of the status pipe is closed.
  mutating func untilGuardianEnded() {
    while readers.contains(where: { $0.part == .status && $0.isOpen }) {
      var polled: [pollfd] = []
      var indices: [Int] = []
      for (index, reader) in readers.enumerated() where reader.isOpen {
        polled.append(pollfd(fd: reader.descriptor.number, events: Int16(POLLIN), revents: 0))
        indices.append(index)
      }
      guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
      for (position, index) in indices.enumerated() where polled[position].revents != 0 { _ = read(index) }
    }
  }

  /// Reads what is left. All that could write has ended, so that nothing needs to be waited for.
  mutating func drain() {
    for index in readers.indices {
      while readers[index].isOpen, read(index) {}
      if let rest = readers[index].splitter.rest() { tell(readers[index].part, rest) }
    }
  }

  /// Reads once; false where there is nothing more for now.
  private mutating func read(_ index: Int) -> Bool {
    let count = Foundation.read(readers[index].descriptor.number, &buffer, buffer.count)
    guard count > 0 else {
      let isNothing = count == -1 && (errno == EAGAIN || errno == EINTR)
      if !isNothing { readers[index].isOpen = false }
      return count == -1 && errno == EINTR
    }
    let part = readers[index].part
    guard part != .status else {
      said += buffer[..<count]
      return true
    }
    let pieces = readers[index].splitter.split(buffer[..<count])
    if pieces.isEmpty { hear(.alive, []) }
    for piece in pieces { tell(part, piece) }
    return true
  }

  private func tell(_ part: Part, _ piece: [UInt8]) {
    switch part {
    case .output: hear(.output, piece)
    case .error: hear(.error, piece)
    case .events: hear(.events, piece)
    case .status: break
    }
  }

  /// What the guardian said, as far as it is whole.
  private var reports: [stint_report] {
    let size = MemoryLayout<stint_report>.size
    return said.withUnsafeBytes { bytes in
      (0..<bytes.count / size).map { bytes.loadUnaligned(fromByteOffset: $0 * size, as: stint_report.self) }
    }
  }

  private func report(_ kind: Int) -> stint_report? { reports.first { Int($0.kind) == kind } }

  /// Ends what is left of the command where its guardian was killed before it had done so; nil where it had.
  func endSurvivors(of launch: ChildProcess.Launch) -> Survivors.Outcome? {
    guard report(STINT_REPORT_FINISHED) == nil else { return nil }
    if let started = report(STINT_REPORT_STARTED) { kill(-started.value, SIGKILL) }
    guard let file = launch.environment["STINT_JOB_PARAMS"] else { return Survivors.Outcome() }
    return Survivors.kill(mark: Survivors.mark(paramsFile: file))
  }

  /// How it went. Throws ``ProcessFault`` where the command could not be started or its guardian was killed.
  func ending(
    of launch: ChildProcess.Launch, _ survivors: Survivors.Outcome?
  ) throws(ProcessFault) -> ChildProcess.Ending {
    if let failed = report(STINT_REPORT_FAILED) { throw Self.fault(of: launch, failed) }
    guard let finished = report(STINT_REPORT_FINISHED) else {
      let survivors = survivors ?? Survivors.Outcome()
      let processes = survivors.killed == 1 ? "1 process" : "\(survivors.killed) processes"
      let after =
        if !survivors.areGone {
          "; of \(processes) of it that were found and killed, some may live on"
        } else if survivors.killed > 0 {
          ", and the command with it; so \(survivors.killed == 1 ? "was" : "were") \(processes) that it had left"
        } else {
          ", and the command with it"
        }
      throw ProcessFault("the guardian of \(Self.name(of: launch)) was killed\(after)")
    }
    var ending = ChildProcess.Ending(leftBehind: Int(finished.value), beyondReach: Int(finished.detail))
    if let exited = report(STINT_REPORT_EXITED) {
      if exited.value >= 0 { ending.code = exited.value } else { ending.signal = -exited.value }
      ending.wasAsked = exited.detail != 0
    }
    return ending
  }

  private static func shown(_ text: String) -> String { JSONValue.string(text).excerpt(limit: 200) }

  private static func name(of launch: ChildProcess.Launch) -> String {
    "the command \(shown(launch.arguments.first ?? launch.file))"
  }

  private static func fault(of launch: ChildProcess.Launch, _ report: stint_report) -> ProcessFault {
    let reason = ProcessFault.text(report.detail)
    switch Int(report.value) {
    case STINT_STEP_FOLDER:
      return ProcessFault(
        "\(name(of: launch)) can not be started: the working directory \(shown(launch.folder ?? "")): \(reason)")
    case STINT_STEP_COMMAND:
      // The file was there when it was looked for: then it is the one that its first line names that is missing.
      let isScript = report.detail == ENOENT && access(launch.file, F_OK) == 0
      return ProcessFault(
        "\(name(of: launch)) can not be started: \(reason)"
          + (isScript ? ": the program that the first line of \(shown(launch.file)) names" : ""))
    default: return ProcessFault("\(name(of: launch)) can not be started: no further process: \(reason)")
    }
  }
}
