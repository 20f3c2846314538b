import Foundation
import StintCore
import StintSupervisor

/// The configuration file as it was when the program started.
struct ConfigurationFile: Sendable, Hashable {
  let path: String
  let text: String

  /// The file of that name, or the one that is read where none is named; nil where there is none of these.
  static func read(_ name: String?) throws(StintError) -> ConfigurationFile? {
    let path = name ?? Configuration.defaultFile
    guard FileManager.default.fileExists(atPath: path) else {
      guard name == nil else { throw StintError(.notFound, "The configuration file \(path) does not exist") }
      return nil
    }
    return ConfigurationFile(path: path, text: try InputFile.text(path, limit: 1 << 20))
  }

  /// The file that the supervisor of this worker process read; nil where it read none.
  static func handed() throws(StintError) -> ConfigurationFile? {
    guard let bytes = WorkerProcess.settings else {
      throw StintError(.internalError, "The configuration that the supervisor handed on can not be read")
    }
    guard let zero = bytes.firstIndex(of: 0) else { return nil }
    return ConfigurationFile(
      path: String(decoding: bytes[..<zero], as: UTF8.self),
      text: String(decoding: bytes[(zero + 1)...], as: UTF8.self))
  }

  /// What is handed to worker processes: a path has no zero.
  var handedOn: [UInt8] { Array(path.utf8) + [0] + Array(text.utf8) }
}
