import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoPipelines
import LienzoTorch
import Testing

/// The model directory of random weights that `Tools/reference/pipelines.py` writes, and what the reference makes of it.
enum TinyModel {
    /// The path of a fixture.
    static func fixture(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appending(path: "Fixtures/\(name)").path
    }

    static var path: String { get throws { try fixture("tiny") } }

    /// EfficientNet-Lite0 at a tenth of its width.
    static let imageTower: @Sendable (String) -> EfficientNetLiteConfiguration? = { name in
        name == "tf_efficientnet_lite_narrow"
            ? EfficientNetLiteConfiguration(
                widthMultiplier: 0.1,
                depthMultiplier: 1,
                stemChannels: 8,
                featureChannels: 40
            ) : nil
    }

    /// The networks, in float32 as the reference runs them.
    static func networks() throws -> UnCLIPModel {
        let directory = try ModelDirectory(path)
        let configurations = try UnCLIPConfigurations(directory, imageTowerNamed: imageTower)
        return try UnCLIPModel(configurations, LoadingOptions(computeType: .float32))
    }

    /// A pipeline of the directory, or of a changed copy of it.
    static func pipeline(_ path: String? = nil) throws -> UnCLIPPipeline {
        try UnCLIPPipeline(
            modelDirectory: path ?? Self.path,
            loading: LoadingOptions(computeType: .float32),
            imageTowerNamed: imageTower
        )
    }

    static func expected() throws -> SafetensorsFile {
        try SafetensorsFile(fixture("expected.safetensors"))
    }
}

/// The largest difference relative to the largest expected magnitude; infinite where the shapes differ.
func difference(_ values: Tensor, _ expected: Tensor) -> Double {
    guard values.shape == expected.shape else { return .infinity }
    let scale = max(expected.abs().max().item, 1e-12)
    let difference = (values - expected).abs().max().item / scale
    return difference.isNaN ? .infinity : difference
}
