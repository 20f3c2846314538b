import Foundation
import StintCore
import StintEngine

/// One attempt of a job that is a process: its folder and environment, the process itself, and what came of it.
struct ProcessJob: Sendable {
  /// The program and its arguments.
  var command: [String]
  /// What its environment has besides the basic variables and those of Stint.
  var environment: [String: String] = [:]
  /// Its working directory; nil for this process's.
  var folder: String?
  /// What it gets as standard input.
  var input: String?
  /// What is shown as `***` wherever it says it.
  var redaction = Redaction()

  /// Runs it, and gives the job's result.
  ///
  /// - Throws: ``ProcessFault`` where it fails, `CancellationError` where the attempt was to stop before it had ended.
  func run(_ context: JobContext, _ policy: ProcessPolicy) async throws -> RawJSON? {
    let checkpoint = await context.savedCheckpoint()
    let access = await context.serverAccess()
    let child = ChildProcess()
    let start = context.time.uptime()
    let (ending, report) = try await withTaskCancellationHandler {
      try await onThread {
        try attempt(child, context, policy, checkpoint: checkpoint, access: access)
      }
    } onCancel: {
      child.stop(grace: policy.grace)
    }
    let duration = context.seconds(since: start)
    if ending.beyondReach > 0 {
      context.output("A process that runs as another user could not be killed, and may live on.\n", .notice)
    }
    if ending.wasAsked { throw CancellationError() }
    if ending.leftBehind > 0 {
      let processes = ending.leftBehind == 1 ? "A process" : "\(ending.leftBehind) processes"
      let verb = ending.leftBehind == 1 ? "was" : "were"
      context.output("\(processes) that the command had left behind \(verb) killed.\n", .notice)
    }
    guard ending.code == 0 else { throw report.fault(ending) }
    var result = report.result ?? []
    for member in [JSONMember("exit_code", 0), JSONMember("duration", .number(duration))]
    where !result.contains(where: { $0.key == member.key }) {
      result.append(member)
    }
    return RawJSON(.object(result))
  }

  /// All that blocks: on a thread of its own.
  private func attempt(
    _ child: ChildProcess, _ context: JobContext, _ policy: ProcessPolicy, checkpoint: RawJSON?,
    access: AttemptAccess?
  ) throws -> (ChildProcess.Ending, ProcessReport) {
    var files = try AttemptFolder(in: policy.temporaryFolder)
    defer { files.remove() }
    var variables = policy.basicEnvironment.merging(environment) { $1 }
    variables["STINT_JOB_ID"] = context.job.id.text
    variables["STINT_JOB_ATTEMPT"] = "\(context.attempt)"
    variables["STINT_JOB_PARAMS"] = try files.write(AttemptFolder.paramsFile, context.job.spec.params.bytes)
    let events = try files.makeFIFO("events")
    variables["STINT_JOB_EVENTS"] = events
    if let checkpoint { variables["STINT_JOB_CHECKPOINT"] = try files.write("checkpoint.json", checkpoint.bytes) }
    if let access { (variables["STINT_JOB_URL"], variables["STINT_JOB_TOKEN"]) = (access.url, access.token) }
    let input = try input.map { try files.write("stdin", Array($0.utf8)) }
    let launch = ChildProcess.Launch(
      file: try policy.file(of: command.first ?? ""), arguments: command, environment: variables, folder: folder,
      input: input, events: events, leftovers: (files.path, files.files))
    let report = ProcessReport(context, redaction.adding(access?.token))
    defer { report.end() }
    let ending = try child.run(launch) { source, bytes in report.hear(source, bytes) }
    return (ending, report)
  }
}

/// What a process says, as it goes on to whoever watches the job. Used by one thread at a time.
final class ProcessReport: Sendable {
  private struct State {
    var result: [JSONMember]?
    var lastError = ""
    var isSkippingEvent = false
    var ignored = 0
    var output: RedactedStream
    var error: RedactedStream
    var aliveAt: Duration?
  }

  private let context: JobContext
  private let redaction: Redaction
  private let state: Locked<State>

  init(_ context: JobContext, _ redaction: Redaction) {
    self.context = context
    self.redaction = redaction
    state = Locked(State(output: RedactedStream(redaction), error: RedactedStream(redaction)))
  }

  /// The result that the process reported.
  var result: [JSONMember]? { state.withLock { $0.result } }

  /// A piece of what it says.
  func hear(_ source: ChildProcess.Source, _ bytes: [UInt8]) {
    switch source {
    case .output: tellOutput(bytes, isWhole: bytes.last == 0x0A)
    case .error: tellError(bytes, isWhole: bytes.last == 0x0A)
    case .events: hearEvent(bytes)
    case .alive: beAlive()
    }
  }

  /// The least time between two signs of life that bytes without a line's end are.
  private static let aliveInterval = Duration.milliseconds(50)

  private func beAlive() {
    let now = context.time.uptime()
    let isDue = state.withLock { state in
      if let before = state.aliveAt, now - before < Self.aliveInterval { return false }
      state.aliveAt = now
      return true
    }
    if isDue { context.heartbeat() }
  }

  private func tellOutput(_ bytes: [UInt8], isWhole: Bool) {
    let safe = state.withLock { $0.output.next(bytes, isWhole: isWhole) }
    if safe.isEmpty, !bytes.isEmpty { beAlive() }
    context.output(String(decoding: safe, as: UTF8.self), .stdout)
  }

  private func tellError(_ bytes: [UInt8], isWhole: Bool) {
    let text = state.withLock { state in
      let text = String(decoding: state.error.next(bytes, isWhole: isWhole), as: UTF8.self)
      let line = text.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
      if line.contains(where: { !$0.isWhitespace }) { state.lastError = line }
      return text
    }
    if text.isEmpty, !bytes.isEmpty { beAlive() }
    context.output(text, .stderr)
  }

  private func hearEvent(_ bytes: [UInt8]) {
    let isWhole = bytes.last == 0x0A
    let isPart = state.withLock { state in
      let isPart = state.isSkippingEvent
      state.isSkippingEvent = !isWhole && (isPart || bytes.count >= ProcessWatch.eventLimit - 3)
      return isPart
    }
    context.heartbeat()
    guard !isPart, bytes.contains(where: { $0 > 0x20 }) else { return }
    guard isWhole || bytes.count < ProcessWatch.eventLimit - 3 else {
      return ignore(bytes, "it is longer than \(ProcessWatch.eventLimit) bytes")
    }
    do throws(EventLine.Fault) {
      let line = try EventLine(bytes, redaction)
      if let progress = line.progress { context.progress(progress.percent, progress.message) }
      if let event = line.event { context.output(event.text + "\n", .event) }
      if let checkpoint = line.checkpoint { keep(checkpoint, bytes) }
      if let result = line.result { state.withLock { $0.result = result } }
    } catch {
      ignore(bytes, error.reason)
    }
  }

  /// The largest checkpoint, in bytes: as large as params and results may be.
  private static let checkpointLimit = 1 << 20

  private func keep(_ checkpoint: RawJSON, _ line: [UInt8]) {
    guard checkpoint.bytes.count <= Self.checkpointLimit else {
      return ignore(line, "its checkpoint is larger than \(Self.checkpointLimit) bytes")
    }
    context.checkpoint(checkpoint)
  }

  /// Says so of the first line; the others are counted.
  private func ignore(_ bytes: [UInt8], _ reason: String) {
    let isFirst = state.withLock { state in
      state.ignored += 1
      return state.ignored == 1
    }
    guard isFirst else { return }
    let safe = redaction.applied(to: Array(bytes.prefix(4_096)), isWhole: bytes.count <= 4_096)
    let line = String(decoding: safe, as: UTF8.self).prefix(200).filter { !$0.isNewline }
    context.output(
      "A line of the events file was ignored, \(reason): \(JSONValue.string(line).excerpt(limit: 240))\n", .notice)
  }

  /// The process has ended.
  func end() {
    // What a last line without an end holds back.
    tellOutput([], isWhole: true)
    tellError([], isWhole: true)
    let further = state.withLock { $0.ignored } - 1
    guard further > 0 else { return }
    let lines = further == 1 ? "Another line" : "\(further) further lines"
    context.output("\(lines) of the events file \(further == 1 ? "was" : "were") ignored.\n", .notice)
  }

  /// Why the attempt failed.
  func fault(_ ending: ChildProcess.Ending) -> ProcessFault {
    var text = "the command's end is not known"
    if let code = ending.code { text = "the command ended with exit code \(code)" }
    if let signal = ending.signal { text = "the command was ended by \(Self.name(of: signal))" }
    let line = state.withLock { $0.lastError }
    return ProcessFault(line.isEmpty ? text : "\(text): \(line)")
  }

  private static func name(of signal: Int32) -> String {
    let names: [Int32: String] = [
      SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
      SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
      SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
      SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
    return names[signal].map { "signal \(signal) (\($0))" } ?? "signal \(signal)"
  }
}
