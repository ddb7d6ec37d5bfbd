import Foundation

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
}
