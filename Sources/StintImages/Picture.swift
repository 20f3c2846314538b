import CVips
import StintEngine
import Synchronization

/// An image of libvips: a recipe rather than pixels, which are computed in one pass when it is encoded.
///
/// All calls block; they belong on ``WorkQueue``.
final class Picture {
  let image: OpaquePointer

  /// Takes over the image.
  init(_ image: OpaquePointer) { self.image = image }

  /// The image of rows of pixels with 8 bits a channel: red, green and blue, or one grey, and perhaps transparency.
  convenience init(pixels: [UInt8], width: Int, height: Int, bands: Int) throws(ImageFault) {
    let image = pixels.withUnsafeBytes {
      stint_vips_from_pixels($0.baseAddress, Int32(width), Int32(height), Int32(bands))
    }
    guard let image else { throw .library() }
    self.init(image)
  }

  deinit { stint_vips_release(UnsafeMutableRawPointer(image)) }

  var width: Int { Int(stint_vips_width(image)) }
  var height: Int { Int(stint_vips_height(image)) }
  var size: PixelSize { PixelSize(width: width, height: height) }
  var hasAlpha: Bool { stint_vips_has_alpha(image) != 0 }
  /// Whether the camera lay on its side: the picture is shown with width and height exchanged.
  var isTurned: Bool { stint_vips_is_turned(image) != 0 }

  /// The image that `make` gives, which belongs to the caller.
  static func made(
    _ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(ImageFault) -> Picture {
    var out: OpaquePointer?
    guard make(&out) == 0, let out else { throw ImageFault.library() }
    return Picture(out)
  }

  /// Whether the file says itself what its colours mean.
  var hasProfile: Bool { stint_vips_has_profile(image) != 0 }

  /// Eight bits a channel of red, green and blue, and of transparency where there is any.
  func inSRGB() throws(ImageFault) -> Picture { try .made { stint_vips_srgb(image, $0) } }

  /// Without the channel of transparency.
  func opaque() throws(ImageFault) -> Picture { try .made { stint_vips_opaque(image, $0) } }

  /// The text, white with a dark edge, in a box of its own size.
  static func label(_ text: String, box: PixelSize, opacity: Double) throws(ImageFault) -> Picture {
    let mask = try made { stint_vips_text($0, text.asPangoMarkup, Int32(box.width), Int32(box.height)) }
    let bright = try made { stint_vips_paint(mask.image, $0, 255, opacity) }
    let dark = try made { stint_vips_paint(mask.image, $0, 0, opacity) }
    // The dark one lies a little lower, so that white text can be read on white.
    let edge = max(1, mask.height / 24)
    let shadow = try made { stint_vips_shift(dark.image, $0, Int32(edge)) }
    return try shadow.laid(bright, x: 0, y: 0)
  }

  /// `other` laid over this one.
  func laid(_ other: Picture, x: Int, y: Int) throws(ImageFault) -> Picture {
    try .made { stint_vips_lay(image, other.image, $0, Int32(x), Int32(y)) }
  }

  /// The file of the image; `report` hears how far it is, 0–100, and answers whether to go on.
  ///
  /// - Throws: ``ImageFault/stopped`` where it answered no.
  func encoded(
    _ format: ImageFormat, quality: Int, report: @escaping @Sendable (Int) -> Bool = { _ in true }
  ) throws(ImageFault) -> EncodedImage {
    var source = self
    if format == .jpeg && hasAlpha { source = try .made { stint_vips_flatten(image, $0) } }
    // A copy of the recipe, so that the observer is this encoding's own.
    let watched = try Picture.made { stint_vips_copy(source.image, $0) }
    let observer = Observer(report)
    stint_vips_observe(watched.image, observer.pointer)
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    let result =
      switch format {
      case .jpeg: stint_vips_jpeg(watched.image, &bytes, &count, Int32(quality))
      case .png: stint_vips_png(watched.image, &bytes, &count, 9)
      case .webp: stint_vips_webp(watched.image, &bytes, &count, Int32(quality))
      }
    // libvips calls the observer until the image is gone.
    withExtendedLifetime((watched, observer)) {}
    if let bytes {
      let encoded = EncodedImage(UnsafeRawBufferPointer(start: bytes, count: count))
      if result == 0 && !observer.isStopped { return encoded }
    }
    if observer.isStopped { throw .stopped }
    throw .library()
  }
}

/// What is told how far an image is.
private final class Observer {
  private let report: @Sendable (Int) -> Bool
  private let stopped = Atomic(false)
  let pointer: UnsafeMutablePointer<stint_vips_observer>

  init(_ report: @escaping @Sendable (Int) -> Bool) {
    self.report = report
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: stint_vips_observer(
        call: { percent, context in
          guard let context else { return 0 }
          return Unmanaged<Observer>.fromOpaque(context).takeUnretainedValue().hear(Int(percent)) ? 0 : 1
        },
        context: nil))
    pointer.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { pointer.deallocate() }

  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  private func hear(_ percent: Int) -> Bool {
    if !isStopped && !report(percent) { stopped.store(true, ordering: .relaxed) }
    return !isStopped
  }
}

/// The bytes of an encoded image, in libvips' own memory.
final class EncodedImage {
  let bytes: UnsafeRawBufferPointer

  /// Takes over memory that libvips gave.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  deinit { stint_vips_free(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }
}

/// What libvips could not do.
enum ImageFault: Error, Equatable, CustomStringConvertible {
  /// It was asked to stop.
  case stopped
  /// It failed; its own words.
  case failed(String)

  /// The fault that libvips has just had. Its words are kept by the process: two faults at one moment may be mixed.
  static func library() -> ImageFault {
    guard let buffer = stint_vips_error() else { return .failed("unknown error") }
    defer { stint_vips_free(buffer) }
    let lines = String(cString: buffer).split(separator: "\n")
    // The last line is the cause, the ones before may be another image's.
    return .failed(lines.last.map(String.init) ?? "unknown error")
  }

  var description: String {
    switch self {
    case .stopped: "stopped"
    case .failed(let words): words
    }
  }
}

/// Width and height.
struct PixelSize: Sendable, Hashable, CustomStringConvertible {
  var width: Int
  var height: Int

  var turned: PixelSize { PixelSize(width: height, height: width) }
  /// Millions of pixels.
  var megapixels: Double { Double(width) * Double(height) / 1_000_000 }
  var description: String { "\(width) × \(height)" }
}

extension String {
  /// The text as it stands, in Pango's markup language; control characters become spaces.
  var asPangoMarkup: String {
    var markup = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": markup += "&amp;"
      case "<": markup += "&lt;"
      case ">": markup += "&gt;"
      case _ where scalar.properties.generalCategory == .control: markup += " "
      default: markup.unicodeScalars.append(scalar)
      }
    }
    return markup
  }
}
