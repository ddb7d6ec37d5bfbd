import Foundation

/// A folder in the Hugging Face layout: `model_index.json` and one folder for each part.
///
/// Source: diffusers' `DiffusionPipeline.from_pretrained`.
public struct ModelDirectory: Sendable {
    /// The folder.
    public let path: String
    /// What the model calls itself (`_name_or_path`), otherwise the name that its folder gives it.
    public let name: String
    /// The version that the index gives (`_version`).
    public let version: String?

    /// The class of the reference's pipeline that the index names (`_class_name`).
    let className: String?
    /// Settings of the pipeline that are on, such as `force_zeros_for_empty_prompt`.
    let flags: Set<String>
    /// Each part's library and class, such as `["diffusers", "PriorTransformer"]`.
    private var parts: [String: [String]]
    /// What stands before the name of each part in the index and of its folder.
    private(set) var prefix = ""

    /// The longest JSON file that is read, in bytes.
    private static let jsonLimit = 64 << 20

    /// Reads `model_index.json`; no part is looked at yet.
    ///
    /// - Throws: ``PipelineError/invalidModel(path:reason:)``.
    public init(_ path: String) throws(PipelineError) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw .invalidModel(path: path, reason: "there is no such folder")
        }
        let json = try Self.read("model_index.json", in: path)
        let index: Index
        do {
            index = try JSONDecoder().decode(Index.self, from: json)
        } catch {
            throw .invalidModel(path: path, reason: "model_index.json is not a JSON object of parts")
        }
        name = index.texts["_name_or_path"] ?? Self.name(ofFolder: path)
        version = index.texts["_version"]
        className = index.texts["_class_name"]
        flags = index.flags
        parts = index.parts
    }

    /// A single file in place of a folder: it has a name, and no index and no parts.
    init(file path: String) {
        self.path = path
        name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        version = nil
        className = nil
        flags = []
        parts = [:]
    }

    /// The name that a folder gives the model in it: its own, or in a cache of the hub, where a folder has the name of a
    /// commit, the model's id.
    static func name(ofFolder path: String) -> String {
        let parts = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
        guard parts.count >= 3, parts[parts.count - 2] == "snapshots", parts[parts.count - 3].hasPrefix("models--")
        else {
            return parts.last ?? path
        }
        return String(parts[parts.count - 3].dropFirst("models--".count)).replacing("--", with: "/")
    }

    /// The model whose parts stand in this folder under names with a prefix, as the prior of a combined Kandinsky does.
    func parts(prefixed prefix: String) -> ModelDirectory {
        var model = self
        model.prefix = prefix
        model.parts = [:]
        for (name, part) in parts where name.hasPrefix(prefix) {
            model.parts[String(name.dropFirst(prefix.count))] = part
        }
        return model
    }

    /// The folder of a part.
    func folder(of part: String) -> String { "\(path)/\(prefix)\(part)" }

    /// Whether the index names a part.
    func has(_ part: String) -> Bool { parts[part] != nil }

    /// Checks that the index names a part, and that it is of one of these classes.
    func require(_ part: String, _ classes: String...) throws(PipelineError) {
        guard let found = parts[part]?.last else {
            throw .invalidModel(path: path, reason: "model_index.json names no part \"\(prefix)\(part)\"")
        }
        guard classes.contains(found) else {
            let expected = classes.joined(separator: " or ")
            throw .invalidModel(
                path: path,
                reason: "the part \"\(prefix)\(part)\" is of class \(found); expected \(expected)"
            )
        }
    }

    /// Checks that the index names a part, and that it is of a class that prepares pictures for CLIP.
    func requireImageProcessor(_ part: String) throws(PipelineError) {
        try require(
            part,
            "CLIPImageProcessor",
            "CLIPImageProcessorFast",
            "CLIPImageProcessorPil",
            "CLIPFeatureExtractor"
        )
    }

    /// The bytes of a part's JSON file.
    func json(_ file: String, of part: String) throws(PipelineError) -> Data {
        try Self.read("\(prefix)\(part)/\(file)", in: path)
    }

    /// A small file of the folder.
    static func read(_ file: String, in folder: String) throws(PipelineError) -> Data {
        let full = "\(folder)/\(file)"
        let attributes = try? FileManager.default.attributesOfItem(atPath: full)
        guard let size = attributes?[.size] as? Int else {
            throw .invalidModel(path: folder, reason: "\(file) is missing")
        }
        guard size <= jsonLimit else {
            throw .invalidModel(path: folder, reason: "\(file) has \(size) bytes; at most \(jsonLimit) are read")
        }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: full))
        } catch {
            throw .invalidModel(path: folder, reason: "\(file) cannot be read")
        }
    }

    /// The index: texts under keys with an underscore, parts and flags under all others; a part that a model goes
    /// without is written as two nulls.
    private struct Index: Decodable {
        var texts: [String: String] = [:]
        var flags: Set<String> = []
        var parts: [String: [String]] = [:]

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Name.self)
            for key in values.allKeys {
                if let text = try? values.decode(String.self, forKey: key) {
                    texts[key.stringValue] = text
                } else if let flag = try? values.decode(Bool.self, forKey: key) {
                    if flag { flags.insert(key.stringValue) }
                } else if let part = try? values.decode([String].self, forKey: key) {
                    parts[key.stringValue] = part
                }
            }
        }

        struct Name: CodingKey {
            let stringValue: String
            let intValue: Int? = nil
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
    }
}
