import LienzoTokenizers
import LienzoTorch

/// Turns texts into tokens for a text tower.
struct TextBatcher {
    let tokenizer: any TextTokenizer
    /// The number of tokens to which texts are cut or filled up.
    let length: Int
    /// Where the text tower is.
    let device: Device

    /// - Parameters:
    ///   - texts: one for each row.
    ///   - cutsPadding: whether a row ends where the longest text does, which takes a text tower less time.
    /// - Returns: tokens, and true where a text has not ended, `[texts, tokens]` each.
    func callAsFunction(_ texts: [String], cutsPadding: Bool) -> (ids: Tensor, mask: Tensor) {
        let encoded = texts.map { tokenizer.encode($0, length: length) }
        let width = cutsPadding ? encoded.map(\.count).max() ?? length : length
        let shape = [texts.count, width]
        return (
            Tensor(encoded.flatMap { $0.ids.prefix(width) }, shape: shape, device: device),
            Tensor(encoded.flatMap { $0.mask.prefix(width) }, shape: shape, device: device)
        )
    }
}
