import Testing

@testable import LienzoCheckpoints

@Suite("A safetensors header is believed only where it is right")
struct SafetensorsHeaderTests {
    @Test("A right header is read, with spaces behind it, escapes in names and tensors in any order")
    func right() throws {
        let json = #"""
            {"b\u0041\ud83d\ude00\n":{"shape":[2, 2],"data_offsets":[1,17],"dtype":"F32"} ,
             "a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}, "__metadata__":{"k":"v","":"\/"},
             "none":{"dtype":"F64","shape":[0,9],"data_offsets":[17,17]}}   
            """#
        let header = try parse(json, body: 17)
        #expect(header.metadata == ["k": "v", "": "/"])
        #expect(header.entries.map(\.name) == ["a", "bA😀\n", "none"])
        #expect(header.entries[1].shape == [2, 2] && header.entries[1].type == .float32)
        #expect(header.entries[1].bytes.count == 16)
        #expect(try parse("{}", body: 0).entries.isEmpty)
    }

    @Test("Every type of the format has its size", arguments: StoredType.allCases)
    func types(type: StoredType) throws {
        let body = type.bitCount
        let json = #"{"a":{"dtype":"\#(type.rawValue)","shape":[2,4],"data_offsets":[0,\#(body)]}}"#
        #expect(try parse(json, body: body).entries[0].bytes.count == body)
    }

    @Test(
        "A header that breaks the format is refused, and the sentence says how",
        arguments: [
            (" {}", 0, "begins with '{'"),
            ("[]", 0, "begins with '{'"),
            ("", 0, "begins with '{'"),
            ("{", 0, "its end at byte 1"),
            ("{}x", 0, "nothing but spaces after"),
            ("{}{}", 0, "nothing but spaces after"),
            ("{}\0", 0, "nothing but spaces after"),
            ("{,}", 0, "expected '\"'"),
            ("{\"a\"}", 0, "expected ':'"),
            ("{\"a\":1}", 0, "expected '{'"),
            ("{\"a\":null}", 0, "expected '{'"),
            ("{\"a\":{}}", 0, "lacks one of"),
            (entry("\"dtype\":\"F32\",\"shape\":[1]"), 4, "lacks one of"),
            (entry("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "lacks one of"),
            (entry("\"shape\":[1],\"data_offsets\":[0,4]"), 4, "lacks one of"),
            (entry("\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "unknown type \"F31\""),
            (entry("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "unknown type"),
            (entry("\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]"), 4, "expected '\"'"),
            (entry("\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]"), 4, "expected '['"),
            (entry("\"dtype\":\"F32\",\"shape\":[1,],\"data_offsets\":[0,4]"), 4, "whole number"),
            (entry("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]"), 4, "whole number"),
            (entry("\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]"), 4, "expected ']'"),
            (entry("\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]"), 4, "expected ']'"),
            (entry("\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]"), 4, "whole number"),
            (entry("\"dtype\":\"F32\",\"shape\":[[1]],\"data_offsets\":[0,4]"), 4, "whole number"),
            (entry("\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]"), 4, "whole number"),
            (entry("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]"), 4, "can count"),
            (entry("\"dtype\":\"U8\",\"shape\":[9223372036854775807,2,0],\"data_offsets\":[0,0]"), 0, "can count"),
            (entry("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]"), 1, "whole number of bytes"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 4, "lacks one of"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]"), 4, "more than 2 numbers"),
            (entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]"), 4, "needs 8 bytes"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]"), 4, "leaves a hole"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]"), 8, "leaves a hole"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"), 3, "only 3 follow"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"), 5, "1 bytes follow the last tensor"),
            ("{}", 1, "1 bytes follow the last tensor"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1"), 4, "the key \"x\""),
            (entry("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "\"dtype\" twice"),
            (entry("\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]"), 4, "\"shape\" twice"),
            (
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\(unitEntry("\\u0061"))}", 2,
                "\"a\" twice"
            ),
            ("{\(unitEntry("a")),\(unitEntry("b"))}", 1, "overlaps"),
            ("{\"__metadata__\":{\"a\":1}}", 0, "expected '\"'"),
            ("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "__metadata__ names \"a\" twice"),
            ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "\"__metadata__\" twice"),
            ("{\"__metadata__\":[]}", 0, "expected '{'"),
            ("{\"a\u{1}\":{}}", 0, "control character"),
            ("{\"a", 0, "the end of a string"),
            ("{\"\\x\":{}}", 0, "after a backslash"),
            ("{\"\\u12G4\":{}}", 0, "hexadecimal"),
            ("{\"\\ud800\":{}}", 0, "surrogate"),
            ("{\"\\ud800\\u0041\":{}}", 0, "surrogate"),
            ("{\"\\udc00\":{}}", 0, "surrogate"),
            (String(repeating: "{\"a\":", count: 10_000), 0, "has the key \"a\""),
        ] as [(String, Int, String)]
    )
    func refused(json: String, body: Int, sentence: String) throws {
        let error = #expect(throws: CheckpointError.self) { try parse(json, body: body) }
        let description = try #require(error).description
        #expect(description.hasPrefix("x.safetensors: ") && description.hasSuffix("."))
        #expect(description.contains(sentence), "\(description)")
    }

    @Test("A length that is missing, too large or beyond the file is refused")
    func lengths() {
        func refused(_ bytes: [UInt8], _ sentence: String) {
            let error = #expect(throws: CheckpointError.self) { try parse(bytes) }
            #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        }
        refused([], "begins with 8 bytes, but this one has 0")
        refused([1, 0, 0, 0, 0, 0, 0], "begins with 8 bytes, but this one has 7")
        refused([UInt8](repeating: 0xFF, count: 16), "at most 100000000")
        refused([0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B], "claims 100000001 bytes")
        refused([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "ends after 2 of them")
        refused([0, 0, 0, 0, 0, 0, 0, 0], "begins with '{'")
        refused([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0xFF, 0x7D], "not UTF-8")
    }

    @Test("More tensors or dimensions than any model has are refused")
    func counts() {
        let dimensions = Array(repeating: "1", count: SafetensorsHeader.rankLimit + 1).joined(separator: ",")
        #expect(throws: CheckpointError.self) {
            try parse(entry("\"dtype\":\"U8\",\"shape\":[\(dimensions)],\"data_offsets\":[0,1]"), body: 1)
        }
        let entries = (0...SafetensorsHeader.tensorLimit).map {
            "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
        }
        #expect(throws: CheckpointError.self) { try parse("{\(entries.joined(separator: ","))}", body: 0) }
        #expect(throws: Never.self) { try parse("{\(entries.dropLast().joined(separator: ","))}", body: 0) }
    }

    @Test("Twenty thousand damaged headers are read or refused, and none leads outside its file")
    func damaged() throws {
        let original = try Fixtures.bytes("types.safetensors")
        var random = SplitMix64(seed: 1)
        var refusals: Set<String> = []
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = original.mutated(using: &random)
            do {
                for entry in try parse(bytes).entries {
                    try #require(entry.bytes.lowerBound >= 8 && entry.bytes.upperBound <= bytes.count)
                }
                accepted += 1
            } catch let error as CheckpointError {
                refusals.insert(String(error.description.prefix(40)))
            }
        }
        // Damage to the elements alone goes unseen; damage to the header shows in many ways.
        #expect(accepted > 100 && refusals.count > 10)
    }
}

private func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    try bytes.withUnsafeBytes { try SafetensorsHeader(file: $0, path: "x.safetensors") }
}

private func parse(_ json: String, body: Int) throws -> SafetensorsHeader {
    let length = withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian, Array.init)
    return try parse(length + Array(json.utf8) + [UInt8](repeating: 0, count: body))
}

private func entry(_ members: String) -> String {
    "{\"a\":{\(members)}}"
}

private func unitEntry(_ name: String) -> String {
    "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
}
