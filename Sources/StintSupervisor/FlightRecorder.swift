#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Which attempts run in a worker process, in memory that it shares with its supervisor: readable after the process was
/// killed in the middle of anything, and written without a system call.
///
/// A loss counts only against attempts that had begun. Quick ones begin and end between two reports; without this the
/// job that kills its worker at once would never be found out.
final class FlightRecorder: Sendable {
  /// Slots that are recorded; attempts in further ones count as begun once that was reported.
  static let slots = 4_096
  private static let size = slots * 8

  // Safe because it is set once, and a slot has one runner at a time; the other side reads when that process has ended.
  nonisolated(unsafe) private let words: UnsafeMutablePointer<Int64>

  /// Recorder on the shared file; nil where it can not be mapped.
  init?(descriptor: Int32) {
    let address = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { return nil }
    words = address.bindMemory(to: Int64.self, capacity: Self.slots)
  }

  deinit { munmap(UnsafeMutableRawPointer(words), Self.size) }

  /// A file without a name, of the right size, for both sides to map; nil where there is no room for it.
  static func makeFile() -> Int32? {
    guard let descriptor = NamelessFile.make() else { return nil }
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  /// The slot runs the attempt of this revision from now on.
  func begin(_ revision: Int64, slot: Int) {
    if slot < Self.slots { words[slot] = revision }
  }

  /// The attempt has ended; nothing where the slot was given to another one meanwhile.
  func end(_ revision: Int64, slot: Int) {
    if slot < Self.slots, words[slot] == revision { words[slot] = 0 }
  }

  /// The revisions of the attempts that ran when the process ended.
  var running: Set<Int64> {
    var found: Set<Int64> = []
    for slot in 0..<Self.slots where words[slot] != 0 { found.insert(words[slot]) }
    return found
  }
}
