import Foundation
import TestSupport
import Testing

@testable import LienzoFiles

@Suite("Files are written whole or not at all")
struct AtomicFileTests {
    @Test("A committed file has its bytes, replaces the old one and leaves no temporary name")
    func commit() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.bin"
            try AtomicFile.write([1, 2, 3], to: path)
            try AtomicFile.write("new".utf8, to: path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.bin"])
        }
    }

    @Test("A file dropped before it is committed leaves the old one untouched and nothing beside it")
    func dropped() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.bin"
            try AtomicFile.write("old".utf8, to: path)
            func fail() throws {
                var file = try AtomicFile(path)
                try file.write(Array("half".utf8))
                throw CancellationError()
            }
            #expect(throws: CancellationError.self) { try fail() }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.bin"])
        }
    }

    @Test("A missing folder is told in one sentence")
    func missingFolder() {
        #expect {
            try AtomicFile.write([0], to: "/nowhere/at/all")
        } throws: {
            "\($0)" == "/nowhere/at/all could not be written: there is no folder /nowhere/at; make it, or "
                + "name another."
        }
    }

    @Test("A full disk is told in one sentence")
    func fullDisk() throws {
        // The device that is always full.
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        #expect(write(descriptor, [1], 1) == -1)
        let error = FileError("written", path: "x", code: errno)
        #expect(error.description == "x could not be written: the disk is full; free some space and try again.")
    }

    @Test("A target that is a folder fails and leaves nothing beside it")
    func folderAsTarget() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/inner"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(throws: FileError.self) { try AtomicFile.write([0], to: path) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["inner"])
        }
    }
}

@Suite("What stands under the name already")
struct AtomicFileTargetTests {
    @Test("A device and a folder are refused and stay what they are", arguments: ["/dev/null", "/tmp"])
    func notAFile(path: String) throws {
        #expect(throws: FileError.self) { try AtomicFile.write([1], to: path) }
        let type = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        #expect(type != .typeRegular)
    }

    @Test("A link to nothing is refused and stays")
    func danglingLink() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "gone")
            #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder + "/link") }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "gone")
        }
    }

    @Test("What can be written is checked without a trace")
    func check() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.requireWritable(folder + "/new")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            #expect {
                try AtomicFile.requireWritable("/proc/new")
            } throws: {
                "\($0)".contains("the system takes no files in the folder /proc")
            }
        }
    }

    @Test("A link stays a link, and its file gets the bytes")
    func link() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([1], to: folder + "/file")
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "file")
            try AtomicFile.write([2], to: folder + "/link")
            #expect(FileManager.default.contents(atPath: folder + "/file") == Data([2]))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "file")
        }
    }
}

@Suite("Files are mapped")
struct MappedFileTests {
    @Test("The bytes are the file's")
    func bytes() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.bin"
            try AtomicFile.write([7, 8, 9], to: path)
            #expect(try MappedFile(path).withBytes { Array($0) } == [7, 8, 9])
            try AtomicFile.write([], to: path)
            #expect(try MappedFile(path).count == 0)
        }
    }

    @Test("What is not a regular file is refused", arguments: ["/", "/dev/null", "/nowhere"])
    func notAFile(path: String) {
        #expect(throws: FileError.self) { try MappedFile(path) }
    }
}
