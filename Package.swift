// swift-tools-version: 6.2
import PackageDescription

// `make test` and CI turn warnings into errors; whoever embeds Stint keeps their own choice.
let strict: [SwiftSetting] =
  Context.environment["STINT_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]
let settings: [SwiftSetting] = strict + [.enableUpcomingFeature("ExistentialAny")]

let package = Package(
  name: "stint",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "stint", targets: ["StintCommand"]),
    .library(name: "Stint", targets: ["Stint"]),
    .library(name: "StintCore", targets: ["StintCore"]),
    .library(name: "StintStore", targets: ["StintStore"]),
    .library(name: "StintEngine", targets: ["StintEngine"]),
    .library(name: "StintSQLite", targets: ["StintSQLite"]),
    .library(name: "StintSupervisor", targets: ["StintSupervisor"]),
    .library(name: "StintJobs", targets: ["StintJobs"]),
    .library(name: "StintImages", targets: ["StintImages"]),
    .library(name: "StintHTTP", targets: ["StintHTTP"]),
    .library(name: "StintRemote", targets: ["StintRemote"]),
    .library(name: "StintLaws", targets: ["StintLaws"]),
    .library(name: "StintTesting", targets: ["StintTesting"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/attaswift/BigInt", from: "6.0.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Core: nouns and rules, pure and synchronous.
    .target(name: "StintCore", swiftSettings: settings),
    // The port, and the store in memory.
    .target(
      name: "StintStore",
      dependencies: ["StintCore", .product(name: "HeapModule", package: "swift-collections")],
      swiftSettings: settings),
    // Drivers.
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    .target(
      name: "StintSQLite", dependencies: ["StintCore", "StintStore", "CSQLite"],
      swiftSettings: settings),
    // The engine: worker, maintenance, events, client, gateway.
    .target(
      name: "StintEngine",
      dependencies: [
        "StintCore", "StintStore",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    // Worker processes: a supervisor, and the program started again.
    .target(
      name: "StintSupervisor",
      dependencies: [
        "StintCore", "StintStore", "StintEngine",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    // Starting commands under a guardian: what must be C, because it runs between fork and exec.
    .target(name: "CProcess"),
    // Faces and built-in job types.
    .target(
      name: "StintJobs",
      dependencies: [
        "CProcess", "StintCore", "StintEngine",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "BigInt", package: "BigInt"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings),
    // Job types that work on images. libvips is loaded when the first of them runs.
    .target(name: "CVips"),
    .target(
      name: "StintImages",
      dependencies: [
        "StintCore", "StintStore", "StintEngine", "CVips", .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    // The dashboard's files as a generated source, apart from everything so that it is compiled seldom.
    .target(name: "StintWeb", swiftSettings: settings),
    .target(
      name: "StintHTTP",
      dependencies: [
        "StintCore", "StintEngine", "StintStore", "StintWeb",
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    .target(
      name: "StintRemote",
      dependencies: [
        "StintCore", "StintEngine", "StintStore",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings),
    // What an embedder imports.
    .target(
      name: "Stint",
      dependencies: [
        "StintCore", "StintStore", "StintEngine", "StintSQLite",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    // The store's laws as values, and what tests are made of.
    .target(name: "StintLaws", dependencies: ["StintCore", "StintStore", "StintEngine"], swiftSettings: settings),
    .target(
      name: "StintTesting",
      dependencies: [
        "StintCore", "StintStore", "StintEngine", .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: settings),
    // `make simulate`.
    .executableTarget(name: "StintSimulate", dependencies: ["StintTesting"], swiftSettings: settings),
    .executableTarget(
      name: "StintCommand",
      dependencies: [
        "CSQLite", "StintCore", "StintStore", "StintEngine", "StintSQLite", "StintJobs", "StintImages", "StintHTTP",
        "StintRemote", "StintLaws", "StintSupervisor", "Stint",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "HummingbirdApp",
      dependencies: ["Stint", .product(name: "Hummingbird", package: "hummingbird")],
      path: "Examples/HummingbirdApp", swiftSettings: settings),
    .testTarget(name: "StintCoreTests", dependencies: ["StintCore"], swiftSettings: settings),
    .testTarget(
      name: "StintStoreTests",
      dependencies: ["StintCore", "StintStore", "StintSQLite", "StintLaws", "StintTesting", "CSQLite"],
      swiftSettings: settings),
    .testTarget(
      name: "StintEngineTests",
      dependencies: [
        "CSQLite", "Stint", "StintCore", "StintStore", "StintEngine", "StintSQLite", "StintLaws", "StintTesting",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "StintSupervisorTests",
      dependencies: ["StintCore", "StintStore", "StintEngine", "StintSupervisor"], swiftSettings: settings),
    .testTarget(
      name: "StintJobsTests",
      dependencies: [
        "StintCore", "StintStore", "StintEngine", "StintJobs", "StintTesting",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "StintImagesTests",
      dependencies: [
        "CVips", "StintCore", "StintStore", "StintEngine", "StintImages", "StintTesting",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "StintHTTPTests",
      dependencies: [
        "StintCore", "StintStore", "StintEngine", "StintHTTP", "StintRemote", "StintSQLite", "StintLaws",
        "StintTesting", "StintJobs", "StintWeb",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "StintCommandTests",
      dependencies: [
        "CSQLite", "StintCommand", "StintCore", "StintStore", "StintEngine", "StintSQLite", "StintRemote",
        "StintTesting",
      ],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
