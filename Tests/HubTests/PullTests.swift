import Foundation
import LienzoHub
import Synchronization
import TestSupport
import Testing

@Suite("Pulling a model")
struct PullTests {
    @Test("Files arrive under the names that huggingface_hub gives them, and the revision points to them")
    func layout() async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(try TestHub(files: someFiles()), cache: folder)
            let model = try await pull()
            try pull.expectWhole()
            #expect(model.path == pull.snapshot)
            #expect(model.files.count == 6)
            #expect(model.fetchedBytes == 6 + 32 + 400_000)
            #expect(try String(contentsOfFile: "\(pull.folder)/refs/main", encoding: .utf8) == pull.hub.model.commit)
            #expect(pull.cache.snapshot(of: try ModelReference("lienzo/tiny")) == pull.snapshot)
            #expect(try pull.blobs.count == 5)
        }
    }

    @Test("What is there is not fetched again")
    func again() async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(try TestHub(files: someFiles()), cache: folder)
            try await pull()
            let before = pull.hub.requests.count
            #expect(try await pull().fetchedBytes == 0)
            #expect(pull.hub.requests.count == before + 1)

            // A new commit that changes one file brings that file alone.
            pull.hub.change { model in
                model.commit = String(repeating: "a", count: 40)
                model.files["README.md"] = .small("# Tinier")
            }
            #expect(try await pull().fetchedBytes == 8)
            try pull.expectWhole()
            #expect(try String(contentsOfFile: "\(pull.folder)/refs/main", encoding: .utf8) == pull.hub.model.commit)
        }
    }

    @Test("A branch with a slash and a commit can be pulled; a commit needs no ref")
    func revisions() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: ["config.json": .small("{}")])
            hub.change { $0.revisions = ["refs/pr/1"] }
            let pull = TestPull(hub, cache: folder)
            try await pull("lienzo/tiny@refs/pr/1")
            #expect(FileManager.default.fileExists(atPath: "\(pull.folder)/refs/refs/pr/1"))
            try await pull("lienzo/tiny@\(hub.model.commit)")
            #expect(!FileManager.default.fileExists(atPath: "\(pull.folder)/refs/\(hub.model.commit)"))
            let error = await #expect(throws: HubError.self) { try await pull("lienzo/tiny@v9") }
            #expect(
                error?.description
                    == "lienzo/tiny at 127.0.0.1 has no revision v9: expected a branch, a tag or a commit of it."
            )
        }
    }

    @Test("The token goes to the hub and to no other host")
    func token() async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(try TestHub(files: someFiles()), cache: folder, environment: ["HF_TOKEN": "hf_secret"])
            try await pull()
            let requests = pull.hub.requests
            let (blobs, pages) = (
                requests.filter { $0.path.hasPrefix("/blob/") }, requests.filter { !$0.path.hasPrefix("/blob/") }
            )
            #expect(!blobs.isEmpty && blobs.allSatisfy { $0.headers["authorization"] == nil })
            #expect(pages.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
        }
    }

    @Test("Through a proxy the hub's name is looked up by the proxy")
    func proxy() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: ["config.json": .small("{}")])
            // A proxy is asked for a tunnel to a host; this one makes none.
            let addresses = Mutex<[String]>([])
            let proxy = try TestServer { request in
                addresses.withLock { $0.append("\(request.method) \(request.path)") }
                return .init(404)
            }
            defer { proxy.stop() }
            let variables = ["HF_ENDPOINT": "http://hub.invalid", "http_proxy": "127.0.0.1:\(proxy.port)"]
            let pull = TestPull(hub, cache: folder, environment: variables)
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .connection)
            #expect(Set(addresses.withLock { $0 }) == ["CONNECT hub.invalid:80"])
        }
    }

    @Test("A redirect within the hub, as after a renaming, is followed with the token")
    func renamed() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: someFiles())
            hub.alter { request, response in
                if request.path.contains("old-name") {
                    let path = request.path.replacingOccurrences(of: "old-name", with: "tiny")
                    response = .init(307, ["Location": path])
                }
            }
            let pull = TestPull(hub, cache: folder, environment: ["HF_TOKEN": "hf_secret"])
            let model = try await pull("lienzo/old-name")
            #expect(model.path == "\(folder)/models--lienzo--old-name/snapshots/\(hub.model.commit)")
            #expect(
                hub.requests.filter { !$0.path.hasPrefix("/blob/") }.allSatisfy { $0.headers["authorization"] != nil }
            )
        }
    }

    @Test("Progress tells what there is, what arrives and what is whole")
    func progress() async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(try TestHub(files: someFiles()), cache: folder)
            let events = Mutex<[PullEvent]>([])
            try await pull { event in events.withLock { $0.append(event) } }
            let seen = events.withLock { $0 }
            guard case .listed(let commit, 6, 0) = seen[0], case .began(5, 400_038, 0) = seen[1] else {
                Issue.record("\(seen.prefix(2))")
                return
            }
            #expect(commit.description == pull.hub.model.commit)
            let arrived = seen.compactMap { if case .arrived(let bytes) = $0 { bytes } else { nil } }
            #expect(arrived == arrived.sorted() && arrived.last == 400_038)
            #expect(seen.filter { if case .finished = $0 { true } else { false } }.count == 5)
        }
    }

    @Test("Only what was chosen comes; where nothing was, that is said and no folder is left")
    func chosen() async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(try TestHub(files: someFiles()), cache: folder)
            let error = await #expect(throws: HubError.self) {
                try await pull("lienzo/tiny", FileSelection(include: ["nothing"]))
            }
            #expect(error?.kind == .notFound)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            #expect(
                try await pull("lienzo/tiny", FileSelection(include: ["*.json"])).files.map(\.description) == [
                    "config.json"
                ]
            )
        }
    }

    @Test("Offline, what is in the cache is there, and what is not is said to be not")
    func offline() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: someFiles())
            let offline = TestPull(hub, cache: folder, environment: ["HF_HUB_OFFLINE": "1"])
            let error = await #expect(throws: HubError.self) { try await offline() }
            #expect(
                error?.description
                    == "lienzo/tiny is not in the cache, and HF_HUB_OFFLINE forbids the network: unset it and pull again."
            )
            #expect(hub.requests.isEmpty)
            try await TestPull(hub, cache: folder)()
            let count = hub.requests.count
            let model = try await offline()
            #expect(model.path == offline.snapshot && model.fetchedBytes == 0 && model.files.count == 6)
            #expect(hub.requests.count == count)
        }
    }

    @Test("Two pulls at once share the downloads")
    func together() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: someFiles())
            hub.alter { _, response in response.pause = .milliseconds(2) }
            let pull = TestPull(hub, cache: folder)
            async let one = pull()
            async let other = pull()
            let fetched = try await one.fetchedBytes + other.fetchedBytes
            #expect(fetched == 400_038)
            try pull.expectWhole()
        }
    }

    @Test("A pull that is cancelled keeps what has arrived under its passing name, and the next one goes on there")
    func cancelled() async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: ["model.safetensors": .large(SeededGenerator.some(400_000))])
            hub.alter { _, response in response.stallsAfter = 200_000 }
            let pull = TestPull(hub, cache: folder)
            let task = Task { try await pull() }
            while pull.arrivedBytes < 100_000 { try await Task.sleep(for: .milliseconds(2)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            hub.alter { _, _ in }
            #expect(try pull.blobs == [try #require(hub.model.files.values.first).tag + ".incomplete"])
            #expect(!FileManager.default.fileExists(atPath: "\(pull.folder)/refs/main"))
            let kept = pull.arrivedBytes
            #expect(kept >= 100_000)
            #expect(try await pull().fetchedBytes == 400_000 - kept)
            #expect(hub.requests.last?.headers["range"] == "bytes=\(kept)-")
            try pull.expectWhole()
        }
    }
}

extension SeededGenerator {
    /// Some bytes, always the same.
    static func some(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: 7)
        return random.bytes(count)
    }
}

extension TestPull {
    /// How much of the contents has arrived, whole or not.
    var arrivedBytes: Int {
        let sizes = try? blobs.map { name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/blobs/\(name)")
            return attributes?[.size] as? Int ?? 0
        }
        return sizes?.reduce(0, +) ?? 0
    }
}
