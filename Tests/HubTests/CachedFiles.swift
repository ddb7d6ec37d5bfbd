import Foundation
import LienzoHub
import TestSupport
import Testing

/// A pull from a test hub into a cache of its own.
struct TestPull {
    let hub: TestHub
    let cache: HubCache
    var environment: [String: String] = [:]
    var retries = Retries(limit: 4, pause: .milliseconds(5))
    /// Long, because the tests of a crowded machine may be kept from reading for a while.
    var patience = Duration.seconds(60)

    init(_ hub: TestHub, cache: String, environment: [String: String] = [:]) {
        self.hub = hub
        self.cache = HubCache(cache)
        self.environment = environment
    }

    /// Pulls the hub's model.
    @discardableResult
    func callAsFunction(
        _ reference: String = "lienzo/tiny",
        _ selection: FileSelection = FileSelection(),
        report: @escaping @Sendable (PullEvent) -> Void = { _ in }
    ) async throws -> PulledModel {
        let own = ["HF_ENDPOINT": hub.endpoint, "HF_HOME": cache.path]
        var settings = try HubSettings(environment: own.merging(environment) { _, other in other })
        settings.retries = retries
        settings.patience = patience
        return try await ModelPull(
            ModelReference(reference),
            selection,
            cache: cache,
            settings: settings,
            report: report
        ).run()
    }

    /// The folder of the model in the cache.
    var folder: String { "\(cache.path)/models--lienzo--tiny" }

    /// The folder of the files.
    var snapshot: String { "\(folder)/snapshots/\(hub.model.commit)" }

    /// Checks that the cache holds the hub's files, each under the name of its content, and nothing that is not whole.
    func expectWhole(sourceLocation: SourceLocation = #_sourceLocation) throws {
        for (name, file) in hub.model.files where name != ".gitattributes" {
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: "\(snapshot)/\(name)")
            let depth = name.split(separator: "/").count - 1
            #expect(
                link == String(repeating: "../", count: depth + 2) + "blobs/" + file.tag,
                sourceLocation: sourceLocation
            )
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(snapshot)/\(name)"))
            #expect(bytes.elementsEqual(file.content), "\(name) differs", sourceLocation: sourceLocation)
        }
        #expect(try unfinished.isEmpty, sourceLocation: sourceLocation)
    }

    /// The names of the contents in the cache.
    var blobs: Set<String> {
        get throws { Set(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/blobs")) }
    }

    /// The contents that have not arrived whole.
    var unfinished: Set<String> {
        get throws { try blobs.filter { $0.hasSuffix(".incomplete") } }
    }
}

/// Some files of each kind: small and large, in folders, empty, and two with the same content.
func someFiles(seed: UInt64 = 1, size: Int = 300_000) -> [String: TestHub.File] {
    var random = SeededGenerator(seed: seed)
    let weights = random.bytes(size)
    return [
        ".gitattributes": .small("*.safetensors filter=lfs"),
        "README.md": .small("# Tiny"),
        "config.json": .small("{\"architectures\": [\"CLIPModel\"]}"),
        "empty.txt": .small(""),
        "model.safetensors": .large(weights),
        "copy/of the/model ñ.safetensors": .large(weights),
        "text/model.safetensors": .large(random.bytes(size / 3)),
    ]
}
