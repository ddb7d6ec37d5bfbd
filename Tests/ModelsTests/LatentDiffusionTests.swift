import Foundation
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// Single files of Stable Diffusion 1.5, 2.1, XL and its refiner: their names become those that diffusers' own
/// conversion gives them, and their shapes tell the published configurations.
@Suite("Single files of Stable Diffusion", .tags(.parity))
struct LatentDiffusionTests {
    static let files = ["sd15", "sd21", "xl", "refiner"]

    /// A file with what such files have beside the networks.
    private func file(_ name: String, prefix: String = "") throws -> NamesOnly {
        let list = try NamesOnly("published/single-\(name).txt")
        var file = list
        for name in ["alphas_cumprod", "model_ema.diffusion_modelout0bias", "first_stage_model.loss.logvar"] {
            file.shapes[name] = [1]
        }
        file.shapes = Dictionary(uniqueKeysWithValues: file.shapes.map { (prefix + $0, $1) })
        return file
    }

    @Test("each tensor has the name that the reference gives it", arguments: files)
    func names(name: String) throws {
        let file = try file(name)
        let shape = try LatentDiffusionShape(shapesOf: file)
        #expect(file.newNames.count > 1000)
        for (old, new) in file.newNames {
            let text = shape.texts.first { old.hasPrefix($0.start) }
            let part: LatentDiffusionNames.Part =
                old.hasPrefix("model.") ? .unet : text.map { .text($0.folder) } ?? .autoencoder
            var name = LatentDiffusionNames.name(old, part, shape) ?? "-"
            // Both names of a tensor of XL's second encoder come to one.
            if shape.version.isXL, let text, !text.hasHuggingFaceNames {
                #expect(HuggingFaceCLIPNames(Names([new])).names == [name], "\(old)")
                name = new
            }
            #expect(name == new, "\(old)")
        }
    }

    @Test("the shapes tell the published configuration", arguments: files)
    func configurations(name: String) throws {
        let shape = try LatentDiffusionShape(shapesOf: file(name))
        // What a block without transformers is said to have of them is read by nothing.
        let unet = String(decoding: try fixtureData("published/unet-\(name).json"), as: UTF8.self)
            .replacing("\"transformer_layers_per_block\": 4", with: "\"transformer_layers_per_block\": [1, 4, 4, 4]")
        #expect(try shape.unet == UNet2DConditionConfiguration(json: Data(unet.utf8)))
        let published = try AutoencoderKLConfiguration(json: fixtureData("published/vae.json"))
        #expect(shape.autoencoder.blockOutChannels == published.blockOutChannels)
        #expect(shape.autoencoder.layersPerBlock == published.layersPerBlock)
        #expect(shape.autoencoder.latentChannels == published.latentChannels)
        #expect(shape.autoencoder.scalingFactor == (shape.version.isXL ? 0.13025 : published.scalingFactor))
        let texts = ["sd15": ["l"], "sd21": ["h"], "xl": ["l", "bigg"], "refiner": ["bigg"]][name] ?? []
        let towers = try texts.map { text in
            try CLIPTextConfiguration(
                json: fixtureData("published/text-vit-\(text).json"),
                hasProjection: text == "bigg"
            ).tower
        }
        #expect(shape.texts.map(\.tower) == towers)
    }

    @Test("every network takes all of its part, in a file of torch too", arguments: files, ["", "state_dict."])
    func all(name: String, prefix: String) throws {
        let file = try file(name, prefix: prefix)
        let shape = try LatentDiffusionShape(shapesOf: file)
        try torchScope {
            try build(shape, file, .unet) { _ = try UNet2DConditionModel($0, shape.unet) }
            try build(shape, file, .autoencoder) { _ = try AutoencoderKL($0, shape.autoencoder) }
            for text in shape.texts {
                try build(shape, file, .text(text.folder)) { _ = try TextTransformer($0, text.tower) }
            }
        }
    }

    @Test(
        "a tensor that has no place is noticed",
        arguments: [
            ("sd15", "model.diffusion_model.input_blocks.1.0.another.weight"),
            ("xl", "model.diffusion_model.label_emb.0.1.weight"),
            ("xl", "conditioner.embedders.1.model.visual.proj"),
        ]
    )
    func surplus(name: String, tensor: String) throws {
        var file = try file(name)
        file.shapes[tensor] = [3]
        let shape = try LatentDiffusionShape(shapesOf: file)
        try torchScope {
            #expect(throws: ParameterError.self) {
                try build(shape, file, .unet) { _ = try UNet2DConditionModel($0, shape.unet) }
                try build(shape, file, .text("text_encoder_2")) {
                    _ = try TextTransformer($0, #require(shape.texts.last).tower)
                }
            }
        }
    }

    @Test(
        "a tensor that is turned around is noticed",
        arguments: ["to_k.weight", "c_fc.weight", "fc1.weight", "emb.0.0"]
    )
    func transposed(part: String) throws {
        var file = try file("xl")
        let name = try #require(
            file.shapes.first { $0.key.contains(part) && $0.value.count == 2 && $0.value[0] != $0.value[1] }?.key
        )
        file.shapes[name]?.reverse()
        #expect(throws: (any Error).self) {
            let shape = try LatentDiffusionShape(shapesOf: file)
            try torchScope {
                try build(shape, file, .unet) { _ = try UNet2DConditionModel($0, shape.unet) }
                for text in shape.texts {
                    try build(shape, file, .text(text.folder)) { _ = try TextTransformer($0, text.tower) }
                }
            }
        }
    }

    @Test("a file of another model is refused with a sentence")
    func otherFile() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try LatentDiffusionShape(shapesOf: NamesOnly("published/vae.txt"))
        }
        #expect(error?.description.contains("no file of Stable Diffusion") == true)
        var damaged = try file("sd15")
        damaged.shapes["model.diffusion_model.out.2.weight"] = nil
        #expect(throws: ParameterError.self) { try LatentDiffusionShape(shapesOf: damaged) }
    }

    private func build(
        _ shape: LatentDiffusionShape,
        _ file: NamesOnly,
        _ part: LatentDiffusionNames.Part,
        _ network: (ParameterScope) throws -> Void
    ) throws {
        let names = LatentDiffusionNames(file, part, shape)
        let source: any ParameterSource =
            shape.hasHuggingFaceNames(part) ? HuggingFaceCLIPNames(textTower: names) : names
        // Frozen in training, parameters stay the views that they are.
        let store = ParameterStore(training: source, generator: nil, computeType: .bfloat16) { _ in false }
        try network(store.root)
        try store.finish()
    }
}

/// Names, and nothing behind them.
private struct Names: ParameterSource {
    let names: [String]
    init(_ names: [String]) { self.names = names }

    var description: String { "a list of names" }
    func shape(of name: String) -> [Int]? { nil }
    func tensor(named name: String) throws -> Tensor { Tensor.zeros([1]) }
}
