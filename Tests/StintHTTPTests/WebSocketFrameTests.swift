import HTTPTypes
import NIOCore
import NIOWebSocket
import StintCore
import Testing

@testable import StintHTTP

/// Handshake, frames and messages, without a connection.
@Suite struct WebSocketFrameTests {
  private func head(_ fields: [(HTTPField.Name, String)]) -> HTTPRequest {
    var head = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/ws/queue")
    for (name, value) in fields { head.headerFields.append(HTTPField(name: name, value: value)) }
    return head
  }

  private let good: [(HTTPField.Name, String)] = [
    (.upgrade, "websocket"), (.connection, "Upgrade"), (.secWebSocketVersion, "13"),
    (.secWebSocketKey, "dGhlIHNhbXBsZSBub25jZQ=="),
  ]

  @Test func answersTheHandshakeOfTheRFC() throws {
    let handshake = try #require(WebSocketHandshake(head(good)))
    #expect(handshake.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    let browser = [(.upgrade, "WebSocket"), (.connection, "keep-alive, Upgrade")] + good[2...]
    #expect(WebSocketHandshake(head(browser)) != nil)
  }

  @Test func refusesWhatIsNoHandshake() {
    for missing in good.indices {
      var fields = good
      fields.remove(at: missing)
      #expect(WebSocketHandshake(head(fields)) == nil, "without \(good[missing].0)")
    }
    for (name, value) in [
      (HTTPField.Name.upgrade, "h2c"), (.connection, "close"), (.secWebSocketVersion, "8"),
      (.secWebSocketKey, "short"), (.secWebSocketKey, "dGhlIHNhbXBsZSBub25jZQ!="),
    ] {
      let fields = good.map { $0.0 == name ? (name, value) : $0 }
      #expect(WebSocketHandshake(head(fields)) == nil, "\(name): \(value)")
    }
    #expect(WebSocketHandshake(head(good + [(.secWebSocketKey, "dGhlIHNhbXBsZSBub25jZQ==")])) == nil)
    var post = head(good)
    post.method = .post
    #expect(WebSocketHandshake(post) == nil)
  }

  @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")])
  func writesBase64(_ text: String, _ encoded: String) {
    #expect(WebSocketHandshake.base64(Array(text.utf8)) == encoded)
  }

  @Test(arguments: [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
  func writesFrames(_ count: Int, _ header: Int) {
    let frame = ServerFrame.text([UInt8](repeating: 0x20, count: count))
    #expect(frame.readableBytes == count + header)
    #expect(frame.getInteger(at: 0, as: UInt8.self) == 0x81)
  }

  @Test func cutsALongReasonBetweenCharacters() throws {
    let frame = ServerFrame.close(WebSocketClose(code: 1008, reason: String(repeating: "ü", count: 100)))
    #expect(frame.readableBytes <= 127)
    var content = frame
    content.moveReaderIndex(forwardBy: 2)
    #expect(try WebSocketClose.read(content)?.reason == String(repeating: "ü", count: 61))
  }

  private func frame(
    _ opcode: WebSocketOpcode, _ content: [UInt8], fin: Bool = true, rsv1: Bool = false, isMasked: Bool = true
  ) -> WebSocketFrame {
    let key: WebSocketMaskingKey = [1, 2, 3, 4]
    var data = ByteBuffer(bytes: content)
    if isMasked { data.webSocketMask(key) }
    return WebSocketFrame(fin: fin, rsv1: rsv1, opcode: opcode, maskKey: isMasked ? key : nil, data: data)
  }

  private func text(_ message: MessageAssembler.Message?) -> String? {
    if case .text(let bytes) = message { return String(decoding: bytes, as: UTF8.self) }
    return nil
  }

  @Test func putsFragmentsTogether() throws {
    var assembler = MessageAssembler(limit: 100)
    var whole = try assembler.take(frame(.text, Array("whole".utf8)))
    #expect(text(whole) == "whole")
    // A character may be cut between two frames, and control frames may come between them.
    let bytes = Array("aü".utf8)
    whole = try assembler.take(frame(.text, Array(bytes[..<2]), fin: false))
    #expect(whole == nil)
    guard case .ping(let content) = try assembler.take(frame(.ping, [7])) else { return #expect(Bool(false)) }
    #expect(Array(content.readableBytesView) == [7])
    _ = try assembler.take(frame(.continuation, [], fin: false))
    whole = try assembler.take(frame(.continuation, [bytes[2]]))
    #expect(text(whole) == "aü")
    whole = try assembler.take(frame(.text, Array("next".utf8)))
    #expect(text(whole) == "next")
  }

  @Test func skipsWhatIsTooLargeOrNoText() throws {
    var assembler = MessageAssembler(limit: 10)
    _ = try assembler.take(frame(.text, [UInt8](repeating: 0x20, count: 8), fin: false))
    _ = try assembler.take(frame(.continuation, [UInt8](repeating: 0x20, count: 8), fin: false))
    guard case .tooLarge = try assembler.take(frame(.continuation, [0xFF])) else { return #expect(Bool(false)) }
    guard case .binary = try assembler.take(frame(.binary, [0xFF])) else { return #expect(Bool(false)) }
    let next = try assembler.take(frame(.text, Array("0123456789".utf8)))
    #expect(text(next) == "0123456789")
  }

  @Test func closesOnWhatBreaksTheProtocol() {
    let wrong: [(UInt16, [WebSocketFrame])] = [
      (1002, [frame(.text, [], isMasked: false)]),
      (1002, [frame(.text, [], rsv1: true)]),
      (1002, [frame(.continuation, [])]),
      (1002, [frame(.text, [], fin: false), frame(.text, [])]),
      (1002, [frame(.text, [], fin: false), frame(.binary, [])]),
      (1002, [frame(WebSocketOpcode(encodedWebSocketOpcode: 3) ?? .text, [])]),
      (1002, [frame(.connectionClose, [3])]),
      (1002, [frame(.connectionClose, [0, 99])]),
      (1002, [frame(.connectionClose, [0x03, 0xED])]),  // 1005
      (1007, [frame(.connectionClose, [0x03, 0xE8, 0xFF])]),
      (1007, [frame(.text, [0x61, 0xFF])]),
      (1007, [frame(.text, [0xC3], fin: false), frame(.continuation, [0x28])]),
    ]
    for (code, frames) in wrong {
      var assembler = MessageAssembler(limit: 100)
      var given: UInt16?
      for frame in frames {
        do throws(WebSocketClose) { _ = try assembler.take(frame) } catch { given = error.code }
      }
      #expect(given == code, "\(frames)")
    }
  }

  @Test func countsCommandsInEverySecond() {
    var pace = CommandPace(perSecond: 50)
    var admitted = (0..<50).count { _ in pace.admits(at: .milliseconds(900)) }
    #expect(admitted == 50)
    admitted = (0..<100).count { pace.admits(at: .milliseconds(1_899 + $0 / 50)) }
    #expect(admitted == 50)
  }
}
