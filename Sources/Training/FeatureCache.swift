import Foundation
import LienzoCheckpoints
import LienzoTorch

/// Tensors that frozen networks make of a data set, kept in a file so that a resumed run, or another stage,
/// need not make them again.
struct FeatureCache {
    let path: String
    /// Says which shards and networks made the tensors, so that a change of any makes them anew.
    let key: String

    /// The tensors of an earlier call with the same key, or those that `make` makes, which are then kept.
    func tensors(_ make: () throws -> [String: Tensor]) throws -> [String: Tensor] {
        if let file = try? SafetensorsFile(path), file.metadata["key"] == key {
            return try Dictionary(uniqueKeysWithValues: file.names.map { ($0, try file.tensor(named: $0)) })
        }
        let tensors = try make()
        try writeSafetensors(
            tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            metadata: ["key": key],
            to: path
        )
        return tensors
    }
}

/// Runs `body` over blocks of 32 of `count` things, without gradients, and joins what it makes of each.
func inBlocks(of count: Int, _ body: (_ indices: [Int]) throws -> [String: Tensor]) throws -> [String: Tensor] {
    var parts: [String: [Tensor]] = [:]
    for start in stride(from: 0, to: count, by: 32) {
        let made = try withoutGradient { try torchScope { try body(Array(start..<min(start + 32, count))) } }
        for (name, tensor) in made { parts[name, default: []].append(tensor) }
    }
    return parts.mapValues { Tensor.cat($0) }
}
