import NIOCore
import NIOWebSocket
import StintCore
import StintEngine

/// What may come in over a socket, and how fast.
struct WebSocketLimits: Sendable {
  var messageBytes: Int
  var commandsPerSecond: Int
}

/// One socket on its event loop: frames in, frames out, pings, the close.
final class WebSocketHandler: ChannelInboundHandler, ChannelOutboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How long the other side has to answer a close.
  static let closeGrace: TimeAmount = .seconds(2)

  private let socket: WebSocket
  private let limits: WebSocketLimits
  private let time: any TimeSource
  private let refuse: @Sendable (StintError, [UInt8]?) -> ByteBuffer
  private var assembler: MessageAssembler
  private var pace: CommandPace
  private var isClosing = false
  /// Whether anything moved since the last ping.
  private var isAlive = true
  private var lastClose: Scheduled<Void>?

  /// A handler; `refuse` makes the frame that tells the client why its message was not taken.
  init(
    socket: WebSocket, limits: WebSocketLimits, time: any TimeSource,
    refuse: @escaping @Sendable (StintError, [UInt8]?) -> ByteBuffer
  ) {
    self.socket = socket
    self.limits = limits
    self.time = time
    self.refuse = refuse
    self.assembler = MessageAssembler(limit: limits.messageBytes)
    self.pace = CommandPace(perSecond: limits.commandsPerSecond)
  }

  // MARK: What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isAlive = true
    do throws(WebSocketClose) {
      guard let message = try assembler.take(unwrapInboundIn(data)) else { return }
      take(message, context)
    } catch {
      close(context, error)
    }
  }

  private func take(_ message: MessageAssembler.Message, _ context: ChannelHandlerContext) {
    if isClosing {
      // Ours was first, and this is the answer; nothing else that comes behind a close is done.
      if case .close = message { context.close(promise: nil) }
      return
    }
    switch message {
    case .close(let given):
      isClosing = true
      context.writeAndFlush(wrapOutboundOut(ServerFrame.close(given)), promise: nil)
      context.close(promise: nil)
    case .ping(let content):
      // One that does not read gets no answers: they would wait here without end.
      guard context.channel.isWritable else { return }
      context.writeAndFlush(wrapOutboundOut(ServerFrame.pong(content)), promise: nil)
    case .pong: break
    case .text(let bytes):
      guard isCounted() else { return refuseForPace(bytes) }
      if !socket.accept(bytes) {
        let error = StintError(.quotaExceeded, "Too many commands wait to be done; this one is not done")
        socket.reply(refuse(error, bytes))
      }
    case .binary:
      guard isCounted() else { return refuseForPace(nil) }
      let error = StintError(.unsupportedMediaType, "A binary message; a command is a text message with a JSON object")
      socket.reply(refuse(error, nil))
    case .tooLarge:
      guard isCounted() else { return refuseForPace(nil) }
      let error = StintError(.tooLarge, "A message of more than \(limits.messageBytes) bytes, which is the limit")
      socket.reply(refuse(error, nil))
    }
  }

  /// Counts a message; false where it is one too many, or none is taken any more.
  private func isCounted() -> Bool {
    socket.countMessage()
    return pace.admits(at: time.uptime())
  }

  private func refuseForPace(_ message: [UInt8]?) {
    let error = StintError(
      .quotaExceeded, "More than \(limits.commandsPerSecond) commands within a second; this one is not done")
    socket.reply(refuse(error, message))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength: close(context, .tooLarge(limits.messageBytes))
    case is NIOWebSocketError: close(context, .protocolError("a control frame is whole and has 125 bytes at most"))
    case is ByteToMessageDecoderError: break  // More of what was broken before.
    default: context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed: context.close(promise: nil)
    case is ChannelShouldQuiesceEvent: close(context, .goingAway)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    lastClose?.cancel()
    socket.ended()
    context.fireChannelInactive()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isAlive = true
    if context.channel.isWritable { writeWaiting(context) }
    context.fireChannelWritabilityChanged()
  }

  // MARK: What goes out

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard let order = event as? WebSocket.Order else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    promise?.succeed()
    switch order {
    case .write: writeWaiting(context)
    case .close(let reason): close(context, reason)
    case .ping:
      guard !isClosing else { return }
      guard isAlive else { return context.close(promise: nil) }
      isAlive = false
      context.writeAndFlush(wrapOutboundOut(ServerFrame.ping), promise: nil)
    }
  }

  private func writeWaiting(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    var isAny = false
    while context.channel.isWritable, let frame = socket.next() {
      context.write(wrapOutboundOut(frame), promise: nil)
      isAny = true
    }
    if isAny { context.flush() }
  }

  /// Says why, and gives the other side time to agree; one that does not read is not waited for.
  private func close(_ context: ChannelHandlerContext, _ reason: WebSocketClose) {
    guard !isClosing else { return }
    isClosing = true
    guard context.channel.isWritable else { return context.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(ServerFrame.close(reason)), promise: nil)
    lastClose = context.eventLoop.assumeIsolated().scheduleTask(in: Self.closeGrace) { context.close(promise: nil) }
  }
}

/// So many commands a second, and no more.
struct CommandPace {
  private let perSecond: Int
  private var last: CircularBuffer<Duration> = []

  init(perSecond: Int) { self.perSecond = perSecond }

  /// Whether one more fits into the second that ends now.
  mutating func admits(at now: Duration) -> Bool {
    while let first = last.first, now - first >= .seconds(1) { last.removeFirst() }
    guard last.count < perSecond else { return false }
    last.append(now)
    return true
  }
}
