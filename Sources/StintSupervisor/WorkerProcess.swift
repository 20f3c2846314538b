import Dispatch
public import Logging
import StintCore
public import StintEngine
import StintStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// This process as a worker of a ``Supervisor``.
///
/// A supervisor starts its own program again, with the same arguments. The program asks ``isCurrent`` early, and works
/// for the supervisor instead of doing what it does otherwise:
///
/// ```swift
/// if WorkerProcess.isCurrent { return await WorkerProcess.run(handlers: handlers) }
/// ```
public enum WorkerProcess {
  /// Set where the process was started by a supervisor.
  static let environmentName = "STINT_SUPERVISOR"
  /// The descriptors that it then has.
  static let channelDescriptor: Int32 = 3
  static let recorderDescriptor: Int32 = 4
  static let settingsDescriptor: Int32 = 5

  /// Whether this process was started by a supervisor, to work for it.
  public static var isCurrent: Bool { getenv(environmentName) != nil }

  /// What the supervisor handed to this process: with what it was started itself, whatever has become of files since.
  /// Nil where it can not be read; to be asked before ``run(handlers:logger:)``.
  package static var settings: [UInt8]? { NamelessFile.bytes(of: settingsDescriptor) }

  /// Works for the supervisor until it says that it is enough, and ends the process when the supervisor has gone.
  ///
  /// SIGTERM lets it finish what runs and end. Everything else that ends it costs its running attempts only.
  public static func run(handlers: [Handler], logger: Logger = Logger(label: "stint")) async {
    unsetenv(environmentName)  // not for programs that this one starts
    // A log that nobody reads must not end it; and not ignored, which those programs would inherit.
    signal(SIGPIPE) { _ in }
    _ = setCloseOnExec(channelDescriptor) && setCloseOnExec(recorderDescriptor)
    close(settingsDescriptor)
    let recorder = FlightRecorder(descriptor: recorderDescriptor)
    let channel = FrameChannel(descriptor: channelDescriptor)
    let gateway = ChannelGateway(channel: channel)
    let (told, tell) = AsyncStream.makeStream(of: SupervisorMessage.self)
    channel.start { bytes in
      switch ChannelMessage(bytes: bytes) {
      case .reply(let number, let reply): gateway.take(reply, to: number)
      case .tell(let message): tell.yield(message)
      default: break
      }
    } ended: {
      // Without its supervisor it can neither settle nor renew: whoever it started must not outlive it for long.
      _exit(75)
    }
    let terminations = await terminations { tell.yield(.drain) }
    var first = told.makeAsyncIterator()
    guard case .configure(let configuration)? = await first.next() else { return }
    let hub = EventHub()
    let time = SystemTime()
    let worker = Worker(
      gateway: gateway, hub: hub, handlers: handlers, configuration: configuration,
      identity: (host: Engine.hostName(), pid: getpid()), time: time, random: .system, logger: logger,
      recorder: recorder)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // From a task: it says that tasks still run, not only that the process is there.
        while !Task.isCancelled {
          channel.send(ChannelMessage.alive.bytes)
          try? await time.sleep(for: SupervisedProcess.signOfLife(configuration))
        }
      }
      group.addTask {
        for await message in told {
          switch message {
          case .signal(let signal): hub.hint(signal)
          case .leave: worker.drain(isPatient: true)
          case .drain: worker.drain()
          case .stop: worker.stop()
          case .configure: break
          }
        }
      }
      await worker.run()
      tell.finish()
      group.cancelAll()
    }
    withExtendedLifetime(terminations) {}
  }

  /// Calls `drain` for each SIGTERM, instead of ending at once.
  private static func terminations(_ drain: @escaping @Sendable () -> Void) async -> any DispatchSourceSignal {
    let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    source.setEventHandler(handler: drain)
    #if canImport(Darwin)
      signal(SIGTERM, SIG_IGN)
    #endif
    await withCheckedContinuation { continuation in
      source.setRegistrationHandler { continuation.resume() }
      source.resume()
    }
    return source
  }
}

extension FlightRecorder: AttemptRecorder {}
