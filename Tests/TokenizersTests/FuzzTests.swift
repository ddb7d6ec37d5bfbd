import Foundation
import LienzoTokenizers
import TestSupport
import Testing

/// Texts that were changed at random, byte by byte, are tokens of the right number.
///
/// `LIENZO_FUZZ_INPUTS` says how many; a few thousand where it is not set.
@Suite struct FuzzTests {
    @Test func `no text is a trap`() throws {
        let tokenizer = try CLIPFixtures.tokenizer(#require(CLIPFixtures.configurations.values.first))
        let wordPiece = try WordPieceTokenizer(vocabulary: Fixtures.vocabulary())
        let seeds = try CLIPFixtures.texts().texts.filter { $0.utf8.count < 400 }.map { Array($0.utf8) }
        var random = SeededGenerator(seed: 20_261_127)
        for _ in 0..<Fuzz.inputs(3000) {
            let bytes = Fuzz.changed(seeds.randomElement(using: &random) ?? [], &random)
            // Strings hold no byte that is not UTF-8, as nothing that reaches a tokenizer does.
            let text = String(decoding: bytes, as: UTF8.self)
            for tokens in [tokenizer.encode(text, length: 77), wordPiece.encode(text, length: 32)] {
                #expect(tokens.ids.count == tokens.mask.count && tokens.ids.count >= 32)
            }
        }
    }
}
