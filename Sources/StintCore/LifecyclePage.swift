/// `docs/LIFECYCLE.md`, printed from ``Lifecycle/moves`` so that it can not differ from it.
public enum LifecyclePage {
  /// The page, as Markdown.
  public static var markdown: String {
    var page = """
      # The lifecycle of a job

      This page is printed from `Lifecycle.moves` by `make docs`; a test fails where the two differ. A move that is not
      here is refused with `illegal_move`, and nothing is overwritten.

      ```
                  ┌─ blocked ────(dependencies met)─┐
      submit ─────┼─ scheduled ──(run_at reached)───┼─▶ pending ─claim─▶ running ─▶ completed
                  └─────────────────────────────────┘      ▲               │  ├───▶ failed
                                                           └─ retrying ◀───┘  └───▶ cancelled
      ```

      A job is submitted as `pending`, as `scheduled` where its time is yet to come, or as `blocked` where it waits for
      other jobs. `completed`, `failed` and `cancelled` are final, unless a person retries a failed or cancelled job.

      ## Moves, by where they begin

      | from | cause | to |
      | --- | --- | --- |

      """
    for status in JobStatus.allCases {
      for move in Lifecycle.moves where move.from == status {
        let to = move.to.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        page += "| `\(status.rawValue)` | `\(move.cause.rawValue)` | \(to) |\n"
      }
    }
    page += """

      Where a cause of `running` can lead to `cancelled`, it does so if, and only if, a cancel was requested: once a
      cancel is acknowledged the job ends `cancelled`, whatever its attempt did. `stopped` is legal only then.
      `cancel_requested` on a running job is a mark and not a move: status and revision stay.

      ## Causes

      | cause | meaning | ends an attempt |
      | --- | --- | --- |

      """
    for kind in Cause.Kind.allCases where kind != .submitted {
      page += "| `\(kind.rawValue)` | \(meaning(of: kind)) | \(kind.endsAttempt ? "yes" : "no") |\n"
    }
    page += """

      ## Counts

      - `attempt` rises with every claim and is never reused.
      - `retry_count` rises with `failed`, `timed_out` and `stalled` alone. A job fails for good with the failure that
        raises it above `max_retries`.
      - `losses` rises with `worker_lost` if the attempt had begun. With \(Lifecycle.maxLosses) losses, the last of them
        while it ran alone, the job fails as `poison`.
      - A person's retry sets `retry_count` and `losses` to 0; `attempt` goes on.

      """
    return page
  }

  private static func meaning(of kind: Cause.Kind) -> String {
    switch kind {
    case .submitted: "the job came into being"
    case .claimed: "a worker took it, under a lease"
    case .promoted: "its time has come"
    case .unblocked: "the jobs it waits for are done"
    case .succeeded: "the handler returned"
    case .failed: "the handler threw"
    case .timedOut: "the attempt took longer than its timeout"
    case .stalled: "the attempt showed no sign of life for its stall timeout"
    case .gaveUp: "the handler asked for no further attempt"
    case .undecodable: "the params do not decode"
    case .snoozed: "the handler asked for another time; not counted"
    case .released: "the worker gave it back unharmed; not counted"
    case .stopped: "the attempt stopped because a cancel was requested, or the grace for that is over"
    case .lost: "the worker or its lease was lost"
    case .startExpired: "it waited longer than `start_within`"
    case .deadlineExceeded: "it was not over at its deadline"
    case .cancelRequested: "someone asked for its end"
    case .dependencyFailed: "a job it needs did not complete"
    case .retried: "a person lets it run again"
    }
  }
}
