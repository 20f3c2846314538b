/// A file of the dashboard: a page, a style sheet, a script module or a picture.
public struct WebFile: Sendable {
  /// Where it stands beneath the web folder: `index.html`, `js/main.js`.
  public let path: String
  /// What is in it.
  public let bytes: [UInt8]

  /// A file with these bytes.
  public init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  /// The media type by the name's ending; nil where it is none of the dashboard's.
  public static func mediaType(of path: String) -> String? {
    switch path.split(separator: ".").last {
    case "html": "text/html; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "js": "text/javascript; charset=utf-8"
    case "svg": "image/svg+xml"
    default: nil
    }
  }

  /// The files in the binary, by path.
  public static let embedded: [String: WebFile] = Dictionary(
    WebFiles.all.map { path, text in
      (path, WebFile(path: path, bytes: text.withUTF8Buffer { Array($0) }))
    }, uniquingKeysWith: { first, _ in first })
}
