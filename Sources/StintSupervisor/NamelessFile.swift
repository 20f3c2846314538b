#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// A file without a name: shared by descriptor with the processes that inherit it, gone with the last of them.
enum NamelessFile {
  /// An empty one, open for reading and writing and not inherited yet; nil where there is no room for it.
  static func make() -> Int32? {
    var path = Array("\(directory)/stint-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    guard descriptor >= 0 else { return nil }
    unlink(path)
    _ = setCloseOnExec(descriptor)
    return descriptor
  }

  private static var directory: String {
    // Memory where the system has a folder for it: the file is never written to a disk.
    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  }

  /// One that holds `bytes`; nil where there is no room for it.
  static func make(holding bytes: [UInt8]) -> Int32? {
    guard let descriptor = make() else { return nil }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        close(descriptor)
        return nil
      }
    }
    return descriptor
  }

  /// All that a descriptor's file holds, wherever its place is; nil where it can not be read.
  static func bytes(of descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
      if count > 0 {
        bytes += buffer.prefix(count)
      } else if count == 0 || errno != EINTR {
        return count == 0 ? bytes : nil
      }
    }
  }
}

/// Keeps a descriptor from programs that are started.
func setCloseOnExec(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 }
