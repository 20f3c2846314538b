import AsyncHTTPClient
import DequeModule
import StintCore
import StintEngine

/// Reads one job's output, goes on where it was when the connection is lost, and ends with the job.
actor RemoteOutputWatcher {
  private var id: JobID
  private var place: OutputPlace?
  private let follows: Bool
  private let client: RemoteClient
  private let connection: EventConnection
  private var updates: Deque<OutputUpdate> = []
  private var isOver = false

  init(id: JobID, after place: OutputPlace?, follows: Bool, client: RemoteClient, first: HTTPClientResponse.Body) {
    self.id = id
    self.place = place
    self.follows = follows
    self.client = client
    self.connection = EventConnection(client: client, first: first)
  }

  /// The next update; nil after the end, and when the task is cancelled.
  func next() async throws -> OutputUpdate? {
    while true {
      if let update = updates.popFirst() { return update }
      if isOver || Task.isCancelled { return nil }
      let (client, id, place, follows) = (client, id, place, follows)
      let arrival = try await connection.next { () throws(StintError) in
        try await client.output(of: id, after: place, follows: follows)
      }
      switch arrival {
      case .events(let events):
        do throws(StintError) { try await take(events) } catch {
          guard error.type == .storeUnavailable else { throw error }
          await connection.drop(failed: true)
        }
      case .end: if !follows { isOver = true }
      case .gone: isOver = true  // It was removed meanwhile.
      }
    }
  }

  private func take(_ events: [EventParser.Event]) async throws(StintError) {
    for event in events {
      switch event.name {
      case "output": tell(chunk: event)
      case "attempt": tell(attempt: event)
      case "gap": updates.append(.gap)
      case "end":
        await connection.drop()
        guard let job = try await last() else {
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

  private func tell(chunk event: EventParser.Event) {
    // Behind a colon stands the job, which the last `attempt` has named.
    guard let text = event.id?.prefix(while: { $0 != ":" }), let next = OutputPlace(String(text)),
      let json = try? JSONParser.parse(Array(event.data.utf8)),
      let stream = json["stream"]?.string.flatMap(OutputChunk.Stream.init(rawValue:)),
      let said = json["text"]?.string, let at = json["at"]?.number.flatMap({ Timestamp(seconds: $0) })
    else { return }
    place = next
    updates.append(
      .chunk(OutputChunk(attempt: next.attempt, number: next.number, stream: stream, text: said, at: at)))
  }

  private func tell(attempt event: EventParser.Event) {
    guard let json = try? JSONParser.parse(Array(event.data.utf8)), let job = json["job_id"]?.string,
      let number = json["attempt"]?.integer.flatMap({ Int(exactly: $0) })
    else { return }
    id = JobID(known: job)
    // A new connection begins with this attempt, and does not announce it again.
    place = OutputPlace(attempt: number, number: 0)
    updates.append(.attempt(number, of: id))
  }

  /// The job that spoke last, or those that took over from it and said nothing; nil where it was removed.
  private func last() async throws(StintError) -> Job? {
    guard let job = try await client.jobs([id])[0] else { return nil }
    return try await client.successors(of: job).last ?? job
  }
}
