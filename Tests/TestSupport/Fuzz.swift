import Foundation

/// Random changes of good input, in ways that seeds repeat: what reads it must refuse it in a sentence, or it is
/// harmless.
public enum Fuzz {
    /// How many inputs a test tries: `LIENZO_FUZZ_INPUTS`, or a few where it is not set.
    public static func inputs(_ few: Int) -> Int {
        ProcessInfo.processInfo.environment["LIENZO_FUZZ_INPUTS"].flatMap(Int.init) ?? few
    }

    /// Pieces that formats treat specially.
    private static let tokens = [
        "..", "/", "../", "\\u0000", "\\ud800", "\0", "-1", "1e999", "99999999999999999999", "9223372036854775807", "[",
        "]", "{", "}", "\"", ",", ":", "null", "true", "\\", "\n", "\u{FEFF}", "ñ", "e\u{301}", "@", "?", "#",
        "http://",
        "%2e%2e", "\"rfilename\": \"b\"", String(repeating: "[", count: 600), String(repeating: "a", count: 300),
        "W/\"",
        "-", ".",
    ].map { Array($0.utf8) }

    /// Bytes after one to four changes.
    public static func changed(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let start = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, start + Int.random(in: 0...12, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where start < bytes.count: bytes[start] = UInt8.random(in: 0 ... .max, using: &random)
            case 1 where start < bytes.count: bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(start..<end)
            case 3: bytes.insert(contentsOf: bytes[start..<end], at: start)
            case 4: bytes.replaceSubrange(start..<end, with: tokens.randomElement(using: &random) ?? [])
            default: bytes.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: start)
            }
        }
        return bytes
    }

    /// The memory that this process has, in bytes.
    public static func residentBytes() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(pages[1]) ?? 0) * 4096
    }
}
