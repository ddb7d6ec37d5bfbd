import LienzoNN
package import LienzoTorch

/// The bottleneck of ResNets: reduction, convolution and expansion, with a shortcut around them.
///
/// Source: He et al. 2016, figure 5; `torchvision/models/resnet.py`, `Bottleneck`; `open_clip/modified_resnet.py`,
/// `Bottleneck`.
struct ResNetBlock {
    /// What makes a map smaller where a block strides.
    enum Striding {
        /// The 3 × 3 convolution, and the one of the shortcut, as in torchvision.
        case convolution
        /// Means of as many pixels, before the expansion and before the shortcut's convolution, as in CLIP.
        case mean
    }

    /// Channels of the output for each plane.
    static let expansion = 4

    private let reduction: NormalizedConv2d
    private let convolution: NormalizedConv2d
    private let expansion: NormalizedConv2d
    private let shortcut: NormalizedConv2d?
    /// Pixels of which means are made; 1 where none are.
    private let pooling: Int

    /// A block of `planes` planes whose output has ``expansion`` times as many channels.
    init(_ scope: ParameterScope, from input: Int, planes: Int, stride: Int, striding: Striding) throws {
        let output = planes * Self.expansion
        let convolutionStride = striding == .convolution ? stride : 1
        func convolution(
            _ path: ParameterScope,
            _ norm: ParameterScope,
            from input: Int,
            to output: Int,
            kernel: Int = 1,
            stride: Int = 1,
            activation: Activation = .relu,
            scale: Initializer = .ones
        ) throws -> NormalizedConv2d {
            try NormalizedConv2d(
                path,
                norm: norm,
                from: input,
                to: output,
                kernel: kernel,
                stride: stride,
                padding: .symmetric,
                epsilon: 1e-5,
                activation: activation,
                start: .init(weight: .uniform(fanIn: kernel * kernel * input), scale: scale)
            )
        }
        pooling = striding == .mean ? stride : 1
        reduction = try convolution(scope["conv1"], scope["bn1"], from: input, to: planes)
        self.convolution = try convolution(
            scope["conv2"],
            scope["bn2"],
            from: planes,
            to: planes,
            kernel: 3,
            stride: convolutionStride
        )
        // A new block begins as its shortcut alone.
        expansion = try convolution(scope["conv3"], scope["bn3"], from: planes, to: output, scale: .zeros)
        let narrow = scope["downsample"]
        shortcut =
            stride > 1 || input != output
            ? try convolution(
                narrow[0],
                narrow[1],
                from: input,
                to: output,
                stride: convolutionStride,
                activation: .none
            ) : nil
    }

    /// `[batch, input, height, width]` → `[batch, 4 planes, height / stride, width / stride]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        func pooled(_ x: Tensor) -> Tensor { pooling > 1 ? x.averagePool2d(kernel: pooling) : x }
        let residual = shortcut.map { $0(pooled(x)) } ?? x
        return expansion(pooled(convolution(reduction(x))), adding: residual)
    }
}
