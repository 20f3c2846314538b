import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
import NIOWebSocket
import StintCore

/// A socket that may open: the handshake is one, and there is a place.
struct SocketOpening: Sendable {
  let handshake: WebSocketHandshake
  let permit: StreamPermit
  let actor: StintCore.Actor
  let access: Gatekeeper.Access
}

extension ServiceCore {
  /// Turns the connection into a socket, and serves it until it is over.
  func serve(_ opening: SocketOpening, _ channel: any Channel, from address: String) async throws {
    defer { withExtendedLifetime(opening.permit) {} }
    let started = time.uptime()
    let feed = feed
    let socket = WebSocket(channel: channel) { feed.wantState($0) }
    try await WebSocketUpgrade.perform(opening.handshake, socket, service: self)
    logger.info("socket opened", metadata: ["from": "\(address)", "sockets": "\(sockets.count)"])
    let commands = QueueCommands(service: self, socket: socket, actor: opening.actor, access: opening.access)
    feed.join(socket)
    await withTaskCancellationHandler {
      for await message in socket.messages {
        await commands.run(message)
        socket.done(message)
      }
    } onCancel: {
      channel.close(promise: nil)
    }
    feed.leave(socket)
    let counts = socket.counts
    logger.info(
      "socket closed",
      metadata: [
        "from": "\(address)", "duration": "\((time.uptime() - started).text)", "received": "\(counts.received)",
        "sent": "\(counts.sent)",
      ])
  }
}

/// The change from HTTP to WebSocket on one connection.
enum WebSocketUpgrade {
  /// Answers the handshake and exchanges the handlers, in one step of the event loop: what the client sent behind its
  /// handshake is the socket's first input. Answers to earlier requests are before the handshake's.
  static func perform(_ handshake: WebSocketHandshake, _ socket: WebSocket, service: ServiceCore) async throws {
    let channel = socket.channel
    let limits = WebSocketLimits(
      messageBytes: service.configuration.limits.socketMessageBytes,
      commandsPerSecond: service.configuration.limits.socketCommandsPerSecond)
    let inlineBytes = service.configuration.limits.inlineBytes
    let time = service.time
    try await channel.eventLoop.submit {
      guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
      let pipeline = channel.pipeline.syncOperations
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      let state = try pipeline.handler(type: HTTPConnectionStateHandler.self)
      let frames = ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limits.messageBytes))
      let handler = WebSocketHandler(socket: socket, limits: limits, time: time) { error, message in
        QueueMessage.error(error, requestID: requestID(message), secrets: .none, inlineBytes: inlineBytes)
      }
      try pipeline.addHandler(handler, position: .after(state))
      try pipeline.addHandler(frames, position: .before(handler))
      pipeline.removeHandler(state, promise: nil)
      pipeline.removeHandler(try pipeline.handler(type: ConnectionHandler.self), promise: nil)
      pipeline.removeHandler(try pipeline.handler(type: HTTP1ToHTTPServerCodec.self), promise: nil)
      pipeline.removeHandler(try pipeline.handler(type: HTTPResponseEncoder.self), promise: nil)
      try pipeline.context(handler: decoder).writeAndFlush(NIOAny(handshake.answer), promise: nil)
      pipeline.removeHandler(decoder, promise: nil)
    }.get()
  }

  /// The `request_id` of a message that is not done; a large one is not read for it.
  private static func requestID(_ message: [UInt8]?) -> String? {
    guard let message, message.count <= 16 << 10, let json = try? JSONParser.parse(message, depth: 64) else {
      return nil
    }
    return try? QueueCommands.requestID(json)
  }
}
