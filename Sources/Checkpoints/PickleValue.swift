/// What a checkpoint's pickle can contain.
///
/// Containers are indices into the interpreter's arenas: a hostile file may nest them a million deep or make them
/// contain themselves, and nothing that recurses ever follows them unbounded.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    /// An index into `PickleGraph.sequences`.
    case list(Int)
    /// An index into `PickleGraph.sequences`.
    case tuple(Int)
    /// An index into `PickleGraph.dictionaries`.
    case dictionary(Int)
    case callable(PickleCallable)
    case storage(TorchStorage)
    case tensor(TorchTensor)
}

/// The values of a pickle that contain others, and the storages it refers to.
struct PickleGraph {
    var sequences: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    /// Every storage by its key, as a whole.
    var storages: [String: TorchStorage] = [:]
}

/// The names a pickle may refer to; every other name is refused.
///
/// Source: what `torch.save` writes for tensors, `torch/_utils.py` and `torch/storage.py`.
enum PickleCallable: Equatable {
    case orderedDictionary
    case size
    case rebuildTensor
    case rebuildParameter
    /// A list, or a value with its type, as TorchScript writes them.
    case listOfOneType
    /// A class of a TorchScript program: an object is read as its attributes, its code never.
    case scriptObject
    case storageType(StoredType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch", "Size"): self = .size
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch.jit._pickle", _): self = .listOfOneType
        case (let module, _) where module == "__torch__" || module.hasPrefix("__torch__."): self = .scriptObject
        case ("torch", "FloatStorage"): self = .storageType(.float32)
        case ("torch", "DoubleStorage"): self = .storageType(.float64)
        case ("torch", "HalfStorage"): self = .storageType(.float16)
        case ("torch", "BFloat16Storage"): self = .storageType(.bfloat16)
        case ("torch", "LongStorage"): self = .storageType(.int64)
        case ("torch", "IntStorage"): self = .storageType(.int32)
        case ("torch", "ShortStorage"): self = .storageType(.int16)
        case ("torch", "CharStorage"): self = .storageType(.int8)
        case ("torch", "ByteStorage"): self = .storageType(.uint8)
        case ("torch", "BoolStorage"): self = .storageType(.bool)
        case ("torch", "ComplexFloatStorage"): self = .storageType(.complex64)
        default: return nil
        }
    }
}

/// A run of elements that tensors share, or a part of one.
struct TorchStorage: Equatable {
    /// The name under which the archive holds the elements.
    let key: String
    let type: StoredType
    /// The number of elements under `key`.
    let count: Int
    /// The elements of it that this storage has; all of them, but for old files that share parts.
    var view: Range<Int>
}

/// A tensor over a storage, checked to lie inside it.
struct TorchTensor {
    let storage: TorchStorage
    /// The index of the first element in `storage`.
    let offset: Int
    let shape: [Int]
    /// The distance in elements between neighbours along each dimension.
    let strides: [Int]

    /// How far a tensor may be larger than its storage by repeating elements (stride 0), in bytes.
    private static let repeatedByteLimit = 1 << 28

    /// Fails where a number is negative, overflows or leads outside the storage.
    init?(storage: TorchStorage, offset: Int, shape: [Int], strides: [Int]) {
        guard shape.count == strides.count, shape.count <= SafetensorsHeader.rankLimit, offset >= 0,
            shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }),
            let byteCount = storage.type.byteCount(shape: shape)
        else { return nil }
        if byteCount > 0 {
            var last = offset
            for (length, stride) in zip(shape, strides) {
                let (distance, overflows) = (length - 1).multipliedReportingOverflow(by: stride)
                let (sum, overflowsToo) = last.addingReportingOverflow(distance)
                guard !overflows, !overflowsToo else { return nil }
                last = sum
            }
            guard last < storage.view.count else { return nil }
            let storedByteCount = storage.view.count * storage.type.bitCount / 8
            guard byteCount <= max(storedByteCount, Self.repeatedByteLimit) else { return nil }
        }
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }
}
