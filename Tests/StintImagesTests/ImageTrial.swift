import CVips
import Foundation
import StintCore
import StintEngine
import StintTesting

@testable import StintImages

typealias Progress = StintCore.Progress

/// A folder of its own for one test, with jobs run in it.
final class ImageTrial: Sendable {
  let folder: ImageFolder
  let reports = Locked<[Progress]>([])
  /// The run that ``cancel()`` cancels.
  let task = Locked<Task<Outcome, any Error>?>(nil)

  /// The folder begins with these files, hard links to the ones that are made once for all tests.
  init(_ sources: Source..., maxMegapixels: Int = 100) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "stint-images-\(RandomSource.system.letters(12))")
    try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
    var folder = ImageFolder(root: path.path)
    folder.maxMegapixels = maxMegapixels
    self.folder = folder
    for source in sources { try FileManager.default.linkItem(at: source.file(), to: self.path(source.rawValue)) }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder.root) }

  func cancel() { task.withLock { $0?.cancel() } }

  func path(_ name: String) -> URL { URL(fileURLWithPath: folder.root).appendingPathComponent(name) }

  func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: path(name)) }

  var outputs: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path("output").path)) ?? []).sorted()
  }

  /// Runs a job to its end, as a worker would.
  func run(
    _ type: String, _ params: JSONValue, id: String = "job-1", attempt: Int = 1,
    onReport: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Outcome {
    let handlers = try ImageJobs.handlers(in: folder)
    guard let handler = handlers.first(where: { $0.type.name == type }) else { throw Missing(name: type) }
    return try await run(handler, params, id: id, attempt: attempt, onReport: onReport)
  }

  func run(
    _ handler: Handler, _ params: JSONValue, metadata: JSONValue = .object([]), id: String = "job-1", attempt: Int = 1,
    time: any TimeSource = SystemTime(), onReport: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Outcome {
    let checked = handler.type.check(params.object ?? [])
    if let fault = checked.faults.first { throw Refused(reason: "\(fault.param): \(fault.message)") }
    let spec = JobSpec(
      id: JobID(known: id), type: handler.type.name, params: RawJSON(.object(checked.params)),
      metadata: RawJSON(metadata), createdAt: SystemTime().now())
    var state = JobState(status: .running, revision: 1, runAt: SystemTime().now())
    state.attempt = attempt
    let context = JobContext(job: Job(spec: spec, state: state), time: time) { [self] news in
      guard case .progress(let progress) = news else { return }
      reports.withLock { $0.append(progress) }
      onReport(progress)
    }
    guard let result = try await handler.run(context) else { throw Missing(name: "result") }
    let image = try JSONDecoder().decode(ImageResult.self, from: Data(result.bytes))
    return Outcome(result: image, file: path(image.file))
  }

  /// Why a job gave up.
  func refusal(
    _ filename: String, _ type: String = "image.compress", _ others: [JSONMember] = [],
    location: String = #function
  ) async throws -> String {
    do {
      let outcome = try await run(type, .object([JSONMember("filename", .string(filename))] + others))
      throw Missing(name: "a refusal of \(outcome.result.file)")
    } catch let JobControl.giveUp(reason) {
      return reason
    }
  }

  struct Missing: Error { let name: String }
  struct Refused: Error { let reason: String }

  struct Outcome: Sendable {
    let result: ImageResult
    let file: URL

    /// The written file, read again.
    func pixels() throws -> Pixels { try Pixels(file) }
    var bytes: Int { (try? Data(contentsOf: file).count) ?? 0 }
  }
}

/// The images that tests work on, each made once in a run.
enum Source: String, CaseIterable {
  /// 3600 × 2400, as the demo's.
  case photo = "photo.jpg"
  /// 400 × 300, four fields: red, green above blue, white.
  case fields = "fields.png"
  /// 64 × 64, one grey that is half transparent.
  case clear = "clear.png"

  /// 4 × 4 and a red dot, a GIF.
  static let gif =
    Data(
      base64Encoded: "R0lGODdhBAAEAIAAAP8AAAAA/ywAAAAABAAEAAACBISPCQUAOw==") ?? Data()

  func file() throws -> URL { try Self.made.get()[self] ?? URL(fileURLWithPath: "/nowhere") }

  private static let made = Result { try make() }

  private static func make() throws -> [Source: URL] {
    try WorkQueue.start()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stint-image-sources-\(getpid())")
    try? FileManager.default.removeItem(at: folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var files: [Source: URL] = [:]
    for source in allCases {
      let file = folder.appendingPathComponent(source.rawValue)
      try source.encoded().write(to: file)
      files[source] = file
    }
    return files
  }

  private func encoded() throws -> Data {
    let image: EncodedImage
    switch self {
    case .photo: image = try DemoPhotos.painted(1)
    case .fields:
      var bytes: [UInt8] = []
      for y in 0..<300 {
        for x in 0..<400 {
          bytes += y < 150 ? (x < 200 ? [255, 0, 0] : [0, 255, 0]) : (x < 200 ? [0, 0, 255] : [255, 255, 255])
        }
      }
      image = try Picture(pixels: bytes, width: 400, height: 300, bands: 3).encoded(.png, quality: 100)
    case .clear:
      let bytes = [UInt8](repeating: 128, count: 64 * 64 * 2)
      image = try Picture(pixels: bytes, width: 64, height: 64, bands: 2).encoded(.png, quality: 100)
    }
    return Data(image.bytes)
  }
}

/// The pixels of a file, read by libvips.
struct Pixels {
  let width: Int
  let height: Int
  let bands: Int
  private let bytes: [UInt8]

  init(_ file: URL) throws {
    try WorkQueue.start()
    var folder = ImageFolder(root: file.deletingLastPathComponent().path)
    folder.maxMegapixels = 1_000
    let picture = try SourceImage(file.lastPathComponent, in: folder).whole()
    var count = 0
    guard let memory = stint_vips_pixels(picture.image, &count) else { throw ImageFault.library() }
    defer { stint_vips_free(memory) }
    bytes = Array(UnsafeRawBufferPointer(start: memory, count: count))
    (width, height) = (picture.width, picture.height)
    bands = count / (width * height)
  }

  /// The channels of one pixel.
  func at(_ x: Int, _ y: Int) -> [Int] {
    let start = (y * width + x) * bands
    return bytes[start..<start + bands].map { Int($0) }
  }

  /// The largest difference of any channel within a rectangle.
  func difference(_ other: Pixels, x: Range<Int>, y: Range<Int>) -> Int {
    var largest = 0
    for row in y {
      for index in (row * width + x.lowerBound) * bands..<(row * width + x.upperBound) * bands {
        largest = max(largest, abs(Int(bytes[index]) - Int(other.bytes[index])))
      }
    }
    return largest
  }
}
