import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// An open file or folder, closed with its last use. No call follows a symbolic link.
struct Descriptor: ~Copyable {
  let number: Int32

  private init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  enum Kind { case file, folder }

  struct Status {
    let isRegular: Bool
    let bytes: Int
  }

  /// Opens a folder by its path; here alone links count.
  static func open(_ path: String) throws(SystemError) -> Descriptor {
    guard !path.utf8.contains(0) else { throw SystemError(code: EINVAL) }
    return Descriptor(
      try SystemError.checked("open", path) { openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
  }

  /// Opens what lies in this folder, for reading.
  func open(_ name: String, _ kind: Kind) throws(SystemError) -> Descriptor {
    // A pipe must not hold the thread until somebody writes.
    let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (kind == .folder ? O_DIRECTORY : O_NONBLOCK)
    return Descriptor(try SystemError.checked("open", name) { openat(number, name, flags) })
  }

  /// Makes a new file in this folder.
  func create(_ name: String) throws(SystemError) -> Descriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    return Descriptor(try SystemError.checked("create", name) { openat(number, name, flags, 0o644) })
  }

  /// Makes a folder in this one, unless something has that name.
  func makeFolder(_ name: String) throws(SystemError) {
    do {
      _ = try SystemError.checked("create the folder", name) { mkdirat(number, name, 0o755) }
    } catch let error where error.code == EEXIST {
      return
    }
  }

  /// Makes a folder at a path, unless something is there.
  static func makeFolder(at path: String) throws(SystemError) {
    do {
      _ = try SystemError.checked("create the folder", path) { mkdir(path, 0o755) }
    } catch let error where error.code == EEXIST {
      return
    }
  }

  /// Whether something in this folder has that name.
  func has(_ name: String) -> Bool {
    var status = stat()
    return fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0
  }

  /// The files of this folder but for the `kept` newest and hidden ones.
  func oldestFiles(beyond kept: Int) throws(SystemError) -> [String] {
    // Of its own, for it is closed with the listing.
    let own = try SystemError.checked("open", "a folder") { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let listing = fdopendir(own) else {
      close(own)
      return []
    }
    defer { closedir(listing) }
    var files: [(name: String, second: Int, nanosecond: Int)] = []
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      var status = stat()
      guard !name.hasPrefix("."), fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { continue }
      files.append((name, Int(status.modified.tv_sec), Int(status.modified.tv_nsec)))
    }
    return files.sorted { ($0.second, $0.nanosecond) < ($1.second, $1.nanosecond) }.dropLast(kept).map(\.name)
  }

  /// Removes a file in this folder, if it is there.
  func remove(_ name: String) { _ = unlinkat(number, name, 0) }

  /// Gives a file of this folder a second name. Whether it got it: false where something has that name.
  func link(_ name: String, _ other: String) throws(SystemError) -> Bool {
    do {
      _ = try SystemError.checked("create", other) { linkat(number, name, number, other, 0) }
      return true
    } catch let error where error.code == EEXIST {
      return false
    }
  }

  /// Whether this folder has a symbolic link of that name.
  func isLink(_ name: String) -> Bool {
    var status = stat()
    return fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// Whether this folder has a file of that name with exactly these bytes.
  func holds(_ bytes: UnsafeRawBufferPointer, as name: String) throws(SystemError) -> Bool {
    let file: Descriptor
    do {
      file = try open(name, .file)
    } catch let error where error.isFinal {
      return false
    }
    let status = try file.status()
    guard status.isRegular, status.bytes == bytes.count else { return false }
    return try file.reads(bytes)
  }

  private func reads(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Bool {
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { part.deallocate() }
    guard let expected = bytes.baseAddress, let found = part.baseAddress else { return true }
    var place = 0
    while place < bytes.count {
      let count = try SystemError.counted("read", "a file") { read(number, found, part.count) }
      guard count > 0, place + count <= bytes.count, memcmp(found, expected + place, count) == 0 else { return false }
      place += count
    }
    return true
  }

  func status() throws(SystemError) -> Status {
    var status = stat()
    _ = try SystemError.checked("examine", "a file") { fstat(number, &status) }
    return Status(isRegular: status.st_mode & S_IFMT == S_IFREG, bytes: Int(status.st_size))
  }

  /// Writes all of it, down to the disk.
  func write(_ bytes: UnsafeRawBufferPointer, cancellation: Cancellation) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      try cancellation.check()
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
      rest = rest.dropFirst(try SystemError.counted("write", "the image") { systemWrite(number, part) })
    }
    try synchronize()
  }

  /// Has the disk keep what was written, or which names this folder has.
  func synchronize() throws(SystemError) {
    _ = try SystemError.checked("synchronize", "the image") { fsync(number) }
  }
}

extension stat {
  fileprivate var modified: timespec {
    #if canImport(Darwin)
      st_mtimespec
    #else
      st_mtim
    #endif
  }
}

private func systemWrite(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(number, bytes.baseAddress, bytes.count)
}

/// What the operating system refused.
struct SystemError: Error, Equatable, CustomStringConvertible {
  let code: Int32
  var subject = ""

  /// The system's words.
  var reason: String { String(cString: strerror(code)) }
  var description: String { "Could not \(subject): \(reason)" }

  /// Whether trying again later makes no sense.
  var isFinal: Bool {
    [ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, EINVAL, ENAMETOOLONG, EISDIR, ENXIO, EILSEQ].contains(code)
  }

  /// What `call` gives; an error where that is negative.
  static func checked(_ verb: String, _ name: String, _ call: () -> Int32) throws(SystemError) -> Int32 {
    Int32(try counted(verb, name) { Int(call()) })
  }

  /// The same of a call that gives a count of bytes.
  static func counted(_ verb: String, _ name: String, _ call: () -> Int) throws(SystemError) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw SystemError(code: errno, subject: "\(verb) \(name)") }
    }
  }
}
