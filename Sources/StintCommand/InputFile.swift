import Foundation
import StintCore

/// Files that a user names.
enum InputFile {
  /// A file's text. Throws ``StintCore/StintError`` naming the file and what is wrong.
  static func text(_ path: String, limit: Int) throws(StintError) -> String {
    let bytes = try bytes(path, limit: limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw StintError(.malformed, "\(path) is not UTF-8 text")
    }
    return text
  }

  /// A file's text, or that of standard input for `-`; read outside Swift's pool of threads.
  static func read(_ path: String, limit: Int) async throws(StintError) -> String {
    let result: Result<String, StintError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let source = path == "-" ? "/dev/stdin" : path
        continuation.resume(
          returning: Result { () throws(StintError) in try text(source, limit: limit) })
      }
    }
    return try result.get()
  }

  private static func bytes(_ path: String, limit: Int) throws(StintError) -> [UInt8] {
    guard let file = fopen(path, "r") else {
      throw StintError(
        errno == ENOENT ? .notFound : .invalidParams,
        "The file \(path) can not be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer.prefix(count))
      guard bytes.count <= limit else {
        throw StintError(.tooLarge, "The file \(path) is larger than \(limit) bytes")
      }
    }
    guard ferror(file) == 0 else {
      throw StintError(.invalidParams, "The file \(path) can not be read: \(String(cString: strerror(errno)))")
    }
    return bytes
  }
}

/// A file with a token: one line, readable by its owner alone.
enum TokenFile {
  /// The token. `key` is the setting that names the file.
  static func read(_ path: String, key: String) throws(StintError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StintError(.notFound, "\(key) \(path) can not be read: \(String(cString: strerror(errno)))")
    }
    let mode = status.st_mode & 0o777
    guard mode & 0o077 == 0 else {
      throw StintError(
        .invalidParams,
        "\(key) \(path) has mode 0\(String(mode, radix: 8)); only its owner may read it: chmod 600 \(path)")
    }
    let lines = try InputFile.text(path, limit: 4_096).split(whereSeparator: \.isNewline).map(\.trimmingSpaces)
    guard let token = lines.first(where: { !$0.isEmpty }), lines.filter({ !$0.isEmpty }).count == 1,
      token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), token.utf8.count >= 16
    else {
      throw StintError(
        .invalidParams, "\(key) \(path): expected is one line of 16 or more visible ASCII characters without spaces")
    }
    return token
  }
}
