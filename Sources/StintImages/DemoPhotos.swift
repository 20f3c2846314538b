import CVips
import StintEngine

/// The photos of `stint serve --demo`: `photo_001.jpg` to `photo_999.jpg`, each of 8.6 megapixels.
///
/// Ten different scenes are painted, the same ones each time; the other names are hard links to them, so that all of
/// them take the room of ten.
public struct DemoPhotos: Sendable {
  /// Where they are made.
  public let folder: ImageFolder
  /// How many names there are.
  public static let count = 999
  /// How many scenes are painted.
  public static let scenes = 10

  /// Photos in the folder's root.
  public init(in folder: ImageFolder) { self.folder = folder }

  /// The name of photo 1–999.
  public static func name(_ number: Int) -> String {
    let digits = String(number)
    return "photo_" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits + ".jpg"
  }

  /// Makes those that are not there. Takes about two seconds the first time; files that exist are left as they are.
  ///
  /// - Throws: `CancellationError`, or what the operating system refused, in words.
  public func make() async throws {
    let folder = folder
    try await WorkQueue.run { cancellation in
      try Descriptor.makeFolder(at: folder.root)
      let root = try folder.openRoot()
      for scene in 1...Self.scenes {
        let names = stride(from: scene, through: Self.count, by: Self.scenes).map(Self.name)
        let missing = names.filter { !root.has($0) }
        if missing.isEmpty { continue }
        try cancellation.check()
        var original = names[0]
        if missing.contains(original) {
          let photo = try Self.painted(scene)
          // Somebody may be reading the folder: a name appears with the whole file.
          original = ".\(original).part"
          root.remove(original)
          try root.create(original).write(photo.bytes, cancellation: cancellation)
        }
        for name in missing { _ = try root.link(original, name) }
        if original != names[0] { root.remove(original) }
      }
    }
  }
}

extension DemoPhotos {
  /// The file of a scene.
  static func painted(_ scene: Int) throws(ImageFault) -> EncodedImage { try Scene(number: scene).photo() }
}

/// A landscape: a sky with a sun, ridges of mountains behind each other, water with its light.
private struct Scene {
  private static let width = 600
  private static let height = 400
  /// How often the painting is enlarged: 3600 × 2400 pixels.
  private static let factor = 6.0

  let number: Int

  func photo() throws(ImageFault) -> EncodedImage {
    let painting = try Picture(pixels: paint(), width: Self.width, height: Self.height, bands: 3)
    return try Picture.made { stint_vips_develop(painting.image, $0, Self.factor, 5, Int32(number)) }
      .encoded(.jpeg, quality: 80)
  }

  private func paint() -> [UInt8] {
    let random = RandomSource.seeded(UInt64(number))
    let zenith = Colour(random.unit() * 90, 60 + random.unit() * 80, 130 + random.unit() * 110)
    let horizon = Colour(200 + random.unit() * 55, 150 + random.unit() * 80, 120 + random.unit() * 100)
    let sun = (x: 60 + random.unit() * 480, y: 50 + random.unit() * 120, radius: 14 + random.unit() * 16)
    let ridges = (0..<4).map { Ridge(base: 170 + Double($0) * 38, random) }
    let shore = 330.0
    var pixels: [UInt8] = []
    pixels.reserveCapacity(Self.width * Self.height * 3)
    let outlines = ridges.map { ridge in (0..<Self.width).map { ridge.height(at: Double($0)) } }
    for row in 0..<Self.height {
      // Water shows what is above the shore, upside down and darker.
      let isWater = Double(row) > shore
      let y = isWater ? shore - (Double(row) - shore) * 2.2 : Double(row)
      let sky = zenith.mixed(horizon, min(1, max(0, y) / 230))
      for column in 0..<Self.width {
        var colour = sky
        let (dx, dy) = (Double(column) - sun.x, y - sun.y)
        let distance = dx * dx + dy * dy
        let glow = sun.radius * sun.radius * 12
        if distance < glow {
          colour = colour.mixed(Colour(255, 244, 214), distance < glow / 12 ? 1 : 0.5 - distance / glow / 2)
        }
        for (depth, outline) in outlines.enumerated() where y > outline[column] {
          colour = horizon.mixed(Colour(18, 34, 30), 0.35 + Double(depth) * 0.2)
        }
        if isWater { colour = colour.mixed(Colour(20, 40, 60), 0.4) }
        pixels.append(UInt8(colour.red))
        pixels.append(UInt8(colour.green))
        pixels.append(UInt8(colour.blue))
      }
    }
    return pixels
  }
}

private struct Colour {
  var red: Double
  var green: Double
  var blue: Double

  init(_ red: Double, _ green: Double, _ blue: Double) { (self.red, self.green, self.blue) = (red, green, blue) }

  func mixed(_ other: Colour, _ share: Double) -> Colour {
    Colour(
      red + (other.red - red) * share, green + (other.green - green) * share, blue + (other.blue - blue) * share)
  }
}

/// A line of mountains: triangle waves over each other.
private struct Ridge {
  private let base: Double
  private var waves: [(length: Double, height: Double, offset: Double)] = []

  init(base: Double, _ random: RandomSource) {
    self.base = base
    for octave in 0..<4 {
      let scale = Double(1 << octave)
      waves.append((150 / scale + random.unit() * 60, (34 + random.unit() * 30) / scale, random.unit() * 200))
    }
  }

  func height(at x: Double) -> Double {
    waves.reduce(base) { height, wave in
      let place = ((x + wave.offset) / wave.length).truncatingRemainder(dividingBy: 1)
      return height - wave.height * (1 - abs(place * 2 - 1)) + wave.height / 2
    }
  }
}
