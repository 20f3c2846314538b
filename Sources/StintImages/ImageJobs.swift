import CVips
public import StintCore
public import StintEngine

/// The job types that work on images: `image.resize`, `image.thumbnail`, `image.watermark`, `image.compress`.
public enum ImageJobs {
  /// Their handlers, for a worker.
  ///
  /// - Parameter folder: where the files are, and the largest image.
  /// - Throws: a ``StintCore/StintError`` where a type's params can not be derived.
  public static func handlers(in folder: ImageFolder) throws(StintError) -> [Handler] {
    [
      placed(try Handler(Resize.self), folder), placed(try Handler(Thumbnail.self), folder),
      placed(try Handler(Watermark.self), folder), placed(try Handler(Compress.self), folder),
    ]
  }

  private static func placed(_ handler: Handler, _ folder: ImageFolder) -> Handler {
    var type = handler.type
    for index in type.params.indices where type.params[index].name == "filename" { type.params[index].type = .path }
    let checking = Handler(type) { context in
      try await ImageFolder.$current.withValue(folder) { try await handler.run(context) }
    }.checkingParams()
    // A name that leaves the folder is refused when it is submitted; when it runs, the folder itself refuses more.
    for index in type.params.indices where type.params[index].name == "filename" {
      type.params[index].form = .path(root: folder.root)
    }
    return Handler(type) { context in try await checking.run(context) }
  }

  /// The rules of the params that all of them have.
  static func rules(quality: Int64, _ others: [String: ParamRule]) -> [String: ParamRule] {
    let common = [
      "filename": ParamRule("The image, as a path beneath the image root.", min: 1, max: 1_024),
      "format": ParamRule("The format of the result; the source's unless given, or jpeg."),
      "quality": ParamRule(
        "How much of the image is kept, in jpeg and webp.", default: .integer(quality), min: 1, max: 100),
    ]
    return common.merging(others) { _, other in other }
  }
}

/// Makes an image of another size.
struct Resize: ImageWork {
  static let jobType = "image.resize"
  static let summary = "Makes an image of another size."
  static let activity = "Resizing"
  static let label = "resize"
  static let paramRules = ImageJobs.rules(
    quality: 85,
    [
      "width": ParamRule("The width in pixels; follows from the height unless given.", min: 1, max: 16_384),
      "height": ParamRule("The height in pixels; follows from the width unless given.", min: 1, max: 16_384),
      "fit": ParamRule(
        "With both sides given: inside keeps the proportions, crop cuts off what is too much, stretch does neither.",
        default: "inside"),
    ])

  enum Fit: String, Codable, Sendable, CaseIterable {
    case inside, crop, stretch
  }

  var filename: String
  var width: Int?
  var height: Int?
  var fit: Fit
  var format: ImageFormat?
  var quality: Int

  func picture(of source: SourceImage) throws -> Picture {
    let size = source.size
    let target: PixelSize
    switch (width, height) {
    case (let width?, let height?): target = PixelSize(width: width, height: height)
    case (let width?, nil): target = PixelSize(width: width, height: size.side(size.height, width, of: size.width))
    case (nil, let height?): target = PixelSize(width: size.side(size.width, height, of: size.height), height: height)
    case (nil, nil): throw UndecodableParams(reason: "image.resize needs width or height, or both")
    }
    // Before anything is computed: a narrow image made wide may be enormous.
    let isExact = width == nil || height == nil || fit != .inside
    let result = isExact ? target : size.fitted(in: target)
    try source.folder.checkOutput(result, format ?? source.format.writable)
    // To an exact size: some readers begin with a smaller version of the image, which "at most" would leave as it is.
    return fit == .crop ? try source.scaled(to: result, .both, crop: true) : try source.scaled(to: result, .force)
  }
}

/// Makes a small image.
struct Thumbnail: ImageWork {
  static let jobType = "image.thumbnail"
  static let summary = "Makes a small image that fits a square; never a larger one."
  static let activity = "Making a thumbnail of"
  static let label = "thumbnail"
  static let paramRules = ImageJobs.rules(
    quality: 80,
    [
      "size": ParamRule("The side of the square, in pixels.", default: 256, min: 16, max: 2_048),
      "crop": ParamRule("Whether to fill the square and cut off what is too much.", default: false),
    ])

  var filename: String
  var size: Int
  var crop: Bool
  var format: ImageFormat?
  var quality: Int

  func picture(of source: SourceImage) throws -> Picture {
    let whole = source.size
    if crop {
      let side = min(size, whole.width, whole.height)
      return try source.scaled(to: PixelSize(width: side, height: side), .both, crop: true)
    }
    if max(whole.width, whole.height) <= size { return try source.whole() }
    return try source.scaled(to: whole.fitted(in: PixelSize(width: size, height: size)), .force)
  }
}

/// Writes text over an image.
struct Watermark: ImageWork {
  static let jobType = "image.watermark"
  static let summary = "Writes text over an image."
  static let activity = "Marking"
  static let label = "watermark"
  static let paramRules = ImageJobs.rules(
    quality: 85,
    [
      "text": ParamRule("What to write.", min: 1, max: 200),
      "position": ParamRule("Where to write it.", default: "bottom-right"),
      "opacity": ParamRule("How strongly it covers the image.", default: 0.6, min: 0.05, max: 1),
    ])

  enum Position: String, Codable, Sendable, CaseIterable {
    case topLeft = "top-left"
    case topRight = "top-right"
    case center
    case bottomLeft = "bottom-left"
    case bottomRight = "bottom-right"
  }

  var filename: String
  var text: String
  var position: Position
  var opacity: Double
  var format: ImageFormat?
  var quality: Int

  func picture(of source: SourceImage) throws -> Picture {
    let whole = try source.whole()
    // At most half as wide and a tenth as high as the image, a little away from its edge.
    let box = PixelSize(width: max(1, source.size.width / 2), height: max(1, source.size.height / 10))
    let label: Picture
    do {
      label = try Picture.label(text, box: box, opacity: opacity)
    } catch {
      throw JobControl.giveUp("\(text.shown) can not be written over an image: \(error)")
    }
    let margin = min(source.size.width, source.size.height) / 40
    let right = whole.width - label.width - margin
    let bottom = whole.height - label.height - margin
    let (x, y) =
      switch position {
      case .topLeft: (margin, margin)
      case .topRight: (right, margin)
      case .center: ((whole.width - label.width) / 2, (whole.height - label.height) / 2)
      case .bottomLeft: (margin, bottom)
      case .bottomRight: (right, bottom)
      }
    let laid = try whole.laid(label, x: x, y: y)
    // The text brought transparency along; an image that had none gets none.
    return whole.hasAlpha ? laid : try laid.opaque()
  }
}

/// Makes a smaller file of an image.
struct Compress: ImageWork {
  static let jobType = "image.compress"
  static let summary = "Makes a smaller file of an image, of the same size in pixels."
  static let activity = "Compressing"
  static let label = "compress"
  static let paramRules = ImageJobs.rules(quality: 60, [:])

  var filename: String
  var quality: Int
  var format: ImageFormat?

  func picture(of source: SourceImage) throws -> Picture { try source.whole() }
}

extension PixelSize {
  /// A side in proportion: `other` is what `reference` becomes.
  func side(_ side: Int, _ other: Int, of reference: Int) -> Int {
    max(1, Int((Double(side) * Double(other) / Double(max(1, reference))).rounded()))
  }

  /// The largest size of these proportions within `box`.
  func fitted(in box: PixelSize) -> PixelSize {
    let scale = min(Double(box.width) / Double(width), Double(box.height) / Double(height))
    return PixelSize(
      width: max(1, Int((Double(width) * scale).rounded())), height: max(1, Int((Double(height) * scale).rounded())))
  }
}
