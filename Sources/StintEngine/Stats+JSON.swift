public import StintCore

extension Stats {
  /// Writes the figures as `GET /api/stats` gives them.
  public func write(to writer: inout JSONWriter) {
    writer.object { json in
      let order: [JobStatus] = [
        .pending, .scheduled, .blocked, .retrying, .running, .completed, .failed, .cancelled,
      ]
      for status in order { json.member(status.rawValue, Int64(counts[status])) }
      json.member("total", Int64(counts.total))
      json.key("totals")
      json.object { totals in
        totals.member("enqueued", Int64(enqueued))
        totals.member("completed", Int64(completed))
        totals.member("failed", Int64(failed))
        totals.member("retried", Int64(retried))
        totals.member("dead_lettered", Int64(deadLettered))
      }
      json.member("throughput", throughput)
      json.member("avg_duration_ms", averageDurationMilliseconds)
      json.member("window_seconds", Int64(windowSeconds))
      json.key("worker")
      json.object { worker in
        worker.member("active", Int64(workerActive))
        worker.member("idle", Int64(workerIdle))
        worker.member("capacity", Int64(workerCapacity))
        worker.member("processed", Int64(workerProcessed))
      }
    }
  }
}
