import Foundation
import LienzoFiles
import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("CLIP tokenizers are read from their files")
struct CLIPFilesTests {
    @Test("The original list of merges makes the published vocabulary")
    func originalMerges() throws {
        let vocabulary = try CLIPFixtures.vocabulary()
        #expect(vocabulary.pieces.count == 49_408)
        #expect(vocabulary.id(of: "!") == 0 && vocabulary.id(of: "!</w>") == 256)
        #expect(vocabulary.id(of: "cat</w>") == 2368 && vocabulary.id(of: "no such piece") == nil)
        #expect(vocabulary.id(of: CLIPVocabulary.startToken) == 49_406)
        #expect(vocabulary.id(of: CLIPVocabulary.endToken) == 49_407)
    }

    @Test("Folders in the Hugging Face layout give the ids that transformers gives", .tags(.parity), arguments: 0..<9)
    func folders(index: Int) throws {
        let cases = try Fixtures.decoded(CLIPFolders.self, from: "clip/folders.json")
        #expect(cases.folders.count == 9)
        let folder = cases.folders[index]
        try withTemporaryFolder { path in
            for (name, content) in folder.files where name != "tokenizer.json" {
                try AtomicFile.write(content.utf8, to: "\(path)/\(name)")
            }
            if let addedTokens = folder.files["tokenizer.json"] {
                let vocabulary = try String(decoding: CLIPFixtures.vocabularyJSON(), as: UTF8.self)
                let merges = try JSONEncoder().encode(
                    CLIPFixtures.mergeLines().dropFirst().enumerated().map { position, line in
                        // Both ways of writing a merge.
                        position.isMultiple(of: 2)
                            ? Merge.line(line) : .pair(line.split(separator: " ").map(String.init))
                    }
                )
                let file = """
                    {"added_tokens": \(addedTokens), "model": {"type": "BPE", "end_of_word_suffix": "</w>",
                     "vocab": \(vocabulary), "merges": \(String(decoding: merges, as: UTF8.self))}}
                    """
                try AtomicFile.write(file.utf8, to: "\(path)/tokenizer.json")
            } else {
                try AtomicFile.write(CLIPFixtures.vocabularyJSON(), to: "\(path)/vocab.json")
                let merges = try CLIPFixtures.mergeLines().joined(separator: "\n") + "\n"
                try AtomicFile.write(merges.utf8, to: "\(path)/merges.txt")
            }
            let tokenizer = try CLIPTokenizer(directory: path)
            for (text, ids) in zip(cases.texts, folder.ids) {
                #expect(tokenizer.encode(text).ids == ids, "\(text.debugDescription)")
            }
        }
    }

    private enum Merge: Encodable {
        case line(String), pair([String])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .line(let line): try container.encode(line)
            case .pair(let parts): try container.encode(parts)
            }
        }
    }

    @Test("A folder's vocabulary serves the cleaning of open_clip, too")
    func otherCleaning() throws {
        let vocabulary = try CLIPVocabulary(
            pieces: ["a</w>", CLIPVocabulary.startToken, CLIPVocabulary.endToken],
            merges: []
        )
        let tokenizer = try CLIPTokenizer(vocabulary: vocabulary, configuration: .openCLIP)
        #expect(tokenizer.encode("A &#65; <end_of_text>", length: 6).ids == [1, 0, 0, 2, 2, 0])
    }

    @Test("A byte without a piece is the unknown token")
    func unknown() throws {
        let vocabulary = try CLIPVocabulary(
            pieces: ["a", "b</w>", "ab</w>", CLIPVocabulary.startToken, CLIPVocabulary.endToken, "?"],
            merges: [("a", "b</w>")]
        )
        var configuration = CLIPTokenizerConfiguration.huggingFace
        configuration.unknownToken = "?"
        let tokenizer = try CLIPTokenizer(vocabulary: vocabulary, configuration: configuration)
        #expect(tokenizer.encode("ab axb b", length: 8).ids == [3, 2, 0, 5, 1, 1, 4, 4])
    }

    @Test(
        "A list of merges that is none is refused with one sentence",
        arguments: [
            (nil, "merges.txt could not be read: there is no such file or folder."),
            (["v"], "merges.txt has 1 lines; expected one that says what it is and 48894 merges."),
            (["v", "a b c"], #"merges.txt: line 2 is "a b c"; expected a merge"#),
            (["v", ""], #"merges.txt: line 2 is ""; expected a merge"#),
            (["v", "a"], #"merges.txt: line 2 is "a"; expected a merge"#),
            (["v", "a  b"], #"merges.txt: line 2 is "a  b"; expected a merge"#),
            (["v", "a bc"], #"merges.txt: Merge 1 joins "a" and "bc"; expected bytes or what merges before"#),
            (["v", "a b", "a b"], #"merges.txt: Merge 2 makes "ab", as one before it does; expected each once."#),
        ] as [([String]?, String)]
    )
    func refusedMerges(start: [String]?, sentence: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/merges.txt"
            if let start {
                // Where there is more than the line of the version, as many lines as a list of merges has.
                let count = start.count > 1 ? CLIPVocabulary.originalMergeCount : 0
                let lines = start + Array(repeating: "c d", count: count)
                try AtomicFile.write(lines.joined(separator: "\n").utf8, to: path)
            }
            let error = #expect(throws: TokenizerError.self) { try CLIPVocabulary(mergesFile: path) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test("Bytes that are not UTF-8 and files that are too long are refused")
    func notText() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/merges.txt"
            try AtomicFile.write([0xFF, 0xFE, 0x0A], to: path)
            let error = #expect(throws: TokenizerError.self) { try CLIPVocabulary(mergesFile: path) }
            #expect(error?.description.contains("merges.txt is not UTF-8 text; expected merges, one a line.") == true)
            // A file of holes takes no room.
            #expect(truncate(path, CLIPVocabulary.byteLimit + 1) == 0)
            let second = #expect(throws: TokenizerError.self) { try CLIPVocabulary(mergesFile: path) }
            #expect(second?.description.contains("may have at most 67108864") == true)
        }
    }

    @Test(
        "A folder that is no CLIP tokenizer is refused with one sentence",
        arguments: [
            ([:], "vocab.json could not be read: there is no such file or folder."),
            (["vocab.json": "{}"], "merges.txt could not be read"),
            (
                ["vocab.json": "[]", "merges.txt": ""],
                "vocab.json cannot be read as JSON or lacks a part; expected a vocab"
            ),
            (["vocab.json": "{}", "merges.txt": ""], "vocab.json has 0 pieces; expected 1 to 1048576"),
            (
                ["vocab.json": #"{"a": 1}"#, "merges.txt": ""],
                #"the id 1 of "a" is another's too or beyond the 1 pieces"#
            ),
            (["vocab.json": #"{"a": -1}"#, "merges.txt": ""], #"the id -1 of "a" is another's too or beyond"#),
            (["vocab.json": #"{"a": 0, "b": 0}"#, "merges.txt": ""], "is another's too or beyond the 2 pieces"),
            (["vocab.json": #"{"a": 0.5}"#, "merges.txt": ""], "vocab.json cannot be read as JSON"),
            (["vocab.json": #"{"a": 99999999999999999999}"#, "merges.txt": ""], "vocab.json cannot be read as JSON"),
            (
                ["vocab.json": #"{"a": 0}"#, "merges.txt": "a b\n"],
                #"merges.txt: Merge 1 joins "a" and "b", but one of them"#
            ),
            (
                ["vocab.json": #"{"a": 0, "aa": 1}"#, "merges.txt": "a a\na a\n"],
                "Merge 2 joins \"a\" and \"a\", as one before"
            ),
            (
                ["vocab.json": #"{"a": 0}"#, "merges.txt": "", "tokenizer_config.json": #"{"bos_token": ""}"#],
                "A special token of the configuration is empty; expected at least one character."
            ),
            (["tokenizer.json": "{}"], "tokenizer.json cannot be read as JSON or lacks a part; expected a tokenizer"),
            (
                ["tokenizer.json": #"{"model": {"type": "WordPiece", "vocab": {"a": 0}, "merges": []}}"#],
                #"tokenizer.json has a model of type WordPiece whose words end in ""; expected CLIP's, BPE with </w>."#
            ),
            (
                ["tokenizer.json": #"{"model": {"end_of_word_suffix": "</w>", "vocab": {"a": 0}, "merges": [["a"]]}}"#],
                "tokenizer.json: merge 1 has 1 parts; expected two pieces."
            ),
            (
                [
                    "vocab.json": #"{"a": 0}"#, "merges.txt": "",
                    "tokenizer_config.json": #"{"tokenizer_class": "T5Tokenizer"}"#,
                ],
                "tokenizer_config.json is for tokenizer_class T5Tokenizer; expected CLIPTokenizer."
            ),
            (
                ["vocab.json": #"{"a": 0}"#, "merges.txt": "", "tokenizer_config.json": #"{"pad_token": 3}"#],
                "tokenizer_config.json cannot be read as JSON or lacks a part; expected a JSON object whose special tokens"
            ),
            (
                [
                    "vocab.json": #"{"a": 0}"#, "merges.txt": "",
                    "special_tokens_map.json": #"{"mask_token": {"content": "m", "lstrip": true}}"#,
                ],
                #"the token "m" has lstrip, rstrip or single_word; expected tokens of CLIP"#
            ),
        ] as [([String: String], String)]
    )
    func refusedFolders(files: [String: String], sentence: String) throws {
        try withTemporaryFolder { folder in
            for (name, content) in files { try AtomicFile.write(content.utf8, to: "\(folder)/\(name)") }
            let error = #expect(throws: TokenizerError.self) { try CLIPTokenizer(directory: folder) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test("A vocabulary without the tokens of a configuration is refused, and so is a piece that is listed twice")
    func refusedVocabularies() throws {
        let vocabulary = try CLIPVocabulary(pieces: ["a"], merges: [])
        let error = #expect(throws: TokenizerError.self) {
            try CLIPTokenizer(vocabulary: vocabulary, configuration: .openCLIP)
        }
        #expect(error?.description == "The vocabulary of 1 pieces lacks the token <start_of_text>.")
        let second = #expect(throws: TokenizerError.self) { try CLIPVocabulary(pieces: ["a", "a"], merges: []) }
        #expect(second?.description == #"The piece "a" is listed twice; expected each once."#)
    }
}
