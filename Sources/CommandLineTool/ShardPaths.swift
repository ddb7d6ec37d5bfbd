import Foundation

/// Archives, as a command is given them.
enum ShardPaths {
    /// The archives among `paths`, with those of folders in the order of their names.
    ///
    /// - Parameters:
    ///   - paths: archives and folders of them.
    ///   - expected: what else the command takes, for its messages.
    /// - Returns: paths of archives, at least one for each of `paths`.
    /// - Throws: `CommandError` for what is missing or is no archive, and a folder without any.
    static func all(
        _ paths: [String],
        expected: String = "webdataset shards (.tar) or folders of them"
    ) throws(CommandError) -> [String] {
        var all: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw CommandError("\(path) is missing; expected \(expected).")
            }
            guard isFolder.boolValue else {
                guard isShard(path) else { throw CommandError("\(path) is no shard; expected \(expected).") }
                all.append(path)
                continue
            }
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let shards = names.filter(isShard).sorted()
            guard !shards.isEmpty else {
                throw CommandError("There is no shard in the folder \(path); expected \(expected).")
            }
            all += shards.map { "\(path)/\($0)" }
        }
        return all
    }

    private static func isShard(_ name: String) -> Bool { name.lowercased().hasSuffix(".tar") }
}
