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
    static func path(of model: String) throws(CommandError) -> String {
        if FileManager.default.fileExists(atPath: model) { return model }
        // What is no id can only have been meant as a path; whoever opens it says what is wrong with it.
        guard let reference = try? ModelReference(model) else { return model }
        let cache = HubCache(environment: ProcessInfo.processInfo.environment)
        if let snapshot = cache.snapshot(of: reference) { return snapshot }
        throw CommandError(
            "There is no file or folder \(model), and no model of this id in the cache \(cache.path): "
                + "'lienzo models pull \(reference)' brings it from the hub."
        )
    }
}
