import LienzoImages
import LienzoModels
import LienzoTorch

/// A model's safety checker with its preprocessing.
struct PictureChecker {
    private let network: SafetyChecker
    private let preprocessing: OpenCLIPConfiguration.Preprocessing
    private let device: Device

    /// Reads the weights in a folder.
    ///
    /// - Throws: one sentence where a file is missing or wrong.
    init(_ configuration: SafetyCheckerConfiguration, _ folder: String, _ loader: PartLoader) throws {
        preprocessing = configuration.preprocessing
        device = loader.device
        network = try loader.load(part: folder, as: { HuggingFaceCLIPNames(safetyChecker: $0) }) {
            try SafetyChecker($0, configuration)
        }
    }

    /// How near a picture is to what shall not be shown.
    func scores(_ picture: Image) throws -> SafetyChecker.Scores {
        let pixels = try preprocessing(picture)
        let batch = [1, 3, preprocessing.size, preprocessing.size]
        return try torchScope { network(Tensor(pixels, shape: batch).to(device)) }[0]
    }
}
