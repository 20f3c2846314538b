import StintCore

extension Schemas {
  static func oneOrMany(_ name: String) -> JSONValue {
    [
      "anyOf": [
        reference(name),
        [
          "type": "array", "items": reference(name), "minItems": 1,
          "maxItems": .integer(Int64(EndBody.batch.upperBound)),
        ],
      ]
    ]
  }

  /// What the workers' routes take and give.
  static let workerComponents: KeyValuePairs<String, JSONValue> = [
    "Claim": claim,
    "PublishedType": publishedType,
    "ClaimedJob": [
      "allOf": [
        reference("Job"),
        object(["lease": object(["token": ["type": "string"], "seconds": ["type": "number"]]), "checkpoint": true]),
      ]
    ],
    "Heartbeat": closed(
      [
        "worker_id": nullable(name),
        "leases": [
          "type": "array", "items": ["type": "string"], "maxItems": .integer(Int64(HeartbeatBody.leases.upperBound)),
        ],
        "wait_seconds": optional("number", in: ClaimBody.waits),
        "leaving": ["type": ["boolean", "null"]],
      ], required: ["leases"]),
    "LeaseState": object(
      [
        "status": ["type": "string", "enum": ["renewed", "superseded", "unknown"]],
        "cancel_requested": ["type": "boolean"], "cancelled_by": text,
      ], optional: ["cancel_requested", "cancelled_by"]),
    "ProgressReport": closed(
      ["token": text, "percent": ["type": ["number", "null"]], "message": text, "checkpoint": true], required: [],
      // A message stands beside a percentage.
      and: [
        "anyOf": [
          ["properties": ["percent": ["type": "number"]], "required": ["percent"]],
          ["properties": ["message": ["type": "null"]]],
        ]
      ]),
    "OutputReport": closed(
      [
        "token": text,
        "number": optional("integer", in: 1...Double(OutputBody.numbers.upperBound)),
        "chunks": [
          "type": "array", "minItems": .integer(Int64(OutputBody.chunks.lowerBound)),
          "maxItems": .integer(Int64(OutputBody.chunks.upperBound)),
          "items": closed(
            [
              "stream": ["enum": .array(OutputBody.streams.map { .string($0.rawValue) } + [.null])],
              "text": ["type": "string"],
            ], required: ["text"]),
        ],
      ], required: ["chunks"]),
    "Completion": closed(["token": ["type": "string"], "result": true], required: ["token"]),
    "Failure": failure,
    "Ended": object(["status": status]),
  ]

  private static let claim: JSONValue = closed(
    [
      "worker": [
        "type": "string", "pattern": .string("^[A-Za-z0-9._:-]{1,\(ClaimBody.nameLength.upperBound)}$"),
        "description": "What the worker calls itself",
      ],
      "worker_id": [
        "type": ["string", "null"], "pattern": "^[A-Za-z0-9._:-]{1,119}-[a-z0-9]{8}$",
        "description": "The id that an earlier claim gave it",
      ],
      "types": names("Types and aliases that it runs", isUnique: true),
      "job_types": [
        "type": ["array", "null"], "items": reference("PublishedType"), "minItems": 1, "maxItems": 1_000,
        "description": "Types that it runs and describes to all who submit",
      ],
      "queues": names("Only from these queues"),
      "count": optional("integer", in: 1...Double(ClaimBody.counts.upperBound)),
      "wait_seconds": optional("number", in: ClaimBody.waits),
      "lease_seconds": optional("number", in: ClaimBody.leases),
      "slots": optional("integer", in: 1...10_000),
      "host": ["type": ["string", "null"], "minLength": 1, "maxLength": 255],
      "pid": optional("integer", in: 0...Double(Int32.max)),
    ], required: ["worker"],
    and: [
      "anyOf": [
        ["properties": ["types": ["type": "array"]], "required": ["types"]],
        ["properties": ["job_types": ["type": "array"]], "required": ["job_types"]],
      ]
    ])

  private static let publishedType: JSONValue = closed(
    [
      "name": name,
      "description": description,
      "params": [
        "type": ["array", "null"], "maxItems": .integer(Int64(JobTypeReader.params.upperBound)),
        "items": closed(
          [
            "name": name,
            "type": ["type": "string", "enum": .array(JobTypeReader.paramKinds.map { .string($0.rawValue) })],
            "required": ["type": ["boolean", "null"]], "default": true, "min": ["type": ["number", "null"]],
            "max": ["type": ["number", "null"]], "min_items": optional("integer", in: 0...1_000_000),
            "max_items": optional("integer", in: 0...1_000_000),
            "choices": [
              "type": ["array", "null"], "minItems": .integer(Int64(JobTypeReader.choices.lowerBound)),
              "maxItems": .integer(Int64(JobTypeReader.choices.upperBound)),
            ],
            "secret": ["type": ["boolean", "null"]], "description": description,
          ], required: ["name", "type"]),
      ],
      "aliases": [
        "type": ["array", "null"], "items": name, "maxItems": .integer(Int64(JobTypeReader.aliases.upperBound)),
        "uniqueItems": true,
      ],
      "allows_other_params": ["type": ["boolean", "null"]],
      "max_retries": optional("integer", in: 0...Double(JobTypeReader.retries.upperBound)),
      "retry": [
        "anyOf": [
          ["enum": .array(RetryPolicy.presets.map { .string($0.name) } + [.null])],
          closed(
            [
              "strategy": ["enum": .array(RetryPolicy.Strategy.allCases.map { .string($0.rawValue) } + [.null])],
              "base_seconds": optional("number", in: EndBody.delays),
              "max_delay_seconds": optional("number", in: EndBody.delays), "jitter": optional("number", in: 0...1),
            ], required: []),
        ]
      ],
      "timeout_seconds": optional("number", in: JobTypeReader.timeouts),
      "stall_timeout_seconds": optional("number", in: JobTypeReader.timeouts),
    ], required: ["name"])

  private static let description: JSONValue = [
    "type": ["string", "null"], "maxLength": .integer(Int64(JobTypeReader.descriptionLength.upperBound)),
  ]

  /// A failure that is counted, one that is final, and the two ways that are none.
  private static let failure: JSONValue = {
    let no: JSONValue = ["enum": [false, nil]]
    let none: JSONValue = ["type": "null"]
    let delay = optional("number", in: EndBody.delays)
    func way(
      message: JSONValue = text, type: [JSONValue], retryAfter: JSONValue = none, snooze: JSONValue = none,
      givesUp: JSONValue = no, releases: JSONValue = no, required: [String]
    ) -> JSONValue {
      closed(
        [
          "token": ["type": "string"], "message": message, "type": ["enum": .array(type + [nil])],
          "retry_after_seconds": retryAfter, "snooze_seconds": snooze, "give_up": givesUp, "release": releases,
        ], required: ["token"] + required)
    }
    let said: JSONValue = ["type": "string"]
    return [
      "anyOf": [
        way(message: said, type: ["handler"], retryAfter: delay, required: ["message"]),
        way(message: said, type: ["handler"], givesUp: ["type": ["boolean", "null"]], required: ["message"]),
        way(message: said, type: ["undecodable"], required: ["message"]),
        way(type: ["timeout", "stalled"], required: ["type"]),
        way(type: ["handler"], snooze: delay, required: ["snooze_seconds"]),
        way(type: ["handler"], releases: ["const": true], required: ["release"]),
      ]
    ]
  }()

  private static func names(_ description: String, isUnique: Bool = false) -> JSONValue {
    [
      "type": ["array", "null"], "items": name, "minItems": 1, "maxItems": 1_000, "uniqueItems": .bool(isUnique),
      "description": .string(description),
    ]
  }

  private static func optional(_ type: String, in range: ClosedRange<Double>) -> JSONValue {
    func bound(_ number: Double) -> JSONValue { Int64(exactly: number).map { .integer($0) } ?? .number(number) }
    return [
      "type": [.string(type), "null"], "minimum": bound(range.lowerBound), "maximum": bound(range.upperBound),
    ]
  }

  /// An object with these properties and no other; `condition` holds besides.
  private static func closed(
    _ properties: KeyValuePairs<String, JSONValue>, required: [String], and condition: JSONValue = .object([])
  ) -> JSONValue {
    let base: JSONValue = [
      "type": "object", "properties": .object(properties.map { JSONMember($0.key, $0.value) }),
      "required": .array(required.map { .string($0) }), "additionalProperties": false,
    ]
    return .object((base.object ?? []) + (condition.object ?? []))
  }
}
