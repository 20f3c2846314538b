import Foundation
import Logging
import StintCore
import StintEngine
import StintStore
import StintTesting
import Testing

@testable import StintImages

@Suite("The demo", .timeLimit(.minutes(5)))
struct DemoTests {
  @Test("What attempts do follows from the seed; times and shares are those promised")
  func plans() {
    let types = AttemptPlan.durations
    #expect(
      types == [
        "image.resize": .milliseconds(800), "image.thumbnail": .milliseconds(400),
        "image.watermark": .milliseconds(1200), "image.compress": .milliseconds(600),
      ])
    for (type, usual) in types {
      let plans = (0..<4_000).map { AttemptPlan(type: type, seed: $0 / 4, attempt: Int($0 % 4) + 1) }
      #expect(plans == (0..<4_000).map { AttemptPlan(type: type, seed: $0 / 4, attempt: Int($0 % 4) + 1) })
      let times = plans.map { $0.duration / usual }
      let (least, most) = (times.min() ?? 0, times.max() ?? 0)
      #expect(least >= 0.5 && least < 0.51 && most <= 1.5 && most > 1.49)
      #expect(abs(times.reduce(0, +) / 4_000 - 1) < 0.02)
      #expect(plans.allSatisfy { $0.duration >= .milliseconds(100) })
      // 800 and 200 of 4,000 are expected; five deviations either side.
      #expect((675...925).contains(plans.count { $0.fate == .fails }))
      #expect((130...270).contains(plans.count { $0.fate == .kills }))
      #expect(plans.allSatisfy { $0.fate == .completes ? $0.share == 1 : $0.share < 1 })
    }
  }

  @Test("The jobs are random but for the seed: all four types, all photos, exact delays of 1, 2 and 4 s")
  func jobs() {
    func jobs(_ seed: UInt64) -> [NewJob] {
      let random = RandomSource.seeded(seed)
      return (0..<4_000).map { _ in Demo.job(random) }
    }
    let all = jobs(7)
    #expect(all == jobs(7) && all != jobs(8))
    for type in AttemptPlan.durations.keys { #expect((850...1_150).contains(all.count { $0.type == type })) }
    let names = Set(all.compactMap { $0.params.first { $0.key == "filename" }?.value.string })
    #expect(names.count > 950 && names.allSatisfy { $0.hasPrefix("photo_") && $0.hasSuffix(".jpg") && $0.count == 13 })
    #expect(names.contains("photo_001.jpg") && names.contains("photo_999.jpg"))
    for job in all {
      #expect(job.maxRetries == 3)
      let delays = (1...3).map { job.retry?.delay(retry: $0, random: 0.99) }
      #expect(delays == [.seconds(1), .seconds(2), .seconds(4)])
    }
  }

  @Test("A user's own photo of such a name is not spread, and what is no photo is found before anything is made")
  func ownPhotos() async throws {
    let trial = try ImageTrial()
    let (mine, photos) = (Data("mine".utf8), DemoPhotos(in: trial.folder))
    func url(_ number: Int) -> URL { URL(fileURLWithPath: "\(trial.folder.root)/\(DemoPhotos.name(number))") }
    try mine.write(to: url(1))
    try await Demo.check(trial.folder)
    try await photos.make()
    #expect(try Data(contentsOf: url(1)) == mine && Data(contentsOf: url(11)) == Data(contentsOf: Source.photo.file()))
    let links = try FileManager.default.attributesOfItem(atPath: url(1).path)[.referenceCount] as? Int
    #expect(links == 1)
    for isLink in [true, false] {
      try FileManager.default.removeItem(at: url(2))
      if isLink {
        try FileManager.default.createSymbolicLink(at: url(2), withDestinationURL: url(1))
      } else {
        try FileManager.default.createDirectory(at: url(2), withIntermediateDirectories: false)
      }
      let error = await #expect(throws: StintError.self) { try await Demo.check(trial.folder) }
      #expect(error?.message.contains("photo_002.jpg") == true, "\(error?.message ?? "")")
    }
  }

  @Test("The photos are made, the same each time, and only those that are missing")
  func photos() async throws {
    let trial = try ImageTrial()
    let photos = DemoPhotos(in: trial.folder)
    try await photos.make()
    let names = try FileManager.default.contentsOfDirectory(atPath: trial.folder.root)
    #expect(Set(names) == Set((1...999).map(DemoPhotos.name)))
    #expect(try Data(contentsOf: trial.path("photo_001.jpg")) == Data(contentsOf: Source.photo.file()))
    let inodes = Set(
      try names.map { try FileManager.default.attributesOfItem(atPath: trial.path($0).path)[.systemFileNumber] as? Int }
    )
    #expect(inodes.count == 10)
    try FileManager.default.removeItem(at: trial.path("photo_012.jpg"))
    try FileManager.default.removeItem(at: trial.path("photo_003.jpg"))
    try trial.write("mine", to: "photo_005.jpg.mine")
    try await photos.make()
    for number in [3, 12] {
      let result = try await trial.run(
        "image.thumbnail", ["filename": .string(DemoPhotos.name(number))], id: "job-\(number)"
      ).result
      #expect(result.sourceWidth * result.sourceHeight >= 8_000_000)
    }
  }

  @Test("A demo job does the work and lasts as long as drawn; others run as everywhere")
  func lasts() async throws {
    let trial = try ImageTrial(.fields)
    let handler = try #require(DemoHandlers(in: trial.folder, canKill: false).handlers().first)
    let seed = try #require((0..<100).first { Self.plan($0).fate == .completes })
    let time = ManualTime()
    let job = Task {
      try await trial.run(
        handler, ["filename": "fields.png", "width": 40], metadata: ["demo_seed": .integer(seed)], time: time)
    }
    var steps = 0
    while time.uptime() < Self.plan(seed).duration - .milliseconds(1) {
      await time.waitForSleepers()
      time.advance(by: Self.plan(seed).duration / 6 + .microseconds(1))
      steps += 1
    }
    let outcome = try await job.value
    #expect(steps == 6)
    #expect(outcome.result.file == "demo-output/fields-resize-job-1.png" && outcome.result.width == 40)
    #expect(trial.reports.withLock { $0.last } == Progress(percent: 100, message: "Simulated work"))
    let plain = try await trial.run(handler, ["filename": "fields.png", "width": 40], id: "plain", time: time)
    #expect(plain.result.file == "output/fields-resize-plain.png")
  }

  @Test("Attempts drawn to fail, and in the server's own process those drawn to kill, fail and say so")
  func fails() async throws {
    let trial = try ImageTrial(.fields)
    let handler = try #require(DemoHandlers(in: trial.folder, canKill: false).handlers().first)
    for (fate, message) in [
      (AttemptPlan.Fate.fails, "Simulated failure"), (.kills, "Simulated crash; a worker process"),
    ] {
      let seed = try #require(
        (0..<1_000).first { Self.plan($0).fate == fate && Self.plan($0).duration < .milliseconds(600) })
      let error = await #expect(throws: DemoFailure.self) {
        try await trial.run(handler, ["filename": "fields.png", "width": 40], metadata: ["demo_seed": .integer(seed)])
      }
      #expect(error?.description.hasPrefix(message) == true)
    }
  }

  @Test("Five jobs each two seconds, one by one; a full queue is skipped and said; old results are removed")
  func rounds() async throws {
    let trial = try ImageTrial(.fields)
    for number in 1...999 {
      try FileManager.default.linkItem(at: trial.path("fields.png"), to: trial.path(DemoPhotos.name(number)))
    }
    try FileManager.default.createDirectory(at: trial.path("demo-output"), withIntermediateDirectories: false)
    for number in 0..<205 { try trial.write("old", to: "demo-output/old-\(number).jpg") }
    let time = ManualTime()
    let engine = Engine(
      store: MemoryStore(), handlers: try ImageJobs.handlers(in: trial.folder), time: time)
    let log = LogLines()
    let calls = Locked(0)
    let demo = Demo(
      folder: trial.folder, seed: 1, time: time, logger: Logger(label: "demo") { _ in log }
    ) { job throws(StintError) in
      let number = calls.withLock { calls in
        calls += 1
        return calls
      }
      if number == 8 { throw StintError(.queueFull, "The queue is full") }
      _ = try await engine.client.submit([job], by: Demo.actor)
    }
    let running = Task { try await demo.run() }
    for round in 1...3 {
      await time.waitForSleepers()
      #expect(calls.withLock { $0 } == 5 * round)
      if round == 3 { break }
      time.advance(by: .milliseconds(1_999))
      #expect(time.sleeperCount == 1)
      time.advance(by: .milliseconds(1))
    }
    running.cancel()
    try await running.value
    let stored = try await engine.client.list(JobQuery(limit: 100)).jobs.count
    #expect(stored == 14)
    #expect(log.all.count { $0 == "demo job skipped: the queue is full" } == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: trial.path("demo-output").path).count == 200)
    await engine.store.close()
  }

  private static func plan(_ seed: Int64) -> AttemptPlan {
    AttemptPlan(type: "image.resize", seed: UInt64(bitPattern: seed), attempt: 1)
  }
}

/// The lines of a log.
private final class LogLines: LogHandler {
  private let lines = Locked<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .info }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  func log(event: LogEvent) { lines.withLock { $0.append("\(event.message)") } }
}
