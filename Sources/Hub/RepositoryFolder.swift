import Foundation
import LienzoFiles

/// The folder of one model in the cache.
///
/// Source: huggingface_hub, `file_download.py` (`_create_symlink`, `_cache_commit_hash_for_specific_revision`).
package struct RepositoryFolder: Sendable {
    package let id: RepositoryID
    package let path: String
    let locks: String

    var blobs: String { "\(path)/blobs" }
    var snapshots: String { "\(path)/snapshots" }
    var refs: String { "\(path)/refs" }

    /// The lock that all who write into the folder share, and that who removes holds alone.
    var lock: String { "\(locks)/repository.lock" }

    func blob(_ tag: ContentTag) -> String { "\(blobs)/\(tag)" }
    func lock(of tag: ContentTag) -> String { "\(locks)/\(tag).lock" }
    func snapshot(of commit: Commit) -> String { "\(snapshots)/\(commit)" }

    /// Makes the folders that a download needs.
    func prepare() throws(HubError) {
        for folder in [blobs, snapshots, refs, locks] { try Self.makeFolder(folder) }
    }

    /// The commit that a revision was at when it was last pulled; a commit may be told by its first digits, seven or
    /// more, where only one in the cache has them.
    package func commit(of revision: Revision) -> Commit? {
        let name = revision.description
        if let commit = Commit(name), existingSnapshot(of: commit) != nil { return commit }
        if let commit = Self.commit(inFile: "\(refs)/\(revision)") { return commit }
        guard 7..<40 ~= name.utf8.count, name.isLowercaseHexadecimal else { return nil }
        let commits = (try? FileManager.default.contentsOfDirectory(atPath: snapshots)) ?? []
        let matches = commits.filter { $0.hasPrefix(name) }.compactMap(Commit.init)
        return matches.count == 1 ? matches[0] : nil
    }

    /// The folder of a commit's files, where there is one.
    package func existingSnapshot(of commit: Commit) -> String? {
        let folder = snapshot(of: commit)
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) && isFolder.boolValue
            ? folder : nil
    }

    /// The commit that a file of `refs` holds.
    static func commit(inFile path: String) -> Commit? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let bytes = try? file.read(upToCount: 100) else { return nil }
        return Commit(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Writes down where a revision is, unless the revision is the commit itself.
    func record(_ revision: Revision, at commit: Commit) throws(HubError) {
        let file = "\(refs)/\(revision)"
        guard revision.description != commit.description, Self.commit(inFile: file) != commit else { return }
        try Self.makeFolder(URL(fileURLWithPath: file).deletingLastPathComponent().path)
        try place(file) { (temporary) throws(HubError) in
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw HubError("written", path: file, code: errno) }
            defer { close(descriptor) }
            let bytes = Array(commit.description.utf8)
            guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
                throw HubError("written", path: file, code: errno)
            }
        }
    }

    /// Links a file of a commit to its content.
    func link(_ file: RepositoryPath, of commit: Commit, to tag: ContentTag) throws(HubError) {
        let link = "\(snapshot(of: commit))/\(file)"
        let target = String(repeating: "../", count: 2 + file.folders.count) + "blobs/\(tag)"
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == target { return }
        try Self.makeFolder(URL(fileURLWithPath: link).deletingLastPathComponent().path)
        try place(link) { (temporary) throws(HubError) in
            guard symlink(target, temporary) == 0 else { throw HubError("written", path: link, code: errno) }
        }
    }

    /// Makes something under a passing name outside refs and snapshots, and gives it its name, replacing what has it.
    private func place(_ path: String, _ make: (String) throws(HubError) -> Void) throws(HubError) {
        let temporary = "\(self.path)/.\(UInt64.random(in: 0 ... .max)).part"
        defer { unlink(temporary) }
        try make(temporary)
        guard rename(temporary, path) == 0 else { throw HubError("written", path: path, code: errno) }
    }

    private static func makeFolder(_ path: String) throws(HubError) {
        do { try LienzoFiles.makeFolder(path) } catch { throw HubError(.disk, error.description) }
    }
}
