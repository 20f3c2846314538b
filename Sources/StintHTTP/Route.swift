import HTTPTypes
import NIOCore
import StintCore
import StintEngine

/// One row of the table of routes: router, `Allow` answers and `/openapi.json` are all made from it.
struct Route: Sendable {
  /// A parameter in the path or the query.
  struct Parameter: Sendable {
    let name: String
    let schema: JSONValue
    let description: String
    var isRequired = false
    var isRepeated = false
  }

  /// An answer that is no error.
  struct Success: Sendable {
    let status: Int
    let description: String
    var type = "application/json"
    var schema: JSONValue?
    var headers: [String] = []
  }

  let method: HTTPRequest.Method
  /// `/api/jobs/{id}`: a segment in braces is a parameter, `{path*}` at the end takes all segments that are left.
  let path: String
  /// The operation's name in the document.
  let name: String
  let summary: String
  var query: [Parameter] = []
  /// Request headers that it reads, besides those that every route does.
  var headers: [Parameter] = []
  /// Whether anything may stand in the query, as in links to a page.
  var ignoresQuery = false
  /// The schema of the body; nil where none is read.
  var body: JSONValue?
  let successes: [Success]
  /// The kinds of error that are this route's own, besides those every route may answer.
  var errors: [StintError.Kind] = []
  /// Whether it changes anything: not for read-only tokens.
  var isWrite = false
  /// Whether it needs no token.
  var isOpen = false
  /// Whose tokens open it.
  var door = Gatekeeper.Door.people
  /// Whether `/openapi.json` names it.
  var isDocumented = true
  let run: @Sendable (Exchange) async throws(StintError) -> Answer

  /// The path's segments; nil is a parameter.
  var segments: [String?] {
    path.split(separator: "/").map { $0.hasPrefix("{") ? nil : String($0) }
  }

  /// Whether the last parameter takes all segments that are left.
  var takesRest: Bool { path.hasSuffix("*}") }
}

/// What a route gets.
struct Exchange: Sendable {
  let service: ServiceCore
  let query: Query
  /// The value of the path's parameter, decoded.
  let pathParameter: String
  /// The head of the request.
  let head: HTTPRequest
  /// The body, where the route reads one.
  let body: [UInt8]
  /// Who acts.
  let actor: StintCore.Actor
  /// What its token allows.
  let access: Gatekeeper.Access
  /// Where it came from.
  let address: String
  /// The attempt whose token let it in, where it was one.
  let lease: LeaseToken?
  /// The connection.
  let channel: any Channel

  var client: any JobClient { service.client }

  /// The body as JSON. Throws `malformed` with the place.
  func json() throws(StintError) -> JSONValue {
    do throws(JSONSyntaxError) {
      return try JSONParser.parse(body, depth: service.configuration.limits.jsonDepth)
    } catch {
      throw StintError(.malformed, "The body is not JSON: \(error)")
    }
  }

  /// The job that the path names, by its id or, unless `exact=true`, a short form of it.
  func job() async throws(StintError) -> Job {
    guard let id = JobID(pathParameter) else {
      throw StintError(
        .invalidParams, "\(JSONValue.string(pathParameter).excerpt()) is no job id: an id is \(Name.rule)")
    }
    return try flag("exact") ? try await client.job(id) : try await client.resolve(pathParameter)
  }

  /// A parameter of the query that is `true` or `false`. Throws `invalid_params`.
  func flag(_ name: String, default value: Bool = false) throws(StintError) -> Bool {
    guard let text = query[name] else { return value }
    guard let flag = Bool(text) else {
      throw StintError.invalid(
        "Invalid query",
        [.init(param: name, message: "\(JSONValue.string(text).excerpt()): allowed are true and false")])
    }
    return flag
  }
}

/// The table, arranged for finding.
struct RouteTable: Sendable {
  /// The routes of one path.
  struct Place: Sendable {
    let segments: [String?]
    let takesRest: Bool
    var routes: [Route]

    /// What `Allow` says.
    var methods: String {
      routes.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }.joined(separator: ", ")
    }

    func route(_ method: HTTPRequest.Method) -> Route? {
      let wanted = method == .head ? .get : method
      return routes.first { $0.method == wanted }
    }
  }

  let routes: [Route]
  private var places: [Place] = []

  init(_ routes: [Route]) {
    self.routes = routes
    for route in routes {
      if let index = places.firstIndex(where: { $0.segments == route.segments }) {
        places[index].routes.append(route)
      } else {
        places.append(Place(segments: route.segments, takesRest: route.takesRest, routes: [route]))
      }
    }
    // Fixed segments win over parameters.
    places.sort { $0.segments.count { $0 == nil } < $1.segments.count { $0 == nil } }
  }

  /// The place of a path that is still encoded, and the parameter in it.
  func find(_ path: Substring) -> (place: Place, parameter: Substring)? {
    guard path.hasPrefix("/") else { return nil }
    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    let given = parts.count == 1 && parts[0].isEmpty ? [] : parts
    for place in places {
      let count = place.segments.count
      guard given.count == count || place.takesRest && given.count > count else { continue }
      var parameter = Substring()
      let fits = zip(place.segments, given).allSatisfy { segment, part in
        if let segment { return segment == part }
        parameter = part
        return !part.isEmpty
      }
      guard fits else { continue }
      return (place, place.takesRest ? path[parameter.startIndex...] : parameter)
    }
    return nil
  }
}
