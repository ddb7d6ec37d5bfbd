import Foundation
import LienzoImages
import TestSupport
import Testing

@testable import LienzoData

/// A drawing of one shape on a transparent page.
private func svg(_ shape: String, title: String = "", page: Int = 100) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" \
    viewBox="0 0 \(page) \(page)"><metadata><RDF><Work><title>\(title)</title>
    <license rdf:resource="http://web.resource.org/cc/PublicDomain"/></Work></RDF></metadata>\(shape)</svg>
    """
}

private let redDisc = #"<circle cx="20" cy="20" r="10" fill="rgb(224,32,32)"/>"#

/// Folders like those of the unpacked packages, with a few drawings of our own.
private func writePackages(to root: String) throws {
    func write(_ path: String, _ text: String) throws {
        let file = URL(fileURLWithPath: root + "/usr/share/" + path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
    for language in ["en", "es", "it", "fr", "de", "pt"] {
        let name = ["en": "apple", "es": "manzana"][language] ?? "mela"
        for kind in ["annotations", "annotationsDerived"] {
            try write(
                "unicode/cldr/common/\(kind)/\(language).xml",
                #"<ldml><annotations><annotation cp="🍎" type="tts">\#(name)</annotation></annotations></ldml>"#
            )
        }
    }
    try Data(emptyFont()).write(to: URL(fileURLWithPath: root + "/NotoColorEmoji.ttf"))
    try write("fonts/truetype/noto/x", "")
    try FileManager.default.moveItem(
        atPath: root + "/NotoColorEmoji.ttf",
        toPath: root + "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
    )
    let licence = "Files: *\nLicense: GPL-2\n"
    for package in DatasetBuilder.packages { try write("doc/\(package)/copyright", licence) }
    try write("tuxpaint/stamps/animals/lion.svg", svg(#"<rect x="10" y="20" width="60" height="40" fill="orange"/>"#))
    try write("tuxpaint/stamps/animals/lion.txt", "A lion.\nes.utf8=Un león.\n")
    try write("openclipart/svg/food/apple_01.svg", svg(redDisc, title: "Apple 01"))
    try write("openclipart/svg/food/apple_copy.svg", svg(redDisc, title: "Apple"))
    try write("openclipart/svg/food/blank.svg", svg(#"<path d="M0 0"/>"#, title: "Apple"))
    try write("openclipart/svg/food/broken.svg", "<svg")
    try write("gcompris-qt/rcc/readme", "")
    try write("rubygems-integration/all/gems/readme", "")
    for folder in [
        "Tango/scalable", "oxygen/base/128x128", "gnome/256x256", "elementary", "Faenza", "breeze",
    ] {
        try write("icons/\(folder)/readme", "")
    }
}

@Suite struct BuilderTests {
    @Test func thePictureIsTrimmedAndCentred() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/disc.svg"
            try Data(svg(redDisc).utf8).write(to: URL(fileURLWithPath: path))
            let picture = try PictureRenderer().render(.svg(path: path)).get()
            let image = try Image(data: Data(picture.png), alpha: .keep)
            #expect(image.width == PictureRenderer.side && image.height == PictureRenderer.side)
            let box = try #require(ContentBox(of: image))
            #expect(abs(box.width - 244) <= 2 && abs(box.x - 6) <= 2)
            #expect(picture.measure.colour == .red)
        }
    }

    @Test(arguments: [
        (#"<path d="M0 0"/>"#, DropReason.blank), (#"<rect width="90" height="9" fill="red"/>"#, .aspect),
        (#"<rect width="9" height="9" fill="rgb(254,254,254)"/>"#, .blank),
    ])
    func whatShowsNothingIsLeftOut(shape: String, reason: DropReason) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.svg"
            try Data(svg(shape).utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: reason) { try PictureRenderer().render(.svg(path: path)).get() }
        }
    }

    @Test func theSamePictureInAnotherColourIsNoDuplicate() throws {
        func measure(_ color: (UInt8, UInt8, UInt8), noise: UInt8 = 0) throws -> PictureMeasure {
            var pixels: [UInt8] = []
            for y in 0..<64 {
                for x in 0..<64 {
                    let inside = (x - 32) * (x - 32) + (y - 32) * (y - 32) < 600
                    pixels += inside ? [color.0 &- noise, color.1, color.2, 255] : [0, 0, 0, 0]
                }
            }
            return PictureMeasure(try Image(width: 64, height: 64, channels: 4, pixels: pixels))
        }
        let red = try measure((220, 30, 30))
        #expect(red.resembles(try measure((220, 30, 30), noise: 3)))
        #expect(!red.resembles(try measure((30, 30, 220))))
    }

    @Test func theSamePackagesGiveTheSameShards() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/lienzo-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try writePackages(to: folder + "/packages")
        let builder = DatasetBuilder(root: folder + "/packages")
        // The slash that a shell adds to a folder's name; the second data set takes the place of the first.
        let first = try await builder.build(output: folder + "/a/") { _ in }
        let second = try await builder.build(output: folder + "/a/") { _ in }
        #expect(first == second)
        #expect(first.pictures == 2)
        #expect(first.dropped["near-duplicate"] == 1)
        #expect(first.dropped["blank or nearly blank"] == 1)
        var records: [PictureRecord] = []
        for split in Split.allCases {
            var reader = try ShardReader(path: "\(folder)/a/\(split.rawValue)-00000.tar")
            while let sample = try reader.next() { records.append(try PictureSample(sample).record) }
        }
        let apple = try #require(records.first { $0.concept == "apple" })
        #expect(apple.captions == ["en": ["apple"]])
        #expect(apple.derived == ["en": ["red apple"], "es": ["manzana", "manzana roja"]])
        let lion = try #require(records.first { $0.concept == "lion" })
        #expect(lion.captions == ["en": ["lion"], "es": ["un león"]])
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(files == ["a", "packages"])
    }

    @Test func aFolderThatIsNoDataSetIsNotReplaced() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/lienzo-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try writePackages(to: folder + "/packages")
        await #expect(throws: DataError.self) {
            _ = try await DatasetBuilder(root: folder + "/packages").build(output: folder + "/packages/usr") { _ in }
        }
        #expect(FileManager.default.fileExists(atPath: folder + "/packages/usr/share"))
    }

    @Test func aMissingPackageLeavesTheOldDataSetAlone() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/lienzo-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/data/train-00000.tar"))
        try Data("{}".utf8).write(to: URL(fileURLWithPath: folder + "/data/summary.json"))
        await #expect(throws: DataError.self) {
            _ = try await DatasetBuilder(root: folder).build(output: folder + "/data") { _ in }
        }
        #expect(try readText(folder + "/data/train-00000.tar") == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["data"])
    }

    @Test func aPackageThatCannotBeHadIsNamed() throws {
        try withTemporaryFolder { folder in
            var message = ""
            do throws(DataError) {
                _ = try DebianPackages(folder: folder + "/cache").prepare(["lienzo-no-such-package"]) { _ in }
            } catch { message = error.description }
            #expect(message.contains("The Debian package lienzo-no-such-package is missing"))
            #expect(message.contains("connect to a Debian mirror"))
            let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/cache")
            #expect(left == ["root"])
        }
    }
}
