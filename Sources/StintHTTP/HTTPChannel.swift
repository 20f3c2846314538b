import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Synchronization

/// A connection: HTTP/1.1 as Hummingbird serves it, on a pipeline whose handlers can be exchanged for a WebSocket's.
struct HTTPChannel: HTTPChannelHandler {
  typealias Value = AcceptedConnection

  let responder: Responder
  let idleTimeout: Duration
  let shutdownGrace: Duration

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandler(HTTPResponseEncoder())
      try pipeline.addHandler(Self.decoder())
      try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
      try pipeline.addHandler(ConnectionHandler(stallTimeout: idleTimeout, shutdownGrace: shutdownGrace))
      try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: idleTimeout, logger: logger))
      return try AcceptedConnection(channel)
    }
  }

  func handle(value: AcceptedConnection, logger: Logger) async {
    // A connection that is gone already has nothing to say.
    guard let channel = try? await value.begin() else { return }
    await handleHTTP(asyncChannel: channel, logger: logger)
  }

  /// Reads requests; bytes behind a request that offers an upgrade wait in it until it is removed.
  static func decoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = 80 << 10
    limits.maxHeaderListSize = 80 << 10
    limits.maxHeaderFieldCount = 1_000
    return ByteToMessageHandler(
      HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
  }
}

/// A connection that nobody serves yet, and nothing is read from. It is closed if it is dropped.
///
/// NIO's asynchronous channel traps when it is dropped without having been served, and a server that is cancelled drops
/// the connections that have come in last. So it is made only when it is served.
final class AcceptedConnection: ServerChildChannelValue {
  let channel: any Channel
  private let isServed = Atomic(false)

  /// Must be made on the channel's event loop, before anything is read.
  fileprivate init(_ channel: any Channel) throws {
    self.channel = channel
    try channel.syncOptions?.setOption(.autoRead, value: false)
  }

  deinit {
    if !isServed.load(ordering: .relaxed) { channel.close(promise: nil) }
  }

  /// Begins to read; who calls it must serve what it gives. Throws where the connection is gone.
  fileprivate func begin() async throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
    let channel = channel
    let wrapped = try await channel.eventLoop.submit {
      let wrapped = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
        wrappingChannelSynchronously: channel,
        configuration: NIOAsyncChannel.Configuration(isOutboundHalfClosureEnabled: true))
      try? channel.syncOptions?.setOption(.autoRead, value: true)
      return wrapped
    }.get()
    isServed.store(true, ordering: .relaxed)
    return wrapped
  }
}
