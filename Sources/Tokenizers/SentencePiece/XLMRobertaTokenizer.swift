/// The tokenizer of XLM-RoBERTa: SentencePiece, whose numbers move by one to make room for the padding token.
///
/// Special tokens that stand in the text become those tokens, as in the reference.
///
/// Source: Conneau et al. 2020, https://arxiv.org/abs/1911.02116; transformers 5.23, `tokenization_xlm_roberta.py`.
package struct XLMRobertaTokenizer: TextTokenizer {
    /// The file of a folder that the tokenizer is read from.
    package static let fileName = "sentencepiece.bpe.model"

    private let model: SentencePieceModel
    /// What a text may spell out, with its row.
    private let specialTokens: [(text: String, id: Int32)]

    private static let (startID, paddingID, endID, unknownID): (Int32, Int32, Int32, Int32) = (0, 1, 2, 3)
    /// The number of the unknown piece in the model.
    private static let unknownPiece: Int32 = 0
    /// By how much the numbers of other pieces grow.
    private static let offset: Int32 = 1

    /// Reads a tokenizer from a folder in the Hugging Face layout.
    ///
    /// - Throws: when the model is missing or is another one: it must have the pieces `<unk>`, `<s>` and `</s>` first.
    package init(directory: String) throws(TokenizerError) {
        let path = "\(directory)/\(Self.fileName)"
        model = try SentencePieceModel(path)
        let first = (0..<3).map { [model] in model.piece($0) }
        guard first == ["<unk>", "<s>", "</s>"] else {
            throw TokenizerError(
                "\(path) begins with the pieces \(first.joined(separator: " ")); expected <unk> <s> </s>, "
                    + "as XLM-RoBERTa's does."
            )
        }
        specialTokens = [
            ("<s>", Self.startID), ("<pad>", Self.paddingID), ("</s>", Self.endID), ("<unk>", Self.unknownID),
            ("<mask>", Int32(model.count) + Self.offset),
        ]
    }

    /// The number of rows that the token embedding has: those of the pieces, of padding and of the mask.
    package var count: Int { model.count + 2 }

    /// The tokens of `text`: start token, pieces, end token, padding; exactly `length` of them.
    package func encode(_ text: String, length: Int) -> TokenizedText {
        precondition(length >= 2, "a text needs room for its two special tokens")
        let pieces = pieces(of: text)
        let kept = pieces.prefix(length - 2)
        let ids = [Self.startID] + kept + [Self.endID]
        return TokenizedText(
            ids: ids + repeatElement(Self.paddingID, count: length - ids.count),
            count: ids.count,
            truncated: kept.count < pieces.count
        )
    }

    package func inspect(_ text: String) -> InspectedText {
        let ids = [Self.startID] + pieces(of: text) + [Self.endID]
        return InspectedText(
            cleaned: text,
            tokens: ids.map { id in
                let special = specialTokens.first { $0.id == id }?.text
                return TextToken(id: id, text: special ?? model.piece(id - Self.offset))
            }
        )
    }

    /// The rows of a text's pieces, without start and end around them.
    private func pieces(of text: String) -> [Int32] {
        var ids: [Int32] = []
        var rest = text[...]
        while let found = firstSpecial(in: rest) {
            ids += rows(rest[..<found.range.lowerBound]) + [found.id]
            rest = rest[found.range.upperBound...]
        }
        return ids + rows(rest)
    }

    private func rows(_ text: Substring) -> [Int32] {
        text.isEmpty
            ? [] : model.encode(String(text)).map { $0 == Self.unknownPiece ? Self.unknownID : $0 + Self.offset }
    }

    /// The special token that stands first in a text.
    private func firstSpecial(in text: Substring) -> (range: Range<Substring.Index>, id: Int32)? {
        guard text.utf8.contains(UInt8(ascii: "<")) else { return nil }
        return specialTokens.compactMap { token in
            text.utf8.firstRange(of: token.text.utf8).map { ($0, token.id) }
        }
        .min { $0.0.lowerBound < $1.0.lowerBound }
    }
}
