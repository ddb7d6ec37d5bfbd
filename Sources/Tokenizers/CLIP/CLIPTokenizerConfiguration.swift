/// How a CLIP tokenizer treats text, beside its vocabulary: whose cleaning, which special tokens, which padding.
package struct CLIPTokenizerConfiguration: Sendable, Equatable {
    /// How text is cleaned and split; the two references differ.
    package enum Cleaning: Sendable {
        /// OpenAI and open_clip: text is repaired as ftfy does it, references of HTML become characters, whitespace
        /// becomes one space and is gone at the ends, letters become small.
        case repairing
        /// Hugging Face: letters and accents are composed, whitespace becomes one space, letters become small. Special
        /// tokens are found before that.
        case composing
    }

    /// What stands after the end of a text that is shorter than the encoder reads.
    package enum Padding: Sendable, Equatable {
        /// Id 0, whatever piece that is: OpenAI and open_clip.
        case zero
        /// A token by its name: the end token for most models, `!` for Stable Diffusion 2.
        case token(String)
    }

    package var cleaning: Cleaning
    /// How the start and the end of a text are written where they stand in a text; what they are in the vocabulary, too,
    /// if that has them under these names.
    package var startToken = CLIPVocabulary.startToken
    package var endToken = CLIPVocabulary.endToken
    package var padding: Padding
    /// The token of a byte that has no piece, where text is composed; `nil` means the end token.
    package var unknownToken: String?
    /// Tokens beside start, end, padding and unknown that are found in text, where it is composed.
    package var addedTokens: [AddedToken] = []

    /// A token that is found in text as it is, before the text is split.
    package struct AddedToken: Sendable, Equatable {
        package var content: String
        /// Whether it is looked for in cleaned text, so that its case does not matter.
        package var isNormalized = false

        package init(_ content: String, isNormalized: Bool = false) {
            self.content = content
            self.isNormalized = isNormalized
        }
    }

    package init(_ cleaning: Cleaning, padding: Padding) {
        self.cleaning = cleaning
        self.padding = padding
    }

    /// The models of OpenAI's repository.
    ///
    /// Source: OpenAI's CLIP, `clip.tokenize`.
    package static let openAI = CLIPTokenizerConfiguration(.repairing, padding: .zero)

    /// open_clip, which writes start and end as `<start_of_text>` and `<end_of_text>`.
    ///
    /// Source: open_clip 3.3.0, `tokenizer.py`.
    package static let openCLIP = {
        var configuration = CLIPTokenizerConfiguration.openAI
        configuration.startToken = "<start_of_text>"
        configuration.endToken = "<end_of_text>"
        return configuration
    }()

    /// Hugging Face's CLIP, and Stable Diffusion 1.
    ///
    /// Source: transformers 5.23, `tokenization_clip.py`.
    package static let huggingFace = CLIPTokenizerConfiguration(.composing, padding: .token(CLIPVocabulary.endToken))

    /// Stable Diffusion 2, which pads with `!` and so takes every `!` of a text for padding, too.
    package static let stableDiffusion2 = CLIPTokenizerConfiguration(.composing, padding: .token("!"))

    /// The tokens that are found in a text where it is composed, in the order in which the reference adds them.
    var specialTokens: [AddedToken] {
        var tokens = addedTokens
        var named = [startToken, endToken, unknownToken ?? endToken]
        if case .token(let name) = padding { named.append(name) }
        for name in named where !tokens.contains(where: { $0.content == name }) { tokens.append(AddedToken(name)) }
        return tokens
    }
}
