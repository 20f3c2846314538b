import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import StintCore
import StintEngine

/// Answers requests: lets them in, finds their route, reads their body, runs it, writes what comes of it.
final class ServiceCore: Sendable {
  let client: any JobClient
  let configuration: HTTPConfiguration
  let time: any TimeSource
  let logger: Logger
  let table = RouteTable(Route.all)
  let gatekeeper: Gatekeeper
  let streams: StreamCounter
  let sockets: StreamCounter
  let feed: QueueFeed
  let readiness: Readiness
  let pages: WebPages
  /// Where workers of other processes are served; nil where they are not.
  let desk: WorkerDesk?
  private let secretParams: SecretParams
  private let date = DateField()

  init(
    client: any JobFeed, gateway: (any ServingGateway)?, configuration: HTTPConfiguration, time: any TimeSource,
    random: RandomSource, logger: Logger
  ) {
    self.client = client
    self.configuration = configuration
    self.time = time
    self.logger = logger
    self.gatekeeper = Gatekeeper(configuration, time: time)
    self.streams = StreamCounter(limit: configuration.limits.streams, name: "event streams")
    self.sockets = StreamCounter(limit: configuration.limits.sockets, name: "WebSockets")
    self.readiness = Readiness(client: client, time: time)
    self.pages = WebPages(root: configuration.webRoot)
    self.desk = gateway.map {
      WorkerDesk(
        gateway: $0, client: client, configuration: configuration, time: time, random: random, logger: logger)
    }
    self.secretParams = SecretParams(client: client, time: time)
    self.feed = QueueFeed(
      client: client, secrets: secretParams, inlineBytes: configuration.limits.inlineBytes, time: time,
      logger: logger)
  }

  /// The secret params of these jobs' types.
  func secrets(of jobs: [Job]) async throws(StintError) -> SecretParams.Known {
    if jobs.isEmpty { return .none }
    return try await secretParams.read(for: Set(jobs.map(\.spec.type)))
  }

  // MARK: One request

  /// Answers a request. Throws only where the connection does.
  func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
    let started = time.uptime()
    let address = channel.remoteAddress?.ipAddress ?? "unknown"
    var origin: String?
    var answer: Answer
    var isRead = false
    do throws(StintError) {
      try gatekeeper.checkHost(
        request.head, localAddress: channel.localAddress?.ipAddress, port: channel.localAddress?.port ?? 0)
      origin = try gatekeeper.checkOrigin(request.head)
      if let origin, let answered = preflight(request, origin: origin) {
        answer = answered
      } else {
        let call = try await call(request, from: address)
        var body: [UInt8] = []
        if call.route.body != nil {
          try checkBody(request.head)
          if request.headers[.expect]?.lowercased() == "100-continue" {
            try? await writer.writeInformationalHead(HTTPResponse(status: .continue))
          }
          body = try await readBody(request.body)
          isRead = true
        }
        answer = try await call.route.run(exchange(call, request.head, body: body, from: address, on: channel))
      }
    } catch {
      answer = await shown(error)
      if error.type == .methodNotAllowed {
        answer.headers[.allow] = table.find(Self.path(of: request.head))?.place.methods
      }
    }
    if case .socket(let opening) = answer.body { return try await serve(opening, channel, from: address) }
    // What is left of a large body is not read: the connection ends with the answer.
    let leavesBody = !isRead && hasLargeBody(request.head)
    let head = head(of: answer, origin: origin, closes: leavesBody)
    let bytes: Int
    do {
      if answer.undelivered != nil, !channel.isActive { throw ChannelError.ioOnClosedChannel }
      bytes = try await write(answer, head, isHead: request.method == .head, writer, channel)
    } catch {
      await answer.undelivered?()
      throw error
    }
    logger.info(
      "request",
      metadata: [
        "method": "\(request.method.rawValue)", "path": "\(Self.path(of: request.head))",
        "status": "\(answer.status.code)",
        "duration": "\((time.uptime() - started).text)", "bytes": "\(bytes)", "from": "\(address)",
      ])
  }

  private static func path(of head: HTTPRequest) -> Substring {
    Substring(head.path ?? "").prefix { $0 != "?" && $0 != "#" }
  }

  /// A request that is let in.
  private struct Call {
    let route: Route
    let pathParameter: String
    let query: Query
    let access: Gatekeeper.Access
    let lease: LeaseToken?
  }

  private func call(_ request: Request, from address: String) async throws(StintError) -> Call {
    let whole = Substring(request.head.path ?? "")
    let path = Self.path(of: request.head)
    let query = whole.dropFirst(path.count + 1).prefix { $0 != "#" }
    let found = table.find(path)
    let route = found?.place.route(request.method)
    var access = Gatekeeper.Access()
    var lease: LeaseToken?
    let door = route?.door ?? .people
    let isOpen = door == .people && (route?.isOpen == true || !gatekeeper.needsToken)
    let seal = !isOpen && Gatekeeper.carriesLease(request.head) ? try await desk?.seal() : nil
    switch door {
    case .people:
      if !isOpen { access = try gatekeeper.access(request.head, from: address, seal: seal, at: time.now()) }
    case .worker, .workerOrLease:
      lease = try gatekeeper.checkWorker(
        request.head, from: address, seal: seal, opensToLeases: door == .workerOrLease)
    }
    guard let found else {
      throw .nothing(at: String(path))
    }
    guard let route else {
      throw StintError(
        .methodNotAllowed,
        "\(request.method.rawValue) is not possible on \(path); allowed: \(found.place.methods)")
    }
    guard !(route.isWrite && access.isReadOnly) else {
      throw StintError(.forbidden, "This token may only read; \(route.method.rawValue) \(route.path) writes")
    }
    return Call(
      route: route, pathParameter: try Query.decode(found.parameter),
      query: try route.ignoresQuery ? Query("") : checked(Query(query), of: route), access: access, lease: lease)
  }

  /// Refuses parameters that the route does not have, and those that stand there twice.
  private func checked(_ query: Query, of route: Route) throws(StintError) -> Query {
    var faults: [StintError.Detail] = []
    var seen: Set<String> = []
    for item in query.items {
      guard let parameter = route.query.first(where: { $0.name == item.name }) else {
        let names = route.query.map(\.name).joined(separator: ", ")
        let allowed = names.isEmpty ? "there are none here" : "allowed: \(names)"
        faults.append(.init(param: item.name, message: "unknown parameter; \(allowed)"))
        continue
      }
      if !seen.insert(item.name).inserted, !parameter.isRepeated {
        faults.append(.init(param: item.name, message: "is given twice"))
      }
    }
    guard faults.isEmpty else { throw StintError.invalid("Invalid query", faults) }
    return query
  }

  private func exchange(
    _ call: Call, _ head: HTTPRequest, body: [UInt8], from address: String, on channel: any Channel
  ) -> Exchange {
    let actor = StintCore.Actor(name: call.access.owner ?? "anonymous", origin: "http \(address)")
    return Exchange(
      service: self, query: call.query, pathParameter: call.pathParameter, head: head, body: body, actor: actor,
      access: call.access, address: address, lease: call.lease, channel: channel)
  }

  private func shown(_ error: StintError) async -> Answer {
    guard let existing = error.existing else { return Answer(error) }
    do throws(StintError) {
      return Answer(error, secrets: try await secrets(of: [existing]))
    } catch {
      return Answer(error)
    }
  }

  /// The answer to a browser that asks whether a page of another, allowed origin may call.
  private func preflight(_ request: Request, origin: String) -> Answer? {
    guard request.method == .options, request.headers[.accessControlRequestMethod] != nil else { return nil }
    guard let place = table.find(Self.path(of: request.head))?.place else { return nil }
    var fields = HTTPFields()
    fields[.accessControlAllowMethods] = place.methods
    fields[.accessControlAllowHeaders] = "Authorization, Content-Type"
    fields[.accessControlMaxAge] = "600"
    return Answer(status: .noContent, headers: fields, body: .empty)
  }

  // MARK: The body

  private func checkBody(_ head: HTTPRequest) throws(StintError) {
    let type = head.headerFields[.contentType] ?? ""
    let media = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    guard media == "application/json" else {
      let given = type.isEmpty ? "missing" : JSONValue.string(type).excerpt()
      throw StintError(.unsupportedMediaType, "Content-Type is \(given); a body needs application/json")
    }
    if let length = head.headerFields[.contentLength].flatMap({ Int($0) }) { try checkSize(length) }
  }

  private func checkSize(_ bytes: Int) throws(StintError) {
    let limit = configuration.limits.bodyBytes
    if bytes > limit { throw StintError(.tooLarge, "A body of \(bytes) bytes or more; allowed are \(limit)") }
  }

  private func readBody(_ body: RequestBody) async throws(StintError) -> [UInt8] {
    var bytes: [UInt8] = []
    var iterator = body.makeAsyncIterator()
    while true {
      let part: ByteBuffer?
      do { part = try await iterator.next() } catch {
        throw StintError(.malformed, "The body breaks off after \(bytes.count) bytes")
      }
      guard let part else { return bytes }
      try checkSize(bytes.count + part.readableBytes)
      bytes.append(contentsOf: part.readableBytesView)
    }
  }

  private func hasLargeBody(_ head: HTTPRequest) -> Bool {
    if head.headerFields[.transferEncoding] != nil { return true }
    return head.headerFields[.contentLength].flatMap { Int($0) } ?? 0 > 64 << 10
  }

  // MARK: The answer

  private func head(of answer: Answer, origin: String?, closes: Bool) -> HTTPResponse {
    var fields = Answer.everywhere
    fields[.date] = date.text(at: time.now())
    for field in answer.headers { fields[field.name] = field.value }
    if closes { fields[.connection] = "close" }
    if !configuration.allowedOrigins.isEmpty { fields[.vary] = "Origin" }
    if let origin {
      fields[.accessControlAllowOrigin] = origin
      fields[.accessControlExposeHeaders] = "Link, Location, Retry-After"
    }
    switch answer.body {
    case .empty, .socket: fields[.cacheControl] = answer.headers[.cacheControl] ?? "no-store"
    case .bytes(let bytes, let type):
      fields[.contentType] = type
      fields[.contentLength] = String(bytes.count)
      fields[.cacheControl] = answer.headers[.cacheControl] ?? "no-store"
    case .events, .output:
      fields[.contentType] = EventStream.contentType
      fields[.cacheControl] = "no-cache"
      fields[.connection] = "close"
    }
    return HTTPResponse(status: answer.status, headerFields: fields)
  }

  private func write(
    _ answer: Answer, _ head: HTTPResponse, isHead: Bool, _ writer: consuming ResponseWriter, _ channel: any Channel
  ) async throws -> Int {
    switch answer.body {
    case .empty, .socket:
      try await writer.writeResponse(head)
      return 0
    case .bytes(let bytes, _):
      if isHead {
        try await writer.writeResponse(head)
        return 0
      }
      try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
      return bytes.count
    case .events where isHead, .output where isHead:
      var head = head
      head.headerFields[.contentLength] = "0"
      try await writer.writeResponse(head)
      return 0
    case .events(let updates, let permit):
      defer { withExtendedLifetime(permit) {} }
      var body = try await writer.writeHead(head)
      let written = try await EventStream.write(
        updates, to: &body, channel: channel, time: time, inlineBytes: configuration.limits.inlineBytes)
      try await body.finish(nil)
      return written
    case .output(let updates, let stream, let permit):
      defer { withExtendedLifetime(permit) {} }
      var body = try await writer.writeHead(head)
      let written = try await stream.write(updates, to: &body, channel: channel, time: time)
      try await body.finish(nil)
      return written
    }
  }
}
