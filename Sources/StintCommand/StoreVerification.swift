import Dispatch
import Foundation
import StintCore
import StintEngine
import StintLaws
import StintSQLite
import StintStore

/// Checks every law of stores on scratch stores of one kind.
enum StoreVerification {
  /// Each law, and how it is broken; nil where it holds.
  static func run(_ location: StoreLocation) async throws -> [(name: String, violation: String?)] {
    let folder: String?
    switch location {
    case .memory: folder = nil
    case .sqlite(let path):
      let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
      let scratch = parent.appendingPathComponent(".stint-verify-\(UUID().uuidString)").path
      do {
        try FileManager.default.createDirectory(
          atPath: scratch, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      } catch {
        throw StintError(.storeUnavailable, "A scratch store can not be made in \(parent.path): \(error)")
      }
      folder = scratch
    }
    defer { if let folder { try? FileManager.default.removeItem(atPath: folder) } }
    var results: [(name: String, violation: String?)] = []
    for (index, law) in StoreLaw.all.enumerated() {
      let clock = ScratchClock()
      let under = try await store(folder.map { "\($0)/\(index).db" }, clock: clock)
      do {
        try await law.check(under)
        results.append((law.name, nil))
      } catch {
        results.append((law.name, "\(error)"))
      }
      await under.store.close()
    }
    return results
  }

  private static func store(_ path: String?, clock: ScratchClock) async throws -> StoreUnderTest {
    let now: @Sendable () -> LeaseInstant = { clock.now() }
    let advance: @Sendable (Duration) -> Void = { clock.advance($0) }
    guard let path else {
      return StoreUnderTest(store: MemoryStore(leaseClock: now), advance: advance)
    }
    let store = try await SQLiteStore.open(path: path, leaseClock: now)
    return StoreUnderTest(store: store, advance: advance) {
      try await SQLiteStore.open(path: path, creation: .mustExist, leaseClock: now)
    }
  }

  /// A lease clock that stands still until it is moved.
  private final class ScratchClock: Sendable {
    private let uptime = Locked<Int64>(1_000_000)

    func now() -> LeaseInstant { LeaseInstant(boot: "verify", microseconds: uptime.withLock { $0 }) }

    func advance(_ duration: Duration) { uptime.withLock { $0 += duration.microseconds } }
  }
}

/// How long a disk takes to make a small write durable.
enum DiskProbe {
  /// The median of 20 writes of 4 KiB, each followed by a sync, in a scratch file beside `path`; in milliseconds.
  static func medianMilliseconds(beside path: String) async throws(StintError) -> Double {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let result: Result<Double, StintError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(returning: Result { () throws(StintError) in try measure(in: folder) })
      }
    }
    return try result.get()
  }

  private static func measure(in folder: String) throws(StintError) -> Double {
    var template = Array("\(folder)/.stint-sync-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw StintError(
        .storeUnavailable, "The folder \(folder) can not be written: \(String(cString: strerror(errno)))")
    }
    defer {
      unlink(&template)
      close(descriptor)
    }
    let block = [UInt8](repeating: 0x53, count: 4_096)
    let time = SystemTime()
    var figures: [Double] = []
    for _ in 0..<20 {
      let begin = time.uptime()
      guard write(descriptor, block, block.count) == block.count, fsync(descriptor) == 0 else {
        throw StintError(
          .storeUnavailable, "The folder \(folder) can not be written: \(String(cString: strerror(errno)))")
      }
      figures.append(Double((time.uptime() - begin).microseconds) / 1_000)
    }
    return figures.sorted()[figures.count / 2]
  }
}
