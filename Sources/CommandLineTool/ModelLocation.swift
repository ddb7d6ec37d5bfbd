import ArgumentParser
import Foundation
import LienzoHub

/// Where a command finds its model directory.
enum ModelLocation {
    /// `mini` of the clone that the tool was built in, or the folder `mini` that lies beside the tool or above it;
    /// nil where there is none.
    static var `default`: String? {
        let tool = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var folder = (Bundle.main.executableURL ?? tool).resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("mini")
            if FileManager.default.fileExists(atPath: candidate.appendingPathComponent("model_index.json").path) {
                return candidate.path
            }
            folder.deleteLastPathComponent()
        }
        return nil
    }

    /// The folder or file of a model that is named by its path, or by its id on the hub where it is in the cache.
    ///
    /// What exists under the path wins. Nothing is fetched.
    ///
    /// - Parameters:
    ///   - model: the path or the id.
    ///   - takesUnfinished: whether what a stopped pull has left is good enough.
    /// - Returns: the path.
    /// - Throws: `ValidationError` for no name at all; `CommandError` where there is no such model here.
    static func path(of model: String, takesUnfinished: Bool = false) throws -> String {
        guard !model.isEmpty else {
            throw ValidationError("The model has no name; expected organization/name, a folder or a file.")
        }
        if FileManager.default.fileExists(atPath: model) { return model }
        // What is no id can only have been meant as a path; whoever opens it says what is wrong with it.
        guard let reference = try? ModelReference(model) else { return model }
        let cache = ModelsCommand.cache
        if let snapshot = cache.snapshot(of: reference) { return snapshot }
        if let cached = cache.folder(of: reference.id).model {
            if takesUnfinished, reference.revision == nil, let begun = cached.snapshots.first { return begun.path }
            let names = cached.snapshots.flatMap { $0.revisions.isEmpty ? [$0.commit.short] : $0.revisions }
            guard names.isEmpty || cached.unfinishedBytes > 0 else {
                throw CommandError(
                    "The cache has \(reference.id) at \(names.joined(separator: ", ")) and not at "
                        + "\(reference.revision ?? .main): 'lienzo models pull \(reference)' brings it from the hub."
                )
            }
            throw CommandError(
                "Only a part of \(reference.id) has arrived in the cache: 'lienzo models pull \(reference)' goes on "
                    + "with it."
            )
        }
        throw CommandError(
            "There is no file or folder \(model), and no model of this id in the cache \(cache.path): "
                + "'lienzo models pull \(reference)' brings it from the hub."
        )
    }

    /// Where a model is that something was made with: where it was then, or in the cache if it was in one.
    ///
    /// - Parameters:
    ///   - path: where the model was.
    ///   - product: what was made with it.
    /// - Returns: the path.
    /// - Throws: `CommandError` where it is gone; says how to get it back.
    static func path(was path: String, for product: String) throws(CommandError) -> String {
        if FileManager.default.fileExists(atPath: path) { return path }
        let reference = ModelReference(snapshot: path)
        if let reference, let snapshot = ModelsCommand.cache.snapshot(of: reference) { return snapshot }
        let remedy = reference.map { "'lienzo models pull \($0)' brings it back" } ?? "put it back"
        throw CommandError(
            "The model that \(product) was made with is gone from \(path): \(remedy), or name it with --model."
        )
    }
}
