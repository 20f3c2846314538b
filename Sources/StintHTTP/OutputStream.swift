import HummingbirdCore
import NIOCore
import StintCore
import StintEngine

/// A job's output as Server-Sent Events, beside ``EventStream``.
struct OutputStream {
  /// The job whose output was asked for, and the one that speaks now: it, or one that took over.
  private let first: JobID
  private var speaker: JobID

  init(_ first: JobID, speaker: JobID) {
    self.first = first
    self.speaker = speaker
  }

  /// A place to come back to: `ATTEMPT-NUMBER`, and behind a colon the job where another one took over.
  struct Place: Sendable, Hashable {
    let place: OutputPlace
    let job: JobID?

    init(_ place: OutputPlace, job: JobID?) {
      self.place = place
      self.job = job
    }

    /// The place that a `Last-Event-ID` names; nil where it is none.
    init?(_ text: String) {
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let place = OutputPlace(String(parts[0])) else { return nil }
      self.place = place
      guard parts.count > 1 else {
        job = nil
        return
      }
      guard let id = JobID(String(parts[1])) else { return nil }
      job = id
    }

    /// As it stands in `id:`.
    var text: String { "\(place)" + (job.map { ":\($0)" } ?? "") }
  }

  /// One update as an event.
  mutating func event(_ update: OutputUpdate) -> [UInt8] {
    var json = JSONWriter(capacity: 128)
    switch update {
    case .chunk(let chunk):
      json.object { json in
        json.member("stream", chunk.stream.rawValue)
        json.member("text", chunk.text)
        json.member("at", chunk.at)
        json.member("attempt", Int64(chunk.attempt))
      }
      let place = Place(chunk.place, job: speaker == first ? nil : speaker)
      return EventStream.event("output", id: place.text, json.bytes)
    case .attempt(let number, let job):
      speaker = job
      json.object { json in
        json.member("attempt", Int64(number))
        json.member("job_id", job.text)
      }
      return EventStream.event("attempt", json.bytes)
    case .gap: return EventStream.event("gap", Array("{}".utf8))
    case .ended(let job): return EventStream.event("end", Array(Self.end(of: job).utf8))
    }
  }

  /// `[DONE]`, or `[ERROR]` and why: one line.
  private static func end(of job: Job) -> String {
    let reason: String
    switch job.status {
    case .completed: return "[DONE]"
    case .cancelled: reason = "cancelled" + (job.state.cancelledBy.map { " by \($0)" } ?? "")
    default: reason = job.error?.message ?? job.status.rawValue
    }
    return "[ERROR] " + reason.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// Writes what a job says until it is over.
  func write(
    _ updates: OutputUpdates, to writer: inout some ResponseBodyWriter, channel: any Channel, time: any TimeSource
  ) async throws -> Int {
    var stream = self
    return try await EventStream.write(updates, to: &writer, channel: channel, time: time) { update in
      if case .ended = update { return (stream.event(update), true) }
      return (stream.event(update), false)
    }
  }
}
