import Crypto
import Foundation
import TestSupport
import Testing

@testable import LienzoData

/// A tar header with any name, type and size, as no honest program writes it.
func hostileHeader(name: String, type: Character = "0", size: Int = 0) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
        header.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
    }
    put(name, at: 0)
    let octal = String(size, radix: 8)
    put(String(repeating: "0", count: 11 - octal.count) + octal, at: 124)
    put(String(type), at: 156)
    put("        ", at: 148)
    let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
    put(String(repeating: "0", count: 6 - sum.count) + sum + "\0 ", at: 148)
    return header
}

@Suite struct TarTests {
    @Test func whatIsWrittenIsReadInOrder() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.tar"
            let files: [(String, [UInt8])] = [
                ("000000.json", Array("{}".utf8)), ("000000.png", [UInt8](repeating: 7, count: 512)), ("empty.txt", []),
            ]
            var writer = try TarWriter(path: path)
            for (name, contents) in files { try writer.add(name, contents) }
            let digest = try writer.finish()
            #expect(digest == SHA256.hash(data: try readFile(path)).hex)
            var reader = try TarReader(path: path)
            for (name, contents) in files {
                let entry = try #require(try reader.next())
                #expect(entry.name == name)
                #expect(try reader.contents() == contents)
            }
            #expect(try reader.next() == nil)
        }
    }

    @Test func theSameFilesGiveTheSameBytes() throws {
        try withTemporaryFolder { folder in
            var digests: [String] = []
            for name in ["a.tar", "b.tar"] {
                var writer = try TarWriter(path: folder + "/" + name)
                try writer.add("x.txt", [1, 2, 3])
                digests.append(try writer.finish())
            }
            #expect(digests[0] == digests[1])
        }
    }

    @Test func anUnfinishedArchiveLeavesNothingBehind() throws {
        try withTemporaryFolder { folder in
            do {
                var writer = try TarWriter(path: folder + "/a.tar")
                try writer.add("x.txt", [1, 2, 3])
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test(arguments: [
        (hostileHeader(name: "/etc/passwd"), "inside the archive"),
        (hostileHeader(name: "a/../../b"), "inside the archive"),
        (hostileHeader(name: "link", type: "2"), "regular files only"),
        (hostileHeader(name: "big.png", size: 1 << 30), "at most"),
        ([UInt8](repeating: 65, count: 512), "tar archive"),
        ([UInt8](repeating: 65, count: 100), "tar archive"),
        (hostileHeader(name: "cut.png", size: 700) + [1, 2, 3], "700 bytes for cut.png, found"),
    ])
    func hostileArchivesAreRefusedWithASentence(bytes: [UInt8], words: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/hostile.tar"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            var message = ""
            do throws(DataError) {
                var reader = try TarReader(path: path)
                if try reader.next() != nil { _ = try reader.contents() }
            } catch { message = error.description }
            #expect(message.contains(words), "said: \(message)")
        }
    }

    @Test func oversizeEntriesAreRefusedBeforeTheyAreRead() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.tar"
            var writer = try TarWriter(path: path)
            try writer.add("x.bin", [UInt8](repeating: 0, count: 2_000))
            _ = try writer.finish()
            var reader = try TarReader(path: path, entryLimit: 1_999)
            #expect(throws: DataError.self) { try advance(&reader) }
        }
    }

    private func advance(_ reader: inout TarReader) throws { _ = try reader.next() }
}
