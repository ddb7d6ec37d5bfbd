import Foundation
import LienzoCheckpoints
import LienzoModels

/// A control network in a folder or file, which fits the model beside it.
struct ControlNetwork: Sendable {
    /// The folder or the file.
    let path: String
    let configuration: ControlNetConfiguration
    /// The U-Net's that it is made for.
    private let unet: UNet2DConditionConfiguration
    private let isFolder: Bool

    /// Reads the configuration, or of a single file the shapes.
    ///
    /// - Parameters:
    ///   - path: a folder with `config.json` and weights, or a file of weights alone.
    ///   - model: the model beside it.
    /// - Throws: one sentence where there is no control network, or one that is made for another model.
    init(_ path: String, beside model: StableDiffusionConfigurations) throws {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        self.path = path
        self.isFolder = isFolder.boolValue
        unet = model.unet
        let latents = model.autoencoder.latentChannels
        configuration =
            if isFolder.boolValue {
                try ControlNetConfiguration(
                    json: ModelDirectory.read("config.json", in: path),
                    file: "\(path)/config.json"
                )
            } else {
                try ControlNetConfiguration(
                    beside: unet,
                    inChannels: latents,
                    shapesOf: ControlNetNames.network(in: openCheckpoint(path), beside: unet)
                )
            }

        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: path, reason: reason) }
        }
        let own = configuration.unet
        try require(
            own.blockOutChannels == unet.blockOutChannels && own.layersPerBlock == unet.layersPerBlock
                && own.crossAttentionDim == unet.crossAttentionDim && own.conditioning == unet.conditioning,
            "it controls \(own.words), and the model's is \(unet.words); give one that was made for the model"
        )
        try require(
            own.inChannels == latents,
            "it reads \(own.inChannels) channels; expected \(latents) as the model's latents"
        )
        try require(
            configuration.hintFactor == model.factor,
            "its hints are \(configuration.hintFactor) times as large as latents; expected \(model.factor) as the "
                + "model's pictures"
        )
    }

    /// Reads the weights.
    ///
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    func load(_ loader: PartLoader) throws -> ControlNetModel {
        let file = try openCheckpoint(isFolder ? PartLoader.file(of: path) : path)
        return try loader.load(
            isFolder ? file : ControlNetNames.network(in: file, beside: unet),
            build: { try ControlNetModel($0, configuration) }
        )
    }
}

extension UNet2DConditionConfiguration {
    /// What kind of U-Net it is, for messages.
    fileprivate var words: String {
        "a U-Net of \(blockOutChannels.map(\.description).joined(separator: ", ")) channels that reads text of width "
            + "\(crossAttentionDim)"
    }
}
