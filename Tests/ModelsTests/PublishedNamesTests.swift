import Foundation
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The published configurations of Stable Diffusion 1.5 (also for inpainting and of latent consistency), 2.1, XL and its
/// refiner, Stable unCLIP, and of ControlNets for 1.5 and XL: what the loader takes is every tensor that the reference
/// has, by name and shape.
@Suite("Names and shapes in published files", .tags(.parity))
struct PublishedNamesTests {
    static let names = [
        "unet-sd15", "unet-sd21", "unet-xl", "unet-refiner", "unet-unclip", "unet-unclip-small", "unet-inpaint",
        "unet-lcm", "control-sd15", "control-xl", "vae", "text-vit-l", "text-vit-h", "text-vit-bigg",
    ]

    @Test("every tensor is taken, and no other is asked for", arguments: names)
    func all(name: String) throws {
        try torchScope { try build(name, NamesOnly("published/\(name).txt")) }
    }

    @Test(
        "a renamed tensor, one too many and a transposed one are refused",
        arguments: ["unet-xl", "control-sd15", "vae", "text-vit-l"]
    )
    func damaged(name: String) throws {
        let source = try NamesOnly("published/\(name).txt")
        let oblong = try #require(
            source.names.first { source.shapes[$0].map { $0.count >= 2 && $0[0] != $0[1] } == true }
        )
        try torchScope {
            for damage in ["rename", "add", "transpose"] {
                var changed = source
                switch damage {
                case "rename": changed.shapes["another.name"] = changed.shapes.removeValue(forKey: oblong)
                case "add": changed.shapes["another.name"] = [3]
                default: changed.shapes[oblong] = source.shapes[oblong].map { [$0[1], $0[0]] + $0.dropFirst(2) }
                }
                #expect(throws: ParameterError.self, "\(damage) \(oblong)") { try build(name, changed) }
            }
        }
    }

    /// Builds the network of a configuration from all of a source.
    private func build(_ name: String, _ source: NamesOnly) throws {
        let json = try fixtureData("published/\(name).json")
        // Frozen in training, parameters stay the views that they are.
        func store(_ source: some ParameterSource) -> ParameterStore {
            ParameterStore(training: source, generator: nil, computeType: .bfloat16) { _ in false }
        }
        switch name.prefix(4) {
        case "unet":
            let store = store(source)
            let configuration = try UNet2DConditionConfiguration(json: json)
            #expect(configuration.unknownKeys.isEmpty)
            _ = try UNet2DConditionModel(store.root, configuration)
            try store.finish()
        case "cont":
            let store = store(source)
            let configuration = try ControlNetConfiguration(json: json)
            #expect(configuration.unknownKeys.isEmpty)
            _ = try ControlNetModel(store.root, configuration)
            try store.finish()
        case "text":
            let store = store(HuggingFaceCLIPNames(textTower: source))
            let hasProjection = source.shapes["text_projection.weight"] != nil
            let configuration = try CLIPTextConfiguration(json: json, hasProjection: hasProjection)
            #expect(configuration.unknownKeys.isEmpty)
            _ = try TextTransformer(store.root, configuration.tower)
            try store.finish()
        default:
            let store = store(source)
            let configuration = try AutoencoderKLConfiguration(json: json)
            #expect(configuration.unknownKeys.isEmpty)
            _ = try AutoencoderKL(store.root, configuration)
            try store.finish()
        }
    }
}

/// Tensors of which there is nothing but name and shape: each is one number, seen often.
struct NamesOnly: ParameterSource {
    var shapes: [String: [Int]] = [:]
    /// The names that the reference gives to tensors of a single file; `-` for one that it does not read.
    private(set) var newNames: [String: String] = [:]

    /// Reads a list of `Tools/reference/models_stable_diffusion.py`.
    init(_ path: String) throws {
        var (name, newName) = ("", "")
        for line in String(decoding: try fixtureData(path), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            name = String(name.prefix(try #require(Int(words[0])))) + words[1]
            shapes[name] = words[2].split(separator: ",").compactMap { Int($0) }
            guard words.count > 3 else { continue }
            newName = String(newName.prefix(try #require(Int(words[3])))) + words[4]
            newNames[name] = newName
        }
        #expect(shapes.count > 100)
    }

    var description: String { "a list of names" }
    var names: [String] { Array(shapes.keys) }
    func shape(of name: String) -> [Int]? { shapes[name] }
    func tensor(named name: String) throws -> Tensor {
        Tensor.zeros([1], dtype: .bfloat16).expand(try #require(shapes[name]))
    }
}
