import Foundation
import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("CLIP tokens equal the reference's")
struct CLIPTokenizerTests {
    /// A bigger set of texts that `Tools/reference/tokenizers_clip.py` wrote, if one is to be compared.
    private static let namedTexts = ProcessInfo.processInfo.environment["LIENZO_CLIP_TEXTS"]

    @Test(
        "Every text of the fixture gives the same ids and the same cleaned text",
        .tags(.parity),
        arguments: CLIPFixtures.configurations.keys.sorted()
    )
    func sameIDs(name: String) throws {
        let cases = try CLIPFixtures.texts()
        #expect(cases.texts.count >= 400)
        try compare(cases, name)
    }

    @Test(
        "So does every text of the set that LIENZO_CLIP_TEXTS names",
        .tags(.parity, .slow),
        .enabled(if: namedTexts != nil, "LIENZO_CLIP_TEXTS names no file"),
        arguments: CLIPFixtures.configurations.keys.sorted()
    )
    func sameIDsInNamedTexts(name: String) throws {
        let path = try #require(Self.namedTexts)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        try compare(JSONDecoder().decode(CLIPTexts.self, from: data), name)
    }

    private func compare(_ cases: CLIPTexts, _ name: String) throws {
        let tokenizer = try CLIPFixtures.tokenizer(#require(CLIPFixtures.configurations[name]))
        let cleaned = cases.cleaned[name]
        for (index, (text, ids)) in try zip(cases.texts, cases.ids(name)).enumerated() {
            #expect(tokenizer.pieces(of: text).map(\.id) == ids, "\(index): \(text.prefix(200).debugDescription)")
            if let cleaned {
                // Strings are equal where they only look alike, so bytes are compared.
                let isSame = tokenizer.cleaned(text).utf8.elementsEqual(cleaned[index].utf8)
                #expect(isSame, "\(index): \(text.prefix(200).debugDescription)")
            }
        }
    }

    @Test("The other way of cleaning is noticed", .tags(.parity))
    func negativeControl() throws {
        let cases = try CLIPFixtures.texts()
        let tokenizer = try CLIPFixtures.tokenizer(.huggingFace)
        let different = try zip(cases.texts, cases.ids("open_clip")).filter { tokenizer.pieces(of: $0).map(\.id) != $1 }
        #expect(different.count > 100)
    }

    @Test(
        "A text is framed, padded as its family pads, and cut before the end token as in the reference",
        .tags(.parity),
        arguments: [
            ("openai", CLIPTokenizerConfiguration.openAI), ("openai", .openCLIP), ("huggingface", .huggingFace),
            ("stable-diffusion-2", .stableDiffusion2),
        ]
    )
    func frame(name: String, configuration: CLIPTokenizerConfiguration) throws {
        let padded = try CLIPFixtures.texts().padded
        let tokenizer = try CLIPFixtures.tokenizer(configuration)
        for (text, ids) in try zip(padded.texts, #require(padded.ids[name])) {
            let encoded = tokenizer.encode(text)
            #expect(encoded.ids == ids)
            #expect(encoded.ids.firstIndex(of: 49_407) == encoded.count - 1)
            #expect(encoded.truncated == (text.count > 100))
        }
    }

    @Test("The length is the caller's, and a text that just fits is not cut")
    func lengths() throws {
        let tokenizer = try CLIPFixtures.tokenizer(.openCLIP)
        let exact = tokenizer.encode("a photo of a cat", length: 7)
        #expect(exact.ids == [49_406, 320, 1125, 539, 320, 2368, 49_407] && exact.count == 7 && !exact.truncated)
        let cut = tokenizer.encode("a photo of a cat", length: 6)
        #expect(cut.ids == [49_406, 320, 1125, 539, 320, 49_407] && cut.count == 6 && cut.truncated)
        let long = tokenizer.encode("a photo of a cat", length: 9)
        #expect(long.ids == exact.ids + [0, 0] && long.mask == Array(repeating: true, count: 7) + [false, false])
        #expect(tokenizer.encode("", length: 2).ids == [49_406, 49_407])
        #expect(tokenizer.encode("cat", length: 2).truncated)
    }

    @Test("Pieces lie side by side in the cleaned text and name where it is cut", arguments: [false, true])
    func pieces(composes: Bool) throws {
        let tokenizer = try CLIPFixtures.tokenizer(composes ? .huggingFace : .openCLIP)
        let text = "An  Astronaut’s caf\u{E9} 🐴! <|endoftext|>"
        let cleaned = tokenizer.cleaned(text)
        let quote = composes ? "’" : "'"
        #expect(cleaned == "an astronaut\(quote)s café 🐴! <|endoftext|>")
        let pieces = tokenizer.pieces(of: text)
        let bytes = Array(cleaned.utf8)
        for (piece, next) in zip(pieces, pieces.dropFirst()) {
            let between = bytes[piece.range.upperBound..<next.range.lowerBound]
            #expect(between.allSatisfy { $0 == UInt8(ascii: " ") })
        }
        let second = try #require(pieces.dropFirst().first)
        #expect(second.text == "astronaut</w>" && second.id == 18_376)
        #expect(String(decoding: bytes[second.range], as: UTF8.self) == "astronaut")
        #expect(pieces.last?.range.upperBound == bytes.count)
        #expect(tokenizer.pieces(of: text, limit: 3) == Array(pieces.prefix(3)))
    }

    @Test("Special tokens in a text are those tokens, as each reference writes them")
    func specialTokens() throws {
        let text = "x<|startoftext|> <start_of_text> <|EndOfText|>"
        func count(_ id: Int32, _ configuration: CLIPTokenizerConfiguration) throws -> Int {
            try CLIPFixtures.tokenizer(configuration).pieces(of: text).count { $0.id == id }
        }
        #expect(try count(49_406, .openAI) == 1 && count(49_407, .openAI) == 1)
        #expect(try count(49_406, .openCLIP) == 1 && count(49_407, .openCLIP) == 0)
        #expect(try count(49_406, .huggingFace) == 1 && count(49_407, .huggingFace) == 0)
    }

    @Test("A hundred thousand characters take time in proportion, whatever they are", .tags(.slow))
    func longTexts() throws {
        let texts = ["a", "中", "\u{323}\u{301}", "Ã©", "Σ'", "&lt;"].map {
            String(repeating: $0, count: 100_000 / $0.unicodeScalars.count)
        }
        for configuration in [CLIPTokenizerConfiguration.openCLIP, .huggingFace] {
            let tokenizer = try CLIPFixtures.tokenizer(configuration)
            for text in texts {
                let start = ContinuousClock.now
                let encoded = tokenizer.encode(text)
                #expect(encoded.ids.count == 77 && encoded.truncated)
                #expect(ContinuousClock.now - start < .seconds(30), "\(text.prefix(20).debugDescription)")
            }
        }
    }

    @Test("No bytes whatever end a program")
    func anyBytes() throws {
        var generator = Generator(state: 1)
        let tokenizers = try [CLIPFixtures.tokenizer(.openCLIP), CLIPFixtures.tokenizer(.huggingFace)]
        for round in 0..<500 {
            // Half of them from few values, so that sequences meet.
            let few: [UInt8] = [0x26, 0x23, 0x3B, 0xC3, 0x83, 0xA2, 0xE2, 0xED, 0x20, 0x1A]
            let values = round.isMultiple(of: 2) ? Array(0...255) : few
            let count = Int.random(in: 0...60, using: &generator)
            let bytes = (0..<count).map { _ in values.randomElement(using: &generator) ?? 0 }
            let asLatin = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
            for text in [String(decoding: bytes, as: UTF8.self), asLatin] {
                for tokenizer in tokenizers {
                    let encoded = tokenizer.encode(text)
                    let isFramed = encoded.ids.count == 77 && encoded.ids[encoded.count - 1] == 49_407
                    #expect(isFramed, "\(bytes)")
                }
            }
        }
    }

    /// The same numbers in every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}
