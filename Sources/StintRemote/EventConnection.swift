import AsyncHTTPClient
import NIOCore
import StintCore
import StintEngine

/// A stream of Server-Sent Events that is opened again when it is lost.
actor EventConnection {
  /// What came.
  enum Arrival: Sendable {
    /// Events; none where the connection was lost, or is there again.
    case events([EventParser.Event])
    /// The server ended the stream in order.
    case end
    /// What the stream told of does not exist any more.
    case gone
  }

  /// Asks for the stream.
  typealias Opening = @Sendable () async throws(StintError) -> HTTPClientResponse.Body

  private let client: RemoteClient
  private var body: HTTPClientResponse.Body.AsyncIterator?
  private var parser = EventParser()
  /// Since when there is no connection, and how many tries to get one failed.
  private var lostAt: Duration?
  private var tries = 0

  init(client: RemoteClient, first: HTTPClientResponse.Body) {
    self.client = client
    self.body = first.makeAsyncIterator()
  }

  /// What comes next. Throws what `open` throws for ever, or the last error when the client's patience is over.
  func next(_ open: Opening) async throws(StintError) -> Arrival {
    guard var iterator = body else { return try await reconnect(open) }
    body = nil
    do {
      guard let chunk = try await iterator.next(isolation: self) else { return .end }
      body = iterator
      lostAt = nil
      tries = 0
      return .events(parser.feed(chunk.readableBytesView))
    } catch {
      tries = max(1, tries)  // The connection broke: come back, after a pause.
      return .events([])
    }
  }

  /// Gives the connection up; the next one comes after a pause where something `failed`.
  func drop(failed: Bool = false) {
    body = nil
    if failed { tries = max(1, tries) }
  }

  /// Opens the stream again, after a pause that doubles from 100 ms to 5 s.
  private func reconnect(_ open: Opening) async throws(StintError) -> Arrival {
    let now = client.time.uptime()
    let since = lostAt ?? now
    lostAt = since
    parser = EventParser()
    if tries > 0 {
      let pause = Duration.milliseconds(100 * (1 << min(tries - 1, 6)))
      do { try await client.time.sleep(for: min(pause, .seconds(5))) } catch { return .events([]) }
    }
    tries += 1
    do throws(StintError) {
      body = try await open().makeAsyncIterator()
    } catch {
      switch error.type {
      case .notFound: return .gone
      case .storeUnavailable, .quotaExceeded:
        if !Task.isCancelled, client.time.uptime() - since >= client.patience { throw error }
      default: throw error
      }
    }
    return .events([])
  }
}

/// Cuts a `text/event-stream` into events.
struct EventParser {
  /// One event.
  struct Event: Sendable {
    var name = "message"
    var data = ""
    /// Its place in the stream, where it has one.
    var id: String?
  }

  private var line: [UInt8] = []
  private var event = Event()
  private var hasData = false

  /// The events that end within these bytes.
  mutating func feed(_ bytes: some Sequence<UInt8>) -> [Event] {
    var events: [Event] = []
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        line.append(byte)
        continue
      }
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if line.isEmpty {
        if hasData { events.append(event) }
        event = Event()
        hasData = false
      } else {
        read(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
      }
    }
    return events
  }

  private mutating func read(_ line: String) {
    guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return }
    let value = line[line.index(after: colon)...]
    let text = value.hasPrefix(" ") ? value.dropFirst() : value
    switch line[..<colon] {
    case "event": event.name = String(text)
    case "id": event.id = String(text)
    case "data":
      event.data += hasData ? "\n\(text)" : String(text)
      hasData = true
    default: break
    }
  }
}
