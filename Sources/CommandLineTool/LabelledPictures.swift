import Foundation
import LienzoFiles
import LienzoPipelines

/// Pictures with their classes: a folder with a folder for each class, or webdataset shards with `cls`.
///
/// Folders that are numbers (`0` to `999`) are classes by their number, others by the order of their names.
struct LabelledPictures {
    /// What each class is called.
    let classes: [String]
    /// The folders of the classes in their order; nil for shards.
    let folders: [String]?
    private let paths: [String]

    /// Some folders of a folder.
    ///
    /// - Parameters:
    ///   - path: the folder around them.
    ///   - folders: one for each class.
    ///   - classes: what each class is called.
    init(folder path: String, folders: [String], classes: [String]) {
        precondition(folders.count == classes.count, "each class has a folder")
        paths = [path]
        self.folders = folders
        self.classes = classes
    }

    /// - Parameters:
    ///   - paths: one folder, or shards and folders of them.
    ///   - names: what each class is called, where the folders' names do not say it.
    /// - Throws: where there is nothing, or names and folders do not fit.
    init(_ paths: [String], names: [String]? = nil) throws(CommandError) {
        folders = Self.folders(paths)
        self.paths =
            try folders != nil
            ? paths
            : ShardPaths.all(paths, expected: "a folder with a folder for each class, or shards (.tar)")
        guard let classes = names ?? folders else {
            throw CommandError(
                "Shards such as \(self.paths[0]) do not say what their classes are called; give --classnames."
            )
        }
        if let names, let folders, names.count != folders.count {
            throw CommandError(
                "There are \(folders.count.counted("folder")) and \(names.count.counted("class name")); expected as "
                    + "many."
            )
        }
        self.classes = classes
    }

    /// Whether there is a file that may be a picture.
    func hasPictures() throws -> Bool {
        var walk = PictureWalk(folders?.map { "\(paths[0])/\($0)" } ?? paths)
        return try walk.next() != nil
    }

    /// Puts every picture through a network, in order.
    ///
    /// - Parameters:
    ///   - encoder: the network.
    ///   - isNormalized: whether its rows are scaled to length 1.
    ///   - batch: pictures at once.
    ///   - body: is given each picture's row and class.
    /// - Returns: what could not be read.
    /// - Throws: where a picture has no class, or there is no picture; what `body` throws.
    func forEach(
        _ encoder: any PictureEncoder,
        normalized isNormalized: Bool,
        batch: Int,
        body: (_ row: [Float], _ truth: Int) throws -> Void
    ) async throws -> [SkippedInput] {
        let places = folders.map { Dictionary(uniqueKeysWithValues: $0.enumerated().map { ($0.element, $0.offset) }) }
        let byName = Dictionary(classes.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        var count = 0
        let images = folders?.map { "\(paths[0])/\($0)" } ?? paths
        let inputs = EmbeddingInputs(images: images, size: batch, encoder: encoder)
        let skipped = try await inputs.forEachPicture(normalized: isNormalized) { picture in
            var truth: Int?
            if let places {
                let rest = picture.name.dropFirst(paths[0].count).drop { $0 == "/" }
                truth = places[String(rest.prefix { $0 != "/" })]
            } else {
                truth = picture.facts.label.flatMap { Int($0) ?? byName[$0] }
            }
            guard let truth, classes.indices.contains(truth) else {
                let found = picture.facts.label ?? "none"
                throw CommandError("\(picture.name) has the class \(found); expected 0 to \(classes.count - 1).")
            }
            try body(picture.embedding, truth)
            count += 1
        }
        guard count > 0 else { throw CommandError("There is no picture in \(paths.joined(separator: ", ")).") }
        return skipped
    }

    /// The folders of a data set of folders; nil where there are none.
    static func folders(_ paths: [String]) -> [String]? {
        guard let path = paths.first, paths.count == 1 else { return nil }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let folders = names.filter { name in
            var isFolder: ObjCBool = false
            return !name.hasPrefix(".")
                && FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                && isFolder.boolValue
        }
        guard !folders.isEmpty else { return nil }
        let numbers = folders.compactMap(Int.init)
        return numbers.count == folders.count
            ? folders.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) } : folders.sorted()
    }
}
