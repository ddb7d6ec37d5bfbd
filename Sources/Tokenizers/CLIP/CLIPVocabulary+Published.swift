import Foundation

extension CLIPVocabulary {
    /// The vocabulary of OpenAI's models, from the list of merges that `Scripts/setup` fetches.
    ///
    /// It is looked for where the environment variable `LIENZO_CLIP_MERGES` says, otherwise as
    /// `.cache/clip/merges.txt` in the folders above the program and above the working folder.
    ///
    /// - Throws: one sentence where the list is nowhere, and as ``init(mergesFile:)``.
    package static func published() throws(TokenizerError) -> CLIPVocabulary {
        if let path = ProcessInfo.processInfo.environment["LIENZO_CLIP_MERGES"] {
            return try CLIPVocabulary(mergesFile: path)
        }
        let starts: [String?] = [
            Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path,
            FileManager.default.currentDirectoryPath,
        ]
        for start in starts.compactMap(\.self) {
            var folder = URL(fileURLWithPath: start)
            while true {
                let path = folder.appendingPathComponent(".cache/clip/merges.txt").path
                if FileManager.default.fileExists(atPath: path) { return try CLIPVocabulary(mergesFile: path) }
                if folder.path == "/" { break }
                folder.deleteLastPathComponent()
            }
        }
        throw TokenizerError(
            "The merges of CLIP's vocabulary, which this model is published without, are not here: run Scripts/setup in "
                + "Lienzo's clone, which fetches them, or set LIENZO_CLIP_MERGES to an unpacked bpe_simple_vocab_16e6.txt."
        )
    }
}
