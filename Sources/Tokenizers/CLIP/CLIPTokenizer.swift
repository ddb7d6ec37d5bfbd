/// The tokenizer of CLIP: cleaned text, words, byte pairs.
///
/// The ids equal those of open_clip's `SimpleTokenizer` or of transformers' `CLIPTokenizer`, whichever the configuration
/// names, for every text. Special tokens that stand in the text become those tokens, as in the reference.
///
/// Source: Radford et al. 2021 (arXiv:2103.00020), section 2.4; OpenAI's CLIP, `simple_tokenizer.py`; open_clip 3.3.0,
/// `tokenizer.py`; transformers 5.23, `tokenization_clip.py`.
package struct CLIPTokenizer: TextTokenizer {
    /// The number of tokens that the text encoders of all published CLIP models read.
    package static let contextLength = 77

    package let vocabulary: CLIPVocabulary
    package let configuration: CLIPTokenizerConfiguration
    private let startID: Int32
    private let endID: Int32
    private let paddingID: Int32
    private let unknownID: Int32
    private let cleaner: CLIPCleaner
    private let words: CLIPWords
    /// Special tokens that are found among the words.
    private let specialWords: [CLIPCleaner.Token]

    /// A tokenizer over a vocabulary.
    ///
    /// - Throws: when the vocabulary lacks the start, end, padding or unknown token, or when a token has no characters.
    package init(
        vocabulary: CLIPVocabulary,
        configuration: CLIPTokenizerConfiguration
    ) throws(TokenizerError) {
        self.vocabulary = vocabulary
        self.configuration = configuration
        let tokens = configuration.specialTokens
        guard !tokens.contains(where: \.content.isEmpty) else {
            throw TokenizerError("A special token of the configuration is empty; expected at least one character.")
        }
        // What the vocabulary lacks gets the next ids, as in the reference.
        var addedIDs: [String: Int32] = [:]
        if configuration.cleaning == .composing {
            for token in tokens where vocabulary.id(of: token.content) == nil && addedIDs[token.content] == nil {
                addedIDs[token.content] = Int32(truncatingIfNeeded: vocabulary.pieces.count + addedIDs.count)
            }
        }
        func requiredID(_ names: String...) throws(TokenizerError) -> Int32 {
            for name in names { if let id = vocabulary.id(of: name) ?? addedIDs[name] { return id } }
            throw TokenizerError("The vocabulary of \(vocabulary.pieces.count) pieces lacks the token \(names[0]).")
        }
        startID = try requiredID(configuration.startToken, CLIPVocabulary.startToken)
        endID = try requiredID(configuration.endToken, CLIPVocabulary.endToken)
        switch configuration.padding {
        case .zero: paddingID = 0
        case .token(let name): paddingID = try requiredID(name)
        }
        switch configuration.cleaning {
        case .repairing:
            unknownID = endID
            cleaner = CLIPCleaner(.repairing)
            specialWords = zip([configuration.startToken, configuration.endToken], [startID, endID])
                .map { CLIPCleaner.Token(text: Array($0.unicodeScalars), id: $1) }
            words = CLIPWords(characters: .regex, specialTexts: specialWords.map(\.text))
        case .composing:
            unknownID = try requiredID(configuration.unknownToken ?? configuration.endToken)
            cleaner = CLIPCleaner(
                .composing,
                tokens: tokens.compactMap { token in
                    (vocabulary.id(of: token.content) ?? addedIDs[token.content]).map { (token, $0) }
                }
            )
            specialWords = []
            // The pattern has these two whatever the tokens are called.
            let names = [CLIPVocabulary.startToken, CLIPVocabulary.endToken]
            words = CLIPWords(characters: .oniguruma, specialTexts: names.map { Array($0.unicodeScalars) })
        }
    }

    /// Reads a tokenizer from a folder in the Hugging Face layout.
    ///
    /// - Throws: as `CLIPVocabulary.init(directory:)` and `CLIPTokenizerConfiguration.init(directory:)`.
    package init(directory: String) throws(TokenizerError) {
        let vocabulary = try CLIPVocabulary(directory: directory)
        let configuration = try CLIPTokenizerConfiguration(directory: directory)
        do {
            try self.init(vocabulary: vocabulary, configuration: configuration)
        } catch {
            throw TokenizerError("\(directory): \(error)")
        }
    }

    /// The tokens of `text`: start token, pieces, end token, padding; exactly `length` of them.
    ///
    /// A text with more pieces than fit loses those at its end, never the end token.
    package func encode(_ text: String, length: Int = CLIPTokenizer.contextLength) -> TokenizedText {
        precondition(length >= 2, "a text needs room for its two special tokens")
        // One piece more than fits shows whether something is cut; nothing beyond it is worth computing.
        let pieces = pieces(of: text, limit: length - 1)
        let kept = pieces.prefix(length - 2)
        var ids = [startID]
        ids.reserveCapacity(length)
        ids += kept.map(\.id)
        ids.append(endID)
        let count = ids.count
        ids += repeatElement(paddingID, count: length - count)
        return TokenizedText(ids: ids, count: count, truncated: pieces.count > kept.count)
    }

    package func inspect(_ text: String) -> InspectedText {
        func special(_ id: Int32, _ name: String) -> TextToken {
            TextToken(id: id, text: vocabulary.pieces[safe: Int(id)] ?? name)
        }
        return InspectedText(
            cleaned: cleaned(text),
            tokens: [special(startID, configuration.startToken)]
                + pieces(of: text).map { TextToken(id: $0.id, text: $0.text) }
                + [special(endID, configuration.endToken)]
        )
    }

    /// `text` as it is split into words; special tokens stand in it as they are.
    package func cleaned(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for part in cleaner.parts(of: text) { result.append(contentsOf: part.text) }
        return String(result)
    }

    /// The pieces of `text` without start and end around them; reading stops once there are `limit`.
    ///
    /// Encoded to `length` tokens, a text keeps its first `length - 2` pieces.
    package func pieces(of text: String, limit: Int = .max) -> [CLIPPiece] {
        var result: [CLIPPiece] = []
        var offset = 0
        for part in cleaner.parts(of: text) where result.count < limit {
            if let id = part.id {
                append(id, of: part.text[...], offset: &offset, to: &result)
                continue
            }
            var position = 0
            while result.count < limit, let word = words.next(in: part.text, from: position) {
                offset += part.text[position..<word.lowerBound].utf8Count
                for range in words.parts(of: word, in: part.text) {
                    appendPieces(of: part.text[range], offset: &offset, to: &result)
                }
                position = word.upperBound
            }
            offset += part.text[position...].utf8Count
        }
        return Array(result.prefix(limit))
    }

    private func appendPieces(of word: ArraySlice<Unicode.Scalar>, offset: inout Int, to result: inout [CLIPPiece]) {
        if let special = specialWords.first(where: { word.elementsEqual($0.text) }) {
            append(special.id, of: word, offset: &offset, to: &result)
            return
        }
        var bytes: [UInt8] = []
        for scalar in word { UTF8.encode(scalar).map { bytes.append(contentsOf: $0) } }
        let (ids, starts) = vocabulary.pieces(of: bytes, unknown: unknownID)
        let ends = starts.dropFirst() + [bytes.count]
        for (index, end) in ends.enumerated() {
            let count = end - starts[index]
            let name = vocabulary.pieces[safe: Int(ids[index])] ?? ""
            result.append(CLIPPiece(id: ids[index], text: name, range: offset..<offset + count))
            offset += count
        }
    }

    /// Appends a special token, which the vocabulary may not have.
    private func append(
        _ id: Int32,
        of text: ArraySlice<Unicode.Scalar>,
        offset: inout Int,
        to result: inout [CLIPPiece]
    ) {
        let name = vocabulary.pieces[safe: Int(id)] ?? String(String.UnicodeScalarView(text))
        let end = offset + text.utf8Count
        result.append(CLIPPiece(id: id, text: name, range: offset..<end))
        offset = end
    }
}

/// A piece of a text.
package struct CLIPPiece: Sendable, Equatable {
    /// The row of the token embedding.
    package let id: Int32
    /// The piece as the vocabulary writes it: bytes by `ByteAlphabet`, `</w>` at the end of a word.
    package let text: String
    /// Where the piece stands in the cleaned text, in bytes of UTF-8; a character may lie in several pieces.
    package let range: Range<Int>
}

extension Sequence<Unicode.Scalar> {
    /// The number of bytes in UTF-8.
    fileprivate var utf8Count: Int { reduce(0) { $0 + UTF8.width($1) } }
}
