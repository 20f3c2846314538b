import HTTPTypes
import StintCore

extension Route {
  /// The dashboard's files. They hold nothing secret, so that a browser can show the page that asks for the token.
  static let page: [Route] = [
    file("/", name: "dashboard", summary: "The dashboard, for people."),
    file("/favicon.svg", name: "favicon", summary: "The dashboard's picture."),
    file("/css/{path*}", name: "styles", summary: "The dashboard's style sheets."),
    file("/js/{path*}", name: "scripts", summary: "The dashboard's scripts."),
  ]

  private static func file(_ path: String, name: String, summary: String) -> Route {
    Route(
      method: .get, path: path, name: name, summary: summary, ignoresQuery: true,
      successes: [Success(status: 200, description: "The file.", type: "text/html", schema: ["type": "string"])],
      errors: [.notFound], isOpen: true, isDocumented: path == "/",
      run: { exchange async throws(StintError) in
        let folder = path.prefix { $0 != "{" }.dropFirst()
        let name = path == "/" ? "index.html" : folder + exchange.pathParameter
        let page = try await exchange.service.pages.page(String(name))
        var headers = HTTPFields()
        headers[.eTag] = page.tag
        headers[.cacheControl] = "no-cache"
        if exchange.head.headerFields[.ifNoneMatch]?.contains(page.tag) == true {
          return Answer(status: .notModified, headers: headers, body: .empty)
        }
        return Answer(status: .ok, headers: headers, body: .bytes(page.bytes, type: page.type))
      })
  }
}
