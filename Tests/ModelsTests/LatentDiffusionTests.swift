import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// Single files of Stable Diffusion 1.5 and 2.1: their names become those that diffusers' own conversion gives them, and
/// their shapes tell the published configurations.
@Suite("Single files of Stable Diffusion", .tags(.parity))
struct LatentDiffusionTests {
    static let files = ["sd15", "sd21"]

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
            let part: LatentDiffusionNames.Part =
                old.hasPrefix("model.") ? .unet : old.hasPrefix("first") ? .autoencoder : .text
            #expect(LatentDiffusionNames.name(old, part, shape) ?? "-" == new, "\(old)")
        }
    }

    @Test("the shapes tell the published configuration", arguments: files)
    func configurations(name: String) throws {
        let shape = try LatentDiffusionShape(shapesOf: file(name))
        #expect(try shape.unet == UNet2DConditionConfiguration(json: fixtureData("published/unet-\(name).json")))
        let published = try AutoencoderKLConfiguration(json: fixtureData("published/vae.json"))
        #expect(shape.autoencoder.blockOutChannels == published.blockOutChannels)
        #expect(shape.autoencoder.layersPerBlock == published.layersPerBlock)
        #expect(shape.autoencoder.latentChannels == published.latentChannels)
        #expect(shape.autoencoder.scalingFactor == published.scalingFactor)
        let text = try CLIPTextConfiguration(
            json: fixtureData("published/text-vit-\(name == "sd15" ? "l" : "h").json"),
            hasProjection: false
        )
        #expect(shape.text == text.tower)
    }

    @Test("every network takes all of its part, in a file of torch too", arguments: files, ["", "state_dict."])
    func all(name: String, prefix: String) throws {
        let file = try file(name, prefix: prefix)
        let shape = try LatentDiffusionShape(shapesOf: file)
        try torchScope {
            try build(shape, file, .unet) { _ = try UNet2DConditionModel($0, shape.unet) }
            try build(shape, file, .autoencoder) { _ = try AutoencoderKL($0, shape.autoencoder) }
            try build(shape, file, .text) { _ = try TextTransformer($0, shape.text) }
        }
    }

    @Test("a tensor that has no place is noticed")
    func surplus() throws {
        var file = try file("sd15")
        file.shapes["model.diffusion_model.input_blocks.1.0.another.weight"] = [3]
        let shape = try LatentDiffusionShape(shapesOf: file)
        try torchScope {
            #expect(throws: ParameterError.self) {
                try build(shape, file, .unet) { _ = try UNet2DConditionModel($0, shape.unet) }
            }
        }
    }

    @Test("a file of another model is refused with a sentence")
    func otherFile() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try LatentDiffusionShape(shapesOf: NamesOnly("published/vae.txt"))
        }
        #expect(error?.description.contains("no file of Stable Diffusion 1 or 2") == true)
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
            part == .text && shape.version == .one ? HuggingFaceCLIPNames(textTower: names) : names
        // Frozen in training, parameters stay the views that they are.
        let store = ParameterStore(training: source, generator: nil, computeType: .bfloat16) { _ in false }
        try network(store.root)
        try store.finish()
    }
}
