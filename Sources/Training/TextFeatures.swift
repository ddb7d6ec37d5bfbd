package import LienzoModels
import LienzoNN
package import LienzoTokenizers
package import LienzoTorch

/// The pooled features of texts under the locked text tower.
package struct TextFeatures {
    private let clip: OpenCLIP
    private let batcher: TextBatcher

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer, device: Device = .cpu) {
        self.clip = clip
        batcher = TextBatcher(tokenizer: tokenizer, length: clip.configuration.contextLength, device: device)
    }

    var width: Int { clip.configuration.textTower.width }

    /// `[texts.count, width]`, float32, by the locked tower.
    package func callAsFunction(_ texts: [String]) -> Tensor { withoutGradient { pooled(texts, clip.textTower) } }

    /// The same by another tower: the mean of the hidden states of each text's tokens.
    func pooled(_ texts: [String], _ tower: BERT) -> Tensor {
        let (ids, mask) = batcher(texts, cutsPadding: true)
        let states = tower(ids, mask: mask).to(.float32)
        let counts = mask.to(.float32).unsqueeze(-1)
        return (states * counts).sum(dims: [1]) / counts.sum(dims: [1])
    }
}
