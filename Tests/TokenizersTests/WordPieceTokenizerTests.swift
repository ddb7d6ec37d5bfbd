import Foundation
import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("WordPiece tokens equal the reference's")
struct WordPieceTokenizerTests {
    @Test(
        "Every text of the fixture gives the same ids",
        .tags(.parity),
        arguments: ["uncased", "accented", "cased", "caseless-accents", "joined-ideographs"]
    )
    func sameIDs(variant: String) throws {
        var configuration = WordPieceConfiguration()
        switch variant {
        case "accented": configuration.stripsAccents = false
        case "cased": configuration.lowercases = false
        case "caseless-accents":
            configuration.lowercases = false
            configuration.stripsAccents = true
        case "joined-ideographs": configuration.separatesIdeographs = false
        default: break
        }
        let tokenizer = try WordPieceTokenizer(vocabulary: Fixtures.vocabulary(), configuration: configuration)
        let cases = try Fixtures.decoded(TextCases.self, from: "texts.json")
        let expected = try #require(cases.ids[variant])
        #expect(cases.texts.count > 450)
        for (text, ids) in zip(cases.texts, expected) {
            #expect(tokenizer.pieces(of: text, limit: 200) == ids, "\(text.prefix(200).debugDescription)")
        }
    }

    @Test("The wrong way of cleaning text is noticed", .tags(.parity))
    func negativeControl() throws {
        var configuration = WordPieceConfiguration()
        configuration.lowercases = false
        let tokenizer = try WordPieceTokenizer(vocabulary: Fixtures.vocabulary(), configuration: configuration)
        let cases = try Fixtures.decoded(TextCases.self, from: "texts.json")
        let expected = try #require(cases.ids["uncased"])
        let different = zip(cases.texts, expected).filter { tokenizer.pieces(of: $0, limit: 200) != $1 }
        #expect(different.count > 50)
    }

    @Test("A text is framed by its special tokens, padded, and its cut is reported")
    func frame() throws {
        let tokenizer = try WordPieceTokenizer(directory: Fixtures.url("reduced").path)
        let vocabulary = tokenizer.vocabulary
        let frame = try ["[CLS]", "[SEP]", "[PAD]"].map { try #require(vocabulary.id(of: $0)) }
        let words = tokenizer.pieces(of: "red cat")
        #expect(words.count == 2)

        let padded = tokenizer.encode("red cat", length: 6)
        #expect(padded.ids == [frame[0]] + words + [frame[1], frame[2], frame[2]])
        #expect(padded.count == 4)
        #expect(padded.mask == [true, true, true, true, false, false])
        #expect(!padded.truncated)

        let exact = tokenizer.encode("red cat", length: 4)
        #expect(exact.ids == [frame[0]] + words + [frame[1]] && !exact.truncated)

        let cut = tokenizer.encode("red cat", length: 3)
        #expect(cut.ids == [frame[0], words[0], frame[1]] && cut.truncated && cut.count == 3)

        let empty = tokenizer.encode("", length: 2)
        #expect(empty.ids == [frame[0], frame[1]] && !empty.truncated)
    }

    @Test("Ten thousand words and a million accents take time in proportion")
    func longTexts() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: Fixtures.vocabulary())
        let words = tokenizer.encode(Array(repeating: "word", count: 10_000).joined(separator: " "), length: 128)
        #expect(words.truncated && words.count == 128)
        let accents = tokenizer.encode("a" + String(repeating: "\u{301}", count: 1_000_000), length: 16)
        #expect(accents.count == 3)
    }
}

@Suite("Characters have the classes the reference gives them")
struct BertCharactersTests {
    @Test("Every Unicode scalar is removed, separates, stands alone, is a mark or is lower-cased alike", .tags(.parity))
    func everyScalar() throws {
        let classes = try Fixtures.decoded(CharacterClasses.self, from: "characters.json")
        let scalars = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init)
        func ranges(_ holds: (Unicode.Scalar) -> Bool) -> [[UInt32]] {
            var result: [[UInt32]] = []
            for scalar in scalars where holds(scalar) {
                if let last = result.last, last[1] + 1 == scalar.value {
                    result[result.count - 1][1] = scalar.value
                } else {
                    result.append([scalar.value, scalar.value])
                }
            }
            return result
        }
        #expect(ranges(BertCharacters.isRemoved) == classes.removed)
        #expect(ranges { !BertCharacters.isRemoved($0) && BertCharacters.isWhitespace($0) } == classes.whitespace)
        #expect(ranges(BertCharacters.isIdeograph) == classes.ideographs)
        #expect(ranges(BertCharacters.isNonspacingMark) == classes.marks)
        #expect(ranges(BertCharacters.isPunctuation) == classes.punctuation)
        var lowered: [String: String] = [:]
        for scalar in scalars where scalar.properties.lowercaseMapping != String(scalar) {
            lowered[String(scalar.value, radix: 16, uppercase: true)] = scalar.properties.lowercaseMapping
        }
        #expect(lowered == classes.lowered)
    }
}
