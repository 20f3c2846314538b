import StintCore

/// JSON Schemas of what travels: the components of `/openapi.json`.
enum Schemas {
  static let name: JSONValue = ["type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"]
  static let instant: JSONValue = ["type": ["number", "null"], "description": "Unix seconds"]
  /// A time that is given: what ``StintCore/Timestamp`` can hold.
  static let unixTime: JSONValue = [
    "type": "number", "exclusiveMinimum": -6_000_000_000_000, "exclusiveMaximum": 6_000_000_000_000,
    "description": "Unix seconds",
  ]
  static let isoTime: JSONValue = [
    "type": "string", "description": "ISO 8601",
    "pattern":
      "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
  ]
  static let seconds: JSONValue = ["type": ["number", "null"], "description": "Seconds"]
  static let text: JSONValue = ["type": ["string", "null"]]
  static let count: JSONValue = ["type": "integer", "minimum": 0]
  static let status: JSONValue = ["type": "string", "enum": .array(JobStatus.allCases.map { .string($0.rawValue) })]

  static func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }
  static func list(of name: String) -> JSONValue { ["type": "array", "items": reference(name)] }

  /// An object with these properties, all of them required unless named.
  static func object(_ properties: KeyValuePairs<String, JSONValue>, optional: Set<String> = []) -> JSONValue {
    [
      "type": "object",
      "properties": .object(properties.map { JSONMember($0.key, $0.value) }),
      "required": .array(properties.map(\.key).filter { !optional.contains($0) }.map { .string($0) }),
    ]
  }

  static func nullable(_ schema: JSONValue) -> JSONValue { ["anyOf": [schema, ["type": "null"]]] }

  /// Every named schema but the submission, which depends on the job types.
  static let components: KeyValuePairs<String, JSONValue> = [
    "Error": object(
      [
        "error": ["type": "string"],
        "code": ["type": "integer"],
        "type": ["type": "string", "enum": .array(StintError.Kind.allCases.map { .string($0.rawValue) })],
        "details": [
          "type": "array", "items": object(["param": ["type": "string"], "message": ["type": "string"]]),
        ],
        "job": reference("Job"),
      ], optional: ["details", "job"]),
    "Progress": object(["percent": ["type": "number", "minimum": 0, "maximum": 100], "message": text]),
    "JobError": object([
      "type": ["type": "string", "enum": .array(JobError.Kind.allCases.map { .string($0.rawValue) })],
      "message": ["type": "string"], "attempt": count,
    ]),
    "Retry": object([
      "strategy": [
        "type": "string", "enum": .array(RetryPolicy.Strategy.allCases.map { .string($0.rawValue) }),
      ],
      "base_seconds": ["type": "number", "minimum": 0], "max_delay_seconds": ["type": "number", "minimum": 0],
      "jitter": ["type": "number", "minimum": 0, "maximum": 1],
    ]),
    "Job": job,
    "JobState": object([
      "id": name,
      "status": [
        "type": "string", "enum": .array((JobStatus.allCases.map(\.rawValue) + ["not_found"]).map { .string($0) }),
      ],
      "progress": nullable(reference("Progress")), "attempt": count, "retry_count": count, "type": text,
      "started_at": instant, "completed_at": instant, "next_retry_at": instant,
      "error": nullable(reference("JobError")),
    ]),
    "Event": object([
      "job_id": name,
      "event": ["type": "string", "enum": .array(Cause.Kind.allCases.map { .string($0.rawValue) })],
      "status": status, "attempt": count, "at": ["type": "number"], "started_at": instant, "ended_at": instant,
      "duration_seconds": seconds, "worker_id": text, "error": nullable(reference("JobError")), "by": text,
      "from": text,
    ]),
    "Param": object([
      "name": ["type": "string"],
      "type": ["type": "string", "enum": .array(Param.Kind.allCases.map { .string($0.rawValue) })],
      "required": ["type": "boolean"], "default": true, "min": ["type": ["number", "null"]],
      "max": ["type": ["number", "null"]], "min_items": ["type": ["integer", "null"]],
      "max_items": ["type": ["integer", "null"]], "choices": ["type": ["array", "null"]],
      "secret": ["type": "boolean"], "description": ["type": "string"],
    ]),
    "JobType": object([
      "name": name, "description": ["type": "string"], "params": list(of: "Param"),
      "aliases": ["type": "array", "items": ["type": "string"]],
    ]),
    "DeadLetters": object([
      "total": count,
      "groups": [
        "type": "array",
        "items": object([
          "type": name,
          "error": ["type": "string", "enum": .array(JobError.Kind.allCases.map { .string($0.rawValue) })],
          "count": ["type": "integer", "minimum": 1], "oldest": ["type": "number"], "newest": ["type": "number"],
          "message": ["type": "string"],
        ]),
      ],
      "jobs": list(of: "Job"),
    ]),
    "Stats": stats,
    "Worker": object([
      "id": ["type": "string"], "host": ["type": "string"], "pid": ["type": "integer"],
      "state": ["type": "string", "enum": ["idle", "busy", "draining"]], "slots": count,
      "types": ["type": "array", "items": ["type": "string"]], "processed": count, "abandoned": count,
      "started_at": ["type": "number"], "seen_at": ["type": "number"],
      "silence_seconds": ["type": "number"], "supervisor": text,
      "jobs": [
        "type": "array",
        "items": object([
          "id": name, "type": ["type": "string"], "label": text, "started_at": instant,
          "elapsed_seconds": ["type": "number"], "estimated_seconds": seconds, "percent": ["type": ["number", "null"]],
        ]),
      ],
    ]),
  ]

  private static let stats: JSONValue = object([
    "pending": count, "scheduled": count, "blocked": count, "retrying": count, "running": count, "completed": count,
    "failed": count, "cancelled": count, "total": count,
    "totals": object([
      "enqueued": count, "completed": count, "failed": count, "retried": count, "dead_lettered": count,
    ]),
    "throughput": ["type": "number"], "avg_duration_ms": ["type": ["number", "null"]],
    "window_seconds": ["type": "integer"],
    "worker": object(["active": count, "idle": count, "capacity": count, "processed": count]),
  ])

  private static let job: JSONValue = object(
    [
      "id": name, "type": name, "queue": name, "status": status,
      "priority": ["type": "string", "enum": .array(Priority.allCases.map { .string($0.rawValue) })],
      "params": ["type": ["object", "null"]], "progress": nullable(reference("Progress")), "attempt": count,
      "retry_count": count, "losses": count, "max_retries": count, "retry": reference("Retry"),
      "timeout_seconds": seconds, "stall_timeout_seconds": seconds, "start_within_seconds": seconds,
      "deadline_at": instant, "depends_on": ["type": "array", "items": ["type": "string"]],
      "on_dependency_failure": ["type": "string", "enum": ["cancel", "run", "wait"]], "workflow_id": text,
      "tags": ["type": "object", "additionalProperties": ["type": "string"]], "metadata": ["type": "object"],
      "unique_key": text, "concurrency_key": text, "owner": text, "created_at": ["type": "number"],
      "run_at": ["type": "number"], "started_at": instant, "completed_at": instant, "next_retry_at": instant,
      "duration_seconds": seconds, "worker_id": text, "cancel_requested_at": instant, "cancelled_by": text,
      "result": true, "error": nullable(reference("JobError")), "escalated_from": text, "escalated_to": text,
      "schedule": text, "tick_at": instant,
      "truncated": ["type": "boolean", "description": "Params or result were left out for their size"],
    ], optional: ["truncated"])
}
