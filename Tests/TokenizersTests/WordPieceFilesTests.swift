import Foundation
import LienzoFiles
import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("Tokenizers are read from their files and written to them")
struct WordPieceFilesTests {
    @Test("Without its unused entries the vocabulary gives the same pieces under new ids")
    func removingUnused() throws {
        let full = try Fixtures.vocabulary()
        let (small, keptRows) = full.removingUnused()
        #expect(full.pieces.count - small.pieces.count == 9)
        #expect(small.pieces == keptRows.map { full.pieces[$0] })
        #expect(!small.pieces.contains { $0.hasPrefix("[unused") })
        let text = "[CLS] a red apple's façade, [unused1] 北京 😀"
        let old = try WordPieceTokenizer(vocabulary: full).pieces(of: text)
        let new = try WordPieceTokenizer(vocabulary: small).pieces(of: text)
        #expect(new.map { keptRows[Int($0)] } == old.map(Int.init))
    }

    @Test("A written tokenizer reads back the same")
    func roundTrip() throws {
        try withTemporaryFolder { folder in
            var configuration = WordPieceConfiguration()
            configuration.stripsAccents = false
            let (vocabulary, _) = try Fixtures.vocabulary().removingUnused()
            try WordPieceTokenizer(vocabulary: vocabulary, configuration: configuration).write(toDirectory: folder)
            let read = try WordPieceTokenizer(directory: folder)
            #expect(read.vocabulary.pieces == vocabulary.pieces)
            #expect(read.configuration == configuration)
        }
    }

    @Test("Special tokens may be written as objects, and lines may end as on Windows")
    func variants() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write("<pad>\r\n<unk>\r\n<s>\r\n</s>\r\na\r\n##b\r\n".utf8, to: folder + "/vocab.txt")
            let configuration = """
                {"tokenizer_class": "BertTokenizerFast", "unk_token": {"content": "<unk>", "lstrip": false},
                 "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "model_max_length": 512}
                """
            try AtomicFile.write(configuration.utf8, to: folder + "/tokenizer_config.json")
            let tokenizer = try WordPieceTokenizer(directory: folder)
            #expect(tokenizer.encode("Ab </s>c", length: 8).ids == [2, 4, 5, 3, 1, 3, 0, 0])
        }
    }

    @Test(
        "A folder that is no tokenizer is refused with one sentence",
        arguments: [
            (nil, nil, "vocab.txt could not be read: there is no such file or folder."),
            ("", nil, "vocab.txt is empty; expected a vocabulary with one piece a line."),
            ("a\nb\n", nil, "vocab.txt: The vocabulary of 2 pieces lacks the token [CLS]."),
            ("\u{0}ÿ", nil, "lacks the token [CLS]."),
            ("[CLS]\n", "{", "tokenizer_config.json is not a tokenizer configuration"),
            ("[CLS]\n", #"{"do_lower_case": 7}"#, "tokenizer_config.json is not a tokenizer configuration"),
            ("[CLS]\n", #"{"tokenizer_class": "T5Tokenizer"}"#, "is for tokenizer_class T5Tokenizer; expected Bert"),
        ] as [(String?, String?, String)]
    )
    func refused(vocabulary: String?, configuration: String?, sentence: String) throws {
        try withTemporaryFolder { folder in
            if let vocabulary { try AtomicFile.write(vocabulary.utf8, to: folder + "/vocab.txt") }
            if let configuration { try AtomicFile.write(configuration.utf8, to: folder + "/tokenizer_config.json") }
            let error = #expect(throws: TokenizerError.self) { try WordPieceTokenizer(directory: folder) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test("Bytes that are not UTF-8 are refused")
    func notUTF8() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([0xFF, 0xFE, 0x0A], to: folder + "/vocab.txt")
            let error = #expect(throws: TokenizerError.self) { try WordPieceTokenizer(directory: folder) }
            #expect(error?.description.contains("vocab.txt is not UTF-8 text; expected a vocabulary") == true)
        }
    }
}
