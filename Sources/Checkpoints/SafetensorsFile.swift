import LienzoFiles
import LienzoNN
package import LienzoTorch

/// A safetensors file, mapped into memory: tensors are read from the disk when they are used.
///
/// Source: https://github.com/huggingface/safetensors, README "Format".
package struct SafetensorsFile: ParameterSource {
    private let file: MappedFile
    private let entries: [String: SafetensorsHeader.Entry]
    /// The names in the order of the elements in the file.
    package let names: [String]
    /// Free text about the file (`__metadata__`).
    package let metadata: [String: String]

    /// Maps a file and checks its header.
    ///
    /// - Throws: where the file cannot be read or its header breaks the format in any way.
    package init(_ path: String) throws(CheckpointError) {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw CheckpointError(error) }
        try self.init(file)
    }

    init(_ file: MappedFile) throws(CheckpointError) {
        let header = try file.withBytes { (bytes) throws(CheckpointError) in
            try SafetensorsHeader(file: bytes, path: file.path)
        }
        self.file = file
        names = header.entries.map(\.name)
        // Two names that differ in bytes but are canonically equal were refused as one name listed twice.
        entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0) })
        metadata = header.metadata
    }

    package var description: String { file.path }

    package func shape(of name: String) -> [Int]? { entries[name]?.shape }

    /// The type in which a tensor is stored, or `nil` where the file has none of this name.
    package func storedType(of name: String) -> StoredType? { entries[name]?.type }

    package func tensor(named name: String) throws -> Tensor {
        guard let entry = entries[name] else {
            throw CheckpointError(missing: name, in: description)
        }
        return try StoredTensor(type: entry.type, shape: entry.shape, strides: nil, start: entry.bytes.lowerBound)
            .tensor(in: file, named: name)
    }
}
