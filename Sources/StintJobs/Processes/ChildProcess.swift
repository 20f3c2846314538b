import CProcess
import Foundation
import StintCore

/// A command that runs as a child process under a guardian (`CProcess`), so that nothing it starts outlives it or this
/// process.
///
/// ``run(_:hear:)`` waits in the kernel: call it on a thread of its own (``onThread(_:)``), never on one of Swift's
/// pool.
final class ChildProcess: Sendable {
  /// What to start.
  struct Launch: Sendable {
    /// The program's file.
    var file: String
    /// The program's name and its arguments.
    var arguments: [String]
    /// All of its environment.
    var environment: [String: String]
    /// Its working directory; nil for this process's.
    var folder: String?
    /// The file it gets as standard input; nil for none.
    var input: String?
    /// The FIFO on which it reports; nil for none.
    var events: String?
    /// A folder that the guardian removes at the end, with these files in it, also when this process was killed.
    var leftovers: (folder: String, files: [String])?
  }

  /// Where a piece comes from; `alive` where bytes came that are no piece yet.
  enum Source: Sendable { case output, error, events, alive }

  /// How it went.
  struct Ending: Sendable, Equatable {
    /// The exit code; nil where a signal ended it.
    var code: Int32?
    /// The signal that ended it.
    var signal: Int32?
    /// Whether it had been asked to stop before it ended.
    var wasAsked = false
    /// How many processes it left behind; they were killed.
    var leftBehind = 0
    /// How many processes belong to another user now, and could not be killed.
    var beyondReach = 0
  }

  private struct State {
    /// This process's end of the life pipe, while the guardian listens.
    var life: Int32?
    /// Milliseconds of grace, where it is to stop.
    var grace: UInt32?
  }

  private let state = Locked(State())

  /// Asks the command and its group to stop, by SIGTERM at once and by SIGKILL after `grace`; a command that has not
  /// been started never is. May be called from anywhere, at any time.
  func stop(grace: Duration) {
    let milliseconds = UInt32(clamping: grace.microseconds / 1_000)
    state.withLock { state in
      state.grace = min(state.grace ?? .max, milliseconds)
      if let life = state.life { Self.order(milliseconds, life) }
    }
  }

  private static func order(_ grace: UInt32, _ life: Int32) {
    var order = stint_order(grace: grace)
    // Four bytes always fit, and the end to read is open here too, so that this can not raise SIGPIPE.
    _ = write(life, &order, MemoryLayout<stint_order>.size)
  }

  /// Starts the command and waits until it and all that it started has ended.
  ///
  /// - Parameter hear: gets what it says in pieces as they come: lines with their ends; a part of a line where it is
  ///   longer than the splitter's limit, or the last one.
  /// - Throws: ``ProcessFault`` where it can not be started, `CancellationError` where it was asked to stop before.
  func run(_ launch: Launch, hear: @escaping (Source, [UInt8]) -> Void) throws -> Ending {
    var pipes = try Pipes(launch)
    let guardian = try state.withLock { state -> pid_t in
      guard state.grace == nil else { throw CancellationError() }
      let guardian = try pipes.start(launch)
      state.life = pipes.life.write.number
      return guardian
    }
    pipes.closeTheirs()
    var watch = ProcessWatch(pipes: pipes, hear: hear)
    watch.untilGuardianEnded()
    state.withLock { $0.life = nil }
    while waitpid(guardian, nil, 0) == -1, errno == EINTR {}
    let survivors = watch.endSurvivors(of: launch)
    // What lives on may write without end.
    if survivors?.areGone ?? true { watch.drain() }
    return try watch.ending(of: launch, survivors)
  }
}

/// Why a command could not be started or watched.
struct ProcessFault: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// What the errno says.
  static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}

/// Does blocking work on a thread of its own.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Result { try work() }) }
    thread.stackSize = 1 << 20
    thread.start()
  }
}

/// An open file, closed with the last reference to it.
final class Descriptor {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  /// Opens a file.
  init(_ path: String, _ flags: Int32) throws(ProcessFault) {
    number = open(path, flags | O_CLOEXEC)
    if number == -1 { throw ProcessFault("\(path) can not be opened: \(ProcessFault.text(errno))") }
  }

  deinit { close(number) }

  /// Makes reads return at once where there is nothing.
  func setNonBlocking() { _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) }
}

/// All that is open between this process, the guardian and the command.
struct Pipes {
  typealias Ends = (read: Descriptor, write: Descriptor)

  /// Its end, which comes with this process's own, tells the guardian to kill everything.
  let life: Ends
  let status: Descriptor
  let output: Descriptor
  let error: Descriptor
  let events: Descriptor?
  /// What only the guardian and the command need.
  private var theirs: [Descriptor]

  init(_ launch: ChildProcess.Launch) throws(ProcessFault) {
    let (status, output, error) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
    let input = try Descriptor(launch.input ?? "/dev/null", O_RDONLY)
    life = try Self.pipe()
    // For writing too, so that it has no end when the command closes it.
    events = try launch.events.map { path throws(ProcessFault) in try Descriptor(path, O_RDWR) }
    theirs = [status.write, input, output.write, error.write]
    (self.status, self.output, self.error) = (status.read, output.read, error.read)
    for descriptor in [self.status, self.output, self.error] { descriptor.setNonBlocking() }
    events?.setNonBlocking()
  }

  private static func pipe() throws(ProcessFault) -> Ends {
    var ends: [Int32] = [-1, -1]
    let code = stint_pipe(&ends)
    guard code == 0 else { throw ProcessFault("no pipe for the command: \(ProcessFault.text(code))") }
    return (Descriptor(ends[0]), Descriptor(ends[1]))
  }

  /// Forks the guardian, and gives its process.
  func start(_ launch: ChildProcess.Launch) throws(ProcessFault) -> pid_t {
    let variables = launch.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let leftovers = launch.leftovers?.files ?? []
    let guardian = withCTexts(launch.arguments) { arguments in
      withCTexts(variables) { environment in
        withCTexts(leftovers) { leftovers in
          withCTexts([launch.file, launch.folder ?? "", launch.leftovers?.folder ?? ""]) { paths in
            var request = stint_launch()
            request.file = UnsafePointer(paths[0])
            request.folder = launch.folder == nil ? nil : UnsafePointer(paths[1])
            request.leftovers_folder = launch.leftovers == nil ? nil : UnsafePointer(paths[2])
            request.arguments = UnsafePointer(arguments)
            request.environment = UnsafePointer(environment)
            request.leftovers = UnsafePointer(leftovers)
            (request.status, request.input) = (theirs[0].number, theirs[1].number)
            (request.output, request.error, request.life) = (theirs[2].number, theirs[3].number, life.read.number)
            return stint_guard(&request)
          }
        }
      }
    }
    guard guardian > 0 else { throw ProcessFault("no process for the command: \(ProcessFault.text(-guardian))") }
    return guardian
  }

  /// Closes what only the others need, so that the end of the command's output can be seen here.
  mutating func closeTheirs() { theirs = [] }
}

/// Texts as C wants them, ended by a null pointer.
private func withCTexts<Value>(
  _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
  let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
  for (index, text) in texts.enumerated() { (list + index).initialize(to: strdup(text)) }
  (list + texts.count).initialize(to: nil)
  defer {
    for index in texts.indices { free(list[index]) }
    list.deallocate()
  }
  return body(list)
}
