import AsyncHTTPClient
import DequeModule
import NIOCore
import StintCore
import StintEngine

/// Reads one job's event stream, comes back when the connection is lost, and ends with the job.
actor RemoteWatcher {
  private var id: JobID
  private let client: RemoteClient
  private var body: HTTPClientResponse.Body.AsyncIterator?
  private var parser = EventParser()
  private var updates: Deque<JobUpdate> = []
  private var isOver = false
  /// What was told last, so that a new connection repeats nothing.
  private var lastStatus: JobUpdate?
  private var lastProgress: JobUpdate?
  /// Since when there is no connection, and how many tries to get one failed.
  private var lostAt: Duration?
  private var tries = 0

  init(id: JobID, client: RemoteClient, first: HTTPClientResponse.Body) {
    self.id = id
    self.client = client
    self.body = first.makeAsyncIterator()
  }

  /// The next update; nil after the end, and when the task is cancelled.
  func next() async throws -> JobUpdate? {
    while true {
      if let update = updates.popFirst() { return update }
      if isOver || Task.isCancelled { return nil }
      guard var iterator = body else {
        try await reconnect()
        continue
      }
      body = nil
      do {
        guard let chunk = try await iterator.next(isolation: self) else { continue }
        body = iterator
        lostAt = nil
        tries = 0
        try await take(parser.feed(chunk.readableBytesView))
      } catch let error as StintError where error.type != .storeUnavailable {
        throw error
      } catch {
        tries = max(1, tries)  // The connection broke: come back, after a pause.
      }
    }
  }

  /// Opens the stream again, after a pause that doubles from 100 ms to 5 s. Throws what stays, or the last error when
  /// the client's patience is over.
  private func reconnect() async throws {
    let now = client.time.uptime()
    let since = lostAt ?? now
    lostAt = since
    parser = EventParser()
    if tries > 0 {
      let pause = Duration.milliseconds(100 * (1 << min(tries - 1, 6)))
      do { try await client.time.sleep(for: min(pause, .seconds(5))) } catch { return }
    }
    tries += 1
    do throws(StintError) {
      body = try await client.stream(id).makeAsyncIterator()
    } catch {
      switch error.type {
      case .notFound: isOver = true  // It was removed meanwhile.
      case .storeUnavailable, .quotaExceeded:
        if Task.isCancelled { return }
        if client.time.uptime() - since >= client.patience { throw error }
      default: throw error
      }
    }
  }

  private func take(_ events: [EventParser.Event]) async throws(StintError) {
    for event in events {
      guard let json = try? JSONParser.parse(Array(event.data.utf8), depth: 512) else { continue }
      switch event.name {
      case "status": tell(status: json)
      case "progress":
        guard let update = Progress(json: json).map(JobUpdate.progress), update != lastProgress else { continue }
        lastProgress = update
        updates.append(update)
      case "escalated":
        // The stream goes on with the job that took over; a new connection asks for that one.
        guard let next = json["escalated_to"]?.string, let job = try await client.jobs([id])[0] else { continue }
        guard id != JobID(known: next) else { continue }
        updates.append(.escalated(job, to: JobID(known: next)))
        id = JobID(known: next)
        (lastStatus, lastProgress) = (nil, nil)
      case "complete", "failed", "cancelled":
        body = nil
        // Read whole, because the event may be without a large result.
        guard let job = try await client.jobs([id])[0] else {
          isOver = true
          return
        }
        guard job.status.isTerminal else { return }  // Retried in between: its next end is the end.
        updates.append(.ended(job))
        isOver = true
        return
      default: continue
      }
    }
  }

  private func tell(status json: JSONValue) {
    func instant(_ key: String) -> Timestamp? { json[key]?.number.flatMap { Timestamp(seconds: $0) } }
    guard let status = json["status"]?.string.flatMap(JobStatus.init(rawValue:)) else { return }
    let update = JobUpdate.status(
      status, startedAt: instant("started_at"), attempt: json["attempt"]?.integer.flatMap { Int(exactly: $0) } ?? 0,
      nextRetryAt: instant("next_retry_at"), error: json["error"].flatMap { JobError(json: $0) })
    guard update != lastStatus else { return }
    lastStatus = update
    lastProgress = nil
    updates.append(update)
  }
}

/// Cuts a `text/event-stream` into events.
struct EventParser {
  /// One event.
  struct Event {
    var name = "message"
    var data = ""
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
    case "data":
      event.data += hasData ? "\n\(text)" : String(text)
      hasData = true
    default: break
    }
  }
}
