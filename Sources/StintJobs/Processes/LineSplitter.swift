/// Cuts a stream of bytes into lines, each with its end; a line beyond the limit into pieces. A flood of short lines
/// comes as whole lines too, but many in a piece, so that each costs less than it weighs.
struct LineSplitter {
  /// The most bytes of a piece; a line's end may come on top.
  let limit: Int
  /// So many lines at once are a flood; nil where each line must stand alone.
  let flood: Int?
  private var pending: [UInt8] = []

  init(limit: Int, flood: Int? = nil) {
    self.limit = limit
    self.flood = flood
  }

  /// What is whole with these bytes: lines, and pieces of lines that are too long.
  mutating func split(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    if let flood, bytes.reduce(0, { $0 + ($1 == 0x0A ? 1 : 0) }) > flood { return blocks(bytes) }
    var pieces: [[UInt8]] = []
    var rest = bytes
    while let end = rest.firstIndex(of: 0x0A) {
      pending += rest[...end]
      rest = rest[(end + 1)...]
      cutPending(into: &pieces)
      pieces.append(pending)
      pending.removeAll(keepingCapacity: true)
    }
    pending += rest
    cutPending(into: &pieces)
    return pieces
  }

  /// The last line, where it had no end; nil if nothing is left.
  mutating func rest() -> [UInt8]? {
    defer { pending = [] }
    return pending.isEmpty ? nil : pending
  }

  private mutating func blocks(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    pending += bytes
    let end = pending.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    var pieces: [[UInt8]] = []
    var start = 0
    while start < end {
      var stop = min(start + limit, end)
      if stop < end {
        let line = pending[start..<stop].lastIndex(of: 0x0A)
        stop = line.map { $0 + 1 } ?? start + Self.cut(pending[start..<stop])
      }
      pieces.append(Array(pending[start..<stop]))
      start = stop
    }
    pending.removeFirst(end)
    cutPending(into: &pieces)
    return pieces
  }

  private mutating func cutPending(into pieces: inout [[UInt8]]) {
    var start = 0
    while pending.count - start > limit {
      let end = start + Self.cut(pending[start..<(start + limit)])
      pieces.append(Array(pending[start..<end]))
      start = end
    }
    if start > 0 { pending.removeFirst(start) }
  }

  /// How many bytes to take, so that no character is cut through.
  private static func cut(_ bytes: ArraySlice<UInt8>) -> Int {
    // The beginning of the last character, three bytes back at most.
    for (back, byte) in bytes.reversed().prefix(4).enumerated() where byte & 0xC0 != 0x80 {
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back + 1 && back + 1 < bytes.count ? bytes.count - back - 1 : bytes.count
    }
    return bytes.count
  }
}
