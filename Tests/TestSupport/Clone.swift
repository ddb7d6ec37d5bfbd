import Foundation

/// The clone that the tests were built in.
public enum Clone {
    /// The folder of `Package.swift`.
    public static let path = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL.path
    /// The list of merges of CLIP's tokenizer, which `Scripts/setup` fetches.
    public static let clipMerges = "\(path)/.cache/clip/merges.txt"
    /// The model directory that ships with it.
    public static let mini = "\(path)/mini"
}
