import Foundation
import StintCore

/// The private folder of one attempt: its params, its FIFO for events, what an earlier attempt kept, its input.
struct AttemptFolder {
  /// Where it is; mode 0700.
  let path: String
  private(set) var files: [String] = []

  /// Makes a folder that nobody else has.
  init(in parent: String) throws(ProcessFault) {
    var template = Array("\(parent)/stint-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw ProcessFault("no folder can be made in \(parent): \(ProcessFault.text(errno))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
