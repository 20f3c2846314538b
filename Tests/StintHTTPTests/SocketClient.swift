import NIOCore
import NIOPosix
import StintCore
import Synchronization

/// A WebSocket's client by hand: exact frames out, whatever comes in.
final class SocketClient: Sendable {
  /// What came in.
  enum Event: Sendable {
    /// The head of an answer that is no 101, with what follows it.
    case refused(String)
    case opened(String)
    case message(JSONValue)
    case ping
    case pong([UInt8])
    case close(code: Int?)
    /// The connection is over.
    case ended
  }

  private let channel: any Channel
  private let inbox: Inbox
  private let counter: Counter

  private final class Counter: Sendable {
    let bytes = Atomic(0)
  }

  /// Bytes that came in.
  var received: Int { counter.bytes.load(ordering: .relaxed) }

  private actor Inbox {
    private var events: [Event] = []
    private var position = 0
    private var waiting: CheckedContinuation<Void, Never>?

    func take(_ event: Event) {
      events.append(event)
      waiting?.resume()
      waiting = nil
    }

    func next() async -> Event? {
      while position == events.count {
        if Task.isCancelled { return nil }
        await withTaskCancellationHandler {
          await withCheckedContinuation { continuation in
            waiting?.resume()
            waiting = continuation
            if Task.isCancelled { giveUp() }
          }
        } onCancel: {
          Task { await self.giveUp() }
        }
      }
      position += 1
      // What is read is not kept: a long test would hold every state it got.
      if position == 4_096 {
        events.removeFirst(position)
        position = 0
        return last
      }
      last = events[position - 1]
      return last
    }
    private var last: Event?

    private func giveUp() {
      waiting?.resume()
      waiting = nil
    }
  }

  /// Reads the answer to the handshake, and frames after it.
  private final class Parser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let feed: AsyncStream<Event>.Continuation
    private var bytes = ByteBuffer()
    private var isOpen = false
    private var text = ""
    private var partial: [UInt8] = []

    private let counter: Counter

    init(_ feed: AsyncStream<Event>.Continuation, _ counter: Counter) { (self.feed, self.counter) = (feed, counter) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var new = unwrapInboundIn(data)
      counter.bytes.add(new.readableBytes, ordering: .relaxed)
      bytes.writeBuffer(&new)
      if !isOpen {
        guard let end = bytes.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        let head = String(decoding: bytes.readableBytesView[..<end.upperBound], as: UTF8.self)
        guard head.hasPrefix("HTTP/1.1 101 ") else {
          text += String(buffer: bytes)
          bytes.clear()
          feed.yield(.refused(text))
          return
        }
        bytes.moveReaderIndex(to: end.upperBound)
        isOpen = true
        feed.yield(.opened(head))
      }
      while let event = frame() { feed.yield(event) }
      bytes.discardReadBytes()
    }

    private func frame() -> Event? {
      var rest = bytes
      guard let first: UInt8 = rest.readInteger(), let second: UInt8 = rest.readInteger() else { return nil }
      var length = Int(second)
      if second == 126 {
        guard let long: UInt16 = rest.readInteger() else { return nil }
        length = Int(long)
      } else if second == 127 {
        guard let long: UInt64 = rest.readInteger() else { return nil }
        length = Int(long)
      }
      guard let content = rest.readBytes(length: length) else { return nil }
      bytes = rest
      switch first {
      case 0x81: return .message((try? JSONParser.parse(content, depth: 64)) ?? "no JSON")
      case 0x88: return .close(code: content.count < 2 ? nil : Int(content[0]) << 8 | Int(content[1]))
      case 0x89: return .ping
      case 0x8A: return .pong(content)
      default: return .message(.string("frame \(first)"))
      }
    }

    func channelInactive(context: ChannelHandlerContext) {
      feed.yield(.ended)
      feed.finish()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  private init(_ channel: any Channel, _ inbox: Inbox, _ counter: Counter) {
    self.channel = channel
    self.inbox = inbox
    self.counter = counter
  }

  static let key = "dGhlIHNhbXBsZSBub25jZQ=="

  /// The handshake's text.
  static func handshake(_ port: Int, path: String = "/ws/queue", headers: [String] = []) -> String {
    let given = Set(headers.map { $0.prefix { $0 != ":" }.lowercased() })
    let usual = [
      "Host: localhost:\(port)", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: \(key)",
    ].filter { !given.contains($0.prefix { $0 != ":" }.lowercased()) }
    return "GET \(path) HTTP/1.1\r\n" + (usual + headers).map { $0 + "\r\n" }.joined() + "\r\n"
  }

  /// Connects and sends the handshake while `body` runs.
  static func connect<Value: Sendable>(
    _ port: Int, path: String = "/ws/queue", headers: [String] = [], receiveBuffer: Int? = nil, seconds: Int = 120,
    _ body: @escaping @Sendable (SocketClient) async throws -> Value
  ) async throws -> Value {
    let (events, feed) = AsyncStream<Event>.makeStream()
    let counter = Counter()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Parser(feed, counter)) }
      }
    if let receiveBuffer {
      bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
    }
    let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
    let inbox = Inbox()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for await event in events { await inbox.take(event) } }
      do {
        let client = SocketClient(channel, inbox, counter)
        try await client.write(handshake(port, path: path, headers: headers))
        let value = try await within(seconds: seconds, "the socket's part") { try await body(client) }
        channel.close(promise: nil)
        try await group.waitForAll()
        return value
      } catch {
        channel.close(promise: nil)
        throw error
      }
    }
  }

  /// An open socket while `body` runs.
  static func open<Value: Sendable>(
    _ port: Int, headers: [String] = [], receiveBuffer: Int? = nil, seconds: Int = 120,
    _ body: @escaping @Sendable (SocketClient) async throws -> Value
  ) async throws -> Value {
    try await connect(port, headers: headers, receiveBuffer: receiveBuffer, seconds: seconds) { client in
      guard case .opened = try await client.event() else { throw StintError(.internalError, "not opened") }
      return try await body(client)
    }
  }

  // MARK: Out

  func write(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

  /// Sends a frame, masked unless said otherwise.
  func send(frame first: UInt8, _ content: [UInt8], isMasked: Bool = true) async throws {
    try await channel.writeAndFlush(Self.frame(first, content, isMasked: isMasked)).get()
  }

  static func frame(_ first: UInt8, _ content: [UInt8], isMasked: Bool = true) -> ByteBuffer {
    var buffer = ByteBuffer()
    let mask: UInt8 = isMasked ? 0x80 : 0
    buffer.writeInteger(first)
    if content.count < 126 {
      buffer.writeInteger(mask | UInt8(content.count))
    } else if content.count <= UInt16.max {
      buffer.writeInteger(mask | 126)
      buffer.writeInteger(UInt16(content.count))
    } else {
      buffer.writeInteger(mask | 127)
      buffer.writeInteger(UInt64(content.count))
    }
    if isMasked {
      let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
      buffer.writeBytes(key)
      buffer.writeBytes(content.enumerated().map { $1 ^ key[$0 % 4] })
    } else {
      buffer.writeBytes(content)
    }
    return buffer
  }

  /// Frames that are made already.
  func send(bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

  func sendText(_ text: String) async throws { try await send(frame: 0x81, Array(text.utf8)) }

  func send(_ type: String, _ members: KeyValuePairs<String, JSONValue> = [:]) async throws {
    let all = [JSONMember("type", .string(type))] + members.map { JSONMember($0.key, $0.value) }
    try await sendText(RawJSON(.object(all)).text)
  }

  /// Stops or goes on reading from the connection.
  func reads(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }

  func drop() async throws { try await channel.close().get() }

  // MARK: In

  /// What comes next.
  func event() async throws -> Event {
    guard let event = await inbox.next() else { throw CancellationError() }
    return event
  }

  /// The next message; pings and figures, which come when they come, are passed over.
  func message() async throws -> JSONValue {
    while true {
      switch try await event() {
      case .message(let json) where json.type == "stats_update": continue
      case .message(let json): return json
      case .ping: try await send(frame: 0x8A, [])
      case .pong, .opened: continue
      case let other: throw StintError(.internalError, "a message was expected, and came \(other)")
      }
    }
  }

  /// The next message, which must be of this type.
  func message(_ type: String) async throws -> JSONValue {
    let json = try await message()
    guard json.type == type else {
      throw StintError(.internalError, "expected \(type), and came \(json.excerpt(limit: 300))")
    }
    return json
  }

  /// Reads on until a message fits; that one.
  func message(where fits: @Sendable (JSONValue) -> Bool) async throws -> JSONValue {
    while true {
      let json = try await message()
      if fits(json) { return json }
    }
  }

  /// Reads until the close frame; its code.
  func closed() async throws -> Int? {
    while true {
      switch try await event() {
      case .close(let code): return code
      case .ended: throw StintError(.internalError, "the connection ended without a close frame")
      default: continue
      }
    }
  }

  /// Reads until the connection is over.
  func ended() async throws {
    while true { if case .ended = try await event() { return } }
  }
}

extension JSONValue {
  /// The `type` of a message.
  var type: String? { self["type"]?.string }
  /// The `job_id` of a message, or its job's id.
  var jobID: String? { self["job_id"]?.string ?? self["job"]?["id"]?.string }
}
