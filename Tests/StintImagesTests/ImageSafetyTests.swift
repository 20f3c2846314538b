import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintImages

@Suite("Image jobs: files that are refused", .timeLimit(.minutes(5)))
struct ImageSafetyTests {
  @Test("Only paths beneath the root", arguments: ["./fields.png", "a//b.png", "a/"])
  func paths(filename: String) async throws {
    let trial = try ImageTrial(.fields)
    #expect(try await trial.refusal(filename).contains("is not allowed; a filename is a path beneath the image root"))
  }

  @Test(
    "What leads out of the root is refused when it is submitted, and again when it is opened",
    arguments: ["/etc/hostname", "../photo.jpg", "a/../../photo.jpg", "..", "a\0b"])
  func pathsThatLeave(filename: String) async throws {
    let trial = try ImageTrial(.fields)
    await #expect(throws: ImageTrial.Refused.self) { try await trial.refusal(filename) }
    #expect(throws: (any Error).self) {
      let file = try trial.folder.open(filename)
      _ = file.number
    }
  }

  @Test("No symbolic links: not as a file, not as a folder, not as the output folder")
  func links() async throws {
    let trial = try ImageTrial(.fields)
    let outside = try ImageTrial(.fields)
    let manager = FileManager.default
    try manager.createSymbolicLink(at: trial.path("link.png"), withDestinationURL: outside.path("fields.png"))
    try manager.createSymbolicLink(at: trial.path("folder"), withDestinationURL: outside.path(""))
    try manager.createSymbolicLink(at: trial.path("near.png"), withDestinationURL: trial.path("fields.png"))
    for name in ["link.png", "near.png"] {
      #expect(try await trial.refusal(name) == "\"\(name)\" is a symbolic link; links are not followed")
    }
    #expect(
      try await trial.refusal("folder/fields.png") == "\"folder\" is a symbolic link; links are not followed")
    try manager.createSymbolicLink(at: trial.path("output"), withDestinationURL: outside.path(""))
    #expect(
      try await trial.refusal("fields.png")
        == "The output folder \"output\" is a symbolic link; links are not followed")
    #expect(try manager.contentsOfDirectory(atPath: outside.folder.root) == ["fields.png"])
  }

  @Test("A link that bears the output's name is not followed and not replaced")
  func outputLink() async throws {
    let trial = try ImageTrial(.fields)
    try trial.write("mine", to: "mine.txt")
    try FileManager.default.createDirectory(at: trial.path("output"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      at: trial.path("output/fields-compress-job-1.png"), withDestinationURL: trial.path("mine.txt"))
    let outcome = try await trial.run("image.compress", ["filename": "fields.png"])
    #expect(outcome.result.file == "output/fields-compress-job-1-2.png")
    #expect(try String(contentsOf: trial.path("mine.txt"), encoding: .utf8) == "mine")
  }

  @Test("Missing, a folder, a pipe, empty, no image, another type in disguise")
  func noImages() async throws {
    let trial = try ImageTrial()
    #expect(
      try await trial.refusal("none.jpg").contains("\"none.jpg\" can not be opened beneath the image root: No such"))
    try FileManager.default.createDirectory(at: trial.path("folder.jpg"), withIntermediateDirectories: false)
    #expect(try await trial.refusal("folder.jpg") == "\"folder.jpg\" is not a regular file")
    #expect(mkfifo(trial.path("pipe.jpg").path, 0o600) == 0)
    #expect(try await trial.refusal("pipe.jpg") == "\"pipe.jpg\" is not a regular file")
    try trial.write("", to: "empty.jpg")
    try trial.write("not an image at all, but long enough to look at", to: "text.jpg")
    try trial.write("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\"/>", to: "drawing.jpg")
    try trial.write("%PDF-1.4\n%", to: "paper.jpg")
    for name in ["empty.jpg", "text.jpg", "drawing.jpg", "paper.jpg"] {
      #expect(try await trial.refusal(name).contains("is no image that can be read; JPEG, PNG"), "\(name)")
    }
    let missing = ImageFolder(root: trial.path("no-root").path)
    let handler = try ImageJobs.handlers(in: missing)[3]
    let error = await #expect(throws: JobControl.self) { try await trial.run(handler, ["filename": "a.jpg"]) }
    guard case .giveUp(let reason) = error else { return #expect(Bool(false), "\(String(describing: error))") }
    #expect(reason.hasPrefix("The image root ") && reason.hasSuffix("can not be opened: No such file or directory"))
  }

  @Test("A damaged image is given up, and nothing is written", arguments: ["image.compress", "image.thumbnail"])
  func damaged(type: String) async throws {
    let trial = try ImageTrial()
    let photo = try Data(contentsOf: Source.photo.file())
    try photo.prefix(photo.count / 2).write(to: trial.path("half.jpg"))
    try photo.prefix(40).write(to: trial.path("head.jpg"))
    var png = try Data(contentsOf: Source.fields.file())
    for index in 100..<min(140, png.count) { png[index] ^= 0xFF }
    try png.write(to: trial.path("bent.png"))
    for name in ["half.jpg", "head.jpg", "bent.png"] {
      let reason = try await trial.refusal(name, type)
      #expect(reason.contains("damaged"), "\(reason)")
    }
    #expect(trial.outputs.isEmpty)
  }

  @Test("An image that would unfold to too many pixels is refused by its header")
  func bomb() async throws {
    let trial = try ImageTrial(.photo, maxMegapixels: 8)
    #expect(
      try await trial.refusal("photo.jpg")
        == "\"photo.jpg\" is too large: 3600 × 2400 pixels are 9 megapixels, allowed are 8")
    // 60,000 × 60,000 pixels in 90 bytes: only the header is true.
    let large = try ImageTrial()
    try Self.bombPNG.write(to: large.path("bomb.png"))
    #expect(try await large.refusal("bomb.png").contains("60000 × 60000 pixels are 3600 megapixels, allowed are 100"))
  }

  @Test("A result that would be too large is refused before it is computed")
  func largeResult() async throws {
    let trial = try ImageTrial(.fields)
    #expect(
      try await trial.refusal("fields.png", "image.resize", [.init("width", 16_384)])
        == "The result would have 16384 × 12288 pixels; allowed are 100 megapixels")
    await #expect(throws: UndecodableParams.self) {
      try await trial.run("image.resize", ["filename": "fields.png"])
    }
  }

  /// A PNG whose header promises 3.6 billion pixels.
  private static let bombPNG: Data = {
    var data = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    func chunk(_ type: String, _ content: [UInt8]) {
      let body = Array(type.utf8) + content
      data.append(contentsOf: big(UInt32(content.count)) + body + big(checksum(body)))
    }
    chunk("IHDR", big(60_000) + big(60_000) + [8, 2, 0, 0, 0])
    chunk("IDAT", [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01])
    chunk("IEND", [])
    return data
  }()

  private static func big(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
