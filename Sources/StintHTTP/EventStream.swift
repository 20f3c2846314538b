import AsyncAlgorithms
import HummingbirdCore
import NIOCore
import ServiceLifecycle
import StintCore
import StintEngine

/// Server-Sent Events: what happens to one job, as text. Each event is a pure function of one update.
enum EventStream {
  /// An update as bytes, and whether the stream ends with it.
  typealias Encoding<Update> = (_ update: Update) -> (bytes: [UInt8], isLast: Bool)

  static let contentType = "text/event-stream"
  /// A comment keeps proxies and readers from giving up on a quiet stream.
  static let commentInterval: Duration = .seconds(15)
  static let comment: [UInt8] = Array(": still here\n\n".utf8)

  /// One update as an event. Params and results of more than `inlineBytes` are left out.
  static func event(_ update: JobUpdate, inlineBytes: Int) -> [UInt8] {
    var json = JSONWriter(capacity: 128)
    let name: String
    switch update {
    case .status(let status, let startedAt, let attempt, let nextRetryAt, let error):
      name = "status"
      json.object { json in
        json.member("status", status.rawValue)
        json.member("started_at", startedAt)
        json.member("attempt", Int64(attempt))
        if let nextRetryAt { json.member("next_retry_at", nextRetryAt) }
        if let error {
          json.key("error")
          error.write(to: &json)
        }
      }
    case .progress(let progress):
      name = "progress"
      progress.write(to: &json)
    case .escalated(let job, let next):
      name = "escalated"
      json.object { json in
        json.member("status", job.status.rawValue)
        json.member("escalated_to", next.text)
        json.key("error")
        if let error = job.error { error.write(to: &json) } else { json.null() }
      }
    case .ended(let job):
      name = job.status == .completed ? "complete" : job.status.rawValue
      json.object { json in
        json.member("status", job.status.rawValue)
        switch job.status {
        case .completed: result(of: job, inlineBytes: inlineBytes, into: &json)
        case .failed:
          json.key("error")
          if let error = job.error { error.write(to: &json) } else { json.null() }
        default: break
        }
      }
    }
    return event(name, json.bytes)
  }

  /// An event of a name, with one line of data, and its id where it has one.
  static func event(_ name: String, id: String? = nil, _ data: [UInt8]) -> [UInt8] {
    Array("\(id.map { "id: \($0)\n" } ?? "")event: \(name)\ndata: ".utf8) + data + [0x0A, 0x0A]
  }

  private static func result(of job: Job, inlineBytes: Int, into json: inout JSONWriter) {
    let fits = job.result?.bytes.count ?? 0 <= inlineBytes
    json.key("result")
    json.raw(fits ? job.result : nil)
    json.member("duration", job.duration)
    if !fits { json.member("truncated", true) }
  }

  /// Writes what happens to a job until it is over. See ``write(_:to:channel:time:encoding:)``.
  static func write(
    _ updates: JobUpdates, to writer: inout some ResponseBodyWriter, channel: any Channel, time: any TimeSource,
    inlineBytes: Int
  ) async throws -> Int {
    try await write(updates, to: &writer, channel: channel, time: time) { update in
      if case .ended = update { return (event(update, inlineBytes: inlineBytes), true) }
      return (event(update, inlineBytes: inlineBytes), false)
    }
  }

  /// Writes events until the last one, the reader has gone, or the server stops; the bytes that were written.
  ///
  /// It asks for the next update only once the socket took the last one: a slow reader costs one buffer, and misses
  /// progress that the job's watcher has replaced meanwhile.
  static func write<Update: Sendable>(
    _ updates: AsyncThrowingStream<Update, any Error>, to writer: inout some ResponseBodyWriter, channel: any Channel,
    time: any TimeSource, encoding: Encoding<Update>
  ) async throws -> Int {
    let (stops, stop) = AsyncStream<Signal<Update>>.makeStream(bufferingPolicy: .bufferingNewest(1))
    channel.closeFuture.whenComplete { _ in stop.yield(.stop) }
    return try await withGracefulShutdownHandler {
      var signals = merge(Updates(base: updates), Ticks<Update>(time: time), stops).makeAsyncIterator()
      var written = 0
      // An error of the store ends the stream early: its reader comes back, and finds the truth then.
      while let signal = try? await signals.next() {
        let bytes: [UInt8]
        var isLast = false
        switch signal {
        case .stop: return written
        case .tick: bytes = comment
        case .update(let update): (bytes, isLast) = encoding(update)
        }
        try await writer.write(ByteBuffer(bytes: bytes))
        written += bytes.count
        if isLast { return written }
      }
      return written
    } onGracefulShutdown: {
      stop.yield(.stop)
    }
  }

  private enum Signal<Update: Sendable>: Sendable {
    case update(Update)
    case tick
    case stop
  }

  /// The updates, and a stop after the last.
  private struct Updates<Update: Sendable>: AsyncSequence, Sendable {
    let base: AsyncThrowingStream<Update, any Error>

    struct AsyncIterator: AsyncIteratorProtocol {
      var base: AsyncThrowingStream<Update, any Error>.AsyncIterator
      mutating func next() async throws -> Signal<Update>? { try await base.next().map { .update($0) } ?? .stop }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator()) }
  }

  /// A tick each ``commentInterval``.
  private struct Ticks<Update: Sendable>: AsyncSequence, Sendable {
    let time: any TimeSource

    struct AsyncIterator: AsyncIteratorProtocol {
      let time: any TimeSource
      func next() async throws -> Signal<Update>? {
        try await time.sleep(for: commentInterval)
        return .tick
      }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(time: time) }
  }
}
