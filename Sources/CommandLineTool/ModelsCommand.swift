import ArgumentParser
import Foundation
import LienzoHub

/// `lienzo models`: models of the hub, in a cache that is shared with huggingface_hub.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Pull models from the Hugging Face hub, and look at those that are here.",
        discussion: """
            Models are kept where Python's huggingface_hub keeps them, so that each uses what the other has pulled: in \
            HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub. HF_ENDPOINT names another hub, HF_TOKEN proves \
            who asks, HF_HUB_OFFLINE=1 forbids the network.
            """,
        subcommands: [PullCommand.self, ListCommand.self, InspectCommand.self, RemoveCommand.self]
    )

    /// A model's id on the command line.
    static func reference(_ text: String) throws -> ModelReference {
        do {
            return try ModelReference(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// The cache that the environment names.
    static var cache: HubCache { HubCache(environment: ProcessInfo.processInfo.environment) }
}
