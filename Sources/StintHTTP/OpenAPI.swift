import StintCore

/// The OpenAPI 3.1 document, made from the table of routes and the job types that are known.
enum OpenAPI {
  static func document(of routes: [Route], types: [JobType], version: String, needsToken: Bool) -> JSONValue {
    var paths: [JSONMember] = []
    for route in routes where route.isDocumented {
      let operation = JSONMember(route.method.rawValue.lowercased(), operation(route, needsToken: needsToken))
      if let index = paths.firstIndex(where: { $0.key == route.path }) {
        paths[index].value = .object((paths[index].value.object ?? []) + [operation])
      } else {
        paths.append(JSONMember(route.path, .object([operation])))
      }
    }
    var components = [Schemas.components, Schemas.workerComponents].flatMap { components in
      components.map { JSONMember($0.key, $0.value) }
    }
    components.append(JSONMember("Submission", SubmissionSchema.of(types)))
    var all: [JSONMember] = [JSONMember("schemas", .object(components))]
    var schemes: [JSONMember] = [
      JSONMember("workerToken", ["type": "http", "scheme": "bearer", "description": "http.worker_token_file"]),
      JSONMember("leaseToken", ["type": "http", "scheme": "bearer", "description": "The token of a claimed job"]),
    ]
    if needsToken {
      schemes.append(JSONMember("token", ["type": "http", "scheme": "bearer"]))
      schemes.append(
        JSONMember("session", ["type": "apiKey", "in": "cookie", "name": .string(SessionCookie.name)]))
    }
    all.append(JSONMember("securitySchemes", .object(schemes)))
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Stint", "version": .string(version), "description": "Durable background jobs.",
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "paths": .object(paths),
      "components": .object(all),
    ]
  }

  private static func operation(_ route: Route, needsToken: Bool) -> JSONValue {
    var members: [JSONMember] = [
      JSONMember("operationId", .string(route.name)),
      JSONMember("summary", .string(route.summary)),
    ]
    let parameters =
      pathParameters(route) + route.query.map { parameter($0, in: "query") }
      + route.headers.map { parameter($0, in: "header") }
    if !parameters.isEmpty { members.append(JSONMember("parameters", .array(parameters))) }
    if let body = route.body {
      members.append(
        JSONMember("requestBody", ["required": true, "content": ["application/json": ["schema": body]]]))
    }
    let responses = route.successes.map(success) + errors(route, needsToken: needsToken)
    members.append(JSONMember("responses", .object(responses)))
    if let security = security(of: route, needsToken: needsToken) { members.append(JSONMember("security", security)) }
    return .object(members)
  }

  private static func security(of route: Route, needsToken: Bool) -> JSONValue? {
    switch route.door {
    case .worker: [["workerToken": []]]
    case .workerOrLease: [["workerToken": []], ["leaseToken": []]]
    case .people where needsToken: route.isOpen ? [] : [["token": []], ["session": []]]
    case .people: nil
    }
  }

  private static func pathParameters(_ route: Route) -> [JSONValue] {
    guard route.path.contains("{id}") else { return [] }
    return [["name": "id", "in": "path", "required": true, "schema": Schemas.name]]
  }

  private static func parameter(_ parameter: Route.Parameter, in place: String) -> JSONValue {
    let schema: JSONValue =
      parameter.isRepeated ? ["type": "array", "items": parameter.schema] : parameter.schema
    return [
      "name": .string(parameter.name), "in": .string(place), "required": .bool(parameter.isRequired),
      "description": .string(parameter.description), "schema": schema,
    ]
  }

  private static func success(_ success: Route.Success) -> JSONMember {
    var members: [JSONMember] = [JSONMember("description", .string(success.description))]
    if let schema = success.schema {
      members.append(JSONMember("content", .object([JSONMember(success.type, ["schema": schema])])))
    }
    if !success.headers.isEmpty {
      let headers = success.headers.map { JSONMember($0, ["schema": ["type": "string"]]) }
      members.append(JSONMember("headers", .object(headers)))
    }
    return JSONMember(String(success.status), .object(members))
  }

  private static func errors(_ route: Route, needsToken: Bool) -> [JSONMember] {
    // Besides its own: any request may be garbage, name another host, use a wrong method, have a parameter too many.
    var kinds: [StintError.Kind] = route.errors + [.malformed, .forbidden, .methodNotAllowed, .invalidParams]
    if !route.isOpen { kinds.append(.storeUnavailable) }
    if needsToken && !route.isOpen || route.door != .people { kinds += [.unauthorized, .quotaExceeded] }
    if route.body != nil { kinds += [.tooLarge, .unsupportedMediaType] }
    let byStatus = Dictionary(grouping: kinds, by: \.httpStatus)
    return byStatus.keys.sorted().map { status in
      let names = Set((byStatus[status] ?? []).map(\.rawValue)).sorted().map { "`\($0)`" }
      return JSONMember(
        String(status),
        [
          "description": .string(names.joined(separator: ", ")),
          "content": ["application/json": ["schema": Schemas.reference("Error")]],
        ])
    }
  }
}

/// What `POST /api/jobs` takes: one shape for each job type that is known, and one for those that are not.
enum SubmissionSchema {
  static func of(_ types: [JobType]) -> JSONValue {
    let names = types.flatMap { [$0.name] + $0.aliases }
    let known = types.map { type in
      shape(
        type: ["type": "string", "enum": .array(([type.name] + type.aliases).map { .string($0) })],
        params: params(type), requiresParams: type.params.contains(where: \.isRequired))
    }
    let unknown = shape(
      type: .object((Schemas.name.object ?? []) + [JSONMember("not", ["enum": .array(names.map { .string($0) })])]),
      params: ["type": ["object", "null"]], requiresParams: false, allowsUnknown: true)
    return ["anyOf": .array(known + [unknown])]
  }

  private static func shape(
    type: JSONValue, params: JSONValue, requiresParams: Bool, allowsUnknown: Bool = false
  ) -> JSONValue {
    var properties: [JSONMember] = [JSONMember("type", type), JSONMember("params", params)]
    properties += options.map { JSONMember($0.key, $0.value) }
    var required: [JSONValue] = ["type"]
    if requiresParams { required.append("params") }
    if allowsUnknown { required.append("allow_unknown_type") }
    let flag: JSONValue = allowsUnknown ? ["const": true] : ["type": ["boolean", "null"]]
    properties.append(JSONMember("allow_unknown_type", flag))
    return [
      "type": "object", "properties": .object(properties), "required": .array(required),
      "additionalProperties": false, "not": both("run_at", "delay"),
    ]
  }

  /// Two options that do not go together are both given.
  private static func both(_ one: String, _ other: String) -> JSONValue {
    let given: JSONValue = ["not": ["type": "null"]]
    return [
      "properties": .object([JSONMember(one, given), JSONMember(other, given)]),
      "required": [.string(one), .string(other)],
    ]
  }

  private static func params(_ type: JobType) -> JSONValue {
    let required = type.params.filter(\.isRequired)
    return [
      "type": required.isEmpty ? ["object", "null"] : "object",
      "properties": .object(type.params.map { JSONMember($0.name, schema($0)) }),
      "required": .array(required.map { .string($0.name) }),
      "additionalProperties": .bool(type.allowsOtherParams),
    ]
  }

  private static func schema(_ param: Param) -> JSONValue {
    let param = param.published
    let base: String = param.type == .path ? "string" : param.type.rawValue
    var members: [JSONMember] = []
    if param.isRequired {
      members.append(JSONMember("type", .string(base)))
    } else {
      members.append(JSONMember("type", [.string(base), "null"]))
    }
    func add(_ key: String, _ value: JSONValue?) { if let value { members.append(JSONMember(key, value)) } }
    let isText = base == "string"
    add(isText ? "minLength" : "minimum", param.min.map { bound($0) })
    add(isText ? "maxLength" : "maximum", param.max.map { bound($0) })
    add("minItems", param.minItems.map { .integer(Int64($0)) })
    add("maxItems", param.maxItems.map { .integer(Int64($0)) })
    add("enum", param.choices.map { .array($0 + (param.isRequired ? [] : [.null])) })
    add("default", param.defaultValue)
    add("writeOnly", param.isSecret ? true : nil)
    if !param.description.isEmpty { add("description", .string(param.description)) }
    return .object(members)
  }

  private static func bound(_ number: Double) -> JSONValue {
    Int64(exactly: number).map { .integer($0) } ?? .number(number)
  }

  private static let nullableName: JSONValue = [
    "type": ["string", "null"], "pattern": "^[A-Za-z0-9._:-]{1,128}$",
  ]
  private static let durationText: JSONValue = [
    "type": "string", "pattern": "^[1-9][0-9]{0,4}(ms|s|m|h|d)$", "description": "such as 90s, 5m",
  ]
  private static let positive: JSONValue = [
    "anyOf": [["type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000_000], durationText, ["type": "null"]]
  ]
  private static let instant: JSONValue = ["anyOf": [Schemas.unixTime, Schemas.isoTime, ["type": "null"]]]

  private static let options: KeyValuePairs<String, JSONValue> = [
    "id": nullableName,
    "queue": nullableName,
    "priority": ["enum": .array(Priority.allCases.map { .string($0.rawValue) } + [.null])],
    "run_at": instant,
    "delay": ["anyOf": [["type": "number", "minimum": 0, "maximum": 1_000_000_000], durationText, ["type": "null"]]],
    "retry": [
      "anyOf": [
        ["enum": .array(RetryPolicy.presets.map { .string($0.name) })],
        [
          "type": "object",
          "properties": [
            "strategy": ["enum": .array(RetryPolicy.Strategy.allCases.map { .string($0.rawValue) } + [.null])],
            "base_seconds": delay, "max_delay_seconds": delay,
            "jitter": ["type": ["number", "null"], "minimum": 0, "maximum": 1],
          ],
          "additionalProperties": false,
        ],
        ["type": "null"],
      ]
    ],
    "max_retries": ["type": ["integer", "null"], "minimum": 0, "maximum": 10_000],
    "timeout_seconds": positive,
    "stall_timeout_seconds": positive,
    "start_within_seconds": positive,
    "deadline_at": instant,
    "tags": [
      "type": ["object", "null"], "maxProperties": 32, "propertyNames": ["minLength": 1, "maxLength": 256],
      "additionalProperties": ["type": "string", "maxLength": 256],
    ],
    "metadata": ["type": ["object", "null"]],
    "owner": nullableName,
  ]

  private static let delay: JSONValue = [
    "anyOf": [["type": "number", "minimum": 0, "maximum": 31_536_000], ["type": "null"]]
  ]
}
