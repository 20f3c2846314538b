import Foundation
import StintCore

/// Paths that must stay beneath a folder.
enum BoundPath {
  /// The absolute path of `path` beneath `root`, with every symbolic link followed. What does not exist yet is allowed.
  /// A secret one is not repeated in what is thrown.
  ///
  /// - Throws: ``ProcessFault`` where it leads out of the folder, or can not be followed.
  static func resolve(_ path: String, beneath root: String, isSecret: Bool = false) throws(ProcessFault) -> String {
    let shown = isSecret ? "***" : JSONValue.string(path).excerpt(limit: 200)
    if let fault = Param.Form.path(root: root).fault(in: .string(path), given: shown) { throw ProcessFault(fault) }
    let base = try real(root) { "the folder \(root) can not be found: \($0)" }
    let steps = path.split(separator: "/").filter { $0 != "." }
    // The longest part that exists, followed; what comes after can not be a link.
    for count in stride(from: steps.count, through: 0, by: -1) {
      let candidate = ([base] + steps.prefix(count).map(String.init)).joined(separator: "/")
      var status = stat()
      guard lstat(candidate, &status) == 0 else {
        guard errno == ENOENT else { throw ProcessFault("\(shown) can not be followed: \(ProcessFault.text(errno))") }
        continue
      }
      let followed = try real(candidate) { "\(shown) can not be followed: \($0)" }
      guard followed == base || followed.hasPrefix(base == "/" ? base : base + "/") else {
        throw ProcessFault("\(shown) leads out of \(root)")
      }
      let rest = steps.dropFirst(count).map(String.init)
      return ([followed == "/" ? "" : followed] + rest).joined(separator: "/")
    }
    throw ProcessFault("\(shown) can not be found")
  }

  private static func real(_ path: String, _ message: (String) -> String) throws(ProcessFault) -> String {
    guard let followed = realpath(path, nil) else { throw ProcessFault(message(ProcessFault.text(errno))) }
    defer { free(followed) }
    return String(cString: followed)
  }
}
