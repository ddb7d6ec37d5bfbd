import Foundation

@testable import LienzoImages

/// Files that `Tools/reference/images.py` wrote.
enum Fixture {
    static func path(_ name: String) -> String {
        Bundle.module.resourceURL?.appending(path: "Fixtures/\(name)").path ?? "Fixtures are missing: \(name)"
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path(name))))
    }

    /// A folder that is removed at the end of `body`.
    static func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-images-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }
}

/// The largest difference between two pictures' bytes; nil when they differ in size.
func largestDifference(_ a: Image, _ b: Image) -> Int? {
    guard a.width == b.width, a.height == b.height, a.channels == b.channels else { return nil }
    return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max()
}

/// The largest difference between a picture's bytes and raw ones; nil when they differ in number.
func largestDifference(_ a: Image, _ raw: [UInt8]) -> Int? {
    guard a.pixels.count == raw.count else { return nil }
    return zip(a.pixels, raw).map { abs(Int($0) - Int($1)) }.max()
}
