import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import StintCore

/// Watches over one connection, between the HTTP decoder and Hummingbird.
///
/// It answers what is no HTTP with an error of Stint's shape, closes after answers that say `connection: close`
/// without losing what is on its way, ends streams whose reader has gone, and lets nothing half-done hold up a stop.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let stallTimeout: TimeAmount
  private let shutdownGrace: TimeAmount
  /// A request's head is in, its end is not.
  private var isReading = false
  /// Requests that are not answered to the end.
  private var unanswered = 0
  /// Ends of answers that are not yet on the socket.
  private var unflushed = 0
  private var isStreaming = false
  private var closesAfterAnswer = false
  /// What came after the last whole request is no HTTP.
  private var isBroken = false
  private var isLingering = false
  private var closeWaits = false
  /// The request that is read offers another protocol.
  private var isUpgrade = false
  /// The decoder waits behind such a request for the other protocol.
  private var isDecoderStopped = false
  private var isRemoved = false
  /// The client will send no more.
  private var isInputClosed = false
  /// Who wants to know that the client left a request that waits for its answer.
  private var watch: ClientWatch?
  private var stall: Scheduled<Void>?
  private var lastClose: Scheduled<Void>?

  init(stallTimeout: Duration, shutdownGrace: Duration) {
    self.stallTimeout = TimeAmount(stallTimeout)
    self.shutdownGrace = TimeAmount(shutdownGrace)
  }

  // MARK: What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLingering, !isBroken else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      isReading = true
      unanswered += 1
      isUpgrade =
        head.headerFields[.upgrade] != nil
        && WebSocketHandshake.tokens(head.headerFields[values: .connection]).contains("upgrade")
    case .body: break
    case .end:
      isReading = false
      isDecoderStopped = isUpgrade
    }
    context.fireChannelRead(data)
    resumeDecoding(context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case is HTTPParserError, is HTTP1TypeConversionError:
      if isReading {
        // The body is broken: whoever reads it answers, and the connection closes after that.
        closesAfterAnswer = true
        context.fireErrorCaught(error)
      } else if !isBroken, !isLingering {
        isBroken = true
        if unanswered == 0 { answerBroken(context) }
      }
    case is ByteToMessageDecoderError: break  // More of what was broken before.
    default: context.fireErrorCaught(error)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { isInputClosed = true }
    switch event {
    case ChannelEvent.inputClosed where watch != nil:
      context.close(promise: nil)
    case ChannelEvent.inputClosed where isStreaming || isLingering || (unanswered == 0 && unflushed == 0):
      context.close(promise: nil)
    case is ChannelShouldQuiesceEvent:
      // A request that is not here in full will not be served; a reader that does not read will not be waited for.
      if isReading || (isStreaming && !context.channel.isWritable) { return context.close(promise: nil) }
      lastClose?.cancel()
      lastClose = schedule(context, in: shutdownGrace)
      context.fireUserInboundEventTriggered(event)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  /// A request that waits for its answer is of no use to a client that has closed its side.
  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard let watch = event as? ClientWatch else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    promise?.succeed()
    if isInputClosed { return watch.gone() }
    self.watch = watch
  }

  func channelInactive(context: ChannelHandlerContext) {
    watch?.gone()
    watch = nil
    stall?.cancel()
    lastClose?.cancel()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    isRemoved = true
    stall?.cancel()
    lastClose?.cancel()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = nil
    // A stream's reader may take its time: it costs one buffer. Other answers are for those who want them.
    if !context.channel.isWritable, !isStreaming { stall = schedule(context, in: stallTimeout) }
    context.fireChannelWritabilityChanged()
  }

  // MARK: What goes out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection] == "close" { closesAfterAnswer = true }
      isStreaming = head.headerFields[.contentType] == EventStream.contentType
      context.write(data, promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      watch = nil
      unanswered -= 1
      unflushed += 1
      defer { resumeDecoding(context) }
      let written = promise ?? context.eventLoop.makePromise()
      written.futureResult.assumeIsolated().whenComplete { _ in self.answerIsOut(context) }
      context.write(data, promise: written)
    }
  }

  private func answerIsOut(_ context: ChannelHandlerContext) {
    unflushed -= 1
    guard unflushed == 0, !isLingering, !isRemoved else { return }
    if closeWaits {
      context.close(promise: nil)
    } else if closesAfterAnswer {
      linger(context)
    } else if isBroken, unanswered == 0 {
      answerBroken(context)
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, unflushed > 0, promise == nil, context.channel.isActive else {
      return context.close(mode: mode, promise: promise)
    }
    // The answer is on its way to the socket; the stall and stop timers bound the wait.
    closeWaits = true
    lastClose = lastClose ?? schedule(context, in: shutdownGrace)
  }

  /// After a request that offered another protocol the decoder reads no more. Once it is answered as HTTP, a new
  /// decoder takes the place of the old one, and gets what that one kept.
  private func resumeDecoding(_ context: ChannelHandlerContext) {
    guard isDecoderStopped, unanswered == 0, !isLingering else { return }
    isDecoderStopped = false
    let pipeline = context.pipeline.syncOperations
    guard let old = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self),
      (try? pipeline.addHandler(HTTPChannel.decoder(), position: .after(old))) != nil
    else { return context.close(promise: nil) }
    // What the old one kept is a read of its own, and readers wait for the end of a read.
    let removed = context.eventLoop.makePromise(of: Void.self)
    removed.futureResult.assumeIsolated().whenSuccess { context.pipeline.fireChannelReadComplete() }
    pipeline.removeHandler(old, promise: removed)
  }

  private func answerBroken(_ context: ChannelHandlerContext) {
    let answer = Answer(StintError(.malformed, "What was sent is no HTTP/1.1 request"))
    guard case .bytes(let bytes, let type) = answer.body else { return }
    var fields = Answer.everywhere
    fields[.contentType] = type
    fields[.contentLength] = String(bytes.count)
    fields[.connection] = "close"
    unanswered += 1
    closesAfterAnswer = true
    let head = HTTPResponse(status: answer.status, headerFields: fields)
    for part in [HTTPResponsePart.head(head), .body(ByteBuffer(bytes: bytes)), .end(nil)] {
      write(context: context, data: wrapOutboundOut(part), promise: nil)
    }
    context.flush()
  }

  /// Ends what is sent, and gives the other side time to read it: closing on unread input would reset the connection
  /// and take the answer along. A second for those who still send, longer for the reader of a stream.
  private func linger(_ context: ChannelHandlerContext) {
    isLingering = true
    context.close(mode: .output, promise: nil)
    lastClose = lastClose ?? schedule(context, in: isStreaming ? stallTimeout : .seconds(1))
  }

  private func schedule(_ context: ChannelHandlerContext, in delay: TimeAmount) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: delay) { context.close(promise: nil) }
  }
}
