import ArgumentParser
import Foundation

/// Which model a command uses.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .customLong("model"),
        help: "The model: a folder, or one of OpenAI's files; default: mini, which comes with Lienzo.",
        completion: .file()
    )
    var directory: String?

    /// The folder to load.
    func path() throws(CommandError) -> String {
        if let directory { return directory }
        guard let found = ModelLocation.default else {
            throw CommandError(
                "There is no model: the folder mini was not found beside or above the tool; give --model."
            )
        }
        return found
    }
}
