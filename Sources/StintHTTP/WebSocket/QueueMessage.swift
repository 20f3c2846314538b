import NIOCore
import StintCore
import StintEngine

/// The messages of `/ws/queue` from server to client, as frames.
enum QueueMessage {
  /// An object with `type` and what `body` writes.
  static func frame(_ type: String, capacity: Int = 256, _ body: (inout JSONWriter) -> Void = { _ in }) -> ByteBuffer {
    var writer = JSONWriter(capacity: capacity)
    writer.object { json in
      json.member("type", type)
      body(&json)
    }
    return ServerFrame.text(writer.bytes)
  }

  static let pong = frame("pong")

  static func state(_ snapshot: QueueSnapshot, secrets: SecretParams.Known, inlineBytes: Int) -> ByteBuffer {
    frame("queue_state", capacity: 1_024 + snapshot.jobs.count * 1_300) { json in
      json.key("jobs")
      json.array { list in
        for job in snapshot.jobs {
          job.write(to: &list, extent: .inline(bytes: inlineBytes), secrets: secrets[job.spec.type])
        }
      }
      json.key("stats")
      snapshot.stats.write(to: &json)
      json.member("has_more", snapshot.hasMore)
    }
  }

  static func stats(_ stats: Stats) -> ByteBuffer {
    frame("stats_update", capacity: 512) { json in
      json.key("stats")
      stats.write(to: &json)
    }
  }

  static func job(_ type: String, _ job: Job, secrets: SecretParams.Known, inlineBytes: Int) -> ByteBuffer {
    frame(type, capacity: 1_400) { json in
      json.key("job")
      job.write(to: &json, extent: .inline(bytes: inlineBytes), secrets: secrets[job.spec.type])
    }
  }

  static func ids(_ type: String, _ ids: [JobID]) -> ByteBuffer {
    frame(type, capacity: 64 + ids.count * 40) { json in
      json.key("job_ids")
      json.array { list in for id in ids { list.string(id.text) } }
    }
  }

  /// One event.
  static func event(_ event: LiveEvent, secrets: SecretParams.Known, inlineBytes: Int) -> ByteBuffer {
    switch event {
    case .created(let job): self.job("job_created", job, secrets: secrets, inlineBytes: inlineBytes)
    case .removed(let id): ids("jobs_removed", [id])
    case .started(let job):
      frame("job_started") { json in
        json.member("job_id", job.id.text)
        json.member("started_at", job.state.startedAt)
        json.member("attempt", Int64(job.state.attempt))
        json.member("worker_id", job.state.workerID)
      }
    case .progressed(let id, _, let progress):
      frame("job_progress") { json in
        json.member("job_id", id.text)
        json.member("percent", progress.percent)
        json.member("message", progress.message)
      }
    case .moved(let job): moved(job, secrets: secrets, inlineBytes: inlineBytes)
    }
  }

  private static func moved(_ job: Job, secrets: SecretParams.Known, inlineBytes: Int) -> ByteBuffer {
    switch job.status {
    case .completed:
      let fits = job.result?.bytes.count ?? 0 <= inlineBytes
      return frame("job_completed", capacity: 256 + (fits ? job.result?.bytes.count ?? 0 : 0)) { json in
        json.member("job_id", job.id.text)
        json.key("result")
        json.raw(fits ? job.result : nil)
        if !fits { json.member("truncated", true) }
        end(of: job, into: &json)
      }
    case .failed:
      return frame("job_failed") { json in
        json.member("job_id", job.id.text)
        error(of: job, into: &json)
        json.member("escalated_to", job.state.escalatedTo?.text)
        end(of: job, into: &json)
      }
    case .retrying:
      return frame("job_retrying") { json in
        json.member("job_id", job.id.text)
        json.member("attempt", Int64(job.state.attempt))
        json.member("retry_count", Int64(job.state.retryCount))
        json.member("next_retry_at", job.nextRetryAt)
        error(of: job, into: &json)
      }
    case .cancelled:
      return frame("job_cancelled") { json in
        json.member("job_id", job.id.text)
        json.member("completed_at", job.state.completedAt)
        json.member("cancelled_by", job.state.cancelledBy)
      }
    case .blocked, .scheduled, .pending, .running:
      return self.job("job_changed", job, secrets: secrets, inlineBytes: inlineBytes)
    }
  }

  private static func end(of job: Job, into json: inout JSONWriter) {
    json.member("completed_at", job.state.completedAt)
    json.member("duration_seconds", job.duration)
    json.member("attempt", Int64(job.state.attempt))
  }

  private static func error(of job: Job, into json: inout JSONWriter) {
    json.key("error")
    if let error = job.error { error.write(to: &json) } else { json.null() }
  }

  /// Why a message of the client's was not done, with its `request_id` where it had one.
  static func error(_ error: StintError, requestID: String?, secrets: SecretParams.Known, inlineBytes: Int)
    -> ByteBuffer
  {
    frame("error") { json in
      json.member("message", error.message)
      json.member("code", Int64(error.type.httpStatus))
      json.member("error_type", error.type.rawValue)
      if !error.details.isEmpty {
        json.key("details")
        json.array { list in
          for detail in error.details {
            list.object { entry in
              entry.member("param", detail.param)
              entry.member("message", detail.message)
            }
          }
        }
      }
      if let job = error.existing {
        json.key("job")
        job.write(to: &json, extent: .inline(bytes: inlineBytes), secrets: secrets[job.spec.type])
      }
      if let requestID { json.member("request_id", requestID) }
    }
  }
}
