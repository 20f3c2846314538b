import Dispatch
import StintCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Messages between a supervisor and a worker process, over a socket: each with its length before it, in order.
///
/// Reads and writes block, on queues of their own: neither waits for the other, nor for Swift's tasks. So the end of
/// the other side is seen even where every task hangs.
final class FrameChannel: Sendable {
  /// No message is longer: params and results are 1 MiB at most, and a claim brings 2,000 jobs.
  private static let longest = 1 << 31

  private let descriptor: Int32
  private let reading = DispatchQueue(label: "stint.supervisor.read", qos: .userInitiated)
  private let writing = DispatchQueue(label: "stint.supervisor.write", qos: .userInitiated)
  private let isOpen = Atomic(true)

  /// A channel on a connected socket, which it closes in the end.
  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Calls `receive` for each message, and `ended` once when the other side has gone or ``close()`` was called.
  func start(receive: @escaping @Sendable ([UInt8]) -> Void, ended: @escaping @Sendable () -> Void) {
    reading.async { [self] in
      while let message = readFrame() { receive(message) }
      isOpen.store(false, ordering: .releasing)
      ended()
      // Writes that wait are told by the socket; only then may its number be used anew.
      writing.async { _ = endDescriptor(self.descriptor) }
    }
  }

  /// Sends a message after those before it; nothing where the other side has gone. Says that `point` is reached when
  /// the message is written.
  func send(_ message: [UInt8], reaching point: KillPoint? = nil) { send(reaching: point) { message } }

  /// The same, for a message that is made when its turn has come.
  func send(reaching point: KillPoint? = nil, _ message: @escaping @Sendable () -> [UInt8]) {
    guard isOpen.load(ordering: .acquiring) else { return }
    writing.async { [self] in
      // Once more: the socket's number may be another's by now.
      if isOpen.load(ordering: .acquiring) { write(message()) }
      if let point { KillPoint.reached(point) }
    }
  }

  /// Ends the connection; ``start(receive:ended:)`` then tells so.
  func close() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func readFrame() -> [UInt8]? {
    guard let header = read(count: 4) else { return nil }
    let length = header.reduce(0) { $0 << 8 | Int($1) }
    guard length > 0, length < Self.longest else { return nil }
    return read(count: length)
  }

  private func read(count: Int) -> [UInt8]? {
    var have = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while have < count {
        let got = recv(descriptor, buffer.baseAddress.map { $0 + have }, count - have, 0)
        if got < 0, errno == EINTR { continue }
        if got <= 0 { break }
        have += got
      }
      initialized = have
    }
    return have == count ? bytes : nil
  }

  private func write(_ message: [UInt8]) {
    let length = UInt32(message.count)
    let frame = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + message
    var sent = 0
    frame.withUnsafeBytes { bytes in
      while sent < bytes.count {
        #if canImport(Darwin)
          let flags: Int32 = 0  // SO_NOSIGPIPE was set when the socket was made
        #else
          let flags = Int32(MSG_NOSIGNAL)
        #endif
        let count = Self.sendBytes(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, flags)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return }
        sent += count
      }
    }
  }

  private static func sendBytes(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    #if canImport(Glibc)
      Glibc.send(descriptor, start, count, flags)
    #elseif canImport(Musl)
      Musl.send(descriptor, start, count, flags)
    #else
      Darwin.send(descriptor, start, count, flags)
    #endif
  }
}

// The C library's `close`, which the channel's own hides inside it.
private func endDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
