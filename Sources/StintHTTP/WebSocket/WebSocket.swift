import NIOCore
import StintCore

/// One open socket, for those outside its event loop: what waits to be written, and the messages that came in.
///
/// What waits is bounded. A reader that is too slow loses everything that waits, and gets a new state once it reads
/// again: it costs this buffer and nothing else.
final class WebSocket: Sendable {
  /// Frames that may wait for one reader.
  static let maxFrames = 1_024
  /// Bytes that may wait for one reader, besides one state. All sockets share what is told to all.
  static let maxBytes = 1 << 20
  /// Commands that may wait to be done.
  static let maxCommands = 64
  /// Bytes of commands that may wait to be done.
  static let maxCommandBytes = 4 << 20

  /// What its handler is told.
  enum Order: Sendable {
    /// Frames wait.
    case write
    /// Time for a sign of life.
    case ping
    /// Close.
    case close(WebSocketClose)
  }

  private enum Mode {
    /// Needs a state before any event.
    case waiting
    /// Has a state and gets events.
    case live
    /// Lost events; asks for a state once it reads again.
    case overflowed
    case closed
  }

  private struct Waiting {
    let frame: ByteBuffer
    let kind: Kind

    /// Bytes that count against the limit: a state, which is one at most, does not.
    var bytes: Int { kind == .state ? 0 : frame.readableBytes }
  }

  private enum Kind {
    case state
    case event
    case reply
  }

  private struct State {
    var mode = Mode.waiting
    var frames = CircularBuffer<Waiting>()
    var bytes = 0
    var isTold = false
    var commands = 0
    var commandBytes = 0
    var received = 0
    var sent = 0

    mutating func append(_ frame: ByteBuffer, _ kind: Kind) {
      let waiting = Waiting(frame: frame, kind: kind)
      frames.append(waiting)
      bytes += waiting.bytes
    }

    /// A state makes what waits before it superfluous, except for what only this client gets.
    mutating func keepReplies() {
      let replies = frames.filter { $0.kind == .reply }
      drop()
      for reply in replies { append(reply.frame, .reply) }
    }

    mutating func drop() {
      frames.removeAll(keepingCapacity: false)
      bytes = 0
    }

    var isOver: Bool { frames.count > WebSocket.maxFrames || bytes > WebSocket.maxBytes }
  }

  let channel: any Channel
  /// The text messages, in order; ends with the socket.
  let messages: AsyncStream<[UInt8]>
  private let inbound: AsyncStream<[UInt8]>.Continuation
  private let state = Locked(State())
  private let wantsState: @Sendable (WebSocket) -> Void

  /// The socket of a channel; calls `wantsState` when it lost events and reads again.
  init(channel: any Channel, wantsState: @escaping @Sendable (WebSocket) -> Void) {
    self.channel = channel
    self.wantsState = wantsState
    (messages, inbound) = AsyncStream<[UInt8]>.makeStream()
  }

  /// Messages that came in and went out.
  var counts: (received: Int, sent: Int) { state.withLock { ($0.received, $0.sent) } }

  // MARK: Out

  /// Events for everyone; nothing where the socket has no state yet.
  func offer(_ frames: [ByteBuffer]) {
    change { state in
      guard state.mode == .live else { return }
      for frame in frames { state.append(frame, .event) }
    }
  }

  /// What only this socket's client gets.
  func reply(_ frame: ByteBuffer) {
    change { state in
      guard state.mode != .closed else { return }
      state.append(frame, .reply)
    }
  }

  /// The state, and what happened since it was read.
  func deliver(_ frame: ByteBuffer, since: [ByteBuffer]) {
    change { state in
      guard state.mode != .closed else { return }
      state.mode = .live
      if !state.frames.isEmpty { state.keepReplies() }
      state.append(frame, .state)
      for frame in since { state.append(frame, .event) }
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let mustTell = state.withLock { state in
      body(&state)
      if state.isOver {
        state.drop()
        if state.mode == .live { state.mode = .overflowed }
      }
      guard !state.isTold, !state.frames.isEmpty || state.mode == .overflowed else { return false }
      state.isTold = true
      return true
    }
    if mustTell { tell(.write) }
  }

  /// Tells the handler, in a step of its own: whoever tells may hold a lock, and the handler asks the feed for states.
  func tell(_ order: Order) {
    let channel = channel
    channel.eventLoop.execute { channel.triggerUserOutboundEvent(order, promise: nil) }
  }

  /// The next frame to write; nil where none waits. Only for the handler.
  func next() -> ByteBuffer? {
    let (frame, needsState) = state.withLock { state -> (ByteBuffer?, Bool) in
      if let waiting = state.frames.popFirst() {
        state.bytes -= waiting.bytes
        state.sent += 1
        return (waiting.frame, false)
      }
      state.isTold = false
      guard state.mode == .overflowed else { return (nil, false) }
      state.mode = .waiting
      return (nil, true)
    }
    if needsState { wantsState(self) }
    return frame
  }

  // MARK: In

  /// A message that came in; false where too many wait already. Only for the handler.
  func accept(_ message: [UInt8]) -> Bool {
    let fits = state.withLock { state in
      guard state.commands < Self.maxCommands, state.commandBytes + message.count <= Self.maxCommandBytes else {
        return false
      }
      state.commands += 1
      state.commandBytes += message.count
      return true
    }
    if fits { inbound.yield(message) }
    return fits
  }

  /// A message came in, of whatever kind. Only for the handler.
  func countMessage() { state.withLock { $0.received += 1 } }

  /// A message of ``messages`` is dealt with.
  func done(_ message: [UInt8]) {
    state.withLock { state in
      state.commands -= 1
      state.commandBytes -= message.count
    }
  }

  /// It is over. Only for the handler.
  func ended() {
    state.withLock { state in
      state.mode = .closed
      state.drop()
    }
    inbound.finish()
  }
}
