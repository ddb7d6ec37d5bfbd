import LienzoFiles
import LienzoTorch

/// A tensor inside a mapped file: where its elements are and how they lie.
struct StoredTensor {
    let type: StoredType
    let shape: [Int]
    /// The distance in elements between neighbours along each dimension; `nil` for row-major order.
    let strides: [Int]?
    /// The byte of the file where the first element begins.
    let start: Int

    /// The tensor, over the file's own pages where its elements are in row-major order and aligned, else a copy.
    ///
    /// Whoever makes a `StoredTensor` has checked that every element lies inside the file.
    func tensor(in file: MappedFile, named name: String) throws -> Tensor {
        guard let dtype = type.dtype else {
            throw CheckpointError(
                file.path,
                "the tensor \(quoted(name)) has elements of type \(type.rawValue), with which the engine cannot compute"
            )
        }
        guard !shape.contains(0) else {
            return try torchScope { .zeros(shape, dtype: dtype) }
        }
        return try file.withBytes { bytes in
            let width = dtype.byteCount
            let elements = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let address = elements.baseAddress else { return Tensor.zeros(shape, dtype: dtype) }
            if isRowMajor, UInt(bitPattern: address).isMultiple(of: UInt(width)) {
                let range = start..<start + shape.reduce(width, *)
                return try torchScope {
                    Tensor(viewing: address, shape: shape, dtype: dtype, owner: MappedBytes(file, range))
                }
            }
            let copy = OwnedBytes(count: shape.reduce(width, *))
            gather(width: width, from: elements, to: copy.bytes)
            return try torchScope { Tensor(viewing: copy.address, shape: shape, dtype: dtype, owner: copy) }
        }
    }

    private var isRowMajor: Bool {
        guard let strides else { return true }
        var expected = 1
        for (length, stride) in zip(shape, strides).reversed() where length > 1 {
            guard stride == expected else { return false }
            expected *= length
        }
        return true
    }

    /// Copies the elements in row-major order.
    private func gather(width: Int, from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        if isRowMajor {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source.prefix(target.count)))
            return
        }
        let strides = strides ?? []
        var index = [Int](repeating: 0, count: shape.count)
        var offset = 0
        for position in stride(from: 0, to: target.count, by: width) {
            for byte in 0..<width { target[position + byte] = source[offset * width + byte] }
            // Count up `index` as an odometer, and `offset` with it.
            for dimension in shape.indices.reversed() {
                index[dimension] += 1
                offset += strides[dimension]
                if index[dimension] < shape[dimension] { break }
                offset -= index[dimension] * strides[dimension]
                index[dimension] = 0
            }
        }
    }
}

/// Bytes of a mapped file that tensors view and whose memory goes with the last one that does.
private final class MappedBytes {
    private let file: MappedFile
    private let range: Range<Int>

    init(_ file: MappedFile, _ range: Range<Int>) {
        self.file = file
        self.range = range
    }

    deinit {
        file.release(range)
    }
}

/// Memory that a tensor views and that goes with the last one that does.
private final class OwnedBytes {
    let bytes: UnsafeMutableRawBufferPointer
    let address: UnsafeRawPointer

    init(count: Int) {
        let address = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
        bytes = UnsafeMutableRawBufferPointer(start: address, count: count)
        self.address = UnsafeRawPointer(address)
    }

    deinit {
        bytes.deallocate()
    }
}

extension StoredType {
    /// The engine's type, or `nil` where it has none.
    var dtype: DType? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        default: nil
        }
    }

    init(_ dtype: DType) {
        self =
            switch dtype {
            case .bool: .bool
            case .uint8: .uint8
            case .int8: .int8
            case .int16: .int16
            case .int32: .int32
            case .int64: .int64
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .float32: .float32
            case .float64: .float64
            }
    }
}
