import StintCore
import StintEngine
import StintStore

/// What attempts say while they run.
extension WorkerDesk {
  /// What is reported of an attempt; nothing at all is a mere sign of life.
  struct Report: Sendable {
    var progress: Progress?
    var checkpoint: RawJSON?
    var chunks: [OutputBody.Chunk] = []
    /// The number of the first chunk; nil for the next one.
    var number: Int?
  }

  /// Keeps what an attempt reports, which is also a sign of life of its handler; who asked for its end, if anyone did.
  func keep(_ report: Report, of token: LeaseToken) async throws(StintError) -> String? {
    guard !token.isLocal || report.chunks.isEmpty else {
      // Its worker numbers what it prints: a second hand would lose pieces.
      throw StintError(.unsupported, "This attempt's output is what its program prints; print it instead")
    }
    // One after the other: a piece of output that comes after a later one would be lost.
    await turns.take(token.key)
    defer { turns.giveBack(token.key) }
    let job = try await client.jobs([token.job])[0]
    guard let job, job.isHeld(by: token) else { throw Self.superseded(token, job) }
    let (now, at) = (time.uptime(), time.now())
    if state.withLock({ $0.held[token.key] == nil }) {
      hold(Held(token: token, worker: job.state.workerID, heardAt: now, seen: Seen(job)))
    }
    if token.isLocal { gateway.heard(from: token.key) }
    let cancelledBy = job.state.cancelledBy
    if report.progress != nil || report.checkpoint != nil {
      let news = AttemptReport(attempt: token.key, progress: report.progress, checkpoint: report.checkpoint)
      try await stored { () throws(StoreError) in try await gateway.record([news]) }
    }
    let showsNothing = report.chunks.isEmpty && (report.progress ?? job.progress) == job.progress
    if showsNothing, job.spec.stallTimeout != nil, !token.isLocal {
      // A mere sign of life leaves a trace too: another server may watch the attempt's clock.
      _ = try await renew([token.key], lease: token.lease)
    }
    if !report.chunks.isEmpty { try await keep(report.chunks, from: report.number, of: token, at: at) }
    state.withLock { state in
      state.held[token.key]?.heardAt = now
      state.held[token.key]?.cancelledBy = cancelledBy
      state.held[token.key]?.isTold = cancelledBy != nil
    }
    return cancelledBy
  }

  /// How often output is sent to the store that another server's took the place of.
  private static let outputTries = 8

  /// Keeps what an attempt says. Other servers may keep some of it at the same time: so what is there is read before,
  /// and, where the server numbers it, what came of it after; what another one took the number of gets the next.
  private func keep(
    _ chunks: [OutputBody.Chunk], from number: Int?, of token: LeaseToken, at: Timestamp
  ) async throws(StintError) {
    var left = chunks
    var (said, _) = try await readSaid(by: token, since: state.withLock { $0.held[token.key]?.said } ?? Said())
    for tries in 1... {
      let known = said
      let output = said.add(left, from: number, limit: configuration.limits.outputBytes) {
        OutputChunk(attempt: token.attempt, number: $0, stream: $1, text: $2, at: at)
      }
      let news = AttemptReport(attempt: token.key, output: output)
      if !output.isEmpty { try await stored { () throws(StoreError) in try await gateway.record([news]) } }
      guard number == nil, !output.isEmpty else { break }
      let kept: [OutputChunk]
      (said, kept) = try await readSaid(by: token, since: known)
      let lost = Set(output).subtracting(kept)
      left = output.filter { lost.contains($0) && $0.stream != .notice }
        .map { OutputBody.Chunk(stream: $0.stream, text: $0.text) }
      if left.isEmpty { break }
      guard tries < Self.outputTries else {
        throw StintError(.storeUnavailable, "Others write this attempt's output at the same time; send it again")
      }
    }
    // Only what is kept counts as said.
    let all = said
    state.withLock { $0.held[token.key]?.said = all }
  }

  /// What an attempt said until now, through other servers too, where `said` is known; and what is new.
  func readSaid(
    by token: LeaseToken, since said: Said
  ) async throws(StintError) -> (Said, new: [OutputChunk]) {
    var said = said
    var new: [OutputChunk] = []
    while true {
      let place = OutputPlace(attempt: token.attempt, number: said.chunks)
      let page = try await stored { () throws(StoreError) in
        try await gateway.output(token.job, after: place, limit: 1_000)
      }
      for chunk in page where chunk.attempt == token.attempt {
        said.chunks = chunk.number
        said.bytes += chunk.text.utf8.count
        said.isCut = said.isCut || chunk.stream == .notice
        new.append(chunk)
      }
      if page.count < 1_000 { return (said, new) }
    }
  }
}

extension WorkerDesk.Said {
  /// Chunks as they are kept, made by `make` from number, stream and text: without those that are there already, and
  /// cut at the limit, which is said once.
  fileprivate mutating func add(
    _ all: [OutputBody.Chunk], from number: Int?, limit: Int, make: (Int, OutputChunk.Stream, String) -> OutputChunk
  ) -> [OutputChunk] {
    var kept: [OutputChunk] = []
    for (index, chunk) in all.enumerated() where !isCut {
      let place = number.map { $0 + index } ?? chunks + 1
      guard place > chunks else { continue }
      chunks = place
      if bytes + chunk.text.utf8.count <= limit {
        bytes += chunk.text.utf8.count
        kept.append(make(place, chunk.stream, chunk.text))
        continue
      }
      isCut = true
      // Between characters; an event is whole or not at all.
      var fits = chunk.stream == .event ? Substring("").utf8 : chunk.text.utf8.prefix(max(0, limit - bytes))
      while !fits.isEmpty, String(fits) == nil { fits = fits.dropLast() }
      if let text = String(fits), !text.isEmpty {
        kept.append(make(place, chunk.stream, text))
        chunks += 1
      }
      kept.append(make(chunks, .notice, "[output cut after \(limit) bytes]\n"))
    }
    return kept
  }
}

/// Lets one at a time do something about a thing, in the order in which they came.
final class Turns<Thing: Hashable & Sendable>: Sendable {
  private let waiting = Locked<[Thing: [CheckedContinuation<Void, Never>]]>([:])

  /// Returns when it is the caller's turn.
  func take(_ thing: Thing) async {
    await withCheckedContinuation { continuation in
      let isFree = waiting.withLock { waiting in
        if waiting[thing] == nil {
          waiting[thing] = []
          return true
        }
        waiting[thing]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  /// Ends the caller's turn.
  func giveBack(_ thing: Thing) {
    let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
      guard waiting[thing]?.isEmpty == false else {
        waiting[thing] = nil
        return nil
      }
      return waiting[thing]?.removeFirst()
    }
    next?.resume()
  }
}
