import Testing

@testable import LienzoCheckpoints

@Suite("Entries of a zip archive are found where they are, and only inside the file")
struct ZipDirectoryTests {
    @Test("Plain and zip64 archives have the same entries", arguments: [false, true])
    func found(isZip64: Bool) throws {
        let entries: [(String, [UInt8])] = [("x/data.pkl", [1, 2, 3]), ("x/data/0", [4]), ("x/empty", [])]
        let archive = Archive(entries: entries, isZip64: isZip64)
        try archive.bytes.withUnsafeBytes { bytes in
            let directory = try ZipDirectory(file: bytes, path: "x.pth")
            #expect(Set(directory.names) == ["x/data.pkl", "x/data/0", "x/empty"])
            #expect(try directory.contents(of: "x/data.pkl").map { Array(bytes[$0]) } == [1, 2, 3])
            #expect(try directory.contents(of: "x/data/0").map { Array(bytes[$0]) } == [4])
            #expect(try directory.contents(of: "x/empty")?.isEmpty == true)
            #expect(try directory.contents(of: "x/other") == nil)
        }
    }

    @Test(
        "An archive that lies is refused",
        arguments: [
            (Archive.Lie.method, "compressed or encrypted"),
            (.encrypted, "compressed or encrypted"),
            (.entryTooLong, "lies outside the file"),
            (.headerOutside, "lies outside the file"),
            (.headerElsewhere, "has no header where the directory says"),
            (.directoryOutside, "directory lies outside the file"),
            (.tooManyRecords, "directory ends in the middle"),
            (.severalDisks, "one part of several"),
            (.noEnd, "no end record"),
            (.twice, "twice"),
        ],
        [false, true]
    )
    func refused(lie: (Archive.Lie, String), isZip64: Bool) {
        // The number of disks is looked at in the plain form only.
        if isZip64, lie.0 == .severalDisks { return }
        let archive = Archive(entries: [("x/a", [1, 2, 3])], isZip64: isZip64, lie: lie.0)
        let error = #expect(throws: CheckpointError.self) {
            try archive.bytes.withUnsafeBytes { bytes in
                _ = try ZipDirectory(file: bytes, path: "x.pth").contents(of: "x/a")
            }
        }
        #expect(error?.description.contains(lie.1) == true, "\(error?.description ?? "")")
    }
}

/// A zip archive of stored entries, right or with one lie in it.
struct Archive {
    enum Lie: Sendable {
        case method, encrypted, entryTooLong, headerOutside, headerElsewhere, directoryOutside, tooManyRecords
        case severalDisks, noEnd, twice
    }

    private(set) var bytes: [UInt8] = []

    init(entries: [(name: String, contents: [UInt8])], isZip64: Bool, lie: Lie? = nil) {
        var directory: [UInt8] = []
        for (name, contents) in entries {
            let header = lie == .headerOutside ? 1 << 30 : bytes.count + (lie == .headerElsewhere ? 1 : 0)
            let count = contents.count + (lie == .entryTooLong ? 1000 : 0)
            bytes += little(0x0403_4B50, 4) + little(0, 22) + little(name.utf8.count, 2) + little(5, 2) + name.utf8
            bytes += little(0, 5) + contents
            let extra = isZip64 ? little(7, 2) + little(1, 2) + [9] + little(1, 2) + little(24, 2) : []
            let large = isZip64 ? little(count, 8) + little(count, 8) + little(header, 8) : []
            let record =
                little(0x0201_4B50, 4) + little(0, 4) + little(lie == .encrypted ? 1 : 0, 2)
                + little(lie == .method ? 8 : 0, 2) + little(0, 8)
                + little(isZip64 ? 0xFFFF_FFFF : count, 4) + little(isZip64 ? 0xFFFF_FFFF : count, 4)
                + little(name.utf8.count, 2) + little(extra.count + large.count, 2) + little(0, 2) + little(0, 8)
                + little(isZip64 ? 0xFFFF_FFFF : header, 4) + name.utf8 + extra + large
            directory += record + (lie == .twice ? record : [])
        }
        let start = bytes.count + (lie == .directoryOutside ? 1 << 20 : 0)
        let count = entries.count + (lie == .tooManyRecords || lie == .twice ? 1 : 0)
        bytes += directory
        if lie == .noEnd { return }
        if isZip64 {
            let record = bytes.count
            bytes += little(0x0606_4B50, 4) + little(44, 8) + little(0, 12) + little(count, 8) + little(count, 8)
            bytes += little(directory.count, 8) + little(start, 8)
            bytes += little(0x0706_4B50, 4) + little(0, 4) + little(record, 8) + little(1, 4)
        }
        let disk = lie == .severalDisks ? 1 : 0
        bytes += little(0x0605_4B50, 4) + little(disk, 2) + little(disk, 2)
        bytes += little(isZip64 ? 0xFFFF : count, 2) + little(isZip64 ? 0xFFFF : count, 2)
        bytes += little(isZip64 ? 0xFFFF_FFFF : directory.count, 4) + little(isZip64 ? 0xFFFF_FFFF : start, 4)
        bytes += little(0, 2)
    }
}

private func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
}
