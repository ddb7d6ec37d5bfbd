import Foundation
import LienzoFiles
import LienzoNN
package import LienzoTorch

/// A checkpoint in several safetensors files, with an index that says which file has which tensor.
///
/// Source: `*.safetensors.index.json` as transformers and diffusers write it.
package struct ShardedCheckpoint: ParameterSource {
    package let description: String
    package let names: [String]
    private let files: [String: SafetensorsFile]
    private let fileNames: [String: String]

    private static let indexByteLimit = 64 << 20

    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey {
            case weightMap = "weight_map"
        }
    }

    /// Opens every file that the index names; they lie beside the index.
    ///
    /// - Throws: where the index is malformed, names a file outside its folder, or a file lacks a tensor it shall have.
    package init(index path: String) throws(CheckpointError) {
        let index: MappedFile
        do { index = try MappedFile(path) } catch { throw CheckpointError(error) }
        guard index.count <= Self.indexByteLimit else {
            throw CheckpointError(path, "the index has \(index.count) bytes; expected at most \(Self.indexByteLimit)")
        }
        let json = index.withBytes { Data($0) }
        guard let fileNames = try? JSONDecoder().decode(Index.self, from: json).weightMap else {
            throw CheckpointError(path, "expected a JSON object whose weight_map gives each tensor's name its file")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        var files: [String: SafetensorsFile] = [:]
        for fileName in Set(fileNames.values).sorted() {
            guard !fileName.contains("/"), !fileName.contains("\0"), fileName.hasSuffix(".safetensors") else {
                throw CheckpointError(path, "the index names \(quoted(fileName)); expected safetensors files beside it")
            }
            files[fileName] = try SafetensorsFile(folder.appendingPathComponent(fileName).path)
        }
        for (name, fileName) in fileNames where files[fileName]?.shape(of: name) == nil {
            throw CheckpointError(path, "\(fileName) shall have the tensor \(quoted(name)), but it has not")
        }
        description = path
        names = fileNames.keys.sorted()
        self.files = files
        self.fileNames = fileNames
    }

    package func shape(of name: String) -> [Int]? { file(of: name)?.shape(of: name) }

    package func tensor(named name: String) throws -> Tensor {
        guard let file = file(of: name) else {
            throw CheckpointError(missing: name, in: description)
        }
        return try file.tensor(named: name)
    }

    private func file(of name: String) -> SafetensorsFile? { fileNames[name].flatMap { files[$0] } }
}
