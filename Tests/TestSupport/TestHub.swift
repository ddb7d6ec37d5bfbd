import Crypto
import Foundation
import Synchronization

/// A hub for tests: it speaks the protocol of the Hugging Face hub about one model, with a second server as the host
/// of large files.
///
///     let hub = try TestHub(files: ["config.json": .small("{}"), "model.safetensors": .large(bytes)])
///     hub.alter { request, response in … }    // for what goes wrong
///
/// Source: huggingface_hub, `hf_api.py`, `file_download.py`.
public final class TestHub: Sendable {
    /// A file of the model.
    public enum File: Sendable {
        /// In git: the hub sends it itself, and tags it with git's hash.
        case small([UInt8])
        /// Elsewhere: the hub redirects, and tags it with its SHA-256.
        case large([UInt8])

        /// A file of text.
        public static func small(_ text: String) -> File { .small(Array(text.utf8)) }

        /// The bytes.
        public var content: [UInt8] {
            switch self {
            case .small(let bytes), .large(let bytes): bytes
            }
        }

        /// The hash by which the hub tags the content.
        public var tag: String {
            switch self {
            case .small(let bytes):
                Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes).hexadecimal
            case .large(let bytes): SHA256.hash(data: bytes).hexadecimal
            }
        }
    }

    /// Changes an answer, or replaces it.
    public typealias Alteration = @Sendable (TestServer.Request, inout TestServer.Response) -> Void

    /// What the hub has; tests may change it.
    public struct Model: Sendable {
        /// Organization and name.
        public var id = "lienzo/tiny"
        /// The only commit.
        public var commit = String(repeating: "0123456789", count: 4)
        /// The branches and tags, all at the commit.
        public var revisions: Set<String> = ["main"]
        /// By name.
        public var files: [String: File]
    }

    private struct State {
        var model: Model
        var alteration: Alteration = { _, _ in }
        var requests: [TestServer.Request] = []
        var servers: [TestServer] = []
    }

    private let state: Mutex<State>

    /// Begins to listen.
    public init(files: [String: File]) throws {
        state = Mutex(State(model: Model(files: files)))
        // The hub needs the blob host's port, and both need this object.
        let blobs = try TestServer { [weak self] request in self?.answer(request, isBlobHost: true) ?? .init(500) }
        let hub = try TestServer { [weak self] request in self?.answer(request, isBlobHost: false) ?? .init(500) }
        state.withLock { $0.servers = [hub, blobs] }
    }

    /// The files of the dual encoder of `mini`, as a model of the hub.
    public static func dualEncoder() throws -> [String: File] {
        let folder = "\(Clone.mini)/clip"
        var files: [String: File] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
            files[name] = name.hasSuffix(".safetensors") ? .large(bytes) : .small(bytes)
        }
        return files
    }

    deinit { for server in state.withLock({ $0.servers }) { server.stop() } }

    /// For `HF_ENDPOINT`.
    public var endpoint: String { "http://127.0.0.1:\(ports[0])" }

    /// The address of the host of large files.
    public var blobHost: String { "http://localhost:\(ports[1])" }

    /// What was asked so far; those to the host of large files have paths that begin with `/blob/`.
    public var requests: [TestServer.Request] { state.withLock { $0.requests } }

    /// What the hub has.
    public var model: Model { state.withLock { $0.model } }

    /// Changes what the hub has.
    public func change(_ change: (inout Model) -> Void) { state.withLock { change(&$0.model) } }

    /// From now on each answer passes through `alteration`.
    public func alter(_ alteration: @escaping Alteration) { state.withLock { $0.alteration = alteration } }

    private var ports: [Int] { state.withLock { $0.servers.map(\.port) } }

    // MARK: Answers

    private func answer(_ request: TestServer.Request, isBlobHost: Bool) -> TestServer.Response {
        let (model, alteration) = state.withLock { state in
            state.requests.append(request)
            return (state.model, state.alteration)
        }
        var response = isBlobHost ? blob(request, model) : page(request, model)
        alteration(request, &response)
        return response
    }

    private func page(_ request: TestServer.Request, _ model: Model) -> TestServer.Response {
        let path = request.path.removingPercentEncoding ?? ""
        let list = "/api/models/\(model.id)/revision/"
        let revisions = model.revisions.union([model.commit])
        if path.hasPrefix(list) {
            guard revisions.contains(String(path.dropFirst(list.count))) else {
                return .init(404, ["X-Error-Code": "RevisionNotFound"])
            }
            return .init(200, ["Content-Type": "application/json"], self.list(of: model))
        }
        let places = revisions.map { "/\(model.id)/resolve/\($0)/" }
        guard let files = places.first(where: path.hasPrefix) else {
            return .init(404, ["X-Error-Code": "RepoNotFound"])
        }
        guard let file = model.files[String(path.dropFirst(files.count))] else {
            return .init(404, ["X-Error-Code": "EntryNotFound"])
        }
        switch file {
        case .small(let bytes):
            return Self.content(bytes, request, ["ETag": "\"\(file.tag)\"", "X-Repo-Commit": model.commit])
        case .large(let bytes):
            return .init(
                302,
                [
                    "Location": "\(blobHost)/blob/\(file.tag)", "X-Repo-Commit": model.commit,
                    "X-Linked-Size": "\(bytes.count)", "X-Linked-ETag": "\"\(file.tag)\"", "ETag": "\"elsewhere\"",
                ]
            )
        }
    }

    private func blob(_ request: TestServer.Request, _ model: Model) -> TestServer.Response {
        let tag = request.path.dropFirst("/blob/".count)
        guard let file = model.files.values.first(where: { $0.tag == tag }) else { return .init(404) }
        return Self.content(file.content, request, ["ETag": "\"blob\""])
    }

    /// A content, or the part of it that was asked for.
    private static func content(
        _ bytes: [UInt8],
        _ request: TestServer.Request,
        _ headers: [String: String]
    ) -> TestServer.Response {
        guard let range = request.headers["range"], let start = Int(range.dropFirst("bytes=".count).dropLast()) else {
            return .init(200, headers, bytes)
        }
        guard start < bytes.count else { return .init(416) }
        let part = ["Content-Range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"]
        return .init(206, headers.merging(part) { own, _ in own }, Array(bytes[start...]))
    }

    /// The list of files as the hub writes it.
    private func list(of model: Model) -> [UInt8] {
        let siblings = model.files.sorted { $0.key < $1.key }.map { name, file in
            var sibling: [String: Any] = ["rfilename": name, "size": file.content.count, "blobId": file.tag]
            if case .large = file {
                sibling["lfs"] = ["sha256": file.tag, "size": file.content.count, "pointerSize": 134]
            }
            return sibling
        }
        let answer: [String: Any] = ["id": model.id, "sha": model.commit, "siblings": siblings, "private": false]
        return (try? JSONSerialization.data(withJSONObject: answer)).map(Array.init) ?? []
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    fileprivate var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
