import Foundation
import TestSupport
import Testing

@testable import LienzoTokenizers

/// The files that `Tools/reference/tokenizers_clip.py` wrote, and the vocabulary that they were written with.
enum CLIPFixtures {
    private static let loaded = Result { () throws(TokenizerError) in try CLIPVocabulary(mergesFile: Clone.clipMerges) }

    /// The vocabulary of all published models, read once.
    static func vocabulary() throws -> CLIPVocabulary {
        let isThere = FileManager.default.fileExists(atPath: Clone.clipMerges)
        try #require(isThere, "\(Clone.clipMerges) is missing; run Scripts/setup, which fetches it.")
        return try loaded.get()
    }

    static func tokenizer(_ configuration: CLIPTokenizerConfiguration) throws -> CLIPTokenizer {
        try CLIPTokenizer(vocabulary: vocabulary(), configuration: configuration)
    }

    /// The configurations by the names of the fixture.
    static let configurations: [String: CLIPTokenizerConfiguration] = [
        "open_clip": .openCLIP, "openai": .openAI, "transformers": .huggingFace,
        "stable-diffusion-2": .stableDiffusion2,
    ]

    /// The committed texts.
    static func texts() throws -> CLIPTexts { try Fixtures.decoded(CLIPTexts.self, from: "clip/texts.json") }

    /// The merges as lines, the line of the version first.
    static func mergeLines() throws -> [String] {
        _ = try vocabulary()
        let text = try String(contentsOfFile: Clone.clipMerges, encoding: .utf8)
        let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map { String(Substring($0)) }
        return ["#version: 0.2"] + lines[1...CLIPVocabulary.originalMergeCount]
    }

    /// The bytes of a `vocab.json`.
    static func vocabularyJSON() throws -> Data {
        let pieces = try vocabulary().pieces.enumerated().map { ($1, $0) }
        return try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: pieces))
    }
}

/// Hard texts with what the references make of them.
struct CLIPTexts: Decodable {
    let texts: [String]
    /// The cleaned texts of the two ways of cleaning.
    let cleaned: [String: [String]]
    /// Ids without start and end; `nil` where they are those of the other configuration with the same cleaning.
    private let ids: [String: [[Int32]?]]
    let padded: Padded

    struct Padded: Decodable {
        let texts: [String]
        let ids: [String: [[Int32]]]
    }

    func ids(_ name: String) throws -> [[Int32]] {
        let same = name == "openai" ? "open_clip" : "transformers"
        return try zip(#require(ids[name]), #require(ids[same])).map { try #require($0 ?? $1) }
    }
}

/// What transformers reads from folders in the Hugging Face layout: rows of 77 ids.
struct CLIPFolders: Decodable {
    let texts: [String]
    let folders: [Folder]

    struct Folder: Decodable {
        /// Small files by name; `tokenizer.json` has only its added tokens.
        let files: [String: String]
        let ids: [[Int32]]
    }
}

/// How the references see each Unicode scalar; ranges include both ends.
struct CLIPCharacterClasses: Decodable {
    let regex, oniguruma, python: [String: [[UInt32]]]
    let pythonLowered, rustLowered: [String: String]
}

/// Scalars in ranges, as the fixtures have them.
func ranges(_ scalars: some Sequence<Unicode.Scalar>) -> [[UInt32]] {
    var result: [[UInt32]] = []
    for scalar in scalars {
        if let last = result.last, last[1] + 1 == scalar.value {
            result[result.count - 1][1] = scalar.value
        } else {
            result.append([scalar.value, scalar.value])
        }
    }
    return result
}
