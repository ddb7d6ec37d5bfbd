import ArgumentParser
import Foundation
import LienzoFiles

/// A file that a command writes when its work is done; all that could stop that is told before the work begins.
enum OutputFile {
    /// What is written into a file, which its name must say.
    enum Format: String {
        case png, html, svg, csv, safetensors

        /// What users call it.
        fileprivate var name: String { self == .safetensors ? rawValue : rawValue.uppercased() }

        /// How names may end.
        fileprivate var endings: [String] { self == .html ? ["html", "htm"] : [rawValue] }
    }

    /// Refuses a name that promises another format.
    ///
    /// - Parameters:
    ///   - path: what the user gave; nil is fine.
    ///   - format: what is written.
    ///   - option: where the user gave it.
    /// - Throws: `ValidationError` where the name ends otherwise.
    static func requireEnding(
        _ path: String?,
        _ format: Format,
        option: String = "--output"
    ) throws(ValidationError) {
        guard let path, !format.endings.contains(ending(of: path)) else { return }
        throw ValidationError(
            "\(option) is \(path); what is written is \(format.name), so end the name in "
                + ".\(format.endings[0])."
        )
    }

    /// The letters behind the last dot of a file's name, lowercase.
    static func ending(of path: String) -> String { URL(fileURLWithPath: path).pathExtension.lowercased() }

    /// Checks that files can be written and are not what the command reads.
    ///
    /// - Parameters:
    ///   - outputs: the files; nil is fine.
    ///   - inputs: what is read.
    /// - Throws: `CommandError` for an output that is an input; `FileError` for one that cannot be written.
    static func requireWritable(_ outputs: String?..., apartFrom inputs: [String] = []) throws {
        let inputs = Set(inputs.map(place))
        for path in outputs.compactMap(\.self) {
            guard !inputs.contains(place(path)) else {
                throw CommandError("\(path) is an input of this command and would be overwritten; name another output.")
            }
            try AtomicFile.requireWritable(path)
        }
    }

    /// Checks that a folder is there or can be made, and takes files.
    ///
    /// - Throws: `CommandError` where a file has the name of it or of a folder above it; `FileError`.
    static func requireWritable(folder: String, option: String) throws {
        var url = URL(fileURLWithPath: folder).standardizedFileURL
        var (isFolder, missing): (ObjCBool, URL) = (false, url.appendingPathComponent("lienzo"))
        while !FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), url.path != "/" {
            missing = url
            url.deleteLastPathComponent()
        }
        guard isFolder.boolValue else {
            throw CommandError("\(option) is \(folder), but \(url.path) is a file; expected a folder.")
        }
        try AtomicFile.requireWritable(missing.path)
    }

    /// The file that a path names, whichever way it is written.
    static func place(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
}
