import Foundation
import TestSupport
import Testing

/// The tool is killed at random moments of a pull; whatever has its final name afterwards is whole.
///
/// `LIENZO_KILLS` says how often; a few times where it is not set.
@Suite(.tags(.slow))
struct KilledPullTests {
    private static let kills = ProcessInfo.processInfo.environment["LIENZO_KILLS"].flatMap(Int.init) ?? 5

    @Test func `no file with a final name is ever incomplete, and the next run finishes`() async throws {
        var random = SeededGenerator(seed: 9)
        var files: [String: TestHub.File] = ["config.json": .small("{}"), "empty.txt": .small("")]
        for index in 0..<8 { files["part-\(index).safetensors"] = .large(random.bytes(100_000 * (index + 1))) }
        let tags = Dictionary(files.map { ($1.tag, $1.content) }) { $1 }
        var kills = 0
        while kills < Self.kills {
            try await withTemporaryFolder { folder in
                let hub = try TestHub(files: files)
                hub.alter { _, response in response.pause = .milliseconds(3) }
                let environment = [
                    "HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": "\(folder)/cache", "HF_HOME": folder,
                    "no_proxy": "*",
                ]
                // Each kill hits a fresh cache, or one that earlier kills have left; one that comes too late is none.
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let pause = Duration.milliseconds(Int.random(in: 50...1000, using: &random))
                    if try await !finishes(environment, killedAfter: pause) { kills += 1 }
                    try expectWhole(hub, folder, tags)
                }
                hub.alter { _, _ in }
                let result = try Tool(folder: folder, environment: environment)("models", "pull", "lienzo/tiny")
                #expect(result.status == 0, "\(result.errors)")
                try expectWhole(hub, folder, tags)
                let snapshot = result.output.trimmingCharacters(in: .newlines)
                for (name, file) in files {
                    #expect(
                        try Data(contentsOf: URL(fileURLWithPath: "\(snapshot)/\(name)")).elementsEqual(file.content)
                    )
                }
            }
        }
    }

    /// Pulls, kills the process after a while, and says whether it had finished before.
    private func finishes(_ environment: [String: String], killedAfter pause: Duration) async throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Tool.executable)
        process.arguments = ["models", "pull", "lienzo/tiny"]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try await Task.sleep(for: pause)
        _ = kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }

    /// Whether each content with its final name, each link and each ref is whole.
    private func expectWhole(_ hub: TestHub, _ folder: String, _ tags: [String: [UInt8]]) throws {
        let model = "\(folder)/cache/models--lienzo--tiny"
        func names(_ folder: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: "\(model)/\(folder)")) ?? []
        }
        for name in names("blobs") where !name.hasSuffix(".incomplete") {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(model)/blobs/\(name)"))
            #expect(bytes.elementsEqual(try #require(tags[name])), "\(name) is not whole")
        }
        for name in names("snapshots/\(hub.model.commit)") {
            let content = try #require(hub.model.files[name]).content
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(model)/snapshots/\(hub.model.commit)/\(name)"))
            #expect(bytes.elementsEqual(content), "\(name) is not whole")
        }
        for name in names("refs") {
            #expect(try String(contentsOfFile: "\(model)/refs/\(name)", encoding: .utf8) == hub.model.commit)
            #expect(names("snapshots/\(hub.model.commit)").count == hub.model.files.count, "refs came too early")
        }
    }
}
