import Logging
import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintEngine

@Suite struct TroubleLogTests {
  private struct Lines: LogHandler {
    let log: Log<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { log.add("\(event.message)") }
  }

  @Test func callsThatHadNothingToWriteDoNotProveThatTheStoreWorks() {
    let lines = Log<String>()
    let time = ManualTime()
    let troubles = TroubleLog(logger: Logger(label: "test") { _ in Lines(log: lines) }, time: time)
    let full = StoreError.unavailable("The disk is full", effect: .notApplied)
    // As on a full disk: claims that find nothing succeed between those that find something.
    for _ in 0..<20 {
      troubles.failed("claiming", full)
      time.advance(by: .seconds(2))
      troubles.worked("claiming", wrote: false)
    }
    #expect(lines.all == ["claiming failed"])
    troubles.worked("claiming")
    troubles.worked("claiming")
    #expect(lines.all == ["claiming failed", "claiming works again"])
    // Or where nothing has failed for a while.
    troubles.failed("claiming", full)
    time.advance(by: TroubleLog.quiet)
    troubles.worked("claiming", wrote: false)
    #expect(lines.all == ["claiming failed", "claiming works again", "claiming failed", "claiming works again"])
  }
}
