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

    @Test("A folder without a model, or with another file in its place, is told in a sentence")
    func refused() throws {
        try withTemporaryFolder { path in
            #expect(throws: TokenizerError.self) { try XLMRobertaTokenizer(directory: path) }
            try AtomicFile.write("no model".utf8, to: "\(path)/\(XLMRobertaTokenizer.fileName)")
            #expect(throws: TokenizerError.self) { try XLMRobertaTokenizer(directory: path) }
        }
    }
}
