/// The tensors of a pickled object by name: the names of nested dictionaries and lists joined by dots.
///
/// `{"state_dict": {"conv.weight": T}, "epoch": 3}` has the one tensor `state_dict.conv.weight`; a `KeyMap` takes the
/// prefix away. What is no tensor is left out.
struct StateDictionary {
    private(set) var tensors: [(name: String, tensor: TorchTensor)] = []
    private var names: Set<String> = []
    private var visits = 0
    private let graph: PickleGraph
    private let path: String

    private static let depthLimit = 16
    private static let visitLimit = 1 << 20
    private static let nameByteLimit = 1 << 12

    init(_ root: PickleValue, in graph: PickleGraph, path: String) throws(CheckpointError) {
        self.graph = graph
        self.path = path
        try collect(root, name: "", depth: 0)
    }

    private mutating func collect(_ value: PickleValue, name: String, depth: Int) throws(CheckpointError) {
        visits += 1
        guard visits <= Self.visitLimit, depth <= Self.depthLimit, name.utf8.count <= Self.nameByteLimit else {
            throw CheckpointError(path, "the pickle nests or names its values as no checkpoint does")
        }
        let prefix = name.isEmpty ? "" : name + "."
        switch value {
        case .tensor(let tensor):
            guard names.insert(name).inserted else {
                throw CheckpointError(path, "the pickle has the tensor \(quoted(name)) twice")
            }
            guard tensors.count < SafetensorsHeader.tensorLimit else {
                throw CheckpointError(path, "the pickle has more than \(SafetensorsHeader.tensorLimit) tensors")
            }
            tensors.append((name, tensor))
        case .dictionary(let index):
            for (key, value) in graph.dictionaries[index] {
                switch key {
                case .string(let key): try collect(value, name: prefix + key, depth: depth + 1)
                case .integer(let key): try collect(value, name: prefix + String(key), depth: depth + 1)
                default: continue
                }
            }
        case .list(let index), .tuple(let index):
            for (position, value) in graph.sequences[index].enumerated() {
                try collect(value, name: prefix + String(position), depth: depth + 1)
            }
        default:
            break
        }
    }
}
