import ArgumentParser
import Foundation
import LienzoFiles

/// How embeddings are written.
enum EmbeddingFormat: String, CaseIterable, ExpressibleByArgument, Codable, Sendable {
    /// One NumPy array, `[rows, dimension]`, float32, in C order.
    case npy
    /// One JSON object with a list of inputs and their embeddings.
    case json
    /// A JSON object a line.
    case jsonl
    /// A line for each row: the input, then the numbers.
    case csv

    /// What comes before the first row.
    func head(rows: Int, dimension: Int) -> Data {
        switch self {
        case .npy: Self.npyHeader(rows: rows, dimension: dimension)
        case .json: Data("[\n".utf8)
        case .jsonl: Data()
        case .csv: Data((["input"] + (0..<dimension).map(String.init)).joined(separator: ",").utf8) + Data("\r\n".utf8)
        }
    }

    /// A row.
    func row(_ embedding: [Float], of input: String, at index: Int) throws -> Data {
        switch self {
        case .npy:
            return embedding.withUnsafeBytes { Data($0) }
        case .json, .jsonl:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let line = try encoder.encode(Row(embedding: embedding, input: input))
            return self == .jsonl ? line + Data("\n".utf8) : Data(index > 0 ? ",\n".utf8 : "".utf8) + line
        case .csv:
            return Data(CSV.line([input], embedding).utf8)
        }
    }

    /// What comes after the last row.
    var tail: Data { self == .json ? Data("\n]\n".utf8) : Data() }

    private struct Row: Encodable {
        let embedding: [Float]
        let input: String
    }

    /// The header of a NumPy array; always 128 bytes, so that the number of rows can be written at the end.
    ///
    /// Source: numpy, `lib/format.py`, version 1.0.
    private static func npyHeader(rows: Int, dimension: Int) -> Data {
        let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0]
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(dimension)), }"
        return Data(magic) + Data(text.padding(toLength: 117, withPad: " ", startingAt: 0).utf8) + Data("\n".utf8)
    }
}

/// A file of embeddings that grows, survives a stop, and gets its name when it is whole.
///
/// Rows go to `PATH.part`; `PATH.progress` says how many inputs they stand for and what was asked for. A later run that
/// asks for the same goes on there.
struct EmbeddingFile {
    /// How far the file is.
    struct Progress: Codable, Sendable, Equatable {
        /// What was asked for, with which weights.
        let request: [String]
        /// Of the names of the inputs that are done.
        var digest = ""
        /// Inputs that are done, the skipped ones included.
        var inputs = 0
        /// Rows in the file.
        var rows = 0
        /// Bytes of the file up to the last of these rows.
        var bytes = 0
        var skipped: [SkippedInput] = []
    }

    private let path: String
    private let format: EmbeddingFormat
    private let dimension: Int
    private let handle: FileHandle
    private var savedAt = ContinuousClock.now
    private(set) var progress: Progress

    private var part: String { "\(path).part" }
    private var note: String { "\(path).progress" }

    /// Begins a file, or goes on with one that an earlier run for the same `request` left.
    init(_ path: String, format: EmbeddingFormat, dimension: Int, request: [String]) throws {
        let path = try AtomicFile.destination(of: path)
        self.path = path
        self.format = format
        self.dimension = dimension
        progress = Progress(request: request)
        let (part, note) = ("\(path).part", "\(path).progress")
        let descriptor = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else {
            throw CommandError("\(path) cannot be written: \(String(cString: strerror(errno))).")
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isNamed(part, descriptor) else {
            throw CommandError("\(path) is being written by another process.")
        }
        let size = Int(try handle.seekToEnd())
        let saved = FileManager.default.contents(atPath: note).flatMap {
            try? JSONDecoder().decode(Progress.self, from: $0)
        }
        // The note is a file like any other, and is believed as far as it can be right.
        let head = format.head(rows: 0, dimension: dimension).count
        if let saved, saved.request == request, head...max(head, size) ~= saved.bytes, 0...size ~= saved.rows,
            saved.inputs == saved.rows + saved.skipped.count,
            format != .npy || saved.bytes == head + saved.rows * dimension * MemoryLayout<Float>.size
        {
            progress = saved
            try handle.truncate(atOffset: UInt64(saved.bytes))
        } else {
            try restart()
        }
    }

    /// Whether an open file is the regular file of this name; another process may have renamed it meanwhile.
    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var (named, opened) = (stat(), stat())
        return lstat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_mode & S_IFMT == S_IFREG
            && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }

    /// Begins anew.
    mutating func restart() throws {
        try handle.truncate(atOffset: 0)
        let head = format.head(rows: 0, dimension: dimension)
        try handle.write(contentsOf: head)
        progress = Progress(request: progress.request, bytes: head.count)
    }

    /// Appends the rows of a batch and remembers the inputs that have none.
    mutating func append(_ batch: EmbeddingInputs.EmbeddedBatch) throws {
        var bytes = Data()
        for (offset, row) in batch.rows.enumerated() {
            bytes += try format.row(row.embedding, of: row.name, at: progress.rows + offset)
        }
        try handle.write(contentsOf: bytes)
        progress.inputs += batch.count
        progress.rows += batch.rows.count
        progress.bytes += bytes.count
        progress.skipped += batch.skipped
        progress.digest = batch.digest
        if ContinuousClock.now - savedAt > .seconds(5) { try save() }
    }

    /// Writes down how far the file is, so that a later run can go on.
    mutating func save() throws {
        try handle.synchronize()
        try AtomicFile.write(JSONEncoder().encode(progress), to: note)
        savedAt = .now
    }

    /// Removes what there is of the file.
    func discard() {
        for path in [part, note] { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Gives the file its name.
    func finish() throws {
        try handle.write(contentsOf: format.tail)
        if format == .npy {
            try handle.seek(toOffset: 0)
            try handle.write(contentsOf: format.head(rows: progress.rows, dimension: dimension))
        }
        try handle.synchronize()
        guard rename(part, path) == 0 else {
            throw CommandError("\(path) cannot be written: \(String(cString: strerror(errno))).")
        }
        try? FileManager.default.removeItem(atPath: note)
    }
}
