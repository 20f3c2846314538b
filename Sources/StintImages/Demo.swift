public import Logging
public import StintCore
public import StintEngine
public import StintStore

/// What `stint serve --demo` submits: five random image jobs each two seconds, one by one, on the demo's photos.
public struct Demo: Sendable {
  private let submission: @Sendable (NewJob) async throws(StintError) -> Void
  private let folder: ImageFolder
  private let seed: UInt64
  private let time: any TimeSource
  private let logger: Logger

  /// Jobs in a round.
  static let batch = 5
  /// From one round to the next.
  static let interval: Duration = .seconds(2)
  /// The demo's written files that are kept.
  static let kept = 200
  /// Where its jobs wait: a queue of its own, so that its limit is nobody else's.
  public static let queue = QueueRecord(name: "demo", maxPending: 100)
  /// Who submits.
  static let actor = Actor(name: "demo", origin: "demo")
  private static let key = "demo_seed"

  /// - Parameters:
  ///   - client: where to submit.
  ///   - folder: where the photos are.
  ///   - seed: what is submitted, how long it lasts and what fails follows from it.
  public init(
    client: any JobClient, folder: ImageFolder, seed: UInt64, time: any TimeSource = SystemTime(), logger: Logger
  ) {
    self.init(folder: folder, seed: seed, time: time, logger: logger) { job throws(StintError) in
      _ = try await client.submit([job], by: Self.actor)
    }
  }

  init(
    folder: ImageFolder, seed: UInt64, time: any TimeSource, logger: Logger,
    submission: @escaping @Sendable (NewJob) async throws(StintError) -> Void
  ) {
    self.submission = submission
    self.folder = folder
    self.seed = seed
    self.time = time
    self.logger = logger
  }

  /// Looks whether the photos can be made in a folder; makes it where it is not there.
  ///
  /// - Throws: what is in their way.
  public static func check(_ folder: ImageFolder) async throws(StintError) {
    do {
      try await DemoPhotos(in: folder).check()
    } catch {
      throw impossible(folder, error)
    }
  }

  private static func impossible(_ folder: ImageFolder, _ error: any Error) -> StintError {
    StintError(.invalidParams, "The demo's photos can not be made in \(folder.root.shown). \(error)")
  }

  /// Makes the photos, then submits until the task is cancelled.
  ///
  /// - Throws: what keeps the photos from being made.
  public func run() async throws(StintError) {
    do {
      try await DemoPhotos(in: folder).make()
    } catch is CancellationError {
      return
    } catch {
      throw Self.impossible(folder, error)
    }
    logger.notice("demo started", metadata: ["photos": "\(folder.root)", "seed": "\(seed)"])
    let random = RandomSource.seeded(seed)
    var due = time.uptime()
    while !Task.isCancelled {
      for _ in 0..<Self.batch { await submit(Self.job(random)) }
      await tidy()
      // To a fixed instant, unless rounds were missed.
      due = max(due + Self.interval, time.uptime())
      do { try await time.sleep(untilUptime: due) } catch { return }
    }
  }

  private func submit(_ job: NewJob) async {
    do {
      try await submission(job)
    } catch let error where error.type == .queueFull {
      logger.notice("demo job skipped: the queue is full", metadata: ["type": "\(job.type)"])
    } catch {
      logger.warning("demo job not submitted", metadata: ["type": "\(job.type)", "error": "\(error.message)"])
    }
  }

  /// A random job.
  static func job(_ random: RandomSource) -> NewJob {
    func number(_ range: ClosedRange<Int>) -> Int64 {
      Int64(range.lowerBound + Int(random.next() % UInt64(range.count)))
    }
    let photo = JSONValue.string(DemoPhotos.name(Int(number(1...DemoPhotos.count))))
    var job: NewJob
    switch random.next() % 4 {
    case 0: job = NewJob("image.resize", params: ["filename": photo, "width": .integer(number(400...1_600))])
    case 1: job = NewJob("image.thumbnail", params: ["filename": photo, "size": .integer(number(128...320))])
    case 2: job = NewJob("image.watermark", params: ["filename": photo, "text": "Stint demo"])
    default: job = NewJob("image.compress", params: ["filename": photo, "quality": .integer(number(30...70))])
    }
    job.retry = RetryPolicy(strategy: .exponential, base: .seconds(1), jitter: 0)
    job.maxRetries = 3
    job.queue = queue.name
    // Each job carries its own chance, so that whichever process runs it draws the same.
    job.metadata = .object([JSONMember(key, .integer(Int64(random.next() >> 11)))])
    return job
  }

  /// The chance that a job of the demo carries; nil for other jobs.
  static func seed(of job: Job) -> UInt64? {
    let members = (try? job.spec.metadata.parsed())?.object
    return members?.first { $0.key == key }?.value.integer.map { UInt64(bitPattern: $0) }
  }

  /// Removes the demo's oldest files: it may run for days.
  private func tidy() async {
    let folder = folder
    _ = try? await WorkQueue.run { _ in
      let output = try folder.openRoot().open(DemoHandlers.output, .folder)
      for name in try output.oldestFiles(beyond: Self.kept) { output.remove(name) }
    }
  }
}
