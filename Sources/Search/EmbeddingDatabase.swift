import Foundation
import GRDB

/// The file of an index: which pictures there are below a folder, and their embeddings.
///
/// One SQLite file that any SQLite can open. `picture.embedding` is float32, little-endian, of length 1; where it is
/// missing, `picture.problem` says why the picture cannot be read. What the file says is believed as far as it can be
/// right: it may come from anywhere.
struct EmbeddingDatabase: Sendable {
    /// What all embeddings of an index have in common.
    struct Header: Sendable, Equatable {
        /// The folder that paths are below, absolute.
        var folder: String
        /// What the model calls itself.
        let model: String
        /// Where the model was.
        var modelPath: String
        /// Numbers in an embedding.
        let dimension: Int
        /// The embedding of a text that is always the same, by which another model is told.
        let probe: [Float]
    }

    /// A picture file as the folder has it.
    struct File: Sendable, Equatable {
        /// Below the folder.
        let path: String
        /// Bytes.
        let size: Int64
        /// Nanoseconds since 1970.
        let modified: Int64
    }

    /// A picture that has been looked at: its embedding, or why there is none.
    struct Picture: Sendable {
        let file: File
        let embedding: Result<[Float], SearchError>
    }

    private let path: String
    private let queue: DatabaseQueue

    /// `Lnzo`, by which SQLite's own header says whose file this is.
    private static let applicationID: Int32 = 0x4C6E_7A6F
    private static let version: Int32 = 1
    private static let schema = """
        CREATE TABLE header(
            folder TEXT NOT NULL, model TEXT NOT NULL, model_path TEXT NOT NULL, dimension INTEGER NOT NULL,
            probe BLOB NOT NULL
        ) STRICT;
        CREATE TABLE picture(
            id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, modified INTEGER NOT NULL,
            embedding BLOB, problem TEXT
        ) STRICT;
        CREATE TABLE unfinished(since TEXT NOT NULL) STRICT;
        """

    /// Opens an index to search in.
    static func reading(_ path: String) throws -> EmbeddingDatabase {
        guard FileManager.default.fileExists(atPath: path) else {
            throw SearchError("\(path) is missing; `lienzo search build FOLDER --index \(path)` makes it.")
        }
        return try EmbeddingDatabase(path, readonly: true)
    }

    /// Opens an index to change it; one that is missing or empty is made.
    static func writing(_ path: String) throws -> EmbeddingDatabase { try EmbeddingDatabase(path, readonly: false) }

    private init(_ path: String, readonly: Bool) throws {
        self.path = path
        var configuration = Configuration()
        configuration.readonly = readonly
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            // A row of a few kilobytes wants larger pages than the default.
            if !readonly { try database.execute(sql: "PRAGMA page_size = 16384") }
            try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
        }
        queue = try Self.explained(path) { try DatabaseQueue(path: path, configuration: configuration) }
        let isNew = try access { try Self.isNew($0, path) }
        guard isNew else { return }
        guard !readonly else {
            throw SearchError("\(path) is empty; expected an index that `lienzo search build` made.")
        }
        try change {
            try $0.execute(sql: "PRAGMA application_id = \(Self.applicationID); PRAGMA user_version = \(Self.version)")
            try $0.execute(sql: Self.schema)
        }
    }

    /// Whether there is nothing in a database yet.
    ///
    /// - Throws: where it is not an index, or one of a later version.
    private static func isNew(_ database: Database, _ path: String) throws -> Bool {
        let owner = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int64.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if owner == 0, tables == 0 { return true }
        guard owner == Int64(applicationID) else {
            throw SearchError(
                "\(path) is a database of another program; expected an index that `lienzo search build` made."
            )
        }
        let found = try Int64.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found == Int64(version) else {
            throw SearchError(
                "\(path) is an index of version \(found); this lienzo reads version \(version): remove it and build it again."
            )
        }
        return false
    }

    // MARK: The header

    /// What the index is of, or nil where that has not been written yet.
    func header() throws -> Header? {
        try access { database in
            let columns = "folder, model, model_path, dimension, probe"
            guard let row = try Row.fetchOne(database, sql: "SELECT \(columns) FROM header") else { return nil }
            guard let folder = String.fromDatabaseValue(row["folder"]),
                let model = String.fromDatabaseValue(row["model"]),
                let modelPath = String.fromDatabaseValue(row["model_path"]),
                let dimension = Int.fromDatabaseValue(row["dimension"]), 1...65_536 ~= dimension,
                let probe = Data.fromDatabaseValue(row["probe"]), probe.count == dimension * 4
            else { throw damaged }
            return Header(
                folder: folder,
                model: model,
                modelPath: modelPath,
                dimension: dimension,
                probe: probe.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            )
        }
    }

    /// Writes what the index is of.
    func setHeader(_ header: Header) throws {
        try change {
            try $0.execute(sql: "DELETE FROM header")
            try $0.execute(
                sql: "INSERT INTO header(folder, model, model_path, dimension, probe) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    header.folder, header.model, header.modelPath, header.dimension,
                    header.probe.withUnsafeBytes { Data($0) },
                ]
            )
        }
    }

    // MARK: Bringing up to date

    /// Begins to compare the index with its folder: nothing has been seen yet.
    func beginScan() throws {
        try change {
            try $0.execute(sql: "CREATE TEMP TABLE IF NOT EXISTS seen(id INTEGER PRIMARY KEY); DELETE FROM seen")
            try $0.execute(sql: "DELETE FROM unfinished; INSERT INTO unfinished VALUES (datetime())")
        }
    }

    /// Those of some files that the index does not know as they are; all are remembered as seen.
    ///
    /// - Returns: the files, and whether the index has an older state of each.
    func stale(_ files: [File]) throws -> [(file: File, isKnown: Bool)] {
        try change { database in
            let find = try database.cachedStatement(sql: "SELECT id, size, modified FROM picture WHERE path = ?")
            let see = try database.cachedStatement(sql: "INSERT OR IGNORE INTO seen(id) VALUES (?)")
            return try files.compactMap { file in
                guard let row = try Row.fetchOne(find, arguments: [file.path]) else { return (file, false) }
                try see.execute(arguments: [Int64.fromDatabaseValue(row["id"])])
                let isSame =
                    Int64.fromDatabaseValue(row["size"]) == file.size
                    && Int64.fromDatabaseValue(row["modified"]) == file.modified
                return isSame ? nil : (file, true)
            }
        }
    }

    /// Writes pictures, each in place of what the index had under its path.
    func store(_ pictures: [Picture]) throws {
        try change { database in
            let statement = try database.cachedStatement(
                sql: """
                    INSERT INTO picture(path, size, modified, embedding, problem) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT(path) DO UPDATE SET size = excluded.size, modified = excluded.modified,
                        embedding = excluded.embedding, problem = excluded.problem
                    """
            )
            let see = try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO seen(id) SELECT id FROM picture WHERE path = ?"
            )
            for picture in pictures {
                var (embedding, problem): (Data?, String?)
                switch picture.embedding {
                case .success(let numbers): embedding = numbers.withUnsafeBytes { Data($0) }
                case .failure(let error): problem = error.description
                }
                let file = picture.file
                try statement.execute(arguments: [file.path, file.size, file.modified, embedding, problem])
                try see.execute(arguments: [file.path])
            }
        }
    }

    /// Ends what ``beginScan()`` began, and removes what has not been seen since.
    ///
    /// - Parameter isWhole: whether all folders could be read; otherwise what has not been seen stays.
    /// - Returns: how many pictures were removed.
    /// - Throws: ``SearchError`` where the index cannot be written.
    func endScan(isWhole: Bool) throws -> Int {
        try change { database in
            try database.execute(sql: "DELETE FROM unfinished")
            guard isWhole else { return 0 }
            try database.execute(sql: "DELETE FROM picture WHERE id NOT IN (SELECT id FROM seen)")
            return database.changesCount
        }
    }

    /// Whether the last scan was ended.
    func isComplete() throws -> Bool {
        try access { try Int.fetchOne($0, sql: "SELECT count(*) FROM unfinished") == 0 }
    }

    /// How many files could not be read.
    func unreadableCount() throws -> Int {
        try access { try Int.fetchOne($0, sql: "SELECT count(*) FROM picture WHERE embedding IS NULL") ?? 0 }
    }

    // MARK: Reading

    /// How many pictures have an embedding.
    func count() throws -> Int {
        try access { try Int.fetchOne($0, sql: "SELECT count(embedding) FROM picture") ?? 0 }
    }

    /// Calls `body` with the id and the bytes of each embedding; the bytes are valid during the call only.
    func forEachEmbedding(of dimension: Int, _ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        try access { database in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT id, embedding FROM picture WHERE embedding IS NOT NULL ORDER BY id"
            )
            while let row = try rows.next() {
                guard let id = Int64.fromDatabaseValue(row[0]) else { throw damaged }
                let isWhole = try row.withUnsafeData(atIndex: 1) { data in
                    guard let data, data.count == dimension * 4 else { return false }
                    try data.withUnsafeBytes { try body(id, $0) }
                    return true
                }
                guard isWhole else { throw damaged }
            }
        }
    }

    /// The path of a picture, below the folder.
    func path(of id: Int64) throws -> String {
        try access { database in
            let select = "SELECT path FROM picture WHERE id = ?"
            guard let value = try DatabaseValue.fetchOne(database, sql: select, arguments: [id]),
                let path = String.fromDatabaseValue(value)
            else { throw damaged }
            return path
        }
    }

    /// Whether there is a picture with one of these paths below the folder.
    func contains(_ paths: [String]) throws -> Bool {
        try access { database in
            let find = try database.cachedStatement(
                sql: "SELECT count(*) FROM picture WHERE path = ? AND embedding IS NOT NULL"
            )
            return try paths.contains { try Int.fetchOne(find, arguments: [$0]) != 0 }
        }
    }

    private var damaged: SearchError { SearchError("\(path) is damaged; remove it and build it again.") }

    // MARK: Access

    private func access<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.explained(path) { try queue.read(body) }
    }

    private func change<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.explained(path) { try queue.write(body) }
    }

    /// Turns SQLite's errors into a sentence.
    private static func explained<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            let reason =
                switch error.resultCode {
                case .SQLITE_NOTADB: "is no database; expected an index that `lienzo search build` made"
                case .SQLITE_CANTOPEN: "cannot be opened: is there such a folder, and may you write in it?"
                case .SQLITE_READONLY, .SQLITE_PERM: "cannot be written: permission is denied"
                case .SQLITE_FULL: "cannot grow: the disk is full; free some space and try again"
                case .SQLITE_BUSY, .SQLITE_LOCKED: "is being written by another process; try again later"
                case .SQLITE_CORRUPT: "is damaged; remove it and build it again"
                default: "cannot be used: \(error.message ?? "\(error.resultCode)")"
                }
            throw SearchError(reason.hasSuffix("?") ? "\(path) \(reason)" : "\(path) \(reason).")
        }
    }
}
