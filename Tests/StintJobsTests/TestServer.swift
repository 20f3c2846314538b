import NIOCore
import NIOHTTP1
import NIOPosix
import StintCore

/// A real HTTP server on loopback that answers as a test says.
final class TestServer: Sendable {
  typealias Answer = @Sendable (HTTPRequestHead, any Channel) -> Void

  let host: String
  let port: Int
  /// Counts connections that were opened and closed, and requests.
  let log: Log
  private let channel: any Channel

  /// Runs `body` with a server that listens.
  static func with<Value>(
    host: String = "127.0.0.1", port: Int = 0, answer: @escaping Answer,
    _ body: (TestServer) async throws -> Value
  ) async throws -> Value {
    let log = Log()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        log.add { $0.opened += 1 }
        channel.closeFuture.whenComplete { _ in log.add { $0.closed += 1 } }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(RequestHandler(log: log, answer: answer))
        }
      }
      .bind(host: host, port: port).get()
    let server = TestServer(host: host, channel: channel, log: log)
    do {
      let value = try await body(server)
      try await channel.close()
      return value
    } catch {
      try await channel.close()
      throw error
    }
  }

  private init(host: String, channel: any Channel, log: Log) {
    self.host = host
    self.port = channel.localAddress?.port ?? 0
    self.channel = channel
    self.log = log
  }

  func url(_ path: String = "/") -> String { "http://\(host):\(port)\(path)" }

  struct Counts: Sendable {
    var opened = 0
    var closed = 0
    var requests: [HTTPRequestHead] = []
    /// Requests for which the answer's function has returned.
    var answered = 0
  }

  /// What the server saw, and waiting for it.
  final class Log: Sendable {
    private struct State {
      var counts = Counts()
      var waiters: [(@Sendable (Counts) -> Bool, CheckedContinuation<Void, Never>)] = []
    }
    private let state = Locked(State())

    var counts: Counts { state.withLock { $0.counts } }

    func add(_ change: (inout Counts) -> Void) {
      let met = state.withLock { state in
        change(&state.counts)
        let counts = state.counts
        let met = state.waiters.filter { $0.0(counts) }.map(\.1)
        state.waiters.removeAll { $0.0(counts) }
        return met
      }
      for continuation in met { continuation.resume() }
    }

    func reaches(_ condition: @escaping @Sendable (Counts) -> Bool) async {
      await withCheckedContinuation { continuation in
        let met = state.withLock { state in
          let met = condition(state.counts)
          if !met { state.waiters.append((condition, continuation)) }
          return met
        }
        if met { continuation.resume() }
      }
    }
  }

  private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    let log: Log
    let answer: Answer

    init(log: Log, answer: @escaping Answer) {
      self.log = log
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .head(let head) = unwrapInboundIn(data) else { return }
      log.add { $0.requests.append(head) }
      answer(head, context.channel)
      log.add { $0.answered += 1 }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

extension Channel {
  /// Sends a whole response.
  func answer(_ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders = [:], body: String = "") {
    var headers = headers
    if !headers.contains(name: "content-length") { headers.add(name: "content-length", value: "\(body.utf8.count)") }
    begin(status, headers)
    write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
  }

  /// Sends a response's head.
  func begin(_ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders = [:]) {
    writeAndFlush(HTTPServerResponsePart.head(.init(version: .http1_1, status: status, headers: headers)), promise: nil)
  }

  /// Sends body after body until the peer hangs up.
  func pour() {
    let chunk = ByteBuffer(repeating: 0x78, count: 65_536)
    writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(chunk))).whenSuccess { self.pour() }
  }

  func redirect(to location: String, _ status: HTTPResponseStatus = .found) {
    answer(status, ["location": location])
  }
}
