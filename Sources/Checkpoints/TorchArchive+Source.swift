import LienzoFiles
import LienzoNN
package import LienzoTorch

extension TorchArchive: ParameterSource {
    package var description: String { file.path }

    package func shape(of name: String) -> [Int]? { entries[name]?.tensor.shape }

    package func tensor(named name: String) throws -> Tensor {
        guard let entry = entries[name] else {
            throw CheckpointError(missing: name, in: description)
        }
        let tensor = entry.tensor
        // The offset of a tensor without elements may be any number.
        let offset = tensor.shape.contains(0) ? 0 : tensor.offset
        return try StoredTensor(
            type: tensor.storage.type,
            shape: tensor.shape,
            strides: tensor.strides,
            start: entry.storageBytes.lowerBound + offset * tensor.storage.type.bitCount / 8
        )
        .tensor(in: file, named: name)
    }
}
