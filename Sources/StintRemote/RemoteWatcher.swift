import AsyncHTTPClient
import DequeModule
import StintCore
import StintEngine

/// Reads one job's event stream, comes back when the connection is lost, and ends with the job.
actor RemoteWatcher {
  private var id: JobID
  private let client: RemoteClient
  private let connection: EventConnection
  private var updates: Deque<JobUpdate> = []
  private var isOver = false
  /// What was told last, so that a new connection repeats nothing.
  private var lastStatus: JobUpdate?
  private var lastProgress: JobUpdate?

  init(id: JobID, client: RemoteClient, first: HTTPClientResponse.Body) {
    self.id = id
    self.client = client
    self.connection = EventConnection(client: client, first: first)
  }

  /// The next update; nil after the end, and when the task is cancelled.
  func next() async throws -> JobUpdate? {
    while true {
      if let update = updates.popFirst() { return update }
      if isOver || Task.isCancelled { return nil }
      let (client, id) = (client, id)
      switch try await connection.next({ () throws(StintError) in try await client.stream(id) }) {
      case .events(let events):
        do throws(StintError) { try await take(events) } catch {
          guard error.type == .storeUnavailable else { throw error }
          await connection.drop(failed: true)
        }
      case .end: continue
      case .gone: isOver = true  // It was removed meanwhile.
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
        await connection.drop()
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
