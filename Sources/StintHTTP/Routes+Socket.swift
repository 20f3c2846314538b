import HTTPTypes
import StintCore

extension Route {
  /// The WebSocket.
  static let socket: [Route] = [
    Route(
      method: .get, path: "/ws/queue", name: "queueSocket",
      summary: "A WebSocket: the jobs and what happens to them, and commands. See docs/websocket.md.",
      successes: [Success(status: 101, description: "The connection is a WebSocket from now on.")],
      errors: [.upgradeRequired, .quotaExceeded],
      run: { exchange async throws(StintError) in
        guard let handshake = WebSocketHandshake(exchange.head) else {
          throw StintError(
            .upgradeRequired,
            "GET /ws/queue is a WebSocket: it needs the opening handshake of version 13, as a WebSocket client sends it"
          )
        }
        let opening = SocketOpening(
          handshake: handshake, permit: try exchange.service.sockets.permit(), actor: exchange.actor,
          access: exchange.access)
        return Answer(status: .switchingProtocols, body: .socket(opening))
      })
  ]
}
