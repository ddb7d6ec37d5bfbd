import Foundation
import LienzoFiles
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoCheckpoints

@Suite("Checkpoints of the reference are read element for element")
struct CheckpointFilesTests {
    @Test(
        "Every kind of file has the tensors that the reference wrote",
        .tags(.parity),
        arguments: [
            ("types.safetensors", "types"), ("types.pth", "types"), ("types-legacy.pth", "types"),
            ("nested.pth", "nested"), ("nested-legacy.pth", "nested"), ("module.pth", "module"),
        ]
    )
    func sameTensors(file: String, group: String) throws {
        let source = try openCheckpoint(Fixtures.path(file))
        #expect(try differences(source, Fixtures.expected(group)) == [])
    }

    @Test("One changed bit of one element is noticed", .tags(.parity))
    func negativeControl() throws {
        try withTemporaryFolder { folder in
            var bytes = try Fixtures.bytes("types.safetensors")
            bytes[bytes.count - 1] ^= 1
            try AtomicFile.write(bytes, to: folder + "/changed.safetensors")
            let source = try openCheckpoint(folder + "/changed.safetensors")
            #expect(try differences(source, Fixtures.expected("types")).count == 1)
        }
    }

    @Test("A tensor outlives the file object it came from, and is a view where its elements are aligned")
    func lifetime() throws {
        func load() throws -> Tensor { try SafetensorsFile(Fixtures.path("types.safetensors")).tensor(named: "scalar") }
        #expect(try load().item == 7.25)
    }

    @Test("Elements that are not aligned are copied")
    func unaligned() throws {
        try withTemporaryFolder { folder in
            let json = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
            for padding in 0..<8 {
                let header = json + String(repeating: " ", count: padding)
                let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
                let elements: [UInt8] = [0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0]  // 1.5, -2
                let path = folder + "/\(padding).safetensors"
                try AtomicFile.write(length + Array(header.utf8) + elements, to: path)
                #expect(try SafetensorsFile(path).tensor(named: "a").floats() == [1.5, -2])
            }
        }
    }

    @Test("A type without arithmetic is listed, and loading it says so")
    func typeWithoutArithmetic() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/f8.safetensors"
            try AtomicFile.write(safetensorsHeader([("a", .float8E4M3, [2])], metadata: [:]) + [0, 0], to: path)
            let file = try SafetensorsFile(path)
            #expect(file.names == ["a"] && file.storedType(of: "a") == .float8E4M3)
            let error = #expect(throws: CheckpointError.self) { try file.tensor(named: "a") }
            #expect(error?.description.contains("type F8_E4M3") == true)
        }
    }

    @Test("A checkpoint in several files is one source")
    func sharded() throws {
        let source = try openCheckpoint(Fixtures.path("sharded.safetensors.index.json"))
        #expect(source.names == ["a.weight", "b.weight"])
        #expect(try source.tensor(named: "a.weight").floats() == [1, 1, 1, 1])
        #expect(source.shape(of: "b.weight") == [3])
        #expect(throws: CheckpointError.self) { try source.tensor(named: "c") }
    }

    @Test(
        "An index that is wrong is refused",
        arguments: [
            (#"{"weight_map": {"a": "../secret.safetensors"}}"#, "expected safetensors files beside it"),
            (#"{"weight_map": {"a": "/etc/passwd"}}"#, "expected safetensors files beside it"),
            (#"{"weight_map": {"a": "a.safetensors"}}"#, "no such file"),
            (#"{"weight_map": ["a"]}"#, "expected a JSON object"),
            (#"{"weights": 1}"#, "expected a JSON object"),
            (#"{"weight_map": {"zz": "one.safetensors"}}"#, "shall have the tensor \"zz\""),
        ]
    )
    func wrongIndex(json: String, sentence: String) throws {
        try withTemporaryFolder { folder in
            try writeSafetensors([("a", Tensor([1 as Float]))], to: folder + "/one.safetensors")
            let path = folder + "/x.safetensors.index.json"
            try AtomicFile.write(json.utf8, to: path)
            let error = #expect(throws: CheckpointError.self) { try openCheckpoint(path) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "What is no checkpoint is refused with a sentence that helps",
        arguments: [
            ("", "neither safetensors"),
            ("hello, I am a text file\n", "neither safetensors"),
            ("<!DOCTYPE html><html>", "neither safetensors"),
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0", "git-lfs pointer"),
            ("{\"a\": 1}", "weight_map"),
            ("PK\u{3}\u{4}nothing more", "no end record"),
        ]
    )
    func noCheckpoint(text: String, sentence: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/model.safetensors"
            try AtomicFile.write(text.utf8, to: path)
            let error = #expect(throws: CheckpointError.self) { try openCheckpoint(path) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test("Names are mapped, and two that become one are refused")
    func keyMap() throws {
        let source = try openCheckpoint(Fixtures.path("nested.pth"))
        let map = KeyMap.removingPrefix("state_dict.").then(.replacing([("whole", "base.weight"), ("half", "h")]))
            .then(.dropping { $0 == "last" }).then(.addingPrefix("model."))
        let renamed = try source.renamed(by: map)
        #expect(renamed.names.contains("model.base.weight") && renamed.names.contains("model.h"))
        #expect(!renamed.names.contains("model.last") && renamed.names.count == 9)
        #expect(renamed.shape(of: "model.base.weight") == [4, 6] && renamed.shape(of: "whole") == nil)
        #expect(try renamed.tensor(named: "model.h").floats() == [0, 1, 2])
        #expect(throws: CheckpointError.self) { try source.renamed(by: KeyMap { _ in "same" }) }
    }
}

@Suite("Checkpoints are written whole and as the reference writes them")
struct SafetensorsWritingTests {
    @Test("The bytes equal the reference's", .tags(.parity))
    func sameBytes() throws {
        try withTemporaryFolder { folder in
            let file = try SafetensorsFile(Fixtures.path("types.safetensors"))
            let tensors = try file.names.shuffled().map { ($0, try file.tensor(named: $0)) }
            try writeSafetensors(tensors, metadata: file.metadata, to: folder + "/copy.safetensors")
            let copy = try Data(contentsOf: URL(fileURLWithPath: folder + "/copy.safetensors"))
            #expect(try Array(copy) == Fixtures.bytes("types.safetensors"))
        }
    }

    @Test("A tensor that is a view of another is written in row-major order")
    func view() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/view.safetensors"
            let tensor = Tensor([1 as Float, 2, 3, 4, 5, 6], shape: [2, 3]).transpose(0, 1)
            try writeSafetensors([("t", tensor)], metadata: ["note": "\"ñ\"\n\u{1}"], to: path)
            let file = try SafetensorsFile(path)
            #expect(try file.tensor(named: "t").floats() == [1, 4, 2, 5, 3, 6])
            #expect(file.shape(of: "t") == [3, 2] && file.metadata == ["note": "\"ñ\"\n\u{1}"])
        }
    }

    @Test("A file can be replaced while its tensors are in use")
    func replaced() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/model.safetensors"
            try writeSafetensors([("t", Tensor([1 as Float, 2]))], to: path)
            let old = try SafetensorsFile(path).tensor(named: "t")
            try writeSafetensors([("t", Tensor([3 as Float]))], to: path)
            #expect(old.floats() == [1, 2])
            #expect(try SafetensorsFile(path).tensor(named: "t").floats() == [3])
        }
    }

    @Test("A name used twice, the reserved name and a missing folder are refused, with nothing left behind")
    func refused() throws {
        try withTemporaryFolder { folder in
            let tensor = Tensor([1 as Float])
            let cases = [(["a", "a"], folder + "/x"), (["__metadata__"], folder + "/x"), (["a"], folder + "/no/x")]
            for (names, path) in cases {
                let error = try #require(throws: CheckpointError.self) {
                    try writeSafetensors(names.map { ($0, tensor) }, to: path)
                }
                #expect(error.path == path)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
