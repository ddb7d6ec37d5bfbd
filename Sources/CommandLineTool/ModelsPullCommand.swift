import ArgumentParser
import Foundation
import LienzoFiles
import LienzoHub
import Synchronization

extension ModelsCommand {
    /// `lienzo models pull`: from the hub into the cache.
    struct PullCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pull",
            abstract: "Bring a model from the hub into the cache, checked against the hub's hashes.",
            discussion: """
                Prints the folder of the model's files. What is there already is not fetched again, and a pull that was \
                stopped goes on where it was. Without --include all files are pulled but those that are there twice: \
                weights for TensorFlow, Flax or ONNX, pickles beside safetensors, other precisions, and single files \
                beside a model directory.
                """
        )

        @Argument(help: "The model: organization/name, or organization/name@revision.")
        var id: String

        @Option(help: "Pull only files that match the pattern, such as '*.json' or 'unet/*'; may be given many times.")
        var include: [String] = []

        @Option(help: "Do not pull files that match the pattern; may be given many times.")
        var exclude: [String] = []

        @OptionGroup var output: OutputOptions

        mutating func validate() throws { _ = try ModelsCommand.reference(id) }

        mutating func run() async throws {
            let reference = try ModelsCommand.reference(id)
            let settings = try HubSettings(environment: ProcessInfo.processInfo.environment)
            let display = PullDisplay(reference)
            let selection = FileSelection(include: include, exclude: exclude)
            let pull = ModelPull(reference, selection, cache: ModelsCommand.cache, settings: settings) {
                display.show($0)
            }
            let model: PulledModel
            do {
                model = try await pull.run()
                display.finish()
            } catch {
                display.finish()
                throw error
            }
            if output.json {
                try Console.json(Report(model))
            } else {
                Console.line(model.path)
            }
        }

        private struct Report: Encodable {
            let id: String
            let revision: String
            let commit: String
            let path: String
            let files: [String]
            let bytes: Int
            let fetchedBytes: Int

            init(_ model: PulledModel) {
                id = model.reference.id.description
                revision = (model.reference.revision ?? .main).description
                commit = model.commit.description
                path = model.path
                files = model.files.map(\.description)
                bytes = model.bytes
                fetchedBytes = model.fetchedBytes
            }
        }
    }
}

/// Shows a pull on standard error: a bar on a terminal, a line for each file elsewhere.
private final class PullDisplay: Sendable {
    private let reference: ModelReference
    private let bar = Mutex<ProgressBar?>(nil)

    init(_ reference: ModelReference) { self.reference = reference }

    func show(_ event: PullEvent) {
        bar.withLock { bar in
            switch event {
            case .listed(let commit, let files, let present):
                let here = present == 0 ? "" : ", \(present) of them here already"
                Console.note("lienzo: \(reference) is at \(commit.short): \(files.counted("file"))\(here)")
            case .began(let files, let bytes, let arrived):
                guard files > 0 else { return }
                let before = arrived == 0 ? "" : ", \(ByteCount.text(arrived)) of them from an earlier run"
                Console.note("lienzo: fetching \(ByteCount.text(bytes)) in \(files.counted("file"))\(before)")
                bar = ProgressBar(reference.id.description, total: bytes, done: arrived, unit: ProgressBar.bytes)
            case .arrived(let bytes):
                bar?.update(completed: bytes)
            case .finished(let file, let bytes):
                if !Console.isInteractive { Console.note("lienzo: \(file) (\(ByteCount.text(bytes)))") }
            case .waiting(let sentence):
                bar?.interrupt(with: "lienzo: \(Console.printable(sentence))")
                if bar == nil { Console.note("lienzo: \(Console.printable(sentence))") }
            }
        }
    }

    func finish() { bar.withLock { $0?.finish() } }
}
