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

    /// Texts as tokens, all of the model's context length.
    ///
    /// - Parameter texts: any texts; what does not fit is cut.
    /// - Returns: tokens and which of them are not padding, `[texts, tokens]`, and whether any text was cut.
    package func tokenized(_ texts: [String]) -> (ids: Tensor, mask: Tensor, truncated: Bool) {
        let length = configuration.contextLength
        let tokens = texts.map { tokenizer.encode($0, length: length) }
        let shape = [texts.count, length]
        return (
            Tensor(tokens.flatMap { $0.ids.map(Int64.init) }, shape: shape).to(device),
            Tensor(tokens.flatMap(\.mask), shape: shape).to(device),
            tokens.contains(where: \.truncated)
        )
    }

    /// Whether a text has more tokens than the model reads.
    package func isCut(_ text: String) -> Bool {
        tokenizer.encode(text, length: configuration.contextLength).truncated
    }

    /// Text embeddings, not normalised, `[texts, embeddingDimension]`, float32.
    package func embed(texts: [String]) -> Tensor {
        let tokens = tokenized(texts)
        // Padding beyond the longest text changes nothing.
        let used = max(1, Int(tokens.mask.to(.int64).sum(dims: [1]).max().item))
        let ids = tokens.ids.narrow(dim: 1, start: 0, length: used)
        return network.encodeTexts(ids, mask: tokens.mask.narrow(dim: 1, start: 0, length: used)).embedding
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
