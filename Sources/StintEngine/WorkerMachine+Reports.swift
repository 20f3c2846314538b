package import StintCore
package import StintStore

/// What running attempts say, and what is handed to the gateway.
extension WorkerMachine {
  /// A running handler said something. Its output is cut where it is too long, and says so once.
  package mutating func hear(
    _ news: AttemptNews, slot: Int, runner: UInt64, at: Timestamp, uptime: Duration
  ) -> [Action] {
    guard slots[slot].runner == runner, var attempt = slots[slot].attempt else { return [] }
    slots[slot].attempt = nil  // so that the copy is the only one
    attempt.lastSignOfLife = uptime
    let hadNews = attempt.hasNews
    switch news {
    case .alive: break
    case .progress(let progress):
      attempt.progress = progress
      attempt.job.progress = progress
    case .output(let stream, let text): attempt.say(text, stream, limit: configuration.limits.outputBytes, at: at)
    case .checkpoint(let value): attempt.checkpoint = value
    }
    slots[slot].attempt = attempt
    return attempt.hasNews && !hadNews ? [.reschedule] : []
  }

  /// A program that an attempt started spoke for it.
  package mutating func hear(from attempt: AttemptKey, uptime: Duration) {
    guard let index = slots.firstIndex(where: { $0.attempt?.job.key == attempt }) else { return }
    slots[index].attempt?.lastSignOfLife = uptime
  }

  /// What ``takeEnded()`` gives. Where the wall clock was set while outcomes waited for the store, their instants are
  /// moved along.
  package mutating func takeEnded(
    at: Timestamp, uptime: Duration
  ) -> (reports: [AttemptReport], settlements: [Settlement]) {
    for index in ended.indices { ended[index].follow(wallClock: at, uptime: uptime) }
    return takeEnded()
  }

  /// Reports to keep, and then outcomes to settle; empty if there is nothing.
  package mutating func takeEnded() -> (reports: [AttemptReport], settlements: [Settlement]) {
    let taken = (reports.isEmpty ? [] : Array(reports.values), ended)
    reports.removeAll(keepingCapacity: true)
    ended = []
    underWay = taken.1
    return taken
  }

  /// The store did not take them: they are settled when it is back.
  package mutating func giveBack(_ old: [AttemptReport], _ settlements: [Settlement]) {
    ended.insert(contentsOf: settlements, at: 0)
    underWay = []
    for report in old {
      let newer = reports[report.attempt]
      reports[report.attempt] = report
      if let newer { keep(newer) }
    }
  }

  mutating func keep(_ report: AttemptReport) {
    guard var kept = reports[report.attempt] else {
      reports[report.attempt] = report
      return
    }
    kept.startedAt = kept.startedAt ?? report.startedAt
    kept.progress = report.progress ?? kept.progress
    kept.output += report.output
    kept.checkpoint = report.checkpoint ?? kept.checkpoint
    reports[report.attempt] = kept
  }

  /// Takes up what was said since the last time, and the beginnings of attempts that were claimed ahead and last;
  /// whether there is any.
  mutating func collectReports(uptime: Duration) -> Bool {
    var isAny = false
    for index in slots.indices {
      guard let attempt = slots[index].attempt, attempt.stop != .leaseLost else { continue }
      let isLong = uptime - attempt.startedUptime >= configuration.aheadTime || attempt.hasNews
      let begins = !attempt.isStartReported && isLong
      guard begins || attempt.hasNews else { continue }
      var report = attempt.news
      if begins { report.startedAt = attempt.startedAt }
      keep(report)
      isAny = true
      slots[index].attempt?.forgetNews(isStartReported: begins || attempt.isStartReported)
    }
    return isAny
  }
}

extension WorkerMachine.Attempt {
  /// Whether it said something that is not yet handed on.
  var hasNews: Bool { progress != nil || !output.isEmpty || checkpoint != nil }

  /// What it said, as a report.
  var news: AttemptReport {
    AttemptReport(attempt: job.key, progress: progress, output: output, checkpoint: checkpoint)
  }

  mutating func forgetNews(isStartReported: Bool) {
    (progress, checkpoint) = (nil, nil)
    output = []
    self.isStartReported = isStartReported
  }

  mutating func say(_ text: String, _ stream: OutputChunk.Stream, limit: Int, at: Timestamp) {
    guard !isOutputCut else { return }
    if outputBytes + text.utf8.count <= limit {
      outputBytes += text.utf8.count
      return add(text, stream, at: at)
    }
    isOutputCut = true
    // Cut between characters, and said: what follows is not kept.
    var kept = text.utf8.prefix(limit - outputBytes)
    while !kept.isEmpty, String(kept) == nil { kept = kept.dropLast() }
    if let fits = String(kept), !fits.isEmpty { add(fits, stream, at: at) }
    add("[output cut after \(limit) bytes]\n", .notice, at: at)
  }

  private mutating func add(_ text: String, _ stream: OutputChunk.Stream, at: Timestamp) {
    pieces += 1
    output.append(OutputChunk(attempt: job.state.attempt, number: pieces, stream: stream, text: text, at: at))
  }
}
