import Foundation
import StintCore

/// The private folder of one attempt: its params, its FIFO for events, what an earlier attempt kept, its input.
///
/// It is locked as long as its process holds it. The kernel takes the lock away when that process ends, however it ends:
/// a folder without a lock is one that nobody removes any more, and the next worker does (``sweep(_:)``).
struct AttemptFolder {
  /// Where it is; mode 0700.
  let path: String
  /// What has been made in it.
  private(set) var files: [String] = []
  private let lock: Descriptor

  private static let prefix = "stint-attempt-"

  /// Makes a folder that nobody else has.
  init(in parent: String) throws(ProcessFault) {
    Self.swept.withLock { swept in
      if swept.insert(parent).inserted { Self.removeLeft(in: parent) }
    }
    for _ in 0..<10 {
      var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else {
        throw ProcessFault("no folder can be made in \(parent): \(ProcessFault.text(errno))")
      }
      let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Between its making and its locking another worker may have taken it for one that was left.
      guard let lock = Self.opened(path) else {
        let fault = errno
        guard fault != ENOENT else { continue }
        rmdir(path)
        throw ProcessFault("\(path) can not be opened: \(ProcessFault.text(fault))")
      }
      while flock(lock.number, LOCK_EX) == -1, errno == EINTR {}
      guard Self.isThere(path, lock) else { continue }
      (self.path, self.lock) = (path, lock)
      return
    }
    throw ProcessFault("no folder can be made in \(parent): each was removed at once")
  }

  /// Writes a file, mode 0600, and gives its path.
  mutating func write(_ name: String, _ bytes: [UInt8]) throws(ProcessFault) -> String {
    let file = "\(path)/\(name)"
    let number = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard number != -1 else { throw ProcessFault("\(file) can not be made: \(ProcessFault.text(errno))") }
    files.append(file)
    let descriptor = Descriptor(number)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor.number, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw ProcessFault("\(file) can not be written: \(ProcessFault.text(errno))")
      }
    }
    return file
  }

  /// Makes a FIFO, mode 0600, and gives its path.
  mutating func makeFIFO(_ name: String) throws(ProcessFault) -> String {
    let file = "\(path)/\(name)"
    guard mkfifo(file, 0o600) == 0 else {
      throw ProcessFault("\(file) can not be made: \(ProcessFault.text(errno))")
    }
    files.append(file)
    return file
  }

  /// Removes it with all that is in it.
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

// MARK: What others have left

extension AttemptFolder {
  /// Where this process has looked already.
  private static let swept = Locked(Set<String>())

  /// Removes the folders that ended workers of this user have left in `parent`, with all that is in them, and kills the
  /// processes of their attempts that live on. Those of living workers, of other users, and links are left alone. The
  /// first attempt of this process need not do it again.
  static func sweep(_ parent: String) {
    swept.withLock { swept in
      swept.insert(parent)
      removeLeft(in: parent)
    }
  }

  private static func removeLeft(in parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where isName(name) {
      let path = "\(parent)/\(name)"
      guard let lock = opened(path), flock(lock.number, LOCK_EX | LOCK_NB) == 0, isOwn(path, lock) else { continue }
      // As long as something of it lives, the folder is what it can be found by.
      guard Survivors.kill(mark: Survivors.mark(paramsFile: "\(path)/\(paramsFile)")).areGone else { continue }
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// Whether a folder of that name may be an attempt's: what `mkdtemp` makes of the template.
  private static func isName(_ name: String) -> Bool {
    let rest = name.dropFirst(prefix.count)
    return name.hasPrefix(prefix) && rest.count == 6 && rest.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  /// The name of the file with the params.
  static let paramsFile = "params.json"

  /// The folder itself, opened; nil for a link and for anything else.
  private static func opened(_ path: String) -> Descriptor? {
    let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    return number == -1 ? nil : Descriptor(number)
  }

  /// Whether what was opened is still what stands there.
  private static func isThere(_ path: String, _ folder: Descriptor) -> Bool {
    var (there, opened) = (stat(), stat())
    guard lstat(path, &there) == 0, fstat(folder.number, &opened) == 0 else { return false }
    return there.st_ino == opened.st_ino && there.st_dev == opened.st_dev && there.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether it is still there, and only this user's.
  private static func isOwn(_ path: String, _ folder: Descriptor) -> Bool {
    var opened = stat()
    return isThere(path, folder) && fstat(folder.number, &opened) == 0 && opened.st_uid == geteuid()
      && opened.st_mode & 0o077 == 0
  }
}
