import ArgumentParser
import Foundation
import LienzoFiles
import LienzoHub

extension ModelsCommand {
    /// `lienzo models inspect`: what a model's files are.
    struct InspectCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect",
            abstract:
                "Show what a model is: architecture, tensors, parameters, types, files, and whether it is complete."
        )

        @Argument(help: "A model in the cache (organization/name[@revision]), a folder or a file.", completion: .file())
        var model: String

        @OptionGroup var output: OutputOptions

        mutating func run() async throws {
            let path = try ModelLocation.path(of: model, takesUnfinished: true)
            var facts = try ModelFacts(path)
            var snapshot: CachedModel.Snapshot?
            if path != model, let reference = try? ModelReference(model) {
                let cached = ModelsCommand.cache.folder(of: reference.id).model
                snapshot = cached?.snapshots.first { $0.path == path }
                if let cached, cached.snapshots.count == 1, cached.unfinishedBytes > 0 {
                    facts.add(missing: "A pull was stopped: 'lienzo models pull \(reference)' goes on with it.")
                }
            }
            if output.json {
                try Console.json(Report(facts: facts, snapshot: snapshot))
            } else {
                Self.lines(facts, snapshot).forEach { Console.line(Console.printable($0)) }
            }
        }

        private static func lines(_ facts: ModelFacts, _ snapshot: CachedModel.Snapshot?) -> [String] {
            var lines = ["path          \(facts.path)"]
            if let snapshot {
                lines.append("commit        \(snapshot.commit)")
                if !snapshot.revisions.isEmpty {
                    lines.append("revisions     \(snapshot.revisions.joined(separator: ", "))")
                }
            }
            lines.append("architecture  \(facts.architecture ?? "no configuration says it")")
            for (part, name) in facts.parts.sorted(by: { $0.key < $1.key }) { lines.append("  \(part): \(name)") }
            lines.append("weights       \(Self.tensors(facts.tensors, facts.parameters, facts.types))")
            for weights in facts.weights {
                lines.append("  \(weights.file): \(Self.tensors(weights.tensors, weights.parameters, weights.types))")
            }
            lines.append("files         \(facts.files.count), \(ByteCount.text(facts.bytes))")
            for file in facts.files {
                let size = file.bytes.map { ByteCount.text($0) } ?? "missing"
                lines.append("  \(file.name): \(size), \(file.kind.rawValue)")
            }
            lines.append("complete      \(facts.isComplete ? "yes" : "no")")
            return lines + facts.missing.map { "  \($0)" }
        }

        private static func tensors(_ tensors: Int, _ parameters: Int, _ types: [String: Int]) -> String {
            let style = IntegerFormatStyle<Int>(locale: Locale(identifier: "en_US"))
            let names = types.sorted { $0.value > $1.value }.map(\.key).joined(separator: ", ")
            return "\(tensors.counted("tensor")), \(parameters.formatted(style)) parameter\(parameters == 1 ? "" : "s")"
                + (names.isEmpty ? "" : " (\(names))")
        }

        private struct Report: Encodable {
            let path: String
            let commit: String?
            let revisions: [String]
            let architecture: String?
            let parts: [String: String]
            let bytes: Int
            let tensors: Int
            let parameters: Int
            let types: [String: Int]
            let weights: [ModelFacts.Weights]
            let files: [ModelFacts.File]
            let complete: Bool
            let missing: [String]

            init(facts: ModelFacts, snapshot: CachedModel.Snapshot?) {
                path = facts.path
                commit = snapshot?.commit.description
                revisions = snapshot?.revisions ?? []
                architecture = facts.architecture
                parts = facts.parts
                bytes = facts.bytes
                tensors = facts.tensors
                parameters = facts.parameters
                types = facts.types
                weights = facts.weights
                files = facts.files
                complete = facts.isComplete
                missing = facts.missing
            }
        }
    }
}
