import Crypto
import Foundation
import HTTPTypes
import NIOCore

/// A client's opening handshake, as RFC 6455 §4.2.1 wants it.
struct WebSocketHandshake: Sendable {
  /// The value of `Sec-WebSocket-Accept`: it proves that the server understood.
  let accept: String

  /// The handshake that a request is; nil where it is none.
  init?(_ head: HTTPRequest) {
    let fields = head.headerFields
    let keys = fields[values: .secWebSocketKey]
    guard head.method == .get, Self.tokens(fields[values: .upgrade]).contains("websocket"),
      Self.tokens(fields[values: .connection]).contains("upgrade"), fields[values: .secWebSocketVersion] == ["13"],
      keys.count == 1, Self.isKey(keys[0])
    else { return nil }
    let digest = Insecure.SHA1.hash(data: Array("\(keys[0])258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
    accept = Self.base64(Array(digest))
  }

  /// The head of the answer that ends HTTP on this connection.
  var answer: ByteBuffer {
    ByteBuffer(
      string: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: \(accept)\r\n\r\n")
  }

  /// The words of a header that is a list, in lower case.
  static func tokens(_ values: [String]) -> Set<String> {
    var tokens: Set<String> = []
    for value in values {
      for part in value.split(separator: ",") {
        tokens.insert(part.filter { $0 != " " && $0 != "\t" }.lowercased())
      }
    }
    return tokens
  }

  /// Whether it is 16 bytes in base64.
  private static func isKey(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 24, bytes[22...].elementsEqual("==".utf8) else { return false }
    return bytes[..<22].allSatisfy { alphabet.contains($0) }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Bytes as base64, padded.
  static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
