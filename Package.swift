// swift-tools-version: 6.2
import PackageDescription

/// The folder that holds `include` and `lib` of libtorch: `LIBTORCH`, or the `.libtorch` that `Scripts/setup` makes in
/// this clone (in the depending package, where this is the checkout that SwiftPM made for one).
let libtorch =
    Context.environment["LIBTORCH"]
    ?? Context.packageDirectory.split(separator: "/.build/checkouts/")[0] + "/.libtorch"

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// One room of the house: folder `Sources/<name>`, module `Lienzo<name>`.
///
/// Imports point down the list only.
func room(_ name: String, dependsOn dependencies: [Target.Dependency] = []) -> Target {
    .target(name: "Lienzo\(name)", dependencies: dependencies, path: "Sources/\(name)", swiftSettings: swiftSettings)
}

/// The tests of one room: folder `Tests/<name>Tests`.
func tests(_ name: String, fixtures: Bool = true, dependsOn dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "Lienzo\(name)Tests",
        dependencies: [.target(name: "Lienzo\(name)"), "TestSupport"] + dependencies,
        path: "Tests/\(name)Tests",
        resources: fixtures ? [.copy("Fixtures")] : [],
        swiftSettings: swiftSettings
    )
}

let package = Package(
    name: "Lienzo",
    products: [
        .library(name: "Lienzo", targets: ["Lienzo"]),
        .executable(name: "lienzo", targets: ["LienzoCommandLineTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    ],
    targets: [
        .executableTarget(
            name: "LienzoCommandLineTool",
            dependencies: [
                "LienzoCheckpoints", "LienzoData", "LienzoEvaluation", "LienzoFigures", "LienzoFiles", "LienzoHub",
                "LienzoImages", "LienzoNN", "LienzoPipelines", "LienzoSearch", "LienzoTokenizers", "LienzoTorch",
                "LienzoTraining",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Sources/CommandLineTool",
            swiftSettings: swiftSettings
        ),
        tests(
            "CommandLineTool",
            fixtures: false,
            dependsOn: ["Lienzo", "LienzoFiles", "LienzoHub", "LienzoImages", "LienzoTour"]
        ),
        .executableTarget(
            name: "LienzoBenchmark",
            dependencies: [
                "LienzoCheckpoints", "LienzoImages", "LienzoModels", "LienzoNN", "LienzoPipelines", "LienzoSearch",
                "LienzoTorch",
            ],
            path: "Benchmarks",
            exclude: ["Training"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(name: "LienzoTour", dependencies: ["Lienzo"], path: "Examples", swiftSettings: swiftSettings),
        .executableTarget(
            name: "LienzoTrainingBenchmark",
            dependencies: ["LienzoModels", "LienzoNN", "LienzoTorch", "LienzoTraining"],
            path: "Benchmarks/Training",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CTorch",
            path: "Sources/CTorch",
            exclude: ["declarations"],
            cSettings: [.unsafeFlags(["-O2"])],
            cxxSettings: [
                .unsafeFlags([
                    "-O2", "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include",
                    // Last, for what libtorch's wheel leaves out.
                    "-isystem", "\(Context.packageDirectory)/Sources/CTorch/declarations",
                ])
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"]),
                .linkedLibrary("torch_cpu"),
                .linkedLibrary("c10"),
            ]
        ),
        // Of pkg-config only GLib's header folders are needed, and the file of libvips itself warns about -pthread.
        .systemLibrary(
            name: "CVipsLibrary",
            path: "Sources/CVips/library",
            pkgConfig: "gobject-2.0",
            providers: [.apt(["libvips-dev"])]
        ),
        .target(
            name: "CVips",
            dependencies: ["CVipsLibrary"],
            path: "Sources/CVips",
            exclude: ["library"],
            linkerSettings: [.linkedLibrary("vips"), .linkedLibrary("gmodule-2.0")]
        ),
        .systemLibrary(
            name: "CArchive",
            path: "Sources/CArchive",
            pkgConfig: "libarchive",
            providers: [.apt(["libarchive-dev"])]
        ),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        room("Torch", dependsOn: ["CTorch"]),
        room("NN", dependsOn: ["LienzoTorch"]),
        room("Checkpoints", dependsOn: ["LienzoFiles", "LienzoTorch", "LienzoNN"]),
        room("Models", dependsOn: ["LienzoTorch", "LienzoNN"]),
        room("Files"),
        room(
            "Hub",
            dependsOn: [
                "LienzoFiles",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]
        ),
        room("Evaluation", dependsOn: ["LienzoTorch"]),
        // Without optimisation these loops would make debug builds of the tests crawl.
        .target(name: "CPixels", path: "Sources/CPixels", cSettings: [.unsafeFlags(["-O3"])]),
        room("Images", dependsOn: ["CPixels", "CVips", "LienzoFiles"]),
        room("Figures", dependsOn: ["LienzoImages"]),
        room("Tokenizers", dependsOn: ["LienzoFiles"]),
        room("Diffusion", dependsOn: ["LienzoTorch"]),
        room(
            "Pipelines",
            dependsOn: [
                "LienzoTorch", "LienzoNN", "LienzoImages", "LienzoTokenizers", "LienzoCheckpoints", "LienzoDiffusion",
                "LienzoModels",
            ]
        ),
        room(
            "Data",
            dependsOn: [
                "LienzoImages", "LienzoFigures", "LienzoFiles", "CArchive", "CZlib",
                .product(name: "Crypto", package: "swift-crypto"),
            ]
        ),
        room(
            "Training",
            dependsOn: [
                "LienzoTorch", "LienzoNN", "LienzoFiles", "LienzoTokenizers", "LienzoImages", "LienzoCheckpoints",
                "LienzoDiffusion", "LienzoModels", "LienzoData", "LienzoFigures", "LienzoPipelines",
            ]
        ),
        room(
            "Search",
            dependsOn: [
                "LienzoTorch", "LienzoFiles", "LienzoImages", "LienzoPipelines",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        .target(
            name: "Lienzo",
            dependencies: ["LienzoFigures", "LienzoHub", "LienzoImages", "LienzoPipelines", "LienzoSearch"],
            path: "Sources/Lienzo",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "TestSupport",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings
        ),
        tests("Torch", fixtures: false),
        tests("NN", fixtures: false, dependsOn: ["LienzoTorch"]),
        tests(
            "Training",
            dependsOn: ["LienzoCheckpoints", "LienzoData", "LienzoImages", "LienzoModels", "LienzoTorch", "LienzoNN"]
        ),
        tests("Checkpoints", dependsOn: ["LienzoFiles", "LienzoTorch", "LienzoNN"]),
        tests("Models", dependsOn: ["LienzoCheckpoints", "LienzoTorch", "LienzoNN"]),
        tests("Files", fixtures: false),
        tests("Hub", fixtures: false),
        tests("Tokenizers"),
        tests("Diffusion", dependsOn: ["LienzoTorch"]),
        tests("Images"),
        tests("Evaluation", dependsOn: ["LienzoCheckpoints", "LienzoTorch"]),
        tests("Figures", fixtures: false, dependsOn: ["LienzoImages"]),
        tests(
            "Pipelines",
            dependsOn: ["LienzoTorch", "LienzoCheckpoints", "LienzoDiffusion", "LienzoImages", "LienzoModels"]
        ),
        tests("Data", fixtures: false, dependsOn: ["LienzoImages", "LienzoFiles"]),
        tests(
            "Search",
            fixtures: false,
            dependsOn: [
                "LienzoImages", "LienzoPipelines", "LienzoTorch", .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
    ],
    cxxLanguageStandard: .cxx20
)
