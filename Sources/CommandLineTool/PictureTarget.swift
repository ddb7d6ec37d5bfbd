import ArgumentParser
import Foundation

/// Where `generate` puts its pictures.
struct PictureTarget {
    /// The path without its ending.
    private let stem: String
    /// The ending, as the user wrote it.
    private let suffix: String
    private let namesCarrySeed: Bool

    /// - Parameters:
    ///   - output: the path that the user gave, ending in `.png`; nil for a name made of the prompt.
    ///   - prompt: the words.
    ///   - count: how many pictures will be made; several get their seeds into their names.
    init(output: String?, prompt: String, count: Int) {
        if let output {
            stem = (output as NSString).deletingPathExtension
            suffix = (output as NSString).pathExtension
            namesCarrySeed = count > 1
        } else {
            stem = Self.slug(of: prompt)
            suffix = "png"
            namesCarrySeed = true
        }
    }

    /// The path of the picture with this seed.
    func path(seed: UInt64) -> String {
        namesCarrySeed ? "\(stem)-\(seed).\(suffix)" : "\(stem).\(suffix)"
    }

    /// Refuses a name that promises another format.
    static func requirePNG(_ output: String, option: String = "--output") throws(ValidationError) {
        guard (output as NSString).pathExtension.lowercased() == "png" else {
            throw ValidationError("\(option) is \(output); pictures are written as PNG, so end the name in .png.")
        }
    }

    /// Says before the work begins what would stop its result from being kept.
    func requireWritableFolder() throws(CommandError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw CommandError("The picture cannot be written: there is no folder \(folder); make it, or name another.")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw CommandError(
                "The picture cannot be written: the folder \(folder) is not yours to write; name another."
            )
        }
    }

    /// The folder of the pictures. (Foundation's `deletingLastPathComponent` traps on names of one letter, Swift 6.3.)
    var folder: String {
        guard let slash = stem.lastIndex(of: "/") else { return "." }
        return slash == stem.startIndex ? "/" : String(stem[..<slash])
    }

    /// Words as a file name: lowercase letters and digits of any script, with hyphens between, at most 60 bytes.
    static func slug(of prompt: String) -> String {
        let words = prompt.lowercased().split { !$0.isLetter && !$0.isNumber }
        var slug = ""
        for word in words {
            let longer = slug.isEmpty ? String(word) : "\(slug)-\(word)"
            guard longer.utf8.count <= 60 else { break }
            slug = longer
        }
        return slug.isEmpty ? "picture" : slug
    }
}
