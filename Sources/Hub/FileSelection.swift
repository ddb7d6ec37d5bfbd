import Foundation

/// Which files of a model are pulled.
///
/// Without patterns everything but what is there twice: weights for other frameworks, the same weights as pickles
/// beside safetensors or in another precision, and single files beside the parts of a model directory. With `include`
/// what matches, and nothing else; what matches `exclude` never.
///
/// Source: huggingface_hub, `utils/_paths.py` (`filter_repo_objects`); diffusers, `pipelines/pipeline_loading_utils.py`
/// (`variant_compatible_siblings`).
package struct FileSelection: Sendable {
    private let include: [String]
    private let exclude: [String]

    /// - Parameters:
    ///   - include: patterns with `*`, `?` and `[…]` against the whole name; `*` matches slashes too, and a pattern
    ///     that ends in a slash means all that is in that folder.
    ///   - exclude: the same.
    package init(include: [String] = [], exclude: [String] = []) {
        self.include = include
        self.exclude = exclude
    }

    /// The files to pull, in the order of the list.
    package func chosen(from files: [RepositoryListing.File]) -> [RepositoryListing.File] {
        let chosen =
            include.isEmpty ? Self.withoutDuplicates(files) : files.filter { Self.matches($0.path, include) }
        return chosen.filter { !Self.matches($0.path, exclude) }
    }

    private static func matches(_ path: RepositoryPath, _ patterns: [String]) -> Bool {
        patterns.contains { pattern in
            fnmatch(pattern.hasSuffix("/") ? pattern + "*" : pattern, path.description, FNM_NOESCAPE) == 0
        }
    }

    // MARK: What is there twice

    private static func withoutDuplicates(_ files: [RepositoryListing.File]) -> [RepositoryListing.File] {
        let paths = files.map(\.path)
        let weights = paths.compactMap { WeightFile($0) }
        let safetensors = Set(weights.filter(\.isSafetensors).map(\.key))
        let isModelDirectory =
            paths.contains { $0.description == "model_index.json" } && weights.contains { !$0.key.folder.isEmpty }
        return files.filter { file in
            if file.path.description == ".gitattributes" { return false }
            if isOfAnotherFramework(file.path) { return weights.isEmpty }
            guard let weight = WeightFile(file.path) else { return true }
            if isModelDirectory, weight.key.folder.isEmpty { return false }
            if !weight.isSafetensors, safetensors.contains(weight.key) { return false }
            let isVariant = weight.shorterKeys.contains { key in
                weights.contains { $0.key == key && (!weight.isSafetensors || $0.isSafetensors) }
            }
            return !isVariant
        }
    }

    private static let otherEndings: Set<String> = [
        "msgpack", "h5", "onnx", "onnx_data", "tflite", "pb", "ot", "mlmodel", "xml",
    ]
    private static let otherFolders: Set<String> = ["onnx", "openvino", "coreml", "flax", "tflite"]

    private static func isOfAnotherFramework(_ path: RepositoryPath) -> Bool {
        let parts = path.description.lowercased().split(separator: "/").map(String.init)
        guard let name = parts.last else { return false }
        return otherEndings.contains((name as NSString).pathExtension) || name.hasPrefix("openvino_")
            || name.hasPrefix("flax_model") || name.hasPrefix("tf_model")
            || parts.dropLast().contains { otherFolders.contains($0) || $0.hasSuffix(".mlpackage") }
    }
}

/// A file of weights, or the index of one in several files.
private struct WeightFile {
    /// What tells the same weights, in whichever form.
    struct Key: Hashable {
        let folder: String
        let stem: String
    }

    let key: Key
    let isSafetensors: Bool

    /// Nil where the name is not that of weights.
    init?(_ path: RepositoryPath) {
        var stem = path.name[...]
        if stem.hasSuffix(".index.json") { stem = stem.dropLast(".index.json".count) }
        guard let ending = Self.endings.first(where: { stem.hasSuffix($0) }) else { return nil }
        isSafetensors = ending == ".safetensors"
        stem = stem.dropLast(ending.count)
        // `-00001-of-00002` counts the files of one checkpoint; in a variant it stands before or after its name.
        var text = stem.replacing(/-\d{5}-of-\d{5}/, with: "")
        // What transformers calls model.safetensors it calls pytorch_model.bin.
        text = text.replacing("pytorch_", with: "")
        key = Key(folder: path.folder, stem: String(text))
    }

    /// The keys of what this would be a variant of: of `model.fp16` that is `model`.
    var shorterKeys: [Key] {
        let parts = key.stem.split(separator: ".", omittingEmptySubsequences: false)
        return (1..<max(parts.count, 1)).map { Key(folder: key.folder, stem: parts[..<$0].joined(separator: ".")) }
    }

    private static let endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"]
}
