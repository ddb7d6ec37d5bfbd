/// The shape of a ``CLIP``: two towers with one space, and what pictures become before the first one sees them.
///
/// It comes from a configuration file of OpenCLIP or Hugging Face, or, where a checkpoint has none, from its shapes.
///
/// Source: Radford et al. 2021, tables 19 and 20.
package struct CLIPConfiguration: Sendable, Equatable {
    /// The tower of the pictures.
    package enum ImageTower: Sendable, Equatable {
        case visionTransformer(VisionTransformerConfiguration)
        case resNet(ModifiedResNetConfiguration)
    }

    package let imageTower: ImageTower
    package let textTower: TextTransformerConfiguration
    package let preprocessing: OpenCLIPConfiguration.Preprocessing
    /// Whether a learned bias is added to the logits, as SigLIP does.
    package let hasLogitBias: Bool
    /// Keys of the files that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    package init(
        imageTower: ImageTower,
        textTower: TextTransformerConfiguration,
        preprocessing: OpenCLIPConfiguration.Preprocessing? = nil,
        hasLogitBias: Bool = false,
        unknownKeys: [String] = []
    ) {
        self.imageTower = imageTower
        self.textTower = textTower
        self.preprocessing = preprocessing ?? Self.publishedPreprocessing(imageTower.imageSize)
        self.hasLogitBias = hasLogitBias
        self.unknownKeys = unknownKeys
    }

    /// The width of the shared space.
    package var embeddingDimension: Int { textTower.embeddingDimension }

    /// What OpenAI's models see: the shorter side fits, bicubic, cropped at the centre, normalised by the training set.
    ///
    /// Source: `clip/clip.py`, `_transform`.
    package static func publishedPreprocessing(_ size: Int) -> OpenCLIPConfiguration.Preprocessing {
        OpenCLIPConfiguration.Preprocessing(
            size: size,
            mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            standardDeviation: [0.268_629_54, 0.261_302_58, 0.275_777_11]
        )
    }
}

extension CLIPConfiguration.ImageTower {
    /// The side of a picture in pixels.
    package var imageSize: Int {
        switch self {
        case .visionTransformer(let tower): tower.imageSize
        case .resNet(let tower): tower.imageSize
        }
    }
}
