import Foundation
import LienzoCheckpoints
public import LienzoImages
import LienzoModels
import LienzoNN
package import LienzoTorch

/// A supervised classifier of pictures, to stand beside a dual encoder.
///
/// Read are ResNets with bottlenecks as torchvision has them (ResNet-50, 101, 152) and EfficientNet-Lite 0 to 4 as timm
/// or the original files name their tensors; the shapes of the file tell which.
///
/// Source: He et al. 2016; Tan & Le 2019; `torchvision/models/resnet.py`; `timm/models/efficientnet.py`.
public actor ImageClassifier: PictureEncoder {
    /// What kind of network the file holds.
    public nonisolated let name: String
    /// How many classes there are.
    public nonisolated let classes: Int

    private nonisolated let layout: Layout
    private let path: String
    private let executor = ThreadExecutor(name: "Lienzo.ImageClassifier")
    private let device: Device
    private let computeType: DType?
    private var network: Network?

    /// The classifier's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private typealias Network = (Tensor) -> Tensor

    private enum Layout: Sendable {
        case resNet(ResNet.Configuration)
        case efficientNetLite(EfficientNetLiteConfiguration, number: Int, isOriginal: Bool)
    }

    /// A classifier on the CPU.
    ///
    /// - Parameter path: a checkpoint: safetensors or a file of `torch.save`.
    /// - Throws: one sentence where it cannot be read or is of another network.
    public init(path: String) throws { try self.init(path: path, device: .cpu) }

    /// The same on a device of choice, in a compute type of choice or, where `nil`, the device's preferred one.
    package init(path: String, device: Device, computeType: DType? = nil) throws {
        self.path = path
        self.device = device
        self.computeType = computeType
        let source = try openCheckpoint(path)
        if let shape = ResNet.Configuration(shapesOf: source) {
            layout = .resNet(shape)
            classes = shape.classes
            // Three convolutions a block, the stem and the classifier.
            name = "ResNet-\(shape.layers.reduce(0, +) * 3 + 2)"
        } else if let (configuration, number, classes, isOriginal) = Self.efficientNetLite(source) {
            layout = .efficientNetLite(configuration, number: number, isOriginal: isOriginal)
            self.classes = classes
            name = "EfficientNet-Lite\(number)"
        } else {
            throw PipelineError.invalidModel(
                path: path,
                reason: "it is neither torchvision's ResNet with bottlenecks nor an EfficientNet-Lite"
            )
        }
    }

    private static func efficientNetLite(
        _ source: any ParameterSource
    ) -> (EfficientNetLiteConfiguration, number: Int, classes: Int, isOriginal: Bool)? {
        for number in 0...4 {
            guard let configuration = EfficientNetLiteConfiguration(timm: "tf_efficientnet_lite\(number)") else {
                continue
            }
            let originals = configuration.originalNames()
            for isOriginal in [true, false] {
                func shape(_ name: String) -> [Int]? {
                    source.shape(of: isOriginal ? originals[name] ?? name : name)
                }
                let stages = configuration.stages
                guard let last = stages.last?.last, let head = shape("conv_head.weight"), head.count == 4,
                    head[..<2] == [configuration.featureChannels, last.outChannels],
                    stages.indices.allSatisfy({ s in
                        shape("blocks.\(s).\(stages[s].count - 1).conv_dw.weight") != nil
                            && (isOriginal || shape("blocks.\(s).\(stages[s].count).conv_dw.weight") == nil)
                    }),
                    let classifier = shape("classifier.weight"), classifier.count == 2, 1...1_000_000 ~= classifier[0]
                else { continue }
                return (configuration, number, classifier[0], isOriginal)
            }
        }
        return nil
    }

    /// Resizes, crops and normalises a picture as the network was trained; may be called on many threads at once.
    ///
    /// Source: torchvision's `ImageClassification` preset of the first ImageNet weights (256, 224, bilinear);
    /// `efficientnet_lite_pytorch` (32 pixels of margin, bicubic).
    public nonisolated func prepare(_ image: Image) throws -> PreparedPicture {
        func cropped(_ side: Int, margin: Int, _ filter: ResamplingFilter) throws -> Image {
            try image.resized(shorterSide: side + margin, croppedTo: side, filter: filter)
        }
        switch layout {
        case .resNet:
            return PreparedPicture(
                pixels: try cropped(224, margin: 32, .bilinear)
                    .planarFloats(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
            )
        case .efficientNetLite(_, let number, let isOriginal):
            let side = (isOriginal ? [224, 240, 260, 280, 300] : [224, 240, 260, 300, 380])[number]
            let (mean, deviation): (Float, Float) = isOriginal ? (127.0 / 255, 128.0 / 255) : (0.5, 0.5)
            return PreparedPicture(
                pixels: try cropped(side, margin: 32, .bicubic)
                    .planarFloats(mean: .init(repeating: mean, count: 3), std: .init(repeating: deviation, count: 3))
            )
        }
    }

    /// The logits of pictures, in bounded batches.
    ///
    /// - Parameters:
    ///   - pictures: what ``prepare(_:)`` gave.
    ///   - batch: how many go through the network at once, which bounds its memory.
    /// - Returns: ``classes`` numbers for each picture.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    public func logits(of pictures: [PreparedPicture], batch: Int = 16) throws -> [[Float]] {
        try embed(pictures, normalized: false, batch: batch)
    }

    package func embed(
        _ pictures: [PreparedPicture],
        normalized isNormalized: Bool,
        batch: Int
    ) throws -> [[Float]] {
        let network = try loaded()
        return try encodedInBatches(pictures, of: batch) { some in
            let side = Int((Double(some[0].pixels.count) / 3).squareRoot().rounded())
            let pixels = Tensor(rows: some.map(\.pixels), shape: [some.count, 3, side, side])
            let logits = network(pixels.to(device))
            return isNormalized ? logits.normalized() : logits
        }
    }

    private func loaded() throws -> Network {
        if let network { return network }
        let loader = PartLoader(LoadingOptions(device: device, computeType: computeType))
        let built: Network
        switch layout {
        case .resNet(let configuration):
            let network = try loader.load(path, ignoring: ResNet.isIgnorable) { try ResNet($0, configuration) }
            built = { network($0) }
        case .efficientNetLite(let configuration, _, let isOriginal):
            let network = try loader.load(
                path,
                as: { isOriginal ? RenamedParameters($0, origins: configuration.originalNames()) : $0 },
                ignoring: ResNet.isIgnorable
            ) {
                try EfficientNetLiteClassifier($0, configuration, classes: classes)
            }
            built = { network($0) }
        }
        network = built
        return built
    }
}
