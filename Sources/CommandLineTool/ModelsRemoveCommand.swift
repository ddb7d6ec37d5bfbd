import ArgumentParser
import Foundation
import LienzoHub

extension ModelsCommand {
    /// `lienzo models remove`: out of the cache.
    struct RemoveCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a model, or one revision of it, from the cache; asks nothing.",
            discussion: "Of a revision only those files are removed that no other revision of the model uses."
        )

        @Argument(help: "The model: organization/name for all of it, organization/name@revision for one revision.")
        var id: String

        @OptionGroup var output: OutputOptions

        mutating func validate() throws { _ = try ModelsCommand.reference(id) }

        mutating func run() async throws {
            let reference = try ModelsCommand.reference(id)
            let removed = try ModelRemoval(reference, cache: ModelsCommand.cache).run()
            if output.json {
                try Console.json(
                    Report(
                        id: reference.id.description,
                        revisions: removed.revisions,
                        commits: removed.commits.map(\.description),
                        freedBytes: removed.freedBytes
                    )
                )
            } else {
                let kept =
                    removed.commits.isEmpty && reference.revision != nil
                    ? "; its files stay, because another revision is at the same commit" : ""
                Console.line("removed \(reference): \(ByteCount.text(removed.freedBytes)) freed\(kept)")
            }
        }

        private struct Report: Encodable {
            let id: String
            let revisions: [String]
            let commits: [String]
            let freedBytes: Int
        }
    }
}
