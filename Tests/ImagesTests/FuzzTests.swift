import Foundation
import TestSupport
import Testing

@testable import LienzoImages

/// The parts of picture files that are read here and not by libvips, changed at random.
///
/// `LIENZO_FUZZ_INPUTS` says how many; a few thousand where it is not set.
@Suite struct FuzzTests {
    @Test func `no changed PNG is a trap where its size, format and text are read`() throws {
        let picture = try Image(width: 3, height: 2, filledWith: .white)
        let whole = try picture.png(text: ["prompt": "a red apple", "titulo": "una manzana roja, señor"])
        #expect(PNGChunks.text(of: whole)["prompt"] == "a red apple")
        var random = SeededGenerator(seed: 20_261_127)
        let before = try Fuzz.residentBytes()
        var changed = 0
        let count = Fuzz.inputs(5000)
        for _ in 0..<count {
            let bytes = Fuzz.changed(whole, &random)
            _ = bytes.withUnsafeBytes { PictureFormat(firstBytesOf: $0) }
            _ = PNGChunks.size(of: bytes)
            if PNGChunks.text(of: bytes)["prompt"] != "a red apple" { changed += 1 }
        }
        #expect(changed > 0 && changed < count)
        #expect(try Fuzz.residentBytes() - before < 256 << 20)
    }
}
