extension CLIPConfiguration {
    /// The published shapes, and two smaller ones of OpenCLIP, by OpenCLIP's names.
    ///
    /// Source: Radford et al. 2021, tables 19 and 20; `open_clip/model_configs`.
    package static let architectures: [String] = Architecture.all.map(\.name)

    /// A published shape by its name, such as `ViT-B/32` or `ViT-B-32`; `nil` where there is none of this name.
    ///
    /// The activation is GELU, as in models that OpenCLIP trained; the name with `-quickgelu` has OpenAI's.
    package init?(architecture name: String) {
        let quick = "-quickgelu"
        let isQuick = name.lowercased().hasSuffix(quick)
        let plain = (isQuick ? String(name.dropLast(quick.count)) : name).replacing("/", with: "-").lowercased()
        guard let found = Architecture.all.first(where: { $0.name.lowercased() == plain }) else { return nil }
        self = found.configuration(isQuick ? .quickGELU : .gelu)
    }
}

/// A row of the tables.
private struct Architecture {
    enum Tower {
        case patches(Int, width: Int, layers: Int)
        case resNet([Int], width: Int)
    }

    let name: String
    let imageSize: Int
    let tower: Tower
    let dimension: Int
    let textWidth: Int

    static let all = [
        Architecture(
            name: "ViT-S-32",
            imageSize: 224,
            tower: .patches(32, width: 384, layers: 12),
            dimension: 384,
            textWidth: 384
        ),
        Architecture(
            name: "ViT-M-32",
            imageSize: 224,
            tower: .patches(32, width: 512, layers: 12),
            dimension: 512,
            textWidth: 512
        ),
        Architecture(
            name: "ViT-B-32",
            imageSize: 224,
            tower: .patches(32, width: 768, layers: 12),
            dimension: 512,
            textWidth: 512
        ),
        Architecture(
            name: "ViT-B-16",
            imageSize: 224,
            tower: .patches(16, width: 768, layers: 12),
            dimension: 512,
            textWidth: 512
        ),
        Architecture(
            name: "ViT-L-14",
            imageSize: 224,
            tower: .patches(14, width: 1024, layers: 24),
            dimension: 768,
            textWidth: 768
        ),
        Architecture(
            name: "ViT-L-14-336",
            imageSize: 336,
            tower: .patches(14, width: 1024, layers: 24),
            dimension: 768,
            textWidth: 768
        ),
        Architecture(
            name: "RN50",
            imageSize: 224,
            tower: .resNet([3, 4, 6, 3], width: 64),
            dimension: 1024,
            textWidth: 512
        ),
        Architecture(
            name: "RN101",
            imageSize: 224,
            tower: .resNet([3, 4, 23, 3], width: 64),
            dimension: 512,
            textWidth: 512
        ),
        Architecture(
            name: "RN50x4",
            imageSize: 288,
            tower: .resNet([4, 6, 10, 6], width: 80),
            dimension: 640,
            textWidth: 640
        ),
        Architecture(
            name: "RN50x16",
            imageSize: 384,
            tower: .resNet([6, 8, 18, 8], width: 96),
            dimension: 768,
            textWidth: 768
        ),
        Architecture(
            name: "RN50x64",
            imageSize: 448,
            tower: .resNet([3, 15, 36, 10], width: 128),
            dimension: 1024,
            textWidth: 1024
        ),
    ]

    func configuration(_ activation: CLIPActivation) -> CLIPConfiguration {
        func transformer(_ width: Int, layers: Int) -> CLIPTransformer.Configuration {
            .init(width: width, layers: layers, heads: width / 64, activation: activation)
        }
        let imageTower: CLIPConfiguration.ImageTower =
            switch tower {
            case .patches(let side, let width, let layers):
                .visionTransformer(
                    VisionTransformerConfiguration(
                        transformer: transformer(width, layers: layers),
                        imageSize: imageSize,
                        patchSize: side,
                        embeddingDimension: dimension
                    )
                )
            case .resNet(let layers, let width):
                .resNet(
                    ModifiedResNetConfiguration(
                        layers: layers,
                        width: width,
                        heads: width / 2,
                        imageSize: imageSize,
                        embeddingDimension: dimension
                    )
                )
            }
        return CLIPConfiguration(
            imageTower: imageTower,
            textTower: TextTransformerConfiguration(
                transformer: transformer(textWidth, layers: 12),
                embeddingDimension: dimension
            )
        )
    }
}
