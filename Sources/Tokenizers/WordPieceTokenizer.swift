import LienzoFiles

/// The tokenizer of BERT and its relatives (MiniLM, sentence encoders): words, then the longest known pieces of each.
///
/// The ids equal those of transformers' `BertTokenizer` for every text. Special tokens that stand in the text, such as
/// `[SEP]`, become those tokens, as in the reference.
///
/// Source: Devlin et al. 2018 (arXiv:1810.04805), appendix; Hugging Face tokenizers, `BertNormalizer`,
/// `BertPreTokenizer` and `WordPiece`.
package struct WordPieceTokenizer: TextTokenizer {
    /// Words with more Unicode scalars than this become the unknown token.
    private static let longestWord = 100

    package let vocabulary: WordPieceVocabulary
    package let configuration: WordPieceConfiguration
    private let classificationID: Int32
    private let separatorID: Int32
    private let paddingID: Int32
    private let unknownID: Int32
    /// Special tokens by their first scalar, longest first.
    private let specialTokens: [Unicode.Scalar: [(text: [Unicode.Scalar], id: Int32)]]

    /// Reads `vocab.txt` and, where it is there, `tokenizer_config.json` from a folder.
    ///
    /// - Throws: when a file cannot be read, is malformed or contradicts itself, or when the vocabulary lacks one of
    ///   the special tokens.
    package init(directory: String) throws(TokenizerError) {
        let vocabularyPath = directory + "/vocab.txt"
        let configuration = try WordPieceConfiguration(optionalFile: directory + "/tokenizer_config.json")
        let vocabulary = try WordPieceVocabulary(contentsOf: vocabularyPath)
        do {
            try self.init(vocabulary: vocabulary, configuration: configuration)
        } catch {
            throw TokenizerError("\(vocabularyPath): \(error)")
        }
    }

    /// A tokenizer over a vocabulary.
    ///
    /// - Throws: when the vocabulary lacks the unknown, classification, separator or padding token.
    package init(
        vocabulary: WordPieceVocabulary,
        configuration: WordPieceConfiguration = WordPieceConfiguration()
    ) throws(TokenizerError) {
        func requiredID(_ token: String) throws(TokenizerError) -> Int32 {
            guard let id = vocabulary.id(of: token) else {
                throw TokenizerError("The vocabulary of \(vocabulary.pieces.count) pieces lacks the token \(token).")
            }
            return id
        }
        self.vocabulary = vocabulary
        self.configuration = configuration
        classificationID = try requiredID(configuration.classificationToken)
        separatorID = try requiredID(configuration.separatorToken)
        paddingID = try requiredID(configuration.paddingToken)
        unknownID = try requiredID(configuration.unknownToken)
        var specialTokens: [Unicode.Scalar: [(text: [Unicode.Scalar], id: Int32)]] = [:]
        for token in Set(configuration.specialTokens) {
            let text = Array(token.unicodeScalars)
            guard let first = text.first, let id = vocabulary.id(of: token) else { continue }
            specialTokens[first, default: []].append((text, id))
        }
        self.specialTokens = specialTokens.mapValues { $0.sorted { $0.text.count > $1.text.count } }
    }

    /// The tokens of `text`: classification token, pieces, separator, padding; exactly `length` of them.
    package func encode(_ text: String, length: Int) -> TokenizedText {
        precondition(length >= 2, "a text needs room for its two special tokens")
        // One piece more than fits shows whether something is cut; nothing beyond it is worth computing.
        let pieces = pieces(of: text, limit: length - 1)
        let kept = pieces.prefix(length - 2)
        var ids = [classificationID]
        ids.reserveCapacity(length)
        ids += kept
        ids.append(separatorID)
        let count = ids.count
        ids += repeatElement(paddingID, count: length - count)
        return TokenizedText(ids: ids, count: count, truncated: pieces.count > kept.count)
    }

    package func inspect(_ text: String) -> InspectedText {
        let scalars = Array(text.unicodeScalars)
        var cleaned = String.UnicodeScalarView()
        var position = 0
        while position < scalars.count {
            let plain = scalars[position...].indices.prefix { specialToken(in: scalars, at: $0) == nil }
            cleaned.append(contentsOf: configuration.normalized(scalars[plain]))
            position = plain.upperBound
            guard position < scalars.count, let special = specialToken(in: scalars, at: position) else { break }
            cleaned.append(contentsOf: special.text)
            position += special.text.count
        }
        let ids = [classificationID] + pieces(of: text) + [separatorID]
        return InspectedText(
            cleaned: String(cleaned),
            tokens: ids.map { TextToken(id: $0, text: vocabulary.pieces[Int($0)]) }
        )
    }

    /// The ids of the pieces of `text` without special tokens around them; reading stops once there are `limit`.
    package func pieces(of text: String, limit: Int = .max) -> [Int32] {
        let scalars = Array(text.unicodeScalars)
        var result: [Int32] = []
        var plainStart = 0
        var position = 0
        while position < scalars.count, result.count < limit {
            if let special = specialToken(in: scalars, at: position) {
                appendPieces(ofPlain: scalars[plainStart..<position], limit: limit, to: &result)
                result.append(special.id)
                position += special.text.count
                plainStart = position
            } else {
                position += 1
            }
        }
        appendPieces(ofPlain: scalars[plainStart..<position], limit: limit, to: &result)
        return Array(result.prefix(limit))
    }

    private func specialToken(
        in scalars: [Unicode.Scalar],
        at position: Int
    ) -> (text: [Unicode.Scalar], id: Int32)? {
        specialTokens[scalars[position]]?.first { scalars[position...].starts(with: $0.text) }
    }

    /// Appends the pieces of text that holds no special token.
    private func appendPieces(ofPlain text: ArraySlice<Unicode.Scalar>, limit: Int, to result: inout [Int32]) {
        guard !text.isEmpty, result.count < limit else { return }
        var word: [Unicode.Scalar] = []
        func endWord() {
            guard !word.isEmpty else { return }
            if word.count > Self.longestWord {
                result.append(unknownID)
            } else {
                vocabulary.appendPieces(of: word, unknown: unknownID, to: &result)
            }
            word.removeAll(keepingCapacity: true)
        }
        for scalar in configuration.normalized(text) {
            if scalar == " " {
                endWord()
            } else if BertCharacters.isPunctuation(scalar) {
                endWord()
                word.append(scalar)
                endWord()
            } else {
                word.append(scalar)
            }
            if result.count >= limit { return }
        }
        endWord()
    }
}

extension WordPieceTokenizer {
    /// Writes `vocab.txt` and `tokenizer_config.json`, from which this type and transformers' `AutoTokenizer` both read
    /// the same tokenizer.
    package func write(toDirectory directory: String) throws {
        try AtomicFile.write(vocabulary.fileContents.utf8, to: directory + "/vocab.txt")
        try AtomicFile.write(configuration.fileContents(), to: directory + "/tokenizer_config.json")
    }
}
