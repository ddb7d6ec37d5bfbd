import Foundation
import LienzoData

/// What a shard says of a picture.
struct PictureFacts: Sendable {
    /// Its class, by number or name (`cls`).
    var label: String?
    /// Its captions by language; those without one (`txt`) are under "".
    var captions: [String: [String]] = [:]

    init() {}

    /// Reads the files beside the picture; what is not understood says nothing.
    init(_ files: [String: [UInt8]]) {
        func text(_ kind: String) -> String? {
            files[kind].map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        label = text("cls")
        if let json = files["json"], let record = try? JSONDecoder().decode(PictureRecord.self, from: Data(json)) {
            captions = record.captions
        }
        if let lines = text("txt")?.split(whereSeparator: \.isNewline).map(String.init), !lines.isEmpty {
            captions[""] = lines
        }
    }
}
