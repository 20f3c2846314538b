import NIOCore
import NIOWebSocket

/// Frames of a server, as bytes: made once, written to any number of sockets.
enum ServerFrame {
  /// A whole text message.
  static func text(_ bytes: [UInt8]) -> ByteBuffer { frame(.text, ByteBuffer(bytes: bytes)) }

  /// A ping without content.
  static let ping = frame(.ping, ByteBuffer())

  /// The answer to a ping.
  static func pong(_ content: ByteBuffer) -> ByteBuffer { frame(.pong, content) }

  /// A close; without a code where the other side gave none.
  static func close(_ close: WebSocketClose?) -> ByteBuffer {
    var content = ByteBuffer()
    if let close {
      content.writeInteger(close.code)
      // A control frame holds 125 bytes; a reason is cut between characters.
      var room = 123
      for scalar in close.reason.unicodeScalars {
        let bytes = Array(String(scalar).utf8)
        room -= bytes.count
        if room < 0 { break }
        content.writeBytes(bytes)
      }
    }
    return frame(.connectionClose, content)
  }

  private static func frame(_ opcode: WebSocketOpcode, _ content: ByteBuffer) -> ByteBuffer {
    let count = content.readableBytes
    var buffer = ByteBufferAllocator().buffer(capacity: count + 10)
    buffer.writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
    if count < 126 {
      buffer.writeInteger(UInt8(count))
    } else if count <= UInt16.max {
      buffer.writeInteger(UInt8(126))
      buffer.writeInteger(UInt16(count))
    } else {
      buffer.writeInteger(UInt8(127))
      buffer.writeInteger(UInt64(count))
    }
    buffer.writeImmutableBuffer(content)
    return buffer
  }
}

/// Why a socket closes: the code of RFC 6455 §7.4 and words for people.
struct WebSocketClose: Error, Sendable, Hashable {
  let code: UInt16
  var reason = ""

  /// The server stops.
  static let goingAway = WebSocketClose(code: 1001, reason: "the server stops")
  /// A frame that does not fit the protocol.
  static func protocolError(_ reason: String) -> WebSocketClose { WebSocketClose(code: 1002, reason: reason) }
  /// Text that is not UTF-8.
  static let notText = WebSocketClose(code: 1007, reason: "a text message is UTF-8")
  /// A message that can not be skipped.
  static func tooLarge(_ limit: Int) -> WebSocketClose {
    WebSocketClose(code: 1009, reason: "a message has \(limit) bytes at most")
  }

  /// What a close frame says; nil where it says nothing. Throws what is wrong with it.
  static func read(_ content: ByteBuffer) throws(WebSocketClose) -> WebSocketClose? {
    var content = content
    if content.readableBytes == 0 { return nil }
    guard let code: UInt16 = content.readInteger() else { throw .protocolError("a close code has two bytes") }
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: break
    default: throw .protocolError("\(code) is no close code")
    }
    guard let reason = String(validating: content.readableBytesView, as: UTF8.self) else { throw .notText }
    return WebSocketClose(code: code, reason: reason)
  }
}

/// Puts the frames of one client together to messages.
struct MessageAssembler {
  /// What a frame completes.
  enum Message {
    /// A text message.
    case text([UInt8])
    /// A message of bytes.
    case binary
    /// A message that was too large and is skipped.
    case tooLarge
    case ping(ByteBuffer)
    case pong
    case close(WebSocketClose?)
  }

  private let limit: Int
  private var opcode: WebSocketOpcode?
  private var content: [UInt8] = []
  private var isSkipping = false

  /// Messages of `limit` bytes at most.
  init(limit: Int) { self.limit = limit }

  /// Takes a frame; gives the message it completes. Throws why the socket must close.
  mutating func take(_ frame: WebSocketFrame) throws(WebSocketClose) -> Message? {
    guard frame.maskKey != nil else { throw .protocolError("a client masks its frames") }
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { throw .protocolError("no extension is agreed on") }
    switch frame.opcode {
    case .ping: return .ping(frame.unmaskedData)
    case .pong: return .pong
    case .connectionClose: return .close(try WebSocketClose.read(frame.unmaskedData))
    case .text, .binary:
      guard opcode == nil else { throw .protocolError("a message begins before the last one ends") }
      opcode = frame.opcode
    case .continuation:
      guard opcode != nil else { throw .protocolError("a continuation of nothing") }
    default: throw .protocolError("no such opcode")
    }
    if opcode == .text, !isSkipping {
      if content.count + frame.length > limit {
        isSkipping = true
        content = []
      } else {
        content.append(contentsOf: frame.unmaskedData.readableBytesView)
      }
    }
    guard frame.fin else { return nil }
    defer { (opcode, content, isSkipping) = (nil, [], false) }
    if opcode == .binary { return .binary }
    if isSkipping { return .tooLarge }
    guard String(validating: content, as: UTF8.self) != nil else { throw .notText }
    return .text(content)
  }
}
