import LienzoFiles

/// Where the entries of a zip archive lie, for archives whose entries are stored, as PyTorch's are.
///
/// Holds a pointer into the file, so it lives no longer than the call that reads the archive.
///
/// Reading needs no more than the place of each entry: the elements of tensors are viewed inside the mapped file. The
/// sizes come from the central directory and every range is checked against the file; names are only compared, never
/// used as paths.
///
/// Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64).
struct ZipDirectory {
    private let records: [String: Record]
    private let file: UnsafeRawBufferPointer
    private let path: String
    /// Where the directory begins; every entry ends before it.
    private let limit: Int

    private static let entryLimit = 1 << 20
    private static let directoryByteLimit = 256 << 20

    init(file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
        let (directory, count) = try Self.locateDirectory(file, path)
        guard count <= Self.entryLimit, directory.count <= Self.directoryByteLimit else {
            throw CheckpointError(path, "the archive lists \(count) entries; more than \(Self.entryLimit) are not read")
        }
        var reader = ByteReader(Array(file[directory])[...], of: "the archive's directory", path: path)
        var records: [String: Record] = [:]
        records.reserveCapacity(min(count, 65_536))
        for _ in 0..<count {
            let record = try Record(&reader, path: path)
            guard records.updateValue(record, forKey: record.name) == nil else {
                throw CheckpointError(path, "the archive has the entry \(quoted(record.name)) twice")
            }
        }
        self.records = records
        self.file = file
        self.path = path
        limit = directory.lowerBound
    }

    /// The names of all entries.
    var names: some Collection<String> { records.keys }

    /// Where the bytes of an entry are, or `nil` where the archive has none of this name.
    ///
    /// - Throws: where the entry is not stored as it is or does not lie inside the file.
    func contents(of name: String) throws(CheckpointError) -> Range<Int>? {
        try records[name]?.contents(in: file, before: limit, path: path)
    }

    /// The range of the central directory and the number of its records.
    private static func locateDirectory(
        _ file: UnsafeRawBufferPointer,
        _ path: String
    ) throws(CheckpointError) -> (Range<Int>, Int) {
        // The end record has 22 bytes and a comment of at most 65,535 behind it.
        let tailStart = max(0, file.count - 22 - 65_535)
        let tail = Array(file[tailStart...])
        let signature: [UInt8] = [0x50, 0x4B, 0x05, 0x06]
        guard tail.count >= 22,
            let offset = stride(from: tail.count - 22, through: 0, by: -1)
                .first(where: { tail[$0...].starts(with: signature) })
        else {
            throw CheckpointError(path, "the archive has no end record; the file is damaged or not complete")
        }
        var reader = ByteReader(tail[(offset + 4)...], of: "the archive's end record", path: path)
        let disks = try (reader.number(UInt16.self), reader.number(UInt16.self))
        _ = try reader.number(UInt16.self)
        var count = Int(try reader.number(UInt16.self))
        var size = Int(try reader.number(UInt32.self))
        var start = Int(try reader.number(UInt32.self))
        if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
            (count, size, start) = try zip64EndRecord(file, endRecord: tailStart + offset, path)
        } else if disks.0 != 0 || disks.1 != 0 {
            throw CheckpointError(path, "the archive is one part of several; expected a whole one")
        }
        let (end, overflows) = start.addingReportingOverflow(size)
        guard !overflows, end <= tailStart + offset else {
            throw CheckpointError(path, "the archive's directory lies outside the file")
        }
        return (start..<end, count)
    }

    private static func zip64EndRecord(
        _ file: UnsafeRawBufferPointer,
        endRecord: Int,
        _ path: String
    ) throws(CheckpointError) -> (count: Int, size: Int, start: Int) {
        let damaged = CheckpointError(path, "the archive lacks the zip64 record that says where its directory is")
        guard endRecord >= 20 else { throw damaged }
        let locatorBytes = Array(file[endRecord - 20..<endRecord])
        var locator = ByteReader(locatorBytes[...], of: "the archive's zip64 locator", path: path)
        guard try locator.number(UInt32.self) == 0x0706_4B50 else { throw damaged }
        _ = try locator.number(UInt32.self)
        let offset = try locator.count(UInt64.self)
        guard offset <= file.count - 56 else { throw damaged }
        let recordBytes = Array(file[offset..<offset + 56])
        var record = ByteReader(recordBytes[...], of: "the archive's zip64 end record", path: path)
        guard try record.number(UInt32.self) == 0x0606_4B50 else { throw damaged }
        _ = try record.take(28)
        return try (record.count(UInt64.self), record.count(UInt64.self), record.count(UInt64.self))
    }

    /// One record of the central directory.
    private struct Record {
        let name: String
        let flags: UInt16
        let method: UInt16
        let compressedCount: Int
        let count: Int
        let headerOffset: Int

        init(_ reader: inout ByteReader, path: String) throws(CheckpointError) {
            guard try reader.number(UInt32.self) == 0x0201_4B50 else {
                throw CheckpointError(path, "the archive's directory is damaged")
            }
            _ = try reader.take(4)
            flags = try reader.number(UInt16.self)
            method = try reader.number(UInt16.self)
            _ = try reader.take(8)
            let compressed = try reader.number(UInt32.self)
            let uncompressed = try reader.number(UInt32.self)
            let nameCount = Int(try reader.number(UInt16.self))
            let extraCount = Int(try reader.number(UInt16.self))
            let commentCount = Int(try reader.number(UInt16.self))
            _ = try reader.take(8)
            let offset = try reader.number(UInt32.self)
            let nameBytes = try reader.take(nameCount)
            var extra = ByteReader(try reader.take(extraCount), of: "the archive's directory", path: path)
            _ = try reader.take(commentCount)
            guard let name = String(validating: nameBytes, as: UTF8.self) else {
                throw CheckpointError(path, "the archive has an entry whose name is not UTF-8 text")
            }
            self.name = name
            // Numbers that do not fit 32 bits stand in the zip64 field, in this order and only those.
            var large: ByteReader?
            while large == nil, !extra.isAtEnd {
                let id = try extra.number(UInt16.self)
                let contents = try extra.take(Int(extra.number(UInt16.self)))
                if id == 1 { large = ByteReader(contents, of: "the archive's zip64 field", path: path) }
            }
            func full(_ value: UInt32) throws(CheckpointError) -> Int {
                if value == .max, large != nil {
                    return try large?.count(UInt64.self) ?? 0
                }
                return Int(value)
            }
            count = try full(uncompressed)
            compressedCount = try full(compressed)
            headerOffset = try full(offset)
        }

        /// Where the entry's bytes are: behind its local header, whose name and extra field have lengths of their own.
        func contents(
            in file: UnsafeRawBufferPointer,
            before limit: Int,
            path: String
        ) throws(CheckpointError) -> Range<Int> {
            let shown = quoted(name)
            guard method == 0, flags & 1 == 0, compressedCount == count else {
                throw CheckpointError(path, "the archive's entry \(shown) is compressed or encrypted; expected stored")
            }
            let outside = CheckpointError(path, "the archive's entry \(shown) lies outside the file")
            guard headerOffset <= limit - 30 else { throw outside }
            var header = ByteReader(
                Array(file[headerOffset..<headerOffset + 30])[...],
                of: "the archive's entry \(shown)",
                path: path
            )
            guard try header.number(UInt32.self) == 0x0403_4B50 else {
                throw CheckpointError(path, "the archive's entry \(shown) has no header where the directory says")
            }
            _ = try header.take(22)
            let nameCount = Int(try header.number(UInt16.self))
            let extraCount = Int(try header.number(UInt16.self))
            let start = headerOffset + 30 + nameCount + extraCount
            guard start <= limit, count <= limit - start else { throw outside }
            return start..<start + count
        }
    }
}
