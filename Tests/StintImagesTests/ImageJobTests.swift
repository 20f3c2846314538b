import Foundation
import StintCore
import StintEngine
import Testing

@testable import StintImages

@Suite("Image jobs", .timeLimit(.minutes(5)))
struct ImageJobTests {
  @Test("The types and their params")
  func types() throws {
    let types = try ImageJobs.handlers(in: ImageFolder(root: "images")).map(\.type)
    #expect(types.map(\.name) == ["image.resize", "image.thumbnail", "image.watermark", "image.compress"])
    for type in types {
      #expect(!type.description.isEmpty && type.params.allSatisfy { !$0.description.isEmpty })
      let filename = type.params.first { $0.name == "filename" }
      #expect(filename?.type == .path && filename?.isRequired == true)
      #expect(type.params.first { $0.name == "format" }?.choices == ["jpeg", "png", "webp"])
    }
    let resize = types[0]
    #expect(resize.check([.init("filename", "a.jpg"), .init("width", 0), .init("quality", 101)]).faults.count == 2)
    for name in ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg"] {
      #expect(resize.check([.init("filename", .string(name)), .init("width", 9)]).faults.map(\.param) == ["filename"])
    }
  }

  @Test("A photo of more than 8 megapixels gets another size; the proportions stay; each step is said")
  func resize() async throws {
    let trial = try ImageTrial(.photo)
    let outcome = try await trial.run("image.resize", ["filename": "photo.jpg", "width": 900])
    let result = outcome.result
    #expect(result.sourceWidth * result.sourceHeight >= 8_000_000)
    #expect((result.sourceFormat, result.sourceBytes) == ("jpeg", try Data(contentsOf: Source.photo.file()).count))
    #expect((result.width, result.height, result.format) == (900, 600, "jpeg"))
    #expect(result.file == "output/photo-resize-job-1.jpg")
    #expect(result.bytes == outcome.bytes && result.duration > 0)
    let pixels = try outcome.pixels()
    #expect((pixels.width, pixels.height, pixels.bands) == (900, 600, 3))
    let reports = trial.reports.withLock { $0 }
    #expect(reports.first == Progress(percent: 0, message: "Reading photo.jpg"))
    #expect(reports.contains { $0.message == "Resizing photo.jpg, 3600 × 2400" && $0.percent > 10 })
    #expect(reports.last == Progress(percent: 100, message: "Wrote output/photo-resize-job-1.jpg"))
    #expect(reports.map(\.percent) == reports.map(\.percent).sorted())
  }

  @Test(
    "Sides and fit",
    arguments: [
      (["height": 60], 80, 60), (["width": 80, "height": 80], 80, 60),
      (["width": 80, "height": 80, "fit": "stretch"], 80, 80), (["width": 80, "height": 80, "fit": "crop"], 80, 80),
      (["width": 1_000], 1_000, 750), (["width": 1], 1, 1),
      (["width": 3, "fit": "crop"], 3, 2),
    ] as [(JSONValue, Int, Int)])
  func fits(params: JSONValue, width: Int, height: Int) async throws {
    let trial = try ImageTrial(.fields)
    let given = (params.object ?? []) + [JSONMember("filename", "fields.png")]
    let outcome = try await trial.run("image.resize", .object(given))
    let pixels = try outcome.pixels()
    #expect((pixels.width, pixels.height) == (width, height))
    #expect((outcome.result.width, outcome.result.height) == (width, height))
    guard width > 3 else { return }
    // The fields are where they were.
    #expect(pixels.at(width / 8, height / 8) == [255, 0, 0] && pixels.at(width * 7 / 8, height / 8) == [0, 255, 0])
    #expect(pixels.at(width / 8, height * 7 / 8) == [0, 0, 255])
  }

  @Test("A thumbnail fits its square, fills it when cropped, and is never enlarged")
  func thumbnail() async throws {
    let trial = try ImageTrial(.photo, .clear)
    let small = try await trial.run("image.thumbnail", ["filename": "photo.jpg"], id: "a")
    #expect((small.result.width, small.result.height) == (256, 171))
    let square = try await trial.run(
      "image.thumbnail", ["filename": "photo.jpg", "size": 128, "crop": true, "format": "webp"], id: "b")
    let pixels = try square.pixels()
    #expect((pixels.width, pixels.height, square.result.format) == (128, 128, "webp"))
    #expect(try Data(contentsOf: square.file).prefix(4) == Data("RIFF".utf8))
    let same = try await trial.run("image.thumbnail", ["filename": "clear.png"], id: "c")
    #expect((same.result.width, same.result.height, same.result.format) == (64, 64, "png"))
    let cut = try await trial.run("image.thumbnail", ["filename": "photo.jpg", "size": 2_048, "crop": true], id: "d")
    #expect((cut.result.width, cut.result.height) == (2_048, 2_048))
  }

  @Test(
    "A watermark is where it should be, and nowhere else",
    arguments: [
      ("bottom-right", 190..<400, 240..<300), ("top-left", 0..<220, 0..<60), ("center", 90..<310, 130..<170),
    ])
  func watermark(position: String, x: Range<Int>, y: Range<Int>) async throws {
    let trial = try ImageTrial(.fields)
    let outcome = try await trial.run(
      "image.watermark",
      ["filename": "fields.png", "text": "Ünit & <b>Co", "position": .string(position), "opacity": 1])
    let (before, after) = (try Pixels(trial.path("fields.png")), try outcome.pixels())
    #expect((after.width, after.height, after.bands) == (400, 300, 3))
    #expect(after.difference(before, x: x, y: y) > 200)
    // All that changed lies within the place: outside every pixel is as it was, for PNG loses nothing.
    for (columns, rows) in [
      (0..<400, 0..<y.lowerBound), (0..<400, y.upperBound..<300), (0..<x.lowerBound, y), (x.upperBound..<400, y),
    ] where !columns.isEmpty && !rows.isEmpty {
      #expect(after.difference(before, x: columns, y: rows) == 0)
    }
    let inside = x.flatMap { column in y.map { after.at(column, $0) } }
    // Not inside the expectation: a failure would print every pixel.
    let (isBright, isDark) = (inside.contains([255, 255, 255]), inside.contains { $0.allSatisfy { $0 < 40 } })
    #expect(isBright && isDark, "white letters with a dark edge")
  }

  @Test("A watermark's opacity, on the full photo")
  func opacity() async throws {
    let trial = try ImageTrial(.photo)
    func marked(_ opacity: Double, id: String) async throws -> Int {
      let outcome = try await trial.run(
        "image.watermark",
        ["filename": "photo.jpg", "text": "X", "opacity": .number(opacity), "position": "top-left"], id: id)
      let (before, after) = (try Pixels(trial.path("photo.jpg")), try outcome.pixels())
      #expect((after.width, after.height) == (3_600, 2_400))
      #expect(after.difference(before, x: 1_800..<3_600, y: 1_200..<2_400) < 60, "only JPEG's own noise")
      return after.difference(before, x: 0..<700, y: 0..<400)
    }
    let (faint, strong) = (try await marked(0.1, id: "a"), try await marked(1, id: "b"))
    #expect(faint < strong)
  }

  @Test("Less quality makes a smaller file of the same size in pixels")
  func compress() async throws {
    let trial = try ImageTrial(.photo)
    let source = try Data(contentsOf: Source.photo.file()).count
    var sizes: [Int] = []
    for quality in [10, 40, 70] {
      let outcome = try await trial.run(
        "image.compress", ["filename": "photo.jpg", "quality": .integer(Int64(quality))], id: "q\(quality)")
      #expect((outcome.result.width, outcome.result.height) == (3_600, 2_400))
      sizes.append(outcome.bytes)
    }
    #expect(sizes == sizes.sorted() && sizes[0] * 2 < sizes[2] && sizes[2] < source)
  }

  @Test("Formats: transparency stays in PNG and WebP and becomes white in JPEG; a GIF is read")
  func formats() async throws {
    let trial = try ImageTrial(.clear)
    let png = try await trial.run("image.compress", ["filename": "clear.png"], id: "a").pixels()
    #expect(png.bands == 4 && png.at(3, 3) == [128, 128, 128, 128])
    let webp = try await trial.run("image.compress", ["filename": "clear.png", "format": "webp"], id: "b").pixels()
    #expect(webp.bands == 4)
    let jpeg = try await trial.run("image.compress", ["filename": "clear.png", "format": "jpeg"], id: "c").pixels()
    #expect(jpeg.bands == 3 && abs(jpeg.at(3, 3)[0] - 191) < 4)
    try Source.gif.write(to: trial.path("dot.gif"))
    let gif = try await trial.run("image.resize", ["filename": "dot.gif", "width": 8], id: "d")
    #expect((gif.result.sourceFormat, gif.result.format, gif.result.height) == ("gif", "png", 8))
    #expect(try gif.pixels().at(2, 2).prefix(3) == [255, 0, 0])
  }

  @Test("An attempt after a lost one gives the same file; a file that is there is never replaced")
  func again() async throws {
    let trial = try ImageTrial(.fields)
    let params: JSONValue = ["filename": "fields.png", "width": 100]
    let first = try await trial.run("image.resize", params)
    // What an attempt leaves that was killed in the middle of writing.
    try trial.write("half", to: "output/.job-1.2.part")
    let second = try await trial.run("image.resize", params, attempt: 3)
    #expect(second.result.file == first.result.file)
    #expect(trial.outputs == ["fields-resize-job-1.png"])
    // Another job of the same id, after the first was removed from the store.
    let other = try await trial.run("image.resize", ["filename": "fields.png", "width": 50])
    #expect(other.result.file == "output/fields-resize-job-1-2.png")
    #expect(try first.pixels().width == 100)
    let source = try Data(contentsOf: trial.path("fields.png"))
    #expect(try source == Data(contentsOf: Source.fields.file()))
  }

  @Test("Text that has nothing to draw is given up")
  func noText() async throws {
    let trial = try ImageTrial(.fields)
    let reason = try await trial.refusal("fields.png", "image.watermark", [.init("text", "  ")])
    #expect(reason == "\"  \" can not be written over an image: text: no text to render")
  }

  @Test("A cancelled job stops in the middle of its step and leaves nothing", arguments: ["jpeg", "png", "webp"])
  func cancelled(format: String) async throws {
    let trial = try ImageTrial(.photo)
    // Under the lock, so that the first report finds what it is to cancel.
    let job = trial.task.withLock { running in
      let job = Task {
        try await trial.run("image.watermark", ["filename": "photo.jpg", "text": "x", "format": .string(format)]) {
          progress in
          if progress.percent > 10 && progress.percent < 90 { trial.cancel() }
        }
      }
      running = job
      return job
    }
    await #expect(throws: CancellationError.self) { try await job.value }
    #expect(trial.outputs.isEmpty)
    let last = trial.reports.withLock { $0.last }
    #expect((11..<90).contains(last?.percent ?? 0), "\(String(describing: last))")
  }
}
