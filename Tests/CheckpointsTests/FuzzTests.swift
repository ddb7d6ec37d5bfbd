import Foundation
import LienzoCheckpoints
import LienzoFiles
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

/// Checkpoints that were changed at random are refused in a sentence or read as something.
///
/// `LIENZO_FUZZ_INPUTS` says how many of each kind; a few hundred where it is not set.
@Suite(.serialized) struct FuzzTests {
    @Test(arguments: [
        "types.safetensors", "sharded.safetensors.index.json", "types.pth", "nested.pth", "types-legacy.pth",
    ])
    func `no changed checkpoint is a trap or takes much memory`(name: String) throws {
        let whole = try Fixtures.bytes(name)
        var random = SeededGenerator(seed: 20_261_127)
        // Five kinds share the inputs of a run.
        let count = max(Fuzz.inputs(1500) / (name.hasSuffix("safetensors") ? 1 : 4), 1)
        let before = try Fuzz.residentBytes()
        var (read, refused) = (0, 0)
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            for shard in ["shard-1-of-2.safetensors", "shard-2-of-2.safetensors"] {
                try FileManager.default.copyItem(atPath: Fixtures.path(shard), toPath: "\(folder)/\(shard)")
            }
            for _ in 0..<count {
                try Data(Fuzz.changed(whole, &random)).write(to: URL(fileURLWithPath: path))
                do {
                    let source = try openCheckpoint(path)
                    for name in source.names {
                        _ = source.shape(of: name)
                        do { _ = try torchScope { try source.tensor(named: name).count } } catch let error
                            as CheckpointError
                        {
                            #expect(!"\(error)".isEmpty)
                        }
                    }
                    read += 1
                } catch let error as CheckpointError {
                    #expect("\(error)".contains(folder) && !"\(error)".contains("\n"), "\(error)")
                    refused += 1
                }
            }
        }
        // Some changes hit numbers and some what holds them together; otherwise nothing was tested.
        #expect(refused > 0 && read + refused == count)
        #expect(try Fuzz.residentBytes() - before < 512 << 20)
    }
}
