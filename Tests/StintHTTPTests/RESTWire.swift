import NIOCore
import NIOPosix
import StintCore

/// A bare connection: exact bytes out, whatever comes in.
final class Wire: Sendable {
  private let channel: any Channel
  private let reader: Reader

  /// What came in so far, for those who wait for more.
  private actor Reader {
    var text: [UInt8] = []
    var isOver = false
    private var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    private var next = 0

    func take(_ bytes: [UInt8]?) {
      if let bytes { text += bytes } else { isOver = true }
      let woken = waiting.values
      waiting = [:]
      for continuation in woken { continuation.resume() }
    }

    /// Returns when there is more, or the task is cancelled.
    func more(than count: Int) async {
      if text.count > count || isOver { return }
      next += 1
      let id = next
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          if Task.isCancelled { continuation.resume() } else { waiting[id] = continuation }
        }
      } onCancel: {
        Task { await self.giveUp(id) }
      }
    }

    private func giveUp(_ id: Int) { waiting.removeValue(forKey: id)?.resume() }
  }

  private final class Handler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let feed: AsyncStream<[UInt8]?>.Continuation

    init(_ feed: AsyncStream<[UInt8]?>.Continuation) { self.feed = feed }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      feed.yield(Array(unwrapInboundIn(data).readableBytesView))
    }
    func channelInactive(context: ChannelHandlerContext) {
      feed.yield(nil)
      feed.finish()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  private init(_ channel: any Channel, _ reader: Reader) {
    self.channel = channel
    self.reader = reader
  }

  /// Connects while `body` runs. `receiveBuffer`, in bytes, makes a reader that soon has enough.
  static func open<Value: Sendable>(
    _ port: Int, receiveBuffer: Int? = nil, _ body: @escaping @Sendable (Wire) async throws -> Value
  ) async throws -> Value {
    let (bytes, feed) = AsyncStream<[UInt8]?>.makeStream()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelInitializer { $0.pipeline.addHandler(Handler(feed)) }
    if let receiveBuffer {
      bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
    }
    let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
    let reader = Reader()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for await part in bytes { await reader.take(part) } }
      let value = try await within("the connection's part") { try await body(Wire(channel, reader)) }
      channel.close(promise: nil)
      try await group.waitForAll()
      return value
    }
  }

  func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

  func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

  /// Stops or goes on reading from the socket.
  func reads(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }

  /// What came in so far.
  var text: String { get async { String(decoding: await reader.text, as: UTF8.self) } }

  /// Says that nothing more will be sent.
  func finish() async throws { try await channel.close(mode: .output).get() }

  /// Goes away at once.
  func drop() async throws { try await channel.close().get() }

  /// What came in once `condition` holds for it, or the other side has closed.
  @discardableResult func read(until condition: @Sendable (String) -> Bool) async throws -> String {
    while true {
      let bytes = await reader.text
      let text = String(decoding: bytes, as: UTF8.self)
      if condition(text) { return text }
      if await reader.isOver { return text }
      try Task.checkCancellation()
      await reader.more(than: bytes.count)
    }
  }

  /// Everything until the other side closes.
  func readAll() async throws -> String {
    while await !reader.isOver {
      try Task.checkCancellation()
      await reader.more(than: await reader.text.count)
    }
    return String(decoding: await reader.text, as: UTF8.self)
  }
}
