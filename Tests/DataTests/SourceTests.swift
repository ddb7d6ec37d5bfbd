import Foundation
import Testing

@testable import LienzoData

/// Big-endian bytes.
private func u16(_ values: Int...) -> [UInt8] { values.flatMap { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] } }
private func u32(_ values: Int...) -> [UInt8] {
    values.flatMap { v in (0..<4).map { UInt8(v >> (24 - 8 * $0) & 255) } }
}

/// A font of four glyphs: A and B have pictures of their own, glyph 3 is the ligature of A, a joiner and B.
private func tinyFont() -> [UInt8] {
    let cmap =
        u16(0, 1, 3, 10) + u32(12) + u16(12, 0) + u32(28 + 36 - 12, 0, 3) + u32(0x41, 0x42, 1) + u32(0x200D, 0x200D, 4)
        + u32(0xFE0F, 0xFE0F, 5)
    let coverage = u16(1, 1, 1)
    // One ligature of four components (A, joiner, selector, B) → glyph 3.
    let ligatureSet = u16(1, 4) + u16(3, 4) + u16(4, 5, 2)
    let subtable = u16(1, 8, 1, 8 + coverage.count) + coverage + ligatureSet
    let lookup = u16(4, 0, 1, 8) + subtable
    let gsub = u32(0x10000) + u16(0, 0, 10) + u16(1, 4) + lookup
    let pictures: [[UInt8]] = [Array("one".utf8), Array("two".utf8), Array("three".utf8)]
    var data = u32(0x30000)
    var offsets: [Int] = []
    for picture in pictures {
        offsets.append(data.count - 4)
        data += [1, 1, 0, 0, 1] + u32(picture.count) + picture
    }
    offsets.append(data.count - 4)
    let index = u16(1, 17) + u32(4) + offsets.flatMap { u32($0) }
    let size = u32(56, 8 + index.count, 1, 0) + [UInt8](repeating: 0, count: 24) + u16(1, 3) + [136, 128, 32, 1]
    let cblc = u32(0x30000, 1) + size + u16(1, 3) + u32(8) + index
    var tables: [UInt8] = []
    var directory: [UInt8] = []
    for (name, table) in [("CBDT", data), ("CBLC", cblc), ("GSUB", gsub), ("cmap", cmap)] {
        directory += Array(name.utf8) + u32(0, 12 + 64 + tables.count, table.count)
        tables += table
    }
    return u32(0x10000) + u16(4, 0, 0, 0) + directory + tables
}

/// A font that has all the tables and shows nothing.
func emptyFont() -> [UInt8] {
    var directory: [UInt8] = []
    var tables: [UInt8] = []
    for (name, table) in [("CBDT", u32(0x30000)), ("CBLC", u32(0x30000, 0)), ("cmap", u16(0, 0))] {
        directory += Array(name.utf8) + u32(0, 12 + 48 + tables.count, table.count)
        tables += table
    }
    return u32(0x10000) + u16(3, 0, 0, 0) + directory + tables
}

@Suite struct SourceTests {
    @Test func anEmojiFontShowsCharactersAndLigatures() throws {
        let font = try EmojiFont(bytes: tinyFont(), path: "tiny.ttf")
        #expect(font.count == 3)
        #expect(try font.png(for: "A") == Array("one".utf8))
        #expect(try font.png(for: "B\u{FE0F}") == Array("two".utf8))
        #expect(try font.png(for: "A\u{200D}B") == Array("three".utf8))
        #expect(try font.png(for: "AB") == nil)
        #expect(try font.png(for: "C") == nil)
    }

    @Test func everyTruncationOfAFontIsRefusedOrRead() {
        let bytes = tinyFont()
        for length in 0..<bytes.count {
            _ = try? EmojiFont(bytes: Array(bytes.prefix(length)), path: "cut.ttf").png(for: "A")
        }
        #expect(throws: DataError.self) { try EmojiFont(bytes: Array(bytes.prefix(100)), path: "cut.ttf") }
    }

    @Test func clipartTellsItsTitleAndKeywords() {
        let svg = """
            <svg xmlns="http://www.w3.org/2000/svg"><metadata><rdf:RDF><cc:Work rdf:about="">
            <dc:title>Candied Apples</dc:title><dc:subject><rdf:Bag><rdf:li>candy</rdf:li><rdf:li>food</rdf:li></rdf:Bag>
            </dc:subject><dc:creator><cc:Agent><dc:title>Gerald G.</dc:title></cc:Agent></dc:creator>
            <cc:license rdf:resource="http://web.resource.org/cc/PublicDomain"/></cc:Work></rdf:RDF></metadata>
            <path d="M0 0"/></svg>
            """
        let metadata = ClipartMetadata(svg: Array(svg.utf8))
        #expect(metadata.title == "Candied Apples")
        #expect(metadata.keywords == ["candy", "food"])
        #expect(metadata.licence == "http://web.resource.org/cc/PublicDomain")
        #expect(metadata.drawsShapes)
        #expect(!ClipartMetadata(svg: Array("<svg><text>A</text></svg>".utf8)).drawsShapes)
    }

    @Test(.timeLimit(.minutes(5))) func entitiesThatMultiplyAreNotExpanded() {
        let entities = (1..<12).map { "<!ENTITY e\($0) \"\(String(repeating: "&e\($0 - 1);", count: 10))\">" }.joined()
        let svg = """
            <!DOCTYPE svg [<!ENTITY e0 "lol">\(entities)]><svg><metadata><Work><title>&e11;</title></Work></metadata></svg>
            """
        #expect(ClipartMetadata(svg: Array(svg.utf8)).title.utf8.count < 10_000)
    }

    @Test func copyrightFilesNameTheLicenceOfEachFile() {
        let copyright = DebianCopyright(
            text: """
                Format: https://example.org

                Files: *
                License: GPL-2
                 Long text.

                Files: images/*.png
                       extra/c?t.svg
                License: CC-BY-3.0
                """
        )
        #expect(copyright.licence(of: "readme") == "GPL-2")
        #expect(copyright.licence(of: "images/a/b.png") == "CC-BY-3.0")
        #expect(copyright.licence(of: "extra/cat.svg") == "CC-BY-3.0")
        #expect(copyright.licence(of: "extra/coat.svg") == "GPL-2")
    }

    @Test func qtResourcesAreRead() throws {
        let name = Array("a.svg".utf16)
        let names = u16(name.count) + u32(0) + name.flatMap { u16(Int($0)) }
        let payload = u32(3) + [1, 2, 3]
        let header = 20
        let tree = u32(0) + u16(2) + u32(1, 1) + u32(0) + u16(0, 0, 0) + u32(0)
        let bytes =
            Array("qres".utf8) + u32(1, header, header + tree.count, header + tree.count + payload.count) + tree
            + payload + names
        let resource = try QtResource(bytes: bytes, path: "tiny.rcc")
        #expect(resource.names == ["/a.svg"])
        #expect(try resource.contents(of: "/a.svg") == [1, 2, 3])
        #expect(throws: DataError.self) { try QtResource(bytes: Array("png!".utf8), path: "x") }
        for length in 0..<bytes.count { _ = try? QtResource(bytes: Array(bytes.prefix(length)), path: "cut.rcc") }
    }
}
