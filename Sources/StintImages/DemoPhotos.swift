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

  /// Looks whether they can be made, and whether what has their names already is a photo at least.
  ///
  /// - Throws: what is in the way, in words.
  func check() async throws {
    let folder = folder
    try await WorkQueue.run { _ in
      try Descriptor.makeFolder(at: folder.root)
      let root = try folder.openRoot()
      for name in (1...Self.count).map(Self.name) where root.has(name) {
        let fault = DemoFault(description: "\(name.shown) is there, and is no regular file: move it away")
        guard !root.isLink(name) else { throw fault }
        let file = try root.open(name, .file)
        guard try file.status().isRegular else { throw fault }
      }
      let trial = ".photo.trial"
      root.remove(trial)
      _ = try root.create(trial)
      root.remove(trial)
    }
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
        // Painted anew also where some of them are there: those may be anybody's photos. And somebody may be reading the
        // folder: a name appears with the whole file.
        let original = ".\(names[0]).part"
        root.remove(original)
        let photo = try Self.painted(scene)
        defer { withExtendedLifetime(photo) {} }
        try root.create(original).write(photo.bytes, cancellation: cancellation)
        for name in missing { _ = try root.link(original, name) }
        root.remove(original)
      }
    }
  }
}

extension DemoPhotos {
  /// The file of a scene.
  static func painted(_ scene: Int) throws(ImageFault) -> EncodedImage { try Scene(number: scene).photo() }
}

/// What keeps the demo from its photos.
private struct DemoFault: Error, CustomStringConvertible {
  let description: String
}

/// A landscape: a sky with a sun, ridges of mountains behind each other, water with its light.
private struct Scene {
  private static let width = 300
  private static let height = 200
  /// How often the painting is enlarged: 3600 × 2400 pixels.
  private static let factor: Int32 = 12
  private static let shore = 165

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
    let sun = Sun(
      x: 30 + Int(random.next() % 240), y: 25 + Int(random.next() % 60), radius: 7 + Int(random.next() % 8))
    let ridges = (0..<4).map { depth in
      let colour = horizon.mixed(Colour(18, 34, 30), 0.35 + Double(depth) * 0.2)
      return Ridge(base: 85 + Double(depth) * 19, colour: colour, width: Self.width, random)
    }
    // Row by row, the sky first and what stands before it over it.
    var rows = (0..<Self.shore).map { y in
      let sky = zenith.mixed(horizon, min(1, Double(y) / 115))
      var row = [Colour](repeating: sky, count: Self.width)
      for x in sun.columns(y, Self.width) { row[x] = sky.mixed(Colour(255, 244, 214), sun.light(x, y)) }
      for ridge in ridges where y > ridge.top {
        for x in 0..<Self.width where y > ridge.outline[x] { row[x] = ridge.colour }
      }
      return row
    }
    // Water shows it upside down, pressed together and darker.
    for y in 0..<Self.height - Self.shore {
      rows.append(rows[Self.shore - 1 - y * 2].map { $0.mixed(Colour(20, 40, 60), 0.4) })
    }
    return rows.flatMap { row in row.flatMap(\.bytes) }
  }
}

private struct Sun {
  let x: Int
  let y: Int
  let radius: Int

  /// The columns of a row that its glow reaches.
  func columns(_ row: Int, _ width: Int) -> Range<Int> {
    let reach = abs(row - y) > radius * 3 ? 0 : radius * 3
    return max(0, x - reach)..<min(width, x + reach)
  }

  /// How much of its light is at a place: 1 within the disc, less around it.
  func light(_ column: Int, _ row: Int) -> Double {
    let distance = Double((column - x) * (column - x) + (row - y) * (row - y)) / Double(radius * radius)
    return distance < 1 ? 1 : max(0, 0.5 - distance / 18)
  }
}

private struct Colour {
  var red: Double
  var green: Double
  var blue: Double

  init(_ red: Double, _ green: Double, _ blue: Double) { (self.red, self.green, self.blue) = (red, green, blue) }

  var bytes: [UInt8] { [UInt8(red), UInt8(green), UInt8(blue)] }

  func mixed(_ other: Colour, _ share: Double) -> Colour {
    Colour(
      red + (other.red - red) * share, green + (other.green - green) * share, blue + (other.blue - blue) * share)
  }
}

/// A line of mountains: triangle waves over each other.
private struct Ridge {
  let colour: Colour
  /// Where it begins in each column.
  let outline: [Int]
  /// Where it begins at all.
  let top: Int

  init(base: Double, colour: Colour, width: Int, _ random: RandomSource) {
    self.colour = colour
    let waves = (0..<4).map { octave in
      let scale = Double(1 << octave)
      return (
        length: 75 / scale + random.unit() * 30, height: (17 + random.unit() * 15) / scale, start: random.unit() * 100
      )
    }
    outline = (0..<width).map { x in
      let height = waves.reduce(0) { sum, wave in
        let place = ((Double(x) + wave.start) / wave.length).truncatingRemainder(dividingBy: 1)
        return sum + wave.height * (0.5 - abs(place * 2 - 1))
      }
      return Int(base - height)
    }
    top = outline.min() ?? 0
  }
}
