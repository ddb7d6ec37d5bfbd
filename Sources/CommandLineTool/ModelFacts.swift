import Foundation
import LienzoCheckpoints
import LienzoNN

/// What the files of a model say about it, without a tensor being read.
struct ModelFacts {
    /// A file, and what it is for.
    struct File: Encodable {
        let name: String
        /// Nil where the content is missing.
        let bytes: Int?
        let kind: Kind
    }

    enum Kind: String, Encodable {
        case weights, configuration, tokenizer, text, other
    }

    /// A checkpoint's tensors.
    struct Weights: Encodable {
        let file: String
        var tensors = 0
        var parameters = 0
        /// How many parameters have which type, by the names of safetensors; empty where the file does not say.
        var types: [String: Int] = [:]
    }

    let path: String
    /// The class that the configuration names; nil where there is no configuration.
    private(set) var architecture: String?
    /// The class of each part of a model directory.
    private(set) var parts: [String: String] = [:]
    private(set) var files: [File] = []
    private(set) var weights: [Weights] = []
    /// What is not there and should be; a sentence each.
    private(set) var missing: [String] = []
    private(set) var isComplete = true

    /// A configuration has a few kilobytes, the index of a large checkpoint a few megabytes.
    private static let jsonLimit = 64 << 20

    var bytes: Int { files.reduce(0) { $0 + ($1.bytes ?? 0) } }
    var tensors: Int { weights.reduce(0) { $0 + $1.tensors } }
    var parameters: Int { weights.reduce(0) { Self.sum($0, $1.parameters) } }
    var types: [String: Int] { weights.reduce(into: [:]) { $0.merge($1.types, uniquingKeysWith: Self.sum) } }

    /// Looks at a folder, or at a single file.
    ///
    /// - Throws: `CommandError` where there is neither.
    init(_ path: String) throws(CommandError) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CommandError("There is no file or folder \(path).")
        }
        if isFolder.boolValue {
            readFolder()
        } else {
            add(URL(fileURLWithPath: path).lastPathComponent, at: path)
        }
        if weights.isEmpty, missing.isEmpty { missing.append("There are no weights.") }
        isComplete = missing.isEmpty
    }

    /// Notes that something is missing that the files themselves do not tell.
    mutating func add(missing sentence: String) {
        missing.append(sentence)
        isComplete = false
    }

    private mutating func readFolder() {
        let walk = FileManager.default.enumerator(atPath: path)
        var names: [String] = []
        while let name = walk?.nextObject() as? String {
            if walk?.fileAttributes?[.type] as? FileAttributeType != .typeDirectory { names.append(name) }
        }
        for name in names.sorted() { add(name, at: "\(path)/\(name)") }
        readArchitecture(Set(names))
    }

    private mutating func add(_ name: String, at path: String) {
        let kind = Self.kind(of: name)
        var status = stat()
        let bytes = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
        files.append(File(name: name, bytes: bytes, kind: kind))
        guard bytes != nil else { return missing.append("\(name) is listed, but its content is not there.") }
        if name.hasSuffix(".index.json") { return checkIndex(name, at: path) }
        guard kind == .weights else { return }
        do {
            weights.append(try Self.weights(name, at: path))
        } catch {
            if name.hasSuffix(".safetensors") { missing.append("\(error.description)") }
        }
    }

    // MARK: Weights

    private static func weights(_ name: String, at path: String) throws(CheckpointError) -> Weights {
        let source = try openCheckpoint(path)
        var weights = Weights(file: name)
        for tensor in source.names {
            let count = (source.shape(of: tensor) ?? []).reduce(1) { product, length in
                let (count, overflows) = product.multipliedReportingOverflow(by: length)
                return overflows ? Int.max : count
            }
            weights.tensors += 1
            weights.parameters = sum(weights.parameters, count)
            if let type = (source as? SafetensorsFile)?.storedType(of: tensor) {
                weights.types[type.rawValue] = sum(weights.types[type.rawValue] ?? 0, count)
            }
        }
        return weights
    }

    private static func sum(_ one: Int, _ other: Int) -> Int {
        let (sum, overflows) = one.addingReportingOverflow(other)
        return overflows ? Int.max : sum
    }

    /// Whether the files are there that the index of a checkpoint names.
    private mutating func checkIndex(_ name: String, at path: String) {
        guard let index = Self.object(path), let map = index["weight_map"] as? [String: String] else {
            return missing.append("\(name) is not the index of a checkpoint.")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        for file in Set(map.values).sorted() where !file.contains("/") {
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path) { continue }
            missing.append("\(name) names \(file), which is not there.")
        }
    }

    // MARK: Configuration

    private mutating func readArchitecture(_ names: Set<String>) {
        if names.contains("model_index.json"), let index = Self.object("\(path)/model_index.json") {
            architecture = index["_class_name"] as? String ?? "model directory"
            for (part, value) in index.sorted(by: { $0.key < $1.key }) {
                guard let pair = value as? [Any], pair.count == 2, let name = pair[1] as? String else { continue }
                parts[part] = name
                if names.contains(where: { $0.hasPrefix(part + "/") }) { continue }
                missing.append("model_index.json names the part \(part), which is not there.")
            }
        } else if names.contains("open_clip_config.json") {
            architecture = "OpenCLIP"
        } else if names.contains("config.json"), let configuration = Self.object("\(path)/config.json") {
            architecture =
                (configuration["architectures"] as? [String])?.first ?? configuration["_class_name"] as? String
                ?? configuration["model_type"] as? String
        }
    }

    private static func object(_ path: String) -> [String: Any]? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let bytes = try? file.read(upToCount: jsonLimit + 1), bytes.count <= jsonLimit else { return nil }
        return (try? JSONSerialization.jsonObject(with: bytes)) as? [String: Any]
    }

    private static func kind(of name: String) -> Kind {
        let file = (name as NSString).lastPathComponent.lowercased()
        let ending = (file as NSString).pathExtension
        let isTokenizer =
            file.contains("token") || ["vocab.json", "vocab.txt", "merges.txt", "spiece.model"].contains(file)
        return switch ending {
        case "safetensors", "bin", "pt", "pth", "ckpt": .weights
        case _ where isTokenizer: .tokenizer
        case "json", "yaml", "yml": .configuration
        case "md", "txt": .text
        default: .other
        }
    }
}
