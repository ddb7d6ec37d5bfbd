import Foundation
package import LienzoNN
package import LienzoTorch

/// Small changes to the weights of a finished model, each the product of two thin matrices (LoRA).
///
/// ``adapting(_:part:)`` puts them under the weights of a part before its network is built: the network costs no more
/// than without them.
///
/// Source: Hu et al. 2021, section 4.1: W + (α / r) · B · A; the names of diffusers' `lora_conversion_utils.py` and of
/// kohya's `networks/lora.py`.
package struct LowRankAdaptation {
    /// What the file has for a layer.
    private enum Matrix {
        /// A, `[rank, inputs, …]`.
        case down
        /// B, `[outputs, rank, …]`.
        case up
        /// α, one number; the rank where there is none.
        case alpha
    }

    private let source: any ParameterSource
    private let scale: Double
    /// The names in the file, by part and module, such as `unet_mid_block_attentions_0_proj_in`.
    private let layers: [String: [Matrix: String]]

    /// The changes that a file has.
    ///
    /// - Parameters:
    ///   - source: the file's tensors, named as diffusers, peft or kohya do; the U-Net of SD XL also as its first code did.
    ///   - scale: by what the changes are multiplied; 1 is as they were trained.
    /// - Throws: ``AdaptationError`` where there is a tensor of another kind, or a matrix without its other half.
    package init(_ source: any ParameterSource, scale: Double = 1) throws(AdaptationError) {
        self.source = source
        self.scale = scale
        var layers: [String: [Matrix: String]] = [:]
        for name in source.names {
            guard let (stem, matrix) = Self.taken(apart: name) else {
                throw AdaptationError(file: source.description, problem: .notLowRank(name))
            }
            layers[AdaptedModule.key(ofStem: stem), default: [:]][matrix] = name
        }
        if let incomplete = layers.first(where: { $0.value[.up] == nil || $0.value[.down] == nil }) {
            throw AdaptationError(file: source.description, problem: .incomplete(incomplete.key))
        }
        guard !layers.isEmpty else { throw AdaptationError(file: source.description, problem: .empty) }
        self.layers = layers
    }

    /// How names end, and which of a layer's matrices that is; longer endings before those that they end with.
    private static let endings: [(ending: String, matrix: Matrix)] = [
        (".lora_linear_layer[.down].weight", .down), (".lora_linear_layer[.up].weight", .up),
        (".lora_down.weight", .down), (".lora_up.weight", .up),
        (".lora_A.default.weight", .down), (".lora_B.default.weight", .up),
        (".lora_A.weight", .down), (".lora_B.weight", .up),
        (".lora.down.weight", .down), (".lora.up.weight", .up),
        ("_lora.down.weight", .down), ("_lora.up.weight", .up),
        (".alpha", .alpha),
    ]

    private static func taken(apart name: String) -> (stem: String, matrix: Matrix)? {
        guard let found = endings.first(where: { name.hasSuffix($0.ending) }) else { return nil }
        return (String(name.dropLast(found.ending.count)), found.matrix)
    }
}

// MARK: - Merging

extension LowRankAdaptation {
    /// The weights of a part with the changes to them added.
    ///
    /// - Parameters:
    ///   - base: the part's own weights under the names that its file has.
    ///   - part: its folder: `unet`, `text_encoder` or `text_encoder_2`.
    /// - Returns: the same tensors; those that change are float32.
    package func adapting(_ base: any ParameterSource, part: String) -> any ParameterSource {
        AdaptedParameters(base: base, part: part, adaptation: self)
    }

    /// Checks that every change has its weight, before any network is built.
    ///
    /// - Parameter parts: the weights of all parts that are adapted, by their folders.
    /// - Throws: ``AdaptationError`` where a layer is missing in the model or has another shape.
    package func requireFit(_ parts: [String: any ParameterSource]) throws {
        var shapes: [String: [Int]] = [:]
        for (part, source) in parts {
            for name in source.names where name.hasSuffix(".weight") {
                shapes[AdaptedModule.key(of: name, part: part)] = source.shape(of: name)
            }
        }
        let missing = layers.keys.filter { shapes[$0] == nil }.sorted()
        if let first = missing.first {
            let problem = AdaptationError.Problem.otherModel(first: first, count: missing.count, all: layers.count)
            throw AdaptationError(file: source.description, problem: problem)
        }
        for (key, layer) in layers {
            guard let shape = shapes[key], let down = layer[.down].flatMap(source.shape(of:)),
                let up = layer[.up].flatMap(source.shape(of:))
            else { continue }
            guard fits(shape, down: down, up: up),
                layer[.alpha].map({ source.shape(of: $0)?.reduce(1, *) == 1 }) ?? true
            else {
                let problem = AdaptationError.Problem.misshapen(key, weight: shape, down: down, up: up)
                throw AdaptationError(file: source.description, problem: problem)
            }
        }
    }

    /// Whether B · A has as many rows and columns as the weight; a 1 × 1 convolution may stand for a linear layer.
    private func fits(_ weight: [Int], down: [Int], up: [Int]) -> Bool {
        guard weight.count >= 2, down.count >= 2, up.count >= 2 else { return false }
        return up[0] == weight[0] && up[1] == down[0] && down[0] > 0 && up.dropFirst(2).allSatisfy { $0 == 1 }
            && down.dropFirst().reduce(1, *) == weight.dropFirst().reduce(1, *)
    }

    fileprivate func change(_ weight: Tensor, key: String) throws -> Tensor? {
        guard let layer = layers[key], let down = layer[.down], let up = layer[.up] else { return nil }
        let (a, b) = (try source.tensor(named: down).to(.float32), try source.tensor(named: up).to(.float32))
        guard fits(weight.shape, down: a.shape, up: b.shape) else {
            let problem = AdaptationError.Problem.misshapen(key, weight: weight.shape, down: a.shape, up: b.shape)
            throw AdaptationError(file: source.description, problem: problem)
        }
        let rank = Double(a.size(0))
        let alpha = try layer[.alpha].map { try source.tensor(named: $0).to(.float32).item } ?? rank
        let product = b.flatten(from: 1).matmul(a.flatten(from: 1)).reshape(weight.shape)
        return weight.to(.float32) + product * (scale * alpha / rank)
    }
}

/// The weights of a part with an adaptation's changes.
private struct AdaptedParameters: ParameterSource {
    let base: any ParameterSource
    let part: String
    let adaptation: LowRankAdaptation

    var description: String { base.description }
    var names: [String] { base.names }

    func shape(of name: String) -> [Int]? { base.shape(of: name) }

    func tensor(named name: String) throws -> Tensor {
        let tensor = try base.tensor(named: name)
        guard name.hasSuffix(".weight") else { return tensor }
        return try adaptation.change(tensor, key: AdaptedModule.key(of: name, part: part)) ?? tensor
    }
}
