import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTokenizers
import LienzoTorch

/// Words that were taught to a model after its training: rows of the text encoder's embedding (textual inversion).
///
/// Source: Gal et al. 2022, section 3; the forms of diffusers' `TextualInversionLoaderMixin`.
struct LearnedTokens {
    /// A word and its vectors.
    private struct Word {
        let name: String
        /// `[vectors, width]`, for each text encoder that it was taught to.
        let rows: [String: Tensor]
        let file: String
    }

    private let words: [Word]

    /// No word.
    static var none: LearnedTokens { LearnedTokens(words: []) }

    private init(words: [Word]) { self.words = words }

    /// Reads files.
    ///
    /// A file is a tensor under the word's name, as diffusers writes it; `clip_l` and `clip_g`, for the two encoders of
    /// SD XL; or `emb_params` or `string_to_param`, as the first web interface does. The last two name no word: it is what
    /// the user says, or the file's name.
    ///
    /// - Parameter files: paths, each with the word that it shall be where the user says so.
    /// - Throws: one sentence where a file cannot be read or has no such tensors.
    init(_ files: [(path: String, word: String?)]) throws {
        words = try files.map { path, word in
            let source = try openCheckpoint(path)
            func rows(_ name: String) throws -> Tensor {
                let tensor = try source.tensor(named: name).to(.float32)
                let rows = tensor.rank == 1 ? tensor.unsqueeze(0) : tensor
                guard rows.rank == 2, (1...64).contains(rows.size(0)) else {
                    throw PipelineError.invalidModel(
                        path: path,
                        reason: "\(name) has the shape \(tensor.shape); expected 1 to 64 vectors of a word"
                    )
                }
                return rows
            }
            let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            let names = source.names
            if names.contains("clip_l"), names.contains("clip_g") {
                let both = try ["text_encoder": rows("clip_l"), "text_encoder_2": rows("clip_g")]
                return Word(name: word ?? stem, rows: both, file: path)
            }
            let unnamed = ["emb_params", "string_to_param.*"].first(where: names.contains)
            guard let name = unnamed ?? (names.count == 1 ? names.first : nil) else {
                throw PipelineError.invalidModel(
                    path: path,
                    reason:
                        "it has \(names.count) tensors; expected the vectors of one word under its name, or clip_l and "
                        + "clip_g, emb_params or string_to_param"
                )
            }
            return Word(
                name: word ?? (unnamed == nil ? name : stem),
                rows: ["text_encoder": try rows(name)],
                file: path
            )
        }
    }

    /// What a word is called in a text: a name for each of its vectors.
    private func names(of word: Word, _ part: String) -> [String] {
        let count = word.rows[part]?.size(0) ?? 0
        return (0..<count).map { $0 == 0 ? word.name : "\(word.name)_\($0)" }
    }

    /// Adds the words of a text encoder to its tokenizer; each vector is a token.
    func add(to configuration: inout CLIPTokenizerConfiguration, part: String) {
        for word in words {
            configuration.addedTokens += names(of: word, part).map {
                CLIPTokenizerConfiguration.AddedToken($0, isNormalized: true)
            }
        }
    }

    /// A text in which each word is followed by the names of its other vectors.
    ///
    /// Source: diffusers' `maybe_convert_prompt`.
    func expanded(_ text: String, part: String) -> String {
        words.reduce(text) { text, word in
            text.replacing(word.name, with: names(of: word, part).joined(separator: " "))
        }
    }

    /// How many vectors a text encoder gets.
    func count(part: String) -> Int { words.reduce(0) { $0 + ($1.rows[part]?.size(0) ?? 0) } }

    /// Checks that every word was taught to a text encoder.
    ///
    /// - Parameters:
    ///   - part: the encoder's folder.
    ///   - width: the width of its embedding.
    /// - Throws: where a word has no vectors for it, or such as are too wide or too narrow.
    func requireFit(part: String, width: Int) throws(PipelineError) {
        for word in words {
            let found = word.rows[part].map { "vectors of \($0.size(1)) numbers" } ?? "none"
            guard word.rows[part]?.size(1) == width else {
                throw .invalidModel(
                    path: word.file,
                    reason: "the model's \(part) takes vectors of \(width) numbers, and it has \(found) for it"
                )
            }
        }
    }

    /// The weights of a text encoder with the vectors behind the rows of its tokenizer's pieces.
    ///
    /// - Parameters:
    ///   - base: the encoder's own weights under the names of its network.
    ///   - part: its folder.
    ///   - pieces: how many rows its tokenizer has; rows behind them stay last.
    /// - Returns: weights with a longer embedding.
    func extending(_ base: any ParameterSource, part: String, pieces: Int) -> any ParameterSource {
        let rows = words.compactMap { $0.rows[part] }
        return rows.isEmpty ? base : ExtendedEmbedding(base: base, rows: .cat(rows), place: pieces)
    }
}

/// Weights whose token embedding has more rows.
private struct ExtendedEmbedding: ParameterSource {
    static let name = "token_embedding.weight"

    let base: any ParameterSource
    /// `[vectors, width]`.
    let rows: Tensor
    /// Before which row of the base they stand.
    let place: Int

    var description: String { base.description }
    var names: [String] { base.names }

    func shape(of name: String) -> [Int]? {
        guard name == Self.name, let shape = base.shape(of: name), shape.count == 2 else { return base.shape(of: name) }
        return [shape[0] + rows.size(0), shape[1]]
    }

    func tensor(named name: String) throws -> Tensor {
        let tensor = try base.tensor(named: name)
        guard name == Self.name, place <= tensor.size(0) else { return tensor }
        let own = tensor.to(.float32)
        let behind = own.narrow(dim: 0, start: place, length: own.size(0) - place)
        return .cat([own.narrow(dim: 0, start: 0, length: place), rows] + (behind.size(0) > 0 ? [behind] : []))
    }
}
