import Foundation
import Testing

@testable import LienzoTokenizers

/// The files that `Tools/reference/tokenizers_wordpiece.py` wrote.
enum Fixtures {
    static func url(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil)).appendingPathComponent(name)
    }

    static func decoded<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: url(name)))
    }

    static func vocabulary() throws -> WordPieceVocabulary {
        try WordPieceVocabulary(contentsOf: url("reduced/vocab.txt").path)
    }
}

/// Hostile and plain texts with the ids of their pieces, at most 200, for each way of cleaning text.
struct TextCases: Decodable {
    let texts: [String]
    let ids: [String: [[Int32]]]
}

/// How the reference sees each Unicode scalar; ranges include both ends.
struct CharacterClasses: Decodable {
    let removed, whitespace, ideographs, marks, punctuation: [[UInt32]]
    let lowered: [String: String]
}
