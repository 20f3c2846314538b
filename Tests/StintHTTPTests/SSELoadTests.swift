import StintCore
import StintEngine
import StintHTTP
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What holds when readers are slow, go away, or stay while the server stops.
@Suite(.serialized) struct SSELoadTests {
  @Test func aSlowReaderHoldsNothingUpAndSeesTheEnd() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      let context = try await server.gate.entered()
      try await Wire.open(server.port, receiveBuffer: 4_096) { slow in
        try await slow.get("/api/jobs/\(id)/progress", server)
        try await slow.read { $0.contains("running") }
        try await slow.reads(false)
        // Far more than the socket's buffers hold; another watcher keeps pace with it.
        var updates = try await server.client.watch(id).makeAsyncIterator()
        let text = String(repeating: "x", count: 8_000)
        for step in 1...3_000 {
          server.time.advance(by: .milliseconds(60))
          context.progress(Double(step) / 100, "\(step) \(text)")
          while let update = try await updates.next() {
            if case .progress(let progress) = update, progress.message?.hasPrefix("\(step) ") == true { break }
          }
        }
        server.gate.open()
        #expect(try await server.end(of: id).status == .completed)
        try await slow.reads(true)
        let all = try await slow.readAll()
        #expect(events(in: all).last?.name == "complete", "\(all.utf8.count) bytes, at the end \(all.suffix(100))")
        // Whatever was held for it comes now: what the kernel keeps, and one buffer.
        #expect(all.utf8.count < 8 << 20, "of 24 MB of progress, \(all.utf8.count) bytes were kept for it")
      }
      try await eventually("the stream is closed") { server.http.openStreams == 0 }
    }
  }

  @Test func aReaderThatGoesAwayFreesEverything() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      let subscribers = server.client.hub.subscriberCount
      for hard in [true, false] {
        try await Wire.open(server.port) { wire in
          try await wire.get("/api/jobs/\(id)/progress", server)
          try await wire.read { $0.contains("running") }
          #expect(server.http.openStreams == 1)
          #expect(openConnections(of: server.port) == 2, "both ends")
          if hard { try await wire.drop() } else { try await wire.finish() }
          try await eventually("the stream is closed") { server.http.openStreams == 0 }
        }
      }
      try await eventually("subscriptions are free") { server.client.hub.subscriberCount == subscribers }
      try await eventually("descriptors are free") { openConnections(of: server.port) == 0 }
      #expect(try await server.client.job(id).status == .running, "the job does not care")
    }
  }

  @Test func aThousandStreamsOpenedAndDroppedLeaveNothing() async throws {
    var configuration = HTTPConfiguration(port: 0)
    configuration.limits.streams = 1_000
    try await withServer(configuration: configuration) { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      func flood() async throws {
        try await openAThousand(atOnce: 1_000, counted: { server.http.openStreams }) { hold in
          try await Wire.open(server.port) { wire in
            try await wire.get("/api/jobs/\(id)/progress", server)
            try await wire.read { $0.contains("running") }
            await hold.wait()
            try await wire.drop()
          }
        }
      }
      let subscribers = server.client.hub.subscriberCount
      try await flood()
      try await eventually("descriptors are free") { openConnections(of: server.port) == 0 }
      try await eventually("subscriptions are free") { server.client.hub.subscriberCount == subscribers }
      // The allocator keeps what the first flood needed. What leaks grows with every other one, and what the tests
      // beside this one take does not.
      var growths: [Int] = []
      repeat {
        let before = residentBytes()
        try await flood()
        growths.append(residentBytes() - before)
        #expect(before > 0)
      } while growths.last ?? 0 > 4 << 20 && growths.count < 6
      #expect(growths.last ?? 0 <= 4 << 20, "each thousand streams cost these bytes: \(growths)")
      try await eventually("descriptors are free again") { openConnections(of: server.port) == 0 }
    }
  }

  @Test func aGracefulStopEndsStreamsAndWaitsForNoHalfRequest() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      try await server.gate.entered()
      try await Wire.open(server.port) { stream in
        try await stream.get("/api/jobs/\(id)/progress", server)
        try await stream.read { $0.contains("running") }
        try await Wire.open(server.port) { idle in
          try await idle.get("/health/live", server)
          try await idle.read { $0.contains("live") }
          try await Wire.open(server.port) { halfHead in
            try await halfHead.send("POST /api/jobs HTTP/1.1\r\nHost: loc")
            try await Wire.open(server.port) { halfBody in
              try await halfBody.send(
                "POST /api/jobs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
                  + "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
              try await halfBody.read { $0.contains("100 Continue") }
              try await halfBody.send("{\"type\":")
              await server.stop()
              // The listener stops only after the engine: the services of a group end in turn.
              server.gate.openForAll()
              let told = try await stream.readAll()
              #expect(told.hasSuffix("0\r\n\r\n"), "the stream ends as streams end: \(told.suffix(80))")
              #expect(try await idle.readAll().hasPrefix("HTTP/1.1 200 "))
              #expect(try await halfHead.readAll().isEmpty)
              #expect(try await !halfBody.readAll().contains("HTTP/1.1 2"))
            }
          }
        }
      }
    }
  }

  @Test func aGracefulStopWaitsForNoSlowReader() async throws {
    try await withServer { server in
      let id = try await server.submit("gate")
      let context = try await server.gate.entered()
      try await Wire.open(server.port, receiveBuffer: 4_096) { slow in
        try await slow.get("/api/jobs/\(id)/progress", server)
        try await slow.read { $0.contains("running") }
        try await slow.reads(false)
        var updates = try await server.client.watch(id).makeAsyncIterator()
        let text = String(repeating: "x", count: 60_000)
        for step in 1...100 {
          server.time.advance(by: .milliseconds(60))
          context.progress(Double(step), "\(step) \(text)")
          while let update = try await updates.next() {
            if case .progress(let progress) = update, progress.message?.hasPrefix("\(step) ") == true { break }
          }
        }
        server.gate.openForAll()
        await server.stop()
        try await eventually("the stream is closed") { server.http.openStreams == 0 }
        try await slow.reads(true)
        _ = try await slow.readAll()
      }
    }
  }
}

/// Descriptors this process has open.
func openFiles() -> Int {
  (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}

/// Descriptors of this process that are connections from or to `port`: other tests run beside this one.
func openConnections(of port: Int) -> Int {
  let table = systemFile("/proc/self/net/tcp")
  var inodes: Set<Substring> = []
  for line in table.split(separator: "\n").dropFirst() {
    let fields = line.split(separator: " ")
    // Local and remote address end in the port; 0A is a listener.
    guard fields.count > 9, fields[3] != "0A" else { continue }
    let ends = [fields[1], fields[2]].map { Int($0.suffix(4), radix: 16) }
    if ends.contains(port) { inodes.insert(fields[9]) }
  }
  let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
  return files.count { file in
    guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(file)"),
      target.hasPrefix("socket:[")
    else { return false }
    return inodes.contains(target.dropFirst(8).dropLast())
  }
}

/// The text of a file that has no size until it is read.
private func systemFile(_ path: String) -> String {
  guard let file = fopen(path, "r") else { return "" }
  defer { fclose(file) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { return String(decoding: text, as: UTF8.self) }
    text += buffer[..<count]
  }
}

/// Memory of this process, in bytes.
func residentBytes() -> Int {
  let fields = systemFile("/proc/self/statm").split(separator: " ")
  return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
}

/// Files this process may have open, after asking for as many as it may ask for.
func fileLimit() -> Int {
  var limit = rlimit()
  #if canImport(Glibc)
    let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
  #else
    let resource = RLIMIT_NOFILE
  #endif
  guard getrlimit(resource, &limit) == 0 else { return 256 }
  limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 8_192))
  _ = setrlimit(resource, &limit)
  _ = getrlimit(resource, &limit)
  return Int(clamping: limit.rlim_cur)
}

/// Opens 1,000 connections and drops them, in waves: both ends are in this process, so as many at once as it may have
/// files. `connect` opens one and waits at the hold; `counted` says how many the server has open, and is checked when a
/// wave is open and when it is over.
func openAThousand(
  atOnce most: Int, counted: @escaping @Sendable () -> Int, _ connect: @escaping @Sendable (Hold) async throws -> Void
) async throws {
  let wave = min(most, max(50, (fileLimit() - openFiles() - 100) / 2))
  var left = 1_000
  while left > 0 {
    let count = min(wave, left)
    left -= count
    let hold = Hold()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<count { group.addTask { try await connect(hold) } }
      await hold.entered(count)
      #expect(counted() == count)
      await hold.release()
      try await group.waitForAll()
    }
    try await eventually("all are closed") { counted() == 0 }
  }
}
