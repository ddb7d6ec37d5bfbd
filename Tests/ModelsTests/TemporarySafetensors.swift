import Foundation
import LienzoNN
import LienzoTorch
import Testing

/// A fixture's safetensors file, read without checks; Checkpoints' reader takes its place when that room arrives.
struct SafetensorsFile: ParameterSource {
    private struct Entry: Decodable {
        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }

        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]
    }

    let description: String
    private let entries: [String: Entry]
    private let bytes: [UInt8]

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        let length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        let header = try JSONSerialization.jsonObject(with: data.dropFirst(8).prefix(length)) as? [String: Any] ?? [:]
        let tensors = try JSONSerialization.data(withJSONObject: header.filter { $0.key != "__metadata__" })
        entries = try JSONDecoder().decode([String: Entry].self, from: tensors)
        bytes = Array(data.dropFirst(8 + length))
        description = path
    }

    var names: [String] { Array(entries.keys) }

    func shape(of name: String) -> [Int]? { entries[name]?.shape }

    func tensor(named name: String) throws -> Tensor {
        let entry = try #require(entries[name])
        let type: DType = ["F32": .float32, "F16": .float16, "I64": .int64][entry.dtype] ?? .uint8
        let slice = Array(bytes[entry.dataOffsets[0]..<entry.dataOffsets[1]])
        return slice.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return .zeros(entry.shape, dtype: type) }
            return Tensor(viewing: base, shape: entry.shape, dtype: type, owner: Owner()).copy()
        }
    }

    private final class Owner {}
}
