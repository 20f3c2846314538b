package import StintCore
package import StintStore

/// What only someone can judge who sees each change as it happens.
extension Auditor {
  /// Who made a change.
  package enum Author: Hashable {
    /// A worker, by its id.
    case worker(String)
    /// Somebody's maintenance.
    case maintenance
    /// A person, or a program on their behalf.
    case person
  }

  /// A job was submitted.
  package mutating func saw(submitted job: Job) {
    if known[job.id] != nil { find(.acknowledged, job.id, "it was stored twice") }
    submissions += 1
    known[job.id] = (job, submissions)
  }

  /// A group was submitted; these are the most jobs that may wait in each queue.
  package mutating func saw(group: [Job], limits: [String: Int]) {
    for (queue, limit) in limits.sorted(by: { $0.key < $1.key }) where group.contains(where: { $0.spec.queue == queue })
    {
      let waiting = known.values.count { $0.job.spec.queue == queue && $0.job.status.isWaiting }
      let new = group.count { $0.spec.queue == queue }
      if waiting + new > limit {
        find(.limit, group[0].id, "\(new) more in \(queue), which has \(waiting) of \(limit)")
      }
    }
    for job in group { saw(submitted: job) }
  }

  /// A job was removed.
  package mutating func saw(removed id: JobID) {
    if let old = known.removeValue(forKey: id), !old.job.status.isTerminal {
      find(.acknowledged, id, "it was removed while \(old.job.summary)")
    }
  }

  /// The job is due at another time, because a clock was set; nothing else of it may be another.
  package mutating func saw(moved job: Job) {
    guard let (before, number) = known[job.id] else { return }
    var expected = before
    expected.state.dueAt = job.state.dueAt
    if expected != job { find(.path, job.id, "\(before.summary) → \(job.summary) when a clock was set") }
    if before.state.dueAt != job.state.dueAt, job.status == .scheduled {
      find(.early, job.id, "what was to run at an instant runs at another")
    }
    known[job.id] = (job, number)
  }

  /// A job as it stands after one call, with the newest of its events; `clock` judges leases. `lostAlone`: no other
  /// job ran in its worker's process when that was lost.
  package mutating func saw(
    _ after: Job, newest: Event?, by author: Author, at: Timestamp, clock: LeaseInstant, lostAlone: Bool = true
  ) {
    guard let (before, number) = known[after.id] else { return find(.path, after.id, "it came from nowhere") }
    known[after.id] = (after, number)
    func found(_ rule: Rule, _ text: String) { find(rule, after.id, "\(before.summary) → \(after.summary): \(text)") }
    let old = before.state
    let new = after.state
    if old.status.isTerminal, new.status != old.status, author != .person { found(.terminal, "by \(author)") }
    if new.revision == old.revision {
      if new.status != old.status || new.attempt != old.attempt { found(.fencing, "a move under an old revision") }
    } else if new.revision != old.revision + 1 {
      found(.fencing, "the revision did not rise by one")
    }
    if new.attempt != old.attempt + (new.status == .running && old.status != .running ? 1 : 0) {
      found(.attempts, "the attempt's number does not fit")
    }
    if new.status == .running, new.leaseUntil?.isOver(at: clock) ?? true, old.status != .running {
      found(.lease, "the lease was over when it was given")
    }
    if old.status == .running, new.revision != old.revision {
      judgeEnd(of: before, after, newest: newest, by: author, clock: clock)
    }
    if newest?.error?.type == .poison, newest?.revision == new.revision, !lostAlone {
      found(.poison, "it was not alone in its process")
    }
    if new.status == .pending, old.status == .scheduled || old.status == .retrying, at < old.dueAt {
      found(.early, "promoted \((old.dueAt - at).seconds) s before it was due")
    }
  }

  private mutating func judgeEnd(
    of before: Job, _ after: Job, newest: Event?, by author: Author, clock: LeaseInstant
  ) {
    func found(_ rule: Rule, _ text: String) { find(rule, after.id, "\(before.summary) → \(after.summary): \(text)") }
    if before.state.isCancelRequested, after.status != .cancelled { found(.cancel, "its cancel was acknowledged") }
    if let newest, newest.revision == after.state.revision, newest.attempt != before.state.attempt {
      found(.fencing, "the outcome is attempt \(newest.attempt)'s")
    }
    switch author {
    case .worker(let id) where id != before.state.workerID:
      found(.fencing, "\(id) ended an attempt of \(before.state.workerID ?? "nobody")")
    case .worker: break
    case .maintenance, .person:
      if let lease = before.state.leaseUntil, !lease.isOver(at: clock) {
        found(.lease, "ended \(lease.microseconds - clock.microseconds) µs before its lease was over")
      }
    }
  }

  /// A claim was answered with these jobs: are they the first in order, and all that could be had?
  package mutating func saw(claimed jobs: [Job], for request: ClaimRequest, at: Timestamp, clock: LeaseInstant) {
    let open = known.values.filter { known in
      known.job.status == .pending && request.types?.contains(known.job.spec.type) ?? true
        && request.queues?.contains(known.job.spec.queue) ?? true && request.only.map { $0 == known.job.id } ?? true
        && known.job.state.expiresAt.map { $0 > at } ?? true
    }
    let inOrder = open.sorted { a, b in
      let (first, second) = (a.job.spec.priority.rank, b.job.spec.priority.rank)
      if first != second { return first < second }
      return a.job.state.dueAt == b.job.state.dueAt ? a.number < b.number : a.job.state.dueAt < b.job.state.dueAt
    }
    var expected: [JobID] = []
    for (job, _) in inOrder.prefix(request.count + request.ahead) {
      if expected.count >= request.count, !request.aheadTypes.contains(job.spec.type) { break }
      expected.append(job.id)
    }
    if jobs.map(\.id) != expected {
      find(.order, jobs.first?.id ?? expected.first, "claimed \(jobs.map(\.id)); in order are \(expected)")
    }
    for job in jobs { saw(job, newest: nil, by: .worker(request.worker), at: at, clock: clock) }
  }
}
