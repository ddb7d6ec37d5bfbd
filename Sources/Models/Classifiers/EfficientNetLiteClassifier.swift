package import LienzoNN
package import LienzoTorch

/// A supervised EfficientNet-Lite: pixels to the logits of classes, with the classifier that image towers leave out.
///
/// Source: `timm/models/efficientnet.py`; https://github.com/RangiLyu/EfficientNet-Lite.
package struct EfficientNetLiteClassifier {
    private let trunk: EfficientNetLite
    private let classifier: Linear

    package init(_ scope: ParameterScope, _ configuration: EfficientNetLiteConfiguration, classes: Int) throws {
        trunk = try EfficientNetLite(scope, configuration)
        classifier = try Linear(scope["classifier"], from: configuration.featureChannels, to: classes)
    }

    /// `[batch, 3, height, width]`, normalised → logits `[batch, classes]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor { classifier(trunk(pixels)).to(.float32) }
}
