import ArgumentParser
import Foundation

/// Which model a command uses.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            """
            The model: a folder, one of OpenAI's files, or the id of a model that 'lienzo models pull' has brought; \
            default: mini, which comes with Lienzo.
            """,
            valueName: "id|path"
        ),
        completion: .file()
    )
    var model: String?

    /// The folder to load, or the file.
    func path() throws -> String {
        if let model { return try ModelLocation.path(of: model) }
        guard let found = ModelLocation.default else {
            throw CommandError(
                "There is no model: the folder mini was not found beside or above the tool; give --model."
            )
        }
        return found
    }
}
