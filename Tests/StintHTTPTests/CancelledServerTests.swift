import Logging
import NIOCore
import NIOPosix
import StintEngine
import StintHTTP
import StintStore
import StintTesting
import Testing

/// A second signal cancels the server while connections are still on their way in.
@Suite struct CancelledServerTests {
  @Test func aForcedStopIsNoErrorInTheLog() async throws {
    let lines = LogLines()
    let time = ManualTime()
    let engine = Engine(
      store: MemoryStore(leaseClock: time.leaseClock), handlers: [], time: time, random: .seeded(1), logger: quiet)
    let (ports, told) = AsyncStream<Int>.makeStream()
    let server = HTTPServer(
      client: engine.client, configuration: HTTPConfiguration(port: 0), time: time,
      logger: Logger(label: "http") { _ in lines }
    ) { told.yield($0) }
    let running = Task { try await server.run() }
    _ = await ports.first { _ in true }
    running.cancel()
    _ = await running.result
    #expect(lines.all.contains { $0.contains("listening") }, "\(lines.all)")
    #expect(!lines.all.contains { $0.contains("Cancellation") }, "\(lines.all)")
  }

  @Test func aServerThatIsCancelledWhileConnectionsComeInDropsThem() async throws {
    for round in 0..<40 {
      let time = ManualTime()
      let engine = Engine(
        store: MemoryStore(leaseClock: time.leaseClock), handlers: [], time: time, random: .seeded(1), logger: quiet)
      let (ports, told) = AsyncStream<Int>.makeStream()
      let server = HTTPServer(
        client: engine.client, configuration: HTTPConfiguration(port: 0), time: time, logger: quiet
      ) { told.yield($0) }
      let running = Task { try await server.run() }
      guard let port = await ports.first(where: { _ in true }) else { return }
      let clients = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      let connections = (0..<30).map { _ in clients.connect(host: "127.0.0.1", port: port) }
      _ = try await connections[round % 30].get()
      running.cancel()
      _ = await running.result
      // Nobody is left hanging: each is closed by the server, or was refused.
      for connection in connections {
        guard let channel = try? await connection.get() else { continue }
        try await within("the end of a connection") { try await channel.closeFuture.get() }
      }
    }
  }
}
