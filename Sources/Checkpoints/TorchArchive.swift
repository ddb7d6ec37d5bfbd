import LienzoFiles

/// A file that `torch.save` or `torch.jit.save` wrote, in the zip form of PyTorch 1.6 and later or in the older one.
///
/// Its pickle is run by an interpreter that can build tensors and nothing else; the elements stay in the mapped file. Of
/// a TorchScript program the tensors are read, by the names of the attributes that lead to them, and none of the code.
///
/// Source: `torch/serialization.py` (`_save`, `_legacy_save`, `_load`, `_legacy_load`).
package struct TorchArchive: Sendable {
    /// A tensor and the place of its storage's elements.
    struct Entry: Sendable {
        let tensor: TorchTensor
        /// The bytes of the file that the tensor's storage has.
        let storageBytes: Range<Int>
    }

    let file: MappedFile
    let entries: [String: Entry]
    /// The names in the order of the pickle.
    package let names: [String]

    /// Reads the pickle and checks that every tensor lies inside its storage and every storage inside the file.
    package init(_ path: String) throws(CheckpointError) {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw CheckpointError(error) }
        try self.init(file)
    }

    init(_ file: MappedFile) throws(CheckpointError) {
        let path = file.path
        let (tensors, storages) = try file.withBytes { (bytes) throws(CheckpointError) in
            Self.isZip(bytes) ? try Self.readZip(bytes, path) : try Self.readLegacy(bytes, path)
        }
        var entries: [String: Entry] = [:]
        entries.reserveCapacity(tensors.count)
        for (name, tensor) in tensors {
            let storage = tensor.storage
            guard let bytes = storages[storage.key] else {
                throw CheckpointError(path, "the tensor \(quoted(name)) has no elements in the file")
            }
            let width = storage.type.bitCount / 8
            guard bytes.count == storage.count * width else {
                throw CheckpointError(
                    path,
                    "the storage of the tensor \(quoted(name)) shall have \(storage.count) elements of \(width) bytes, "
                        + "but the file has \(bytes.count) bytes for it"
                )
            }
            let start = bytes.lowerBound + storage.view.lowerBound * width
            entries[name] = Entry(tensor: tensor, storageBytes: start..<start + storage.view.count * width)
        }
        self.file = file
        self.entries = entries
        names = tensors.map(\.name)
    }

    static func isZip(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: [0x50, 0x4B, 0x03, 0x04])
    }

    /// The tensors by name and the bytes of each storage by key.
    private typealias Contents = (tensors: [(name: String, tensor: TorchTensor)], storages: [String: Range<Int>])

    // MARK: The zip form

    private static func readZip(_ file: UnsafeRawBufferPointer, _ path: String) throws(CheckpointError) -> Contents {
        let directory = try ZipDirectory(file: file, path: path)
        let pickles = directory.names.filter { $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }
        guard pickles.count == 1, let name = pickles.first, let pickle = try directory.contents(of: name) else {
            throw CheckpointError(path, "the archive does not have one data.pkl; expected a file of torch.save")
        }
        let folder = name.dropLast("data.pkl".count)
        if let order = try directory.contents(of: "\(folder)byteorder"), !file[order].elementsEqual("little".utf8) {
            throw CheckpointError(path, "the archive was written on a big-endian machine, which is not supported")
        }
        guard pickle.count <= PickleInterpreter.byteLimit else {
            throw CheckpointError(
                path,
                "the pickle has \(pickle.count) bytes; at most \(PickleInterpreter.byteLimit) are read"
            )
        }
        var interpreter = PickleInterpreter(Array(file[pickle])[...], path: path)
        let root = try interpreter.run()
        let tensors = try StateDictionary(root, in: interpreter.graph, path: path).tensors
        var storages: [String: Range<Int>] = [:]
        for (_, tensor) in tensors {
            storages[tensor.storage.key] = try directory.contents(of: "\(folder)data/\(tensor.storage.key)")
        }
        return (tensors, storages)
    }

    // MARK: The form before PyTorch 1.6

    /// The first bytes of the older form: a pickle of its magic number.
    static let legacyMagic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Five pickles (magic, version, machine, the object, the storages' keys), then each storage: count, elements.
    private static func readLegacy(_ file: UnsafeRawBufferPointer, _ path: String) throws(CheckpointError) -> Contents {
        guard file.starts(with: legacyMagic) else {
            throw CheckpointError(path, "expected a file of torch.save, which begins like a zip or its older form")
        }
        let head = Array(file.prefix(PickleInterpreter.byteLimit))
        var position = legacyMagic.count
        func next() throws(CheckpointError) -> (value: PickleValue, graph: PickleGraph) {
            var interpreter = PickleInterpreter(head[position...], path: path)
            let value = try interpreter.run()
            position = interpreter.position
            return (value, interpreter.graph)
        }
        guard case .integer(1001) = try next().value else {
            throw CheckpointError(path, "the older form of torch.save has version 1001, but this file another")
        }
        let machine = try next()
        guard case .dictionary(let index) = machine.value,
            machine.graph.dictionaries[index].contains(where: { key, value in
                if case (.string("little_endian"), .bool(true)) = (key, value) { true } else { false }
            })
        else {
            throw CheckpointError(path, "the file was not written on a little-endian machine, or does not say so")
        }
        let object = try next()
        let tensors = try StateDictionary(object.value, in: object.graph, path: path).tensors
        let keys = try next()
        guard case .list(let index) = keys.value else {
            throw CheckpointError(path, "the file lacks the list of its storages")
        }
        var storages: [String: Range<Int>] = [:]
        for case .string(let key) in keys.graph.sequences[index] {
            guard let storage = object.graph.storages[key] else {
                throw CheckpointError(path, "the file has a storage that no tensor uses; is it damaged?")
            }
            guard file.count - position >= 8 else {
                throw CheckpointError(
                    path,
                    "the file ends before its storages do: it is cut short; copy or download it again"
                )
            }
            let width = storage.type.bitCount / 8
            let count = file.loadUnaligned(fromByteOffset: position, as: Int64.self)
            let start = position + 8
            guard count >= 0, count <= (file.count - start) / width else {
                throw CheckpointError(
                    path,
                    "the file ends inside a storage of \(count) elements: it is cut short; copy or download it again"
                )
            }
            position = start + Int(count) * width
            storages[key] = start..<position
        }
        return (tensors, storages)
    }
}
