/// Runs a pickle that can build tensors, containers and scalars, and nothing else.
///
/// A pickle is a program. This interpreter knows the instructions that PyTorch's own restricted reader knows, and calls
/// only what `PickleCallable` lists; the rest is refused by name. Memory grows by at most a few dozen bytes per byte of
/// the pickle.
///
/// Source: Python's `pickletools.py`; `torch/_weights_only_unpickler.py`.
struct PickleInterpreter {
    private(set) var graph = PickleGraph()
    private var stack: [PickleValue] = []
    /// The height of the stack at each open mark.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// The dictionaries that stand for objects of TorchScript.
    private var scriptObjects: Set<Int> = []
    private var reader: ByteReader
    private let path: String

    /// The largest pickle that is read; those of the largest published models have a few MB.
    static let byteLimit = 64 << 20

    /// An interpreter of the pickle that begins at the first byte.
    init(_ bytes: ArraySlice<UInt8>, path: String) {
        reader = ByteReader(bytes, of: "the pickle", path: path)
        self.path = path
    }

    /// The index of the byte after the last instruction that ran.
    var position: Int { reader.position }

    /// Runs to the end and returns what the pickle built; containers are in `graph`.
    mutating func run() throws(CheckpointError) -> PickleValue {
        while true {
            let code: UInt8 = try reader.number()
            if code == UInt8(ascii: ".") {
                return try pop()
            }
            if try runScalar(code) { continue }
            if try runContainer(code) { continue }
            if try runCall(code) { continue }
            throw damaged("has the instruction \(code) at byte \(reader.position - 1), which checkpoints do not use")
        }
    }

    // MARK: Instructions

    private mutating func runScalar(_ code: UInt8) throws(CheckpointError) -> Bool {
        switch code {
        case 0x80:  // PROTO
            let version: UInt8 = try reader.number()
            guard 2...5 ~= version else { throw damaged("has protocol \(version); expected 2 to 5") }
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(bitPattern: try reader.number()))))
        case UInt8(ascii: "K"): stack.append(.integer(Int(try reader.number(UInt8.self))))
        case UInt8(ascii: "M"): stack.append(.integer(Int(try reader.number(UInt16.self))))
        case 0x8A: stack.append(try longInteger())
        case UInt8(ascii: "G"):
            stack.append(.number(Double(bitPattern: try reader.number(UInt64.self).byteSwapped)))
        case UInt8(ascii: "X"): stack.append(.string(try text(Int(reader.number(UInt32.self)))))
        case UInt8(ascii: "U"): stack.append(.string(try text(Int(reader.number(UInt8.self)))))
        case UInt8(ascii: "q"): memo[Int(try reader.number(UInt8.self))] = try top()
        case UInt8(ascii: "r"): memo[Int(try reader.number(UInt32.self))] = try top()
        case UInt8(ascii: "h"): stack.append(try memoized(Int(reader.number(UInt8.self))))
        case UInt8(ascii: "j"): stack.append(try memoized(Int(reader.number(UInt32.self))))
        default: return false
        }
        return true
    }

    private mutating func runContainer(_ code: UInt8) throws(CheckpointError) -> Bool {
        switch code {
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: ")"): stack.append(tuple([]))
        case 0x85: stack.append(tuple(try pop(1)))
        case 0x86: stack.append(tuple(try pop(2)))
        case 0x87: stack.append(tuple(try pop(3)))
        case UInt8(ascii: "t"): stack.append(tuple(try popToMark()))
        case UInt8(ascii: "]"):
            graph.sequences.append([])
            stack.append(.list(graph.sequences.count - 1))
        case UInt8(ascii: "a"): try appendToList(pop(1))
        case UInt8(ascii: "e"): try appendToList(popToMark())
        case UInt8(ascii: "}"): stack.append(dictionary())
        case UInt8(ascii: "s"): try setItems(pop(2))
        case UInt8(ascii: "u"): try setItems(popToMark())
        default: return false
        }
        return true
    }

    private mutating func runCall(_ code: UInt8) throws(CheckpointError) -> Bool {
        switch code {
        case UInt8(ascii: "c"):  // GLOBAL
            let module = String(decoding: try reader.line(), as: UTF8.self)
            let name = String(decoding: try reader.line(), as: UTF8.self)
            guard let callable = PickleCallable(module: module, name: name) else {
                throw damaged(
                    "asks for \(quoted(module + "." + name)), but only tensors and plain values are read; "
                        + "save the tensors alone, or as safetensors"
                )
            }
            stack.append(.callable(callable))
        case UInt8(ascii: "Q"):  // BINPERSID
            let id = try pop()
            stack.append(.storage(try storage(of: id)))
        case UInt8(ascii: "R"):  // REDUCE
            let arguments = try elements(pop())
            guard case .callable(let callable) = try pop() else { throw damaged("calls what cannot be called") }
            stack.append(try call(callable, arguments))
        case 0x81:  // NEWOBJ
            let arguments = try elements(pop())
            guard case .callable(.scriptObject) = try pop(), arguments.isEmpty else {
                throw damaged("makes an object that is none of TorchScript's")
            }
            let object = dictionary()
            if case .dictionary(let index) = object { scriptObjects.insert(index) }
            stack.append(object)
        case UInt8(ascii: "b"):  // BUILD
            let state = try pop()
            guard case .dictionary(let index) = try top() else { throw damaged("sets attributes of what has none") }
            // Those of a state dictionary (`_metadata`) nobody needs. Taken over and not added, so that nothing grows.
            if scriptObjects.contains(index), case .dictionary(let attributes) = state {
                graph.dictionaries[index] = graph.dictionaries[attributes]
            }
        default: return false
        }
        return true
    }

    // MARK: Building

    private mutating func call(
        _ callable: PickleCallable,
        _ arguments: [PickleValue]
    ) throws(CheckpointError) -> PickleValue {
        switch callable {
        case .orderedDictionary where arguments.isEmpty:
            return dictionary()
        case .size where arguments.count == 1:
            return tuple(try elements(arguments[0]))
        case .listOfOneType where arguments.count >= 1:
            return arguments[0]
        case .rebuildParameter where arguments.count >= 1:
            if case .tensor = arguments[0] { return arguments[0] }
        case .rebuildTensor where arguments.count >= 4:
            guard case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1] else { break }
            let shape = try integers(arguments[2])
            let strides = try integers(arguments[3])
            guard let tensor = TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides) else {
                throw damaged(
                    "has a tensor of shape \(shape.prefix(8)), strides \(strides.prefix(8)) and offset \(offset), "
                        + "which does not lie in its storage of \(storage.view.count) elements"
                )
            }
            return .tensor(tensor)
        default:
            break
        }
        throw damaged("calls \(callable) with arguments it does not take")
    }

    /// The storage that `('storage', type, key, device, count[, view])` names.
    private mutating func storage(of id: PickleValue) throws(CheckpointError) -> TorchStorage {
        let parts = try elements(id)
        guard parts.count >= 5, case .string("storage") = parts[0], case .callable(.storageType(let type)) = parts[1],
            case .string(let key) = parts[2], case .integer(let count) = parts[4], count >= 0,
            type.byteCount(shape: [count]) != nil
        else {
            throw damaged("refers to something outside it that is not the storage of a tensor")
        }
        var storage = TorchStorage(key: key, type: type, count: count, view: 0..<count)
        guard storage == graph.storages[key, default: storage] else {
            throw damaged("refers to the storage \(quoted(key)) with two types or sizes")
        }
        graph.storages[key] = storage
        if parts.count > 5, case .tuple = parts[5] {
            let view = try elements(parts[5])
            guard view.count == 3, case .integer(let offset) = view[1], case .integer(let length) = view[2],
                offset >= 0, length >= 0, offset <= count, length <= count - offset
            else {
                throw damaged("has a storage that is a part of another and does not lie in it")
            }
            storage.view = offset..<offset + length
        }
        return storage
    }

    private mutating func tuple(_ values: [PickleValue]) -> PickleValue {
        graph.sequences.append(values)
        return .tuple(graph.sequences.count - 1)
    }

    private mutating func dictionary() -> PickleValue {
        graph.dictionaries.append([])
        return .dictionary(graph.dictionaries.count - 1)
    }

    private mutating func appendToList(_ values: [PickleValue]) throws(CheckpointError) {
        guard case .list(let index) = try top() else { throw damaged("appends to what is no list") }
        graph.sequences[index] += values
    }

    private mutating func setItems(_ values: [PickleValue]) throws(CheckpointError) {
        guard values.count.isMultiple(of: 2), case .dictionary(let index) = try top() else {
            throw damaged("sets items of what is no dictionary")
        }
        for position in stride(from: 0, to: values.count, by: 2) {
            graph.dictionaries[index].append((values[position], values[position + 1]))
        }
    }

    // MARK: Reading values

    private func elements(_ value: PickleValue) throws(CheckpointError) -> [PickleValue] {
        guard case .tuple(let index) = value else { throw damaged("has something else where a tuple belongs") }
        return graph.sequences[index]
    }

    private func integers(_ value: PickleValue) throws(CheckpointError) -> [Int] {
        var result: [Int] = []
        for element in try elements(value) {
            guard case .integer(let integer) = element else { throw damaged("has a size that is not a whole number") }
            result.append(integer)
        }
        return result
    }

    private mutating func text(_ count: Int) throws(CheckpointError) -> String {
        guard let text = String(validating: try reader.take(count), as: UTF8.self) else {
            throw damaged("has a string that is not UTF-8 text")
        }
        return text
    }

    /// A two's complement number of any length; one that does not fit becomes a floating-point number, as it is no size.
    private mutating func longInteger() throws(CheckpointError) -> PickleValue {
        let bytes = try reader.take(Int(reader.number(UInt8.self)))
        guard bytes.count <= 8 else { return .number(.nan) }
        let isNegative = bytes.last.map { $0 & 0x80 != 0 } ?? false
        let bits = bytes.reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
        return .integer(Int(Int64(bitPattern: bits)))
    }

    private func memoized(_ index: Int) throws(CheckpointError) -> PickleValue {
        guard let value = memo[index] else { throw damaged("recalls what it never stored") }
        return value
    }

    // MARK: The stack

    /// Values below the innermost mark cannot be taken.
    private var floor: Int { marks.last ?? 0 }

    private func top() throws(CheckpointError) -> PickleValue {
        guard stack.count > floor, let value = stack.last else { throw damaged("takes a value that is not there") }
        return value
    }

    private mutating func pop() throws(CheckpointError) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
        guard stack.count - floor >= count else { throw damaged("takes a value that is not there") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let start = marks.popLast() else { throw damaged("closes a list that it never opened") }
        defer { stack.removeSubrange(start...) }
        return Array(stack[start...])
    }

    private func damaged(_ problem: String) -> CheckpointError {
        CheckpointError(path, "the pickle \(problem)")
    }
}
