package import LienzoModels
import LienzoTokenizers
package import LienzoTorch

/// A dual encoder with its tokenizer: texts and pictures in, embeddings out.
///
/// Not `Sendable`: a pipeline owns it.
package final class CLIPModel {
    package let network: any DualEncoder
    package let configuration: any DualEncoderConfiguration
    private let tokenizer: any TextTokenizer
    private let device: Device

    /// What cosines are multiplied with to become logits.
    package let logitScale: Float

    /// Builds the network and the tokenizer of a checkpoint.
    init(_ checkpoint: CLIPCheckpoint, _ loader: PartLoader) throws {
        device = loader.device
        configuration = checkpoint.configuration
        tokenizer = try checkpoint.tokenizer()
        let network = try checkpoint.network(loader)
        self.network = network
        logitScale = try torchScope { Float(network.logitScale.exp().item) }
        guard logitScale.isFinite else {
            throw PipelineError.invalidModel(
                path: checkpoint.path,
                reason: "its logit scale is \(logitScale); expected a number"
            )
        }
    }

    /// Whether a text has more tokens than the model reads.
    package func isCut(_ text: String) -> Bool {
        tokenizer.encode(text, length: configuration.contextLength).truncated
    }

    /// Text embeddings, not normalised, `[texts, embeddingDimension]`, float32.
    package func embed(texts: [String]) -> Tensor {
        let batch = TextBatch(texts, tokenizer, length: configuration.contextLength, on: device).trimmed
        return network.encodeTexts(batch.ids, mask: batch.mask).embedding
    }

    /// Image embeddings, not normalised, `[pictures, embeddingDimension]`, float32.
    ///
    /// - Parameter pixels: preprocessed pictures, `[3, size, size]` each.
    /// - Returns: one row for each picture.
    package func embed(pixels: [[Float]]) -> Tensor {
        let size = configuration.preprocessing.size
        let batch = Tensor(rows: pixels, shape: [pixels.count, 3, size, size])
        return network.encodeImages(batch.to(device))
    }
}
