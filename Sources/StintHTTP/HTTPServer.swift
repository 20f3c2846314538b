import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import StintCore
public import StintEngine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// The HTTP face: REST, Server-Sent Events and a WebSocket over a ``StintEngine/JobFeed``, as a `Service`.
public struct HTTPServer: Service {
  private let core: ServiceCore
  private let onListening: @Sendable (Int) -> Void

  /// A server; `gateway` is where it takes jobs for workers of other processes, which are turned away without one;
  /// `onListening` is told the port once it accepts connections.
  public init(
    client: any JobFeed, gateway: (any ServingGateway)? = nil,
    configuration: HTTPConfiguration = HTTPConfiguration(), time: any TimeSource = SystemTime(),
    random: RandomSource = .system, logger: Logger = Logger(label: "stint.http"),
    onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.core = ServiceCore(
      client: client, gateway: gateway, configuration: configuration, time: time, random: random, logger: logger)
    self.onListening = onListening
  }

  /// Event streams that are open.
  public var openStreams: Int { core.streams.count }

  /// WebSockets that are open.
  public var openSockets: Int { core.sockets.count }

  /// Serves until the task is cancelled or the service group shuts down gracefully: then open streams end, answers
  /// under way get ``HTTPConfiguration/shutdownGrace``, and connections without a whole request are closed.
  ///
  /// Throws ``StintCore/StintError`` of kind `invalid_params` for a configuration that can not be, a port in use, an
  /// address that can not be bound.
  public func run() async throws {
    let configuration = core.configuration
    try configuration.check()
    var quiet = core.logger
    quiet.logLevel = max(quiet.logLevel, .warning)
    quiet.handler = StoppedServerLog(quiet.handler)
    let core = core
    let http1 = HTTPServerBuilder { responder in
      HTTPChannel(
        responder: responder, idleTimeout: configuration.idleTimeout, shutdownGrace: configuration.shutdownGrace)
    }
    let onListening = onListening
    let server = try http1.buildServer(
      configuration: ServerConfiguration(
        address: .hostname(configuration.host, port: configuration.port), backlog: 1_024,
        availableConnectionsDelegate: .maximum(Self.connections(configuration), logger: quiet)),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet,
      responder: { request, writer, channel in try await core.respond(request, writer, channel) },
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? configuration.port
        core.logger.info("listening", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
        core.desk?.offerAccess(host: configuration.host, port: port)
        onListening(port)
      })
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await core.feed.run() }
        group.addTask { await core.desk?.run() }
        defer { group.cancelAll() }
        try await withGracefulShutdownHandler {
          try await server.run()
        } onGracefulShutdown: {
          core.feed.stop()
        }
      }
    } catch {
      throw Self.fault(error, configuration)
    }
    core.logger.info("stopped listening", metadata: ["host": "\(configuration.host)"])
  }

  /// Fewer connections than files: a server that can not accept any more is no server.
  private static func connections(_ configuration: HTTPConfiguration) -> Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    #else
      let resource = RLIMIT_NOFILE
    #endif
    guard getrlimit(resource, &limit) == 0 else { return configuration.maxConnections }
    let files = Int(clamping: limit.rlim_cur)
    return max(16, min(configuration.maxConnections, files - max(64, files / 8)))
  }

  private static func fault(_ error: any Error, _ configuration: HTTPConfiguration) -> any Error {
    let place = "http.host \(configuration.host), http.port \(configuration.port)"
    switch error {
    case is CancellationError: return error
    case let error as IOError:
      let reason: String =
        switch error.errnoCode {
        case EADDRINUSE: "the port is in use; give another, or 0 for a free one"
        case EADDRNOTAVAIL: "this machine has no such address; give one of its own, such as 127.0.0.1"
        case EACCES: "not allowed for this user; ports from 1024 on are"
        default: "can not listen there: \(error)"
        }
      return StintError(.invalidParams, "\(place): \(reason)")
    default:
      return StintError(.invalidParams, "\(place): can not listen there: \(error)")
    }
  }
}
