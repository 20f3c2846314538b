import CVips
import StintCore
import StintEngine
import Synchronization

/// A format that images are written in.
enum ImageFormat: String, Codable, Sendable, CaseIterable {
  case jpeg, png, webp

  var fileExtension: String { self == .jpeg ? "jpg" : rawValue }
  /// The longest side a file of this format can have.
  var maxSide: Int { self == .webp ? 16_383 : 65_500 }
}

/// What an image job gives.
struct ImageResult: Codable, Sendable, Equatable {
  /// The written file, as a path beneath the root.
  var file: String
  var format: String
  var width: Int
  var height: Int
  var bytes: Int
  var sourceFormat: String
  var sourceWidth: Int
  var sourceHeight: Int
  var sourceBytes: Int
  /// In seconds.
  var duration: Double

  enum CodingKeys: String, CodingKey {
    case file, format, width, height, bytes, duration
    case sourceFormat = "source_format"
    case sourceWidth = "source_width"
    case sourceHeight = "source_height"
    case sourceBytes = "source_bytes"
  }
}

/// An image job: which file, and what becomes of it.
protocol ImageWork: JobHandler where Output == ImageResult {
  /// The source, beneath the root.
  var filename: String { get }
  /// The format of the result; nil keeps the source's, or takes JPEG where it can not be written.
  var format: ImageFormat? { get }
  /// How much of the image is kept, 1–100.
  var quality: Int { get }
  /// What is done, in progress messages: "Resizing".
  static var activity: String { get }
  /// What is in the names of written files: "resize".
  static var label: String { get }

  /// The image that is to be written, from a source whose size is known.
  func picture(of source: SourceImage) throws -> Picture
}

extension ImageWork {
  func run(_ context: JobContext) async throws -> ImageResult {
    let folder = ImageFolder.current
    return try await WorkQueue.run { cancellation in
      try perform(context, in: folder, cancellation)
    }
  }

  private func perform(
    _ context: JobContext, in folder: ImageFolder, _ cancellation: Cancellation
  ) throws -> ImageResult {
    let start = context.time.uptime()
    @Sendable func progress(_ percent: Double, _ message: String) {
      context.progress((percent * folder.workShare).rounded(.down), message)
    }
    progress(0, "Reading \(filename)")
    do {
      let source = try SourceImage(filename, in: folder)
      let format = format ?? source.format.writable
      try cancellation.check()
      let doing = "\(Self.activity) \(filename), \(source.size)"
      progress(10, doing)
      let picture = try picture(of: source)
      try folder.checkOutput(picture.size, format)
      let steps = StepCounter()
      let encoded = try picture.encoded(format, quality: quality) { percent in
        if steps.isNew(percent / 20) { progress(10 + Double(percent / 20) * 16, doing) }
        return !cancellation.isRequested
      }
      progress(92, "Writing \(encoded.bytes.count) bytes")
      let file = try folder.keep(
        encoded.bytes, name: "\(filename.stem)-\(Self.label)-\(context.job.id)", extension: format.fileExtension,
        key: context.job.id.text, attempt: context.attempt, cancellation: cancellation)
      progress(100, "Wrote \(file)")
      return ImageResult(
        file: file, format: format.rawValue, width: picture.width, height: picture.height,
        bytes: encoded.bytes.count, sourceFormat: source.format.name, sourceWidth: source.size.width,
        sourceHeight: source.size.height, sourceBytes: source.bytes,
        duration: (context.time.uptime() - start).seconds)
    } catch let fault as ImageFault {
      guard case .failed(let words) = fault else { throw CancellationError() }
      throw JobControl.giveUp("\(filename.shown) can not be worked on, it may be damaged: \(words)")
    }
  }
}

/// Tells whether a step was reported already.
private final class StepCounter: Sendable {
  private let last = Atomic(0)

  func isNew(_ step: Int) -> Bool { step > last.exchange(step, ordering: .relaxed) }
}

/// The file an image job reads: known to be an image, and not too large.
final class SourceImage {
  /// What a file is.
  struct Format {
    let name: String
    /// The format itself where it can be written, else JPEG.
    let writable: ImageFormat
  }

  let folder: ImageFolder
  let format: Format
  /// As it is shown, upright.
  let size: PixelSize
  let bytes: Int
  private let file: VipsFile
  private let hasProfile: Bool

  init(_ filename: String, in folder: ImageFolder) throws {
    let descriptor = try folder.open(filename)
    bytes = try descriptor.status().bytes
    file = try VipsFile(descriptor)
    guard let format = file.format else {
      throw JobControl.giveUp("\(filename.shown) is no image that can be read; \(Self.readable) can")
    }
    self.folder = folder
    self.format = format
    // The header alone: no pixel is read before the size is known.
    let header: Picture
    do {
      header = try file.header()
    } catch {
      throw JobControl.giveUp("\(filename.shown) is a damaged image (\(format.name)): \(error)")
    }
    hasProfile = header.hasProfile
    size = header.isTurned ? header.size.turned : header.size
    guard header.size.megapixels <= Double(folder.maxMegapixels) else {
      throw JobControl.giveUp(
        "\(filename.shown) is too large: \(size) pixels are \(Int(size.megapixels.rounded(.up))) megapixels, "
          + "allowed are \(folder.maxMegapixels)")
    }
  }

  static let readable = "JPEG, PNG, WebP, TIFF, GIF, HEIF, AVIF, JPEG XL and JPEG 2000"

  /// The image at another size, upright and in sRGB.
  func scaled(to size: PixelSize, _ rule: ScaleRule, crop: Bool = false) throws(ImageFault) -> Picture {
    return try Picture.made {
      stint_vips_scale(file.source, $0, Int32(size.width), Int32(size.height), rule, crop ? 1 : 0, hasProfile ? 1 : 0)
    }.inSRGB()
  }

  /// The image at its own size, upright and in sRGB.
  func whole() throws(ImageFault) -> Picture { try scaled(to: size, .force) }
}

/// An open file as libvips reads it.
private final class VipsFile {
  let source: OpaquePointer

  init(_ descriptor: borrowing Descriptor) throws(ImageFault) {
    // It makes a descriptor of its own.
    guard let source = stint_vips_source(descriptor.number) else { throw .library() }
    self.source = source
  }

  deinit { stint_vips_release(UnsafeMutableRawPointer(source)) }

  /// What the file's first bytes say it is; nil where that is nothing that may be read.
  var format: SourceImage.Format? {
    guard let loader = stint_vips_reader(source) else {
      _ = ImageFault.library()
      return nil
    }
    let name = String(cString: loader)
    let formats: [(String, String, ImageFormat)] = [
      ("Jpeg", "jpeg", .jpeg), ("Png", "png", .png), ("Webp", "webp", .webp), ("Tiff", "tiff", .jpeg),
      ("Nsgif", "gif", .png), ("Heif", "heif", .jpeg), ("Jxl", "jpeg xl", .jpeg), ("Jp2k", "jpeg 2000", .jpeg),
    ]
    let found = formats.first { name.hasPrefix("VipsForeignLoad" + $0.0) }
    return found.map { SourceImage.Format(name: $0.1, writable: $0.2) }
  }

  func header() throws(ImageFault) -> Picture {
    guard let image = stint_vips_open(source) else { throw .library() }
    return Picture(image)
  }
}

extension ImageFolder {
  /// Throws where an image of this size is not to be made.
  func checkOutput(_ size: PixelSize, _ format: ImageFormat) throws(JobControl) {
    guard size.megapixels <= Double(maxMegapixels) else {
      throw .giveUp("The result would have \(size) pixels; allowed are \(maxMegapixels) megapixels")
    }
    guard max(size.width, size.height) <= format.maxSide else {
      throw .giveUp("The result would have \(size) pixels; \(format.rawValue) allows \(format.maxSide) on a side")
    }
  }
}

extension String {
  /// The file's name without folders and extension, short enough to be part of another name.
  var stem: String {
    let name = split(separator: "/").last.map(String.init) ?? ""
    var stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    while stem.utf8.count > 80 { stem.removeLast() }
    return stem.isEmpty ? "image" : stem
  }
}
