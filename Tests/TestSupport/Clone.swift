import Foundation

/// The clone that the tests were built in.
public enum Clone {
    /// The folder of `Package.swift`.
    public static let path = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL.path
    /// The model directory that ships with it.
    public static let mini = "\(path)/mini"
}
