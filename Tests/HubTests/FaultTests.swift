import Foundation
import LienzoHub
import Synchronization
import TestSupport
import Testing

@Suite("Pulling from a hub or over a network that fails")
struct FaultTests {
    /// One large file and a small one.
    private static let files: [String: TestHub.File] = [
        "config.json": .small("{}"), "model.safetensors": .large(SeededGenerator.some(200_000)),
    ]

    private func withHub(
        _ files: [String: TestHub.File] = Self.files,
        _ body: (TestHub, TestPull) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let hub = try TestHub(files: files)
            try await body(hub, TestPull(hub, cache: folder))
        }
    }

    /// Counts calls.
    private final class Counter: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock {
                $0 += 1
                return $0
            }
        }
    }

    // MARK: Networks

    private static let tooLong = String(repeating: "a", count: 64)

    @Test("A connection that breaks is taken up where it broke")
    func breaks() async throws {
        try await withHub { hub, pull in
            let count = Counter()
            hub.alter { request, response in
                if request.path.hasPrefix("/blob/"), count.next() <= 3 { response.breaksAfter = 50_000 }
            }
            #expect(try await pull().fetchedBytes == 200_002)
            try pull.expectWhole()
            // What a connection had buffered when it broke may be lost, so where exactly is open.
            let ranges = hub.requests.filter { $0.path.hasPrefix("/blob/") }.map { $0.headers["range"] }
            #expect(ranges.count == 4 && ranges[0] == nil && ranges.dropFirst().allSatisfy { $0 != nil })
        }
    }

    @Test("A server that knows no Range sends all anew")
    func noRange() async throws {
        try await withHub { hub, pull in
            let content = try #require(hub.model.files["model.safetensors"]).content
            let count = Counter()
            hub.alter { request, response in
                guard request.path.hasPrefix("/blob/") else { return }
                response = .init(200, [:], content)
                if count.next() <= 2 { response.breaksAfter = 50_000 }
            }
            #expect(try await pull().fetchedBytes > 200_002)
            try pull.expectWhole()
        }
    }

    @Test(
        "A server that sends another part than asked, or says there is none, is asked for all",
        arguments: [206, 416]
    )
    func wrongRange(status: Int) async throws {
        try await withHub { hub, pull in
            hub.alter { request, response in
                guard request.path.hasPrefix("/blob/") else { return }
                if request.headers["range"] == nil {
                    if !hub.requests.contains(where: { $0.headers["range"] != nil }) { response.breaksAfter = 50_000 }
                } else {
                    response = .init(status, ["Content-Range": "bytes 3-9/200000"], [1, 2, 3, 4, 5, 6, 7])
                }
            }
            try await pull()
            try pull.expectWhole()
        }
    }

    @Test("Where nothing arrives for long enough, the connection counts as broken")
    func silence() async throws {
        try await withHub { hub, pull in
            let count = Counter()
            hub.alter { request, response in
                if request.path.hasPrefix("/blob/"), count.next() == 1 { response.pause = .seconds(6) }
            }
            var pull = pull
            pull.patience = .seconds(2)
            try await pull()
            try pull.expectWhole()
        }
    }

    @Test(
        "A hub that is not there is one sentence of our own",
        arguments: [
            ("127.0.0.1", "127.0.0.1 refuses connections at port 1: expected a server that listens there."),
            ("localhost", "localhost refuses connections at port 1: expected a server that listens there."),
            // A label of more than 63 letters, which no name has, needs no network to be looked up in vain.
            ("\(tooLong).example", "The host \(tooLong).example is not found: "),
        ]
    )
    func nobody(host: String, sentence: String) async throws {
        try await withTemporaryFolder { folder in
            let pull = TestPull(
                try TestHub(files: [:]),
                cache: folder,
                environment: ["HF_ENDPOINT": "http://\(host):1", "no_proxy": "*"]
            )
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .connection)
            #expect(error?.description.hasPrefix(sentence) == true, "\(String(describing: error))")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    // MARK: Answers

    @Test("A busy hub is asked again, after the time it asks for")
    func busy() async throws {
        try await withHub { hub, pull in
            let count = Counter()
            hub.alter { _, response in
                switch count.next() {
                case 1: response = .init(429, ["Retry-After": "1"])
                case 2: response = .init(503)
                default: break
                }
            }
            let waits = Mutex<[String]>([])
            let start = ContinuousClock.now
            try await pull { if case .waiting(let sentence) = $0 { waits.withLock { $0.append(sentence) } } }
            #expect(ContinuousClock.now - start >= .seconds(1))
            #expect(
                waits.withLock { $0.first }
                    == "127.0.0.1 answers 429 (Too Many Requests) for lienzo/tiny: try again later. Trying again in 1.0 s."
            )
            try pull.expectWhole()
        }
    }

    @Test("A hub that stays busy is given up")
    func alwaysBusy() async throws {
        try await withHub { hub, pull in
            hub.alter { _, response in response = .init(500) }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .busy(after: nil))
            #expect(hub.requests.count == 4)
        }
    }

    @Test("A hub that asks to wait for a day is given up at once")
    func longWait() async throws {
        try await withHub { hub, pull in
            hub.alter { _, response in response = .init(429, ["Retry-After": "86400"]) }
            await #expect(throws: HubError.self) { try await pull() }
            #expect(hub.requests.count == 1)
        }
    }

    @Test(
        "Who may not read a model is told what to do",
        arguments: [
            (
                401, nil, nil,
                "lienzo/tiny is not at 127.0.0.1 or is private: check the id, or set HF_TOKEN to a token that may read it."
            ),
            (
                401, nil, "hf_x",
                "127.0.0.1 does not let HF_TOKEN read lienzo/tiny: check the id, and that the token is valid."
            ),
            (
                401, "GatedRepo", nil,
                "lienzo/tiny is gated or private: accept its terms at URL/lienzo/tiny, and set HF_TOKEN to a token of an "
                    + "account that may read it."
            ),
            (
                403, nil, "hf_x",
                "lienzo/tiny is gated or private: accept its terms at URL/lienzo/tiny, and set HF_TOKEN to a token of an "
                    + "account that may read it."
            ),
            (404, nil, nil, "There is no model lienzo/tiny at 127.0.0.1: check the id."),
            (418, nil, nil, "127.0.0.1 answers 418 for lienzo/tiny: expected 200."),
        ] as [(Int, String?, String?, String)]
    )
    func denied(status: Int, code: String?, token: String?, sentence: String) async throws {
        try await withHub { hub, pull in
            var pull = pull
            if let token { pull.environment["HF_TOKEN"] = token }
            hub.alter { _, response in response = .init(status, code.map { ["X-Error-Code": $0] } ?? [:]) }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.description == sentence.replacingOccurrences(of: "URL", with: hub.endpoint))
            #expect(hub.requests.count == 1)
            #expect(!FileManager.default.fileExists(atPath: pull.folder))
        }
    }

    @Test("An address of another host that is no longer good is fetched anew from the hub")
    func expired() async throws {
        try await withHub { hub, pull in
            let count = Counter()
            hub.alter { request, response in
                if request.path.hasPrefix("/blob/"), count.next() == 1 { response = .init(403) }
            }
            try await pull()
            try pull.expectWhole()
        }
    }

    // MARK: Lies

    @Test(
        "What arrives damaged twice is refused, and nothing of it is kept",
        arguments: ["config.json", "model.safetensors"]
    )
    func wrongContent(name: String) async throws {
        try await withHub { hub, pull in
            let size = try #require(hub.model.files[name]).content.count
            hub.alter { request, response in
                if request.method == "GET", response.body.count == size { response.body[size / 2] ^= 1 }
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .damaged)
            #expect(
                error?.description.hasPrefix("\(name) of lienzo/tiny arrived damaged twice: expected content") == true
            )
            let tag = try #require(hub.model.files[name]).tag
            #expect(try pull.blobs.allSatisfy { !$0.hasPrefix(tag) })
            #expect(!FileManager.default.fileExists(atPath: "\(pull.folder)/refs/main"))
        }
    }

    @Test("What an earlier run left damaged is fetched anew")
    func damagedRest() async throws {
        try await withHub { hub, pull in
            let tag = try #require(hub.model.files["model.safetensors"]).tag
            try FileManager.default.createDirectory(atPath: "\(pull.folder)/blobs", withIntermediateDirectories: true)
            try Data(count: 70_000).write(to: URL(fileURLWithPath: "\(pull.folder)/blobs/\(tag).incomplete"))
            #expect(try await pull().fetchedBytes == 130_000 + 200_000 + 2)
            try pull.expectWhole()
        }
    }

    @Test("A content of another size than the hub says is fetched anew")
    func shortBlob() async throws {
        try await withHub { hub, pull in
            let tag = try #require(hub.model.files["model.safetensors"]).tag
            try await pull()
            try Data(count: 70_000).write(to: URL(fileURLWithPath: "\(pull.folder)/blobs/\(tag)"))
            #expect(try await pull().fetchedBytes == 200_000)
            try pull.expectWhole()
        }
    }

    @Test("More bytes than the hub says are refused")
    func tooMany() async throws {
        try await withHub { (hub, pull) async throws in
            hub.alter { request, response in
                if request.path.hasPrefix("/blob/") { response.body += [0] }
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(
                error?.description
                    == "More than 200000 bytes arrived of model.safetensors, which is all that it should have; nothing was kept."
            )
            #expect(try pull.unfinished.isEmpty)
        }
    }

    @Test(
        "Headers that cannot be right are refused",
        arguments: [
            ["X-Linked-Size": "-1"], ["X-Linked-Size": "99999999999999999999"], ["X-Linked-Size": "17592186044417"],
            ["X-Linked-Size": "7"], ["X-Linked-ETag": "\"../../etc/passwd\""], ["X-Linked-ETag": "\"a/b\""],
            ["X-Linked-ETag": "\"\(String(repeating: "0", count: 64))\""], ["X-Repo-Commit": "another"],
            ["X-Linked-ETag": ""], ["X-Linked-Size": "many"],
        ]
    )
    func headers(changes: [String: String]) async throws {
        try await withHub { (hub, pull) async throws in
            hub.alter { request, response in
                if request.method == "HEAD", response.status == 302 { response.headers.merge(changes) { $1 } }
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .untrustworthy)
            #expect(try pull.blobs.isEmpty)
        }
    }

    @Test("A model that does not fit the disk is refused before anything is fetched")
    func tooLarge() async throws {
        try await withHub(["a.bin": .small("a")]) { hub, pull in
            hub.alter { request, response in
                if request.method == "HEAD" { response.headers["X-Linked-Size"] = "\(1 << 44)" }
                if request.path.contains("/api/") {
                    response.body = Array(
                        "{\"sha\": \"\(hub.model.commit)\", \"siblings\": [{\"rfilename\": \"a.bin\"}]}".utf8
                    )
                }
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .disk)
            #expect(error?.description.hasPrefix("lienzo/tiny needs 17592186044416 more bytes, but the disk") == true)
        }
    }

    @Test(
        "Redirects that go in circles, to other schemes or nowhere are refused",
        arguments: ["SELF", "file:///etc/passwd", ""]
    )
    func redirects(location: String) async throws {
        try await withHub { hub, pull in
            hub.alter { request, response in
                guard request.path.contains("/resolve/") else { return }
                response = .init(302, ["Location": location == "SELF" ? request.path : location])
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .untrustworthy)
            #expect(hub.requests.count < 40)
        }
    }

    @Test(
        "A list that names files outside the model, twice, or where folders are, is refused whole",
        arguments: [
            "../../../evil", "/tmp/evil", "a/../../evil", "a\\u0000b", "good", "good/evil", "", ".", "a//b",
        ]
    )
    func names(name: String) async throws {
        try await withHub { (hub, pull) async throws in
            let list = """
                {"sha": "\(hub.model.commit)", "siblings": [{"rfilename": "good"}, {"rfilename": "\(name)"}]}
                """
            hub.alter { request, response in
                if request.path.contains("/api/") { response = .init(200, [:], Array(list.utf8)) }
            }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .untrustworthy)
            #expect(hub.requests.count == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: pull.cache.path).isEmpty)
        }
    }

    @Test("A list that is too long, too deep, or none at all is refused", arguments: 0..<5)
    func lists(index: Int) async throws {
        try await withHub { hub, pull in
            let body =
                switch index {
                case 0: Array(repeating: UInt8(ascii: " "), count: RepositoryListing.byteLimit + 1)
                case 1: Array(repeating: UInt8(ascii: "["), count: 1_000_000)
                case 2: Array("<html>".utf8)
                case 3: Array("{\"sha\": \"main\", \"siblings\": []}".utf8)
                default: [UInt8]()
                }
            hub.alter { _, response in response = .init(200, [:], body) }
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .untrustworthy)
        }
    }

    @Test("A link in the place of a content on its way is not written through")
    func link() async throws {
        try await withHub { hub, pull in
            let victim = "\(pull.cache.path)/victim"
            try Data("untouched".utf8).write(to: URL(fileURLWithPath: victim))
            let tag = try #require(hub.model.files["model.safetensors"]).tag
            try FileManager.default.createDirectory(atPath: "\(pull.folder)/blobs", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(pull.folder)/blobs/\(tag).incomplete",
                withDestinationPath: victim
            )
            let error = await #expect(throws: HubError.self) { try await pull() }
            #expect(error?.kind == .disk)
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "untouched")
        }
    }

    @Test("A cache that cannot be made is one sentence")
    func noFolder() async throws {
        try await withHub { hub, pull in
            let file = "\(pull.cache.path)/file"
            try Data().write(to: URL(fileURLWithPath: file))
            let error = await #expect(throws: HubError.self) { try await TestPull(hub, cache: "\(file)/cache")() }
            #expect(error?.kind == .disk)
            #expect(error?.description.hasSuffix("a part of its path is a file.") == true)
        }
    }
}
