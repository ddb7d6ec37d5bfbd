package import LienzoNN
package import LienzoTorch

/// A supervised ResNet with bottlenecks, as torchvision lays it out: pixels to the logits of classes.
///
/// ResNet-50, 101 and 152 differ in the number of blocks only, which the names of the tensors tell.
///
/// Source: He et al. 2016, table 1; `torchvision/models/resnet.py`, `ResNet`, `Bottleneck` (strides in the 3 × 3
/// convolution).
package struct ResNet {
    private let stem: NormalizedConv2d
    private let stages: [[ResNetBlock]]
    private let classifier: Linear

    /// The shape of a network.
    package struct Configuration: Sendable, Equatable {
        /// Channels after the stem, and the planes of the first stage; those of each later stage are twice as many.
        package let width: Int
        /// Blocks of each stage.
        package let layers: [Int]
        package let classes: Int

        package init(width: Int = 64, layers: [Int], classes: Int) {
            self.width = width
            self.layers = layers
            self.classes = classes
        }

        /// The shape that a checkpoint's tensors have, or nil where they are not those of a ResNet with bottlenecks.
        package init?(shapesOf source: any ParameterSource) {
            guard let stem = source.shape(of: "conv1.weight"), stem.count == 4, stem[1...] == [3, 7, 7],
                source.shape(of: "layer1.0.conv3.weight") != nil,
                let head = source.shape(of: "fc.weight"), head.count == 2
            else { return nil }
            let layers = (1...4).map { stage in
                (0..<256).prefix { source.shape(of: "layer\(stage).\($0).conv1.weight") != nil }.count
            }
            guard layers.allSatisfy({ $0 > 0 }), 1...1024 ~= stem[0], 1...1_000_000 ~= head[0] else { return nil }
            self.init(width: stem[0], layers: layers, classes: head[0])
        }
    }

    /// Tensors that a checkpoint may have and that no layer reads.
    package static func isIgnorable(_ name: String) -> Bool { name.hasSuffix(".num_batches_tracked") }

    package init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        let width = configuration.width
        stem = try NormalizedConv2d(
            scope["conv1"],
            norm: scope["bn1"],
            from: 3,
            to: width,
            kernel: 7,
            stride: 2,
            padding: .symmetric,
            epsilon: 1e-5,
            activation: .relu
        )
        var channels = width
        var stages: [[ResNetBlock]] = []
        for (index, count) in configuration.layers.enumerated() {
            var blocks: [ResNetBlock] = []
            for block in 0..<count {
                let planes = width << index
                blocks.append(
                    try ResNetBlock(
                        scope["layer\(index + 1)"][block],
                        from: channels,
                        planes: planes,
                        stride: index > 0 && block == 0 ? 2 : 1,
                        striding: .convolution
                    )
                )
                channels = planes * ResNetBlock.expansion
            }
            stages.append(blocks)
        }
        self.stages = stages
        classifier = try Linear(scope["fc"], from: channels, to: configuration.classes)
    }

    /// `[batch, 3, height, width]`, normalised → logits `[batch, classes]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let start = stem(pixels).maxPool2d(kernel: 3, stride: 2, padding: 1)
        return classifier(stages.joined().reduce(start) { x, block in block(x) }.mean(dims: [2, 3])).to(.float32)
    }
}
