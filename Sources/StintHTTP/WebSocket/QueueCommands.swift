import NIOCore
import StintCore
import StintEngine

/// What the client of a socket asks for, done in its order.
struct QueueCommands: Sendable {
  let service: ServiceCore
  let socket: WebSocket
  /// Who acts.
  let actor: StintCore.Actor
  /// What its token allows.
  let access: Gatekeeper.Access

  private enum Kind: String, CaseIterable {
    case createJob = "create_job"
    case cancelJob = "cancel_job"
    case retryJob = "retry_job"
    case clearCompleted = "clear_completed"
    case getState = "get_state"
    case ping

    var writes: Bool { self != .getState && self != .ping }
    static let names = allCases.map(\.rawValue).joined(separator: ", ")
  }

  /// Does what a message asks for, or says why not.
  func run(_ message: [UInt8]) async {
    var requestID: String?
    do throws(StintError) {
      let json: JSONValue
      do throws(JSONSyntaxError) {
        json = try JSONParser.parse(message, depth: service.configuration.limits.jsonDepth)
      } catch {
        throw StintError(.malformed, "The message is not JSON: \(error)")
      }
      guard let members = json.object else {
        throw StintError(.malformed, "A message is a JSON object, not \(json.kind)")
      }
      requestID = try Self.requestID(json)
      try await run(members.filter { $0.key != "request_id" }, json)
    } catch {
      var secrets = SecretParams.Known.none
      var error = error
      if let job = error.existing {
        do throws(StintError) { secrets = try await service.secrets(of: [job]) } catch _ { error.existing = nil }
      }
      socket.reply(
        QueueMessage.error(
          error, requestID: requestID, secrets: secrets, inlineBytes: service.configuration.limits.inlineBytes))
    }
  }

  /// The `request_id` of a message; nil where it has none.
  static func requestID(_ json: JSONValue) throws(StintError) -> String? {
    guard let given = json["request_id"], given != .null else { return nil }
    guard let text = given.string, text.count <= 128 else {
      throw StintError.invalid(
        "Invalid message",
        [.init(param: "request_id", message: "\(given.excerpt()): expected a string of 128 characters at most")])
    }
    return text
  }

  private func run(_ members: [JSONMember], _ json: JSONValue) async throws(StintError) {
    guard let type = json["type"] else {
      throw StintError.invalid(
        "Invalid message", [.init(param: "type", message: "is required; allowed: \(Kind.names)")])
    }
    guard let kind = type.string.flatMap(Kind.init(rawValue:)) else {
      throw StintError.invalid(
        "Invalid message", [.init(param: "type", message: "\(type.excerpt()) is unknown; allowed: \(Kind.names)")])
    }
    guard !(kind.writes && access.isReadOnly) else {
      throw StintError(.forbidden, "This token may only read; \(kind.rawValue) writes")
    }
    let rest = members.filter { $0.key != "type" }
    let client = service.client
    switch kind {
    case .createJob: try await submit(rest)
    case .cancelJob: _ = try await client.cancel(try job(rest), by: actor)
    case .retryJob: _ = try await client.retry(try job(rest), by: actor)
    case .clearCompleted:
      try nothing(rest)
      _ = try await client.remove([.completed], by: actor)
    case .getState:
      try nothing(rest)
      service.feed.wantState(socket)
    case .ping:
      try nothing(rest)
      socket.reply(QueueMessage.pong)
    }
  }

  /// `job_type` and the options of `POST /api/jobs`.
  private func submit(_ members: [JSONMember]) async throws(StintError) {
    guard members.contains(where: { $0.key == "job_type" }) else {
      throw StintError.invalid("Invalid submission", [.init(param: "job_type", message: "is required")])
    }
    var new = try NewJob.list(
      json: .object(members), limits: service.configuration.limits, now: service.time.now())
    if let owner = access.owner { for index in new.indices { new[index].owner = owner } }
    do throws(StintError) { _ = try await service.client.submit(new, by: actor) } catch {
      // The message has a `type` of its own; the job's is called `job_type` here.
      guard new.contains(where: { $0.unread.contains { $0.param == "type" } }) else { throw error }
      let details = error.details.map {
        StintError.Detail(param: $0.param == "type" ? "job_type" : $0.param, message: $0.message)
      }
      throw StintError.invalid("Invalid submission", details)
    }
  }

  /// The id in `job_id`, and nothing else. Ids are whole here: what acts must not guess.
  private func job(_ members: [JSONMember]) throws(StintError) -> JobID {
    var faults: [StintError.Detail] = []
    var id: JobID?
    for member in members {
      guard member.key == "job_id" else {
        faults.append(.init(param: member.key, message: "unknown; allowed: job_id, request_id"))
        continue
      }
      id = member.value.string.flatMap { JobID($0) }
      if id == nil {
        faults.append(
          .init(param: "job_id", message: "\(member.value.excerpt()) is no job id: an id is \(Name.rule)"))
      }
    }
    if id == nil, faults.isEmpty { faults.append(.init(param: "job_id", message: "is required")) }
    guard let id, faults.isEmpty else { throw StintError.invalid("Invalid message", faults) }
    return id
  }

  private func nothing(_ members: [JSONMember]) throws(StintError) {
    guard members.isEmpty else {
      throw StintError.invalid(
        "Invalid message", members.map { .init(param: $0.key, message: "unknown; allowed: request_id") })
    }
  }
}
