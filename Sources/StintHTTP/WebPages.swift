import Crypto
import Foundation
import NIOPosix
import StintCore
import StintWeb

/// The dashboard's files: those in the binary, or those of a folder for who works on them.
final class WebPages: Sendable {
  /// A file as it is sent.
  struct Page: Sendable {
    let bytes: [UInt8]
    let type: String
    /// Changes with the bytes: a browser that has them gets none.
    let tag: String
  }

  private let root: URL?
  /// Made when the first one is asked for, once in a process.
  private static let embedded: [String: Page] = WebFile.embedded.compactMapValues(page)

  /// Serves the folder `root`, or what is embedded where there is none.
  init(root: String?) {
    self.root = root.map { URL(fileURLWithPath: $0, isDirectory: true).resolvingSymlinksInPath() }
  }

  /// The file of a path such as `js/main.js`. Throws `not_found`.
  func page(_ path: String) async throws(StintError) -> Page {
    guard let root else {
      if let page = Self.embedded[path] { return page }
      throw .nothing(at: "/" + path)
    }
    guard Self.isInside(path), let file = await Self.read(path, beneath: root), let page = Self.page(file) else {
      throw .nothing(at: "/" + path)
    }
    return page
  }

  private static func page(_ file: WebFile) -> Page? {
    WebFile.mediaType(of: file.path).map { type in
      let digest = SHA256.hash(data: file.bytes).prefix(12).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      return Page(bytes: file.bytes, type: type, tag: "\"\(digest.joined())\"")
    }
  }

  /// Names without steps upward, hidden files and empty parts.
  private static func isInside(_ path: String) -> Bool {
    path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
  }

  /// Files are read where blocking costs nobody; links out of the folder lead nowhere.
  private static func read(_ path: String, beneath root: URL) async -> WebFile? {
    try? await NIOThreadPool.singleton.runIfActive {
      let file = root.appendingPathComponent(path).resolvingSymlinksInPath()
      guard file.path.hasPrefix(root.path + "/") else { return nil }
      return try WebFile(path: path, bytes: Array(Data(contentsOf: file)))
    }
  }
}

extension StintError {
  /// "Not found", for a path that is none of the server's.
  static func nothing(at path: String) -> StintError {
    StintError(.notFound, "Nothing is at \(JSONValue.string(path).excerpt(limit: 200)); see /openapi.json")
  }
}
