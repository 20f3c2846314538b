import Foundation
import StintCore
import StintHTTP
import StintTesting
import StintWeb
import Testing

@Suite struct PageTests {
  private static let web = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("web")

  /// The dashboard's files in the repository, by path.
  private static func sources() -> [String: [UInt8]] {
    let paths = FileManager.default.enumerator(atPath: web.path)?.compactMap { $0 as? String } ?? []
    var files: [String: [UInt8]] = [:]
    for path in paths where WebFile.mediaType(of: path) != nil {
      files[path] = (try? Data(contentsOf: web.appendingPathComponent(path))).map { Array($0) }
    }
    return files
  }

  @Test func whatIsEmbeddedIsWhatStandsInTheWebFolder() {
    let sources = Self.sources()
    #expect(sources["index.html"] != nil)
    #expect(Set(sources.keys) == Set(WebFile.embedded.keys), "run `make web`")
    for (path, bytes) in sources {
      let isSame = WebFile.embedded[path]?.bytes == bytes
      #expect(isSame, "\(path) was changed since `make web`")
    }
  }

  @Test func everyFileIsServedWithItsTypeAndWithoutAToken() async throws {
    let configuration = HTTPConfiguration(port: 0, tokens: [AccessToken(text: "t")])
    try await withServer(configuration: configuration) { server in
      for (path, file) in WebFile.embedded {
        let reply = try await server.call("GET", path == "index.html" ? "/" : "/" + path)
        #expect(reply.status == 200 && Array(reply.text.utf8) == file.bytes, "\(path)")
        #expect(reply["Content-Type"] == WebFile.mediaType(of: path))
        #expect(reply["Content-Security-Policy"] == "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
        #expect(reply["X-Content-Type-Options"] == "nosniff" && reply["Referrer-Policy"] == "no-referrer")
        #expect(reply["Cache-Control"] == "no-cache")
      }
    }
  }

  @Test func aBrowserThatHasTheFileGetsNoneAgain() async throws {
    try await withServer { server in
      let first = try await server.call("GET", "/?from=a-link")
      let tag = try #require(first["ETag"])
      let again = try await server.call("GET", "/", headers: ["if-none-match": tag])
      #expect(again.status == 304 && again.text.isEmpty && again["ETag"] == tag)
      #expect(try await server.call("GET", "/", headers: ["if-none-match": "\"other\""]).status == 200)
      let head = try await server.call("HEAD", "/")
      #expect(head.status == 200 && head.text.isEmpty && head["Content-Length"] == first["Content-Length"])
    }
  }

  @Test func nothingElseIsServed() async throws {
    let outside = FileManager.default.temporaryDirectory.appendingPathComponent("stint-page-\(UUID().uuidString)")
    let root = outside.appendingPathComponent("web")
    try FileManager.default.createDirectory(
      at: root.appendingPathComponent("js/parts"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: outside) }
    for (path, text) in ["web/index.html": "<p>mine", "web/js/parts/a.js": "a", "web/js/a.txt": "t", "secret.js": "s"] {
      try Data(text.utf8).write(to: outside.appendingPathComponent(path))
    }
    try FileManager.default.createSymbolicLink(
      at: root.appendingPathComponent("js/link.js"), withDestinationURL: outside.appendingPathComponent("secret.js"))
    var configuration = HTTPConfiguration(port: 0)
    configuration.webRoot = root.path
    for configuration in [configuration, HTTPConfiguration(port: 0)] {
      try await withServer(configuration: configuration) { server in
        if configuration.webRoot != nil {
          #expect(try await server.call("GET", "/").text == "<p>mine")
          #expect(try await server.call("GET", "/js/parts/a.js").text == "a")
          try Data("<p>changed".utf8).write(to: root.appendingPathComponent("index.html"))
          #expect(try await server.call("GET", "/").text == "<p>changed")
        }
        for path in [
          "/js/link.js", "/js/a.txt", "/js/../../secret.js", "/js/..%2f..%2fsecret.js", "/js/%2e%2e/%2e%2e/secret.js",
          "/js/", "/js//a.js", "/js/parts", "/js/none.js", "/css/none.css", "/index.html", "/js/.hidden.js",
          "/js/a%00.js",
        ] {
          try await Wire.open(server.port) { wire in
            try await wire.send("GET \(path) HTTP/1.1\r\nHost: localhost:\(server.port)\r\nConnection: close\r\n\r\n")
            let text = try await wire.readAll()
            #expect(text.hasPrefix("HTTP/1.1 404 ") || text.hasPrefix("HTTP/1.1 400 "), "\(path): \(text.prefix(80))")
          }
        }
      }
    }
  }

  @Test func aWebFolderWithoutAPageIsRefused() {
    var configuration = HTTPConfiguration(port: 0)
    configuration.webRoot = "/nowhere"
    #expect { try configuration.check() } throws: { error in
      (error as? StintError)?.message.contains("http.web_root /nowhere") ?? false
    }
  }
}
