package import Foundation
import LienzoFiles

/// How a WordPiece tokenizer cleans text and what its special tokens are called: `tokenizer_config.json`.
///
/// Every key is optional; the defaults are BERT uncased. Keys that do not concern the ids are ignored, because the
/// reference stores much there that is only for its own use.
package struct WordPieceConfiguration: Sendable, Equatable {
    /// Whether text is lower-cased (`do_lower_case`).
    package var lowercases = true
    /// Whether accents are removed (`strip_accents`); `nil` means: where text is lower-cased.
    package var stripsAccents: Bool?
    /// Whether each Chinese character is a word of its own (`tokenize_chinese_chars`).
    package var separatesIdeographs = true
    package var unknownToken = "[UNK]"
    package var separatorToken = "[SEP]"
    package var paddingToken = "[PAD]"
    package var classificationToken = "[CLS]"
    package var maskToken = "[MASK]"

    package init() {}

    /// The tokens that are found in a text before it is cleaned.
    package var specialTokens: [String] {
        [unknownToken, separatorToken, paddingToken, classificationToken, maskToken]
    }

    /// Text as words see it: cleaned, lower-cased, without accents, and with one or more spaces between words.
    ///
    /// Source: `BertNormalizer::normalize` of Hugging Face tokenizers; the order of the steps is its order.
    package func normalized(_ text: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var isASCII = true
        for scalar in text {
            if BertCharacters.isRemoved(scalar) { continue }
            if BertCharacters.isWhitespace(scalar) {
                result.append(" ")
            } else if separatesIdeographs, BertCharacters.isIdeograph(scalar) {
                result += [" ", scalar, " "]
                isASCII = false
            } else {
                result.append(scalar)
                isASCII = isASCII && scalar.isASCII
            }
        }
        if stripsAccents ?? lowercases, !isASCII {
            var string = String.UnicodeScalarView()
            string.append(contentsOf: result)
            result = String(string).decomposedStringWithCanonicalMapping.unicodeScalars
                .filter { !BertCharacters.isNonspacingMark($0) }
        }
        guard lowercases else { return result }
        if isASCII {
            for index in result.indices where "A"..."Z" ~= result[index] {
                result[index] = Unicode.Scalar(UInt8(result[index].value) | 0x20)
            }
            return result
        }
        return result.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }
}

extension WordPieceConfiguration {
    /// Reads the file, or gives the defaults where there is none.
    package init(optionalFile path: String) throws(TokenizerError) {
        self.init()
        guard FileManager.default.fileExists(atPath: path) else { return }
        let file: File
        do {
            let mapped = try MappedFile(path)
            guard mapped.count <= 1 << 20 else {
                throw TokenizerError("\(path) has \(mapped.count) bytes; a tokenizer configuration has at most 1 MiB.")
            }
            file = try JSONDecoder().decode(File.self, from: mapped.withBytes { Data($0) })
        } catch let error as TokenizerError {
            throw error
        } catch let error as FileError {
            throw TokenizerError(error.description)
        } catch {
            throw TokenizerError(
                "\(path) is not a tokenizer configuration; expected a JSON object whose do_lower_case, strip_accents and "
                    + "tokenize_chinese_chars are true, false or null and whose tokens are strings."
            )
        }
        if let name = file.tokenizerClass, !["BertTokenizer", "BertTokenizerFast"].contains(name) {
            throw TokenizerError("\(path) is for tokenizer_class \(name); expected BertTokenizer.")
        }
        lowercases = file.doLowerCase ?? lowercases
        stripsAccents = file.stripAccents
        separatesIdeographs = file.tokenizeChineseChars ?? separatesIdeographs
        unknownToken = file.unkToken?.content ?? unknownToken
        separatorToken = file.sepToken?.content ?? separatorToken
        paddingToken = file.padToken?.content ?? paddingToken
        classificationToken = file.clsToken?.content ?? classificationToken
        maskToken = file.maskToken?.content ?? maskToken
    }

    /// The bytes of `tokenizer_config.json`.
    package func fileContents() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let file = File(
            tokenizerClass: "BertTokenizer",
            doLowerCase: lowercases,
            stripAccents: stripsAccents,
            tokenizeChineseChars: separatesIdeographs,
            unkToken: Token(content: unknownToken),
            sepToken: Token(content: separatorToken),
            padToken: Token(content: paddingToken),
            clsToken: Token(content: classificationToken),
            maskToken: Token(content: maskToken)
        )
        return try encoder.encode(file) + Data("\n".utf8)
    }

    /// The file as the reference writes it.
    private struct File: Codable {
        var tokenizerClass: String?
        var doLowerCase: Bool?
        var stripAccents: Bool?
        var tokenizeChineseChars: Bool?
        var unkToken: Token?
        var sepToken: Token?
        var padToken: Token?
        var clsToken: Token?
        var maskToken: Token?

        enum CodingKeys: String, CodingKey {
            case tokenizerClass = "tokenizer_class"
            case doLowerCase = "do_lower_case"
            case stripAccents = "strip_accents"
            case tokenizeChineseChars = "tokenize_chinese_chars"
            case unkToken = "unk_token"
            case sepToken = "sep_token"
            case padToken = "pad_token"
            case clsToken = "cls_token"
            case maskToken = "mask_token"
        }
    }

    /// A token, which older files write as a string and newer ones as an object with `content`.
    private struct Token: Codable {
        let content: String

        init(content: String) {
            self.content = content
        }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                content = text
            } else {
                content = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .content)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(content)
        }

        enum CodingKeys: CodingKey { case content }
    }
}
