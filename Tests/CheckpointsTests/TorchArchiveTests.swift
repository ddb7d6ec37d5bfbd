import Foundation
import LienzoFiles
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoCheckpoints

@Suite("A pickle can build tensors and nothing else")
struct TorchArchiveTests {
    @Test(
        "An archive that asks for more than tensors is refused by the name it asks for",
        arguments: [
            ("whole-module.pth", "torch.nn.modules.container.Sequential")
        ]
    )
    func otherArchives(file: String, sentence: String) throws {
        let error = try #require(throws: CheckpointError.self) { try openCheckpoint(Fixtures.path(file)) }
        #expect(error.description.contains(sentence), "\(error.description)")
    }

    @Test(
        "Instructions that a checkpoint does not need are refused",
        arguments: [
            ("cos\nsystem\n(S'rm -rf /'\ntR.", "asks for \"os.system\""),
            ("c__builtin__\neval\n.", "asks for \"__builtin__.eval\""),
            ("ctorch\nload\n.", "asks for \"torch.load\""),
            ("ctorch._utils\n_rebuild_tensor_v2\n)R.", "arguments it does not take"),
            ("ccollections\nOrderedDict\n)}b.", "attributes of what has none"),
            ("}}b", "ends in the middle"),
            ("K\u{1}}b.", "attributes of what has none"),
            ("(i__main__\nX\n.", "instruction 105"),
            ("K\u{1})R.", "calls what cannot be called"),
            ("c__torch__\nX\n)R.", "arguments it does not take"),
            (".", "a value that is not there"),
            ("0", "instruction 48"),
            ("t.", "never opened"),
            ("(K\u{1}.", "never"),
            ("h\u{5}.", "recalls what it never stored"),
            ("]K\u{1}K\u{2}s.", "no dictionary"),
            ("}K\u{1}a.", "no list"),
            ("}(K\u{1}u.", "no dictionary"),
            ("K\u{1}Q.", "a tuple belongs"),
            (")Q.", "not the storage of a tensor"),
            ("X\u{10}\u{0}\u{0}\u{0}abc.", "ends in the middle"),
            ("", "ends in the middle"),
            ("cos", "ends in the middle of a line"),
        ]
    )
    func refusedInstructions(pickle: String, sentence: String) throws {
        var interpreter = PickleInterpreter([0x80, 0x02] + Array(pickle.utf8), path: "x.pth")
        do {
            _ = try interpreter.run()
            #expect(sentence == "never", "accepted \(pickle.debugDescription)")
        } catch {
            #expect(error.description.contains(sentence), "\(error.description)")
        }
    }

    @Test("Containers nested a million deep, or inside themselves, or a billionfold end with a sentence")
    func hostileNesting() throws {
        let deep = "]" + String(repeating: "\u{5D}", count: 1_000_000) + String(repeating: "a", count: 1_000_000) + "."
        let cycle = "]q\u{0}h\u{0}a."
        let doubling =
            "]q\u{0}"
            + (0..<40).map { "](h\($0 == 0 ? "\u{0}" : "\u{1}")h\($0 == 0 ? "\u{0}" : "\u{1}")eq\u{1}" }.joined()
            + "."
        for pickle in [deep, cycle, doubling] {
            var interpreter = PickleInterpreter(ArraySlice(Array(pickle.utf8)), path: "x.pth")
            let root = try interpreter.run()
            #expect(throws: CheckpointError.self) {
                try StateDictionary(root, in: interpreter.graph, path: "x.pth")
            }
        }
    }

    @Test("A TorchScript program gives its tensors, and none of its code is read")
    func program() throws {
        let archive = try TorchArchive(Fixtures.path("program.pth"))
        #expect(archive.names.sorted() == ["bias", "weight"])
        #expect(try archive.tensor(named: "weight").shape == [1, 1])
    }

    @Test("An object takes its attributes over, so that one inside itself does not grow")
    func scriptObjects() throws {
        // The object is its own state, forty times.
        let pickle =
            Array("c__torch__\nX\n)".utf8) + [0x81] + Array("q\u{0}}X\u{1}\u{0}\u{0}\u{0}aK\u{1}sb".utf8)
            + Array(String(repeating: "h\u{0}b", count: 40).utf8) + Array(".".utf8)
        var interpreter = PickleInterpreter(pickle[...], path: "x.pth")
        guard case .dictionary(let index) = try interpreter.run() else {
            Issue.record("expected an object")
            return
        }
        #expect(interpreter.graph.dictionaries[index].count == 1)

        var other = PickleInterpreter([0x4B, 0x01, 0x29, 0x81, 0x2E], path: "x.pth")
        let error = #expect(throws: CheckpointError.self) { try other.run() }
        #expect(error?.description.contains("none of TorchScript's") == true)
    }

    @Test("A tensor must lie inside its storage")
    func bounds() {
        let storage = TorchStorage(key: "0", type: .float32, count: 12, view: 0..<12)
        func tensor(_ offset: Int, _ shape: [Int], _ strides: [Int]) -> TorchTensor? {
            TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
        }
        #expect(tensor(0, [3, 4], [4, 1]) != nil)
        #expect(tensor(0, [4, 3], [1, 4]) != nil)
        #expect(tensor(11, [], []) != nil)
        #expect(tensor(99, [0, 4], [4, 1]) != nil)
        #expect(tensor(0, [1000, 12], [0, 1]) != nil)
        #expect(tensor(1, [3, 4], [4, 1]) == nil)
        #expect(tensor(12, [], []) == nil)
        #expect(tensor(-1, [1], [1]) == nil)
        #expect(tensor(0, [13], [1]) == nil)
        #expect(tensor(0, [3, 4], [4]) == nil)
        #expect(tensor(0, [-1], [1]) == nil)
        #expect(tensor(11, [2], [-1]) == nil)
        #expect(tensor(0, [2], [Int.max]) == nil)
        #expect(tensor(0, [3, 3], [Int.max / 2, Int.max / 2]) == nil)
        #expect(tensor(0, [Int.max, Int.max], [0, 0]) == nil)
        #expect(tensor(0, [1 << 40], [0]) == nil)
        #expect(tensor(Int.max, [2], [1]) == nil)
    }

    @Test(
        "Damaged archives are read or refused, and no tensor leads outside its file",
        arguments: ["types.pth", "nested.pth", "types-legacy.pth", "nested-legacy.pth"]
    )
    func damaged(file: String) throws {
        let original = try Fixtures.bytes(file)
        var random = SplitMix64(seed: 2)
        var refused = 0
        try withTemporaryFolder { folder in
            let path = folder + "/x.pth"
            for _ in 0..<800 {
                let bytes = original.mutated(using: &random)
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                do {
                    let archive = try TorchArchive(path)
                    for entry in archive.entries.values {
                        try #require(entry.storageBytes.upperBound <= bytes.count)
                    }
                    for name in archive.names { _ = try? archive.tensor(named: name).bytes() }
                } catch is CheckpointError {
                    refused += 1
                }
            }
        }
        #expect(refused > 250)
    }
}
