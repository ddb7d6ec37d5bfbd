import Foundation
import LienzoFiles
import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("XLM-RoBERTa's tokenizer")
struct XLMRobertaTokenizerTests {
    private struct Cases: Decodable {
        let texts: [String]
        let ids: [[Int32]]
        let counts: [Int]
        let rows: Int
    }

    private let cases: Cases
    private let tokenizer: XLMRobertaTokenizer

    init() throws {
        cases = try Fixtures.decoded(Cases.self, from: "xlm-roberta/expected.json")
        tokenizer = try XLMRobertaTokenizer(directory: Fixtures.url("xlm-roberta").path)
    }

    @Test("Texts become the ids that transformers gives", .tags(.parity))
    func ids() {
        #expect(cases.texts.count >= 20 && tokenizer.count == cases.rows)
        for (index, text) in cases.texts.enumerated() {
            let found = tokenizer.encode(text, length: 40)
            #expect(found.ids == cases.ids[index], "\(text.debugDescription)")
            #expect(found.count == cases.counts[index])
            #expect(found.truncated == (index == cases.texts.count - 1))
        }
    }

    @Test("A special token is found whatever follows it")
    func specialTokens() {
        #expect(tokenizer.encode("<mask>\u{301}", length: 8).ids[1] == Int32(cases.rows - 1))
        #expect(tokenizer.inspect("a <mask>").tokens.map(\.text) == ["<s>", "▁a", "<mask>", "</s>"])
    }

    @Test("A model changed at random is refused in a sentence or splits texts")
    func damaged() throws {
        let original = Array(try Data(contentsOf: Fixtures.url("xlm-roberta/\(XLMRobertaTokenizer.fileName)")))
        // The table of characters is most of the file; changes before and behind it are likelier to be felt.
        let places = Array(0..<2000) + Array(original.count - 200..<original.count)
        var random = SeededGenerator(seed: 11)
        try withTemporaryFolder { path in
            let file = "\(path)/\(XLMRobertaTokenizer.fileName)"
            for _ in 0..<Fuzz.inputs(60) {
                var bytes = original
                for _ in 0..<4 {
                    bytes[places.randomElement(using: &random) ?? 0] = UInt8.random(in: 0 ... .max, using: &random)
                }
                try AtomicFile.write(Fuzz.changed(bytes, &random), to: file)
                guard let tokenizer = try? XLMRobertaTokenizer(directory: path) else { continue }
                for text in cases.texts { #expect(tokenizer.encode(text, length: 40).ids.count == 40) }
            }
        }
    }

    @Test("A folder without a model, or with another file in its place, is told in a sentence")
    func refused() throws {
        try withTemporaryFolder { path in
            #expect(throws: TokenizerError.self) { try XLMRobertaTokenizer(directory: path) }
            try AtomicFile.write("no model".utf8, to: "\(path)/\(XLMRobertaTokenizer.fileName)")
            #expect(throws: TokenizerError.self) { try XLMRobertaTokenizer(directory: path) }
        }
    }
}
