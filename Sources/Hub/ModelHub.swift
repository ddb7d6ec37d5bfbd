public import Foundation
import Synchronization

/// The models of the Hugging Face hub, and those that are on this machine already.
///
/// Models are kept in the cache that huggingface_hub uses, too, and are named `organization/name` or
/// `organization/name@revision`. Whatever takes a model directory takes the folder that this gives:
///
/// ```swift
/// let hub = try ModelHub()
/// let folder = try await hub.pull("openai/clip-vit-base-patch32") { print($0.arrivedBytes, "of", $0.bytes) }
/// let pipeline = try CLIPPipeline(modelDirectory: folder)
/// ```
public struct ModelHub: Sendable {
    /// A commit of a model that is on this machine.
    public struct Model: Sendable, Equatable {
        /// `organization/name`.
        public let id: String
        /// Forty hexadecimal digits.
        public let commit: String
        /// The branches and tags that were at this commit when they were pulled; none where a pull was stopped.
        public let revisions: [String]
        /// The folder of its files.
        public let folder: String
        /// The size of its files.
        public let bytes: Int
    }

    /// How far a pull is.
    public struct Progress: Sendable, Equatable {
        /// Bytes that are here, those of an earlier pull that was stopped included.
        public let arrivedBytes: Int
        /// Bytes that there will be.
        public let bytes: Int
    }

    private let cache: HubCache
    private let settings: HubSettings

    /// The hub and the cache that the environment names, as huggingface_hub reads it.
    ///
    /// - Parameter environment: variables by name: `HF_HOME` or `HF_HUB_CACHE` for the folder, `HF_TOKEN`,
    ///   `HF_ENDPOINT`, `HF_HUB_OFFLINE` and others.
    /// - Throws: one sentence where a variable is not what it should be.
    ///
    /// Source: huggingface_hub, `constants.py`.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        cache = HubCache(environment: environment)
        settings = try HubSettings(environment: environment)
    }

    /// The models on this machine, by id.
    ///
    /// - Throws: one sentence where the cache cannot be read.
    public func models() throws -> [Model] {
        try cache.models().flatMap { model in
            model.snapshots.map { snapshot in
                Model(
                    id: model.id.description,
                    commit: snapshot.commit.description,
                    revisions: snapshot.revisions,
                    folder: snapshot.path,
                    bytes: snapshot.size
                )
            }
        }
    }

    /// The folder of a model that is on this machine; asks nobody.
    ///
    /// - Parameter id: `organization/name`, with or without `@` and a branch, a tag or a commit.
    /// - Returns: the folder; nil where the model has not been pulled.
    /// - Throws: one sentence where no model can have this name.
    public func folder(of id: String) throws -> String? { cache.snapshot(of: try ModelReference(id)) }

    /// Brings a model from the hub, checked against the hub's hashes.
    ///
    /// What is here already is not fetched again, and a pull that was stopped goes on where it was. Cancelling the task
    /// stops it.
    ///
    /// - Parameters:
    ///   - id: `organization/name`, with or without `@` and a branch, a tag or a commit.
    ///   - include: patterns such as `*.json` of the files that are wanted; where there are none, all but those that
    ///     are there twice, such as pickles beside safetensors.
    ///   - exclude: patterns of files that are not wanted.
    ///   - progress: called as contents arrive, from any thread; not at all where everything is here.
    /// - Returns: the folder of the model's files.
    /// - Throws: one sentence where the model cannot be had, or does not fit the disk; `CancellationError`.
    @discardableResult
    public func pull(
        _ id: String,
        include: [String] = [],
        exclude: [String] = [],
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> String {
        let total = Mutex(0)
        let pull = ModelPull(
            try ModelReference(id),
            FileSelection(include: include, exclude: exclude),
            cache: cache,
            settings: settings
        ) { event in
            switch event {
            case .began(let files, let bytes, let arrived):
                guard files > 0 else { return }
                total.withLock { $0 = bytes }
                progress(Progress(arrivedBytes: arrived, bytes: bytes))
            case .arrived(let bytes):
                progress(Progress(arrivedBytes: bytes, bytes: total.withLock { $0 }))
            case .listed, .finished, .waiting: break
            }
        }
        return try await pull.run().path
    }
}
