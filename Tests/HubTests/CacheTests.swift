import Foundation
import LienzoHub
import TestSupport
import Testing

@Suite("The cache")
struct CacheTests {
    private static let commits = ["1", "2", "3"].map { String(repeating: $0, count: 40) }

    /// A cache as huggingface_hub leaves it: two commits that share a file, two refs, a stopped download, other things.
    private func withCache(_ body: (HubCache, RepositoryFolder) throws -> Void) throws {
        try withTemporaryFolder { path in
            let model = "\(path)/models--org--name"
            func write(_ text: String, _ file: String) throws {
                let url = URL(fileURLWithPath: file)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                try Data(text.utf8).write(to: url)
            }
            func link(_ blob: String, _ file: String, commit: Int) throws {
                let url = URL(fileURLWithPath: "\(model)/snapshots/\(Self.commits[commit])/\(file)")
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                let up = String(repeating: "../", count: file.split(separator: "/").count + 1)
                try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: "\(up)blobs/\(blob)")
            }
            try write("CACHEDIR", "\(path)/CACHEDIR.TAG")
            try write("a data set", "\(path)/datasets--org--data/blobs/x")
            try write("shared", "\(model)/blobs/shared")
            try write("old weights", "\(model)/blobs/old")
            try write("new", "\(model)/blobs/new")
            try write("half", "\(model)/blobs/next.1a2b3c4d.incomplete")
            try write(Self.commits[0], "\(model)/refs/v1")
            try write(Self.commits[1], "\(model)/refs/main")
            try write(Self.commits[1], "\(model)/refs/refs/pr/7")
            try write("", "\(model)/.no_exist/\(Self.commits[0])/absent.json")
            try link("shared", "config.json", commit: 0)
            try link("old", "unet/model.safetensors", commit: 0)
            try link("shared", "config.json", commit: 1)
            try link("new", "unet/model.safetensors", commit: 1)
            let cache = HubCache(path)
            try body(cache, cache.folder(of: RepositoryID("org/name")))
        }
    }

    @Test(
        "A commit is told by its first digits where only one has them",
        arguments: [("1111111", 0), ("222222222", 1), ("111111", nil), ("3333333", nil), ("v1", 0), ("main", 1)]
    )
    func shortCommit(revision: String, commit: Int?) throws {
        try withCache { cache, folder in
            let found = cache.snapshot(of: try ModelReference("org/name@\(revision)"))
            #expect(found == commit.map { "\(folder.path)/snapshots/\(Self.commits[$0])" })
            let other = "\(folder.path)/snapshots/\(String(repeating: "1", count: 39))2"
            try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: false)
            let again = cache.snapshot(of: try ModelReference("org/name@\(revision)"))
            #expect(again == (revision == "1111111" ? nil : found))
        }
    }

    @Test("The folder of a commit says which model it is")
    func snapshot() throws {
        try withCache { cache, folder in
            let path = try #require(cache.snapshot(of: ModelReference("org/name@v1")))
            #expect(ModelReference(snapshot: path)?.description == "org/name@\(Self.commits[0])")
            #expect(ModelReference(snapshot: "/models/org/name") == nil && ModelReference(snapshot: folder.path) == nil)
        }
    }

    @Test("A cache that huggingface_hub has written is read as it is")
    func listing() throws {
        try withCache { cache, folder in
            let models = try cache.models()
            #expect(models.map(\.id.description) == ["org/name"])
            let model = try #require(models.first)
            #expect(model.unfinishedBytes == 4)
            #expect(model.size == 6 + 11 + 3 + 4)
            #expect(Set(model.snapshots.map(\.commit.description)) == Set(Self.commits[..<2]))
            let new = try #require(model.snapshots.first { $0.commit.description == Self.commits[1] })
            #expect(new.revisions == ["main", "refs/pr/7"])
            #expect(new.size == 9)
            #expect(new.files.map(\.name) == ["config.json", "unet/model.safetensors"])
            #expect(cache.snapshot(of: try ModelReference("org/name")) == new.path)
            #expect(cache.snapshot(of: try ModelReference("org/name@v1"))?.hasSuffix(Self.commits[0]) == true)
            #expect(cache.snapshot(of: try ModelReference("org/name@\(Self.commits[0])")) != nil)
            #expect(cache.snapshot(of: try ModelReference("org/name@v2")) == nil)
            #expect(cache.snapshot(of: try ModelReference("org/other")) == nil)
        }
    }

    @Test("Without a cache there are no models")
    func nothing() throws {
        #expect(try HubCache("/nowhere/at/all").models().isEmpty)
    }

    @Test("Of a revision only that is removed which no other uses")
    func removingRevision() throws {
        try withCache { cache, folder in
            let removed = try ModelRemoval(ModelReference("org/name@v1"), cache: cache).run()
            #expect(removed.revisions == ["v1"])
            #expect(removed.commits.map(\.description) == [Self.commits[0]])
            #expect(removed.freedBytes == 11)
            let model = try #require(folder.model)
            #expect(model.snapshots.map(\.commit.description) == [Self.commits[1]])
            #expect(model.snapshots[0].files.allSatisfy { $0.size != nil })
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/blobs/old"))
        }
    }

    @Test("A branch whose commit another branch is at takes nothing with it")
    func removingBranch() throws {
        try withCache { cache, folder in
            let removed = try ModelRemoval(ModelReference("org/name@main"), cache: cache).run()
            #expect(removed.revisions == ["main"] && removed.commits.isEmpty && removed.freedBytes == 0)
            #expect(cache.snapshot(of: try ModelReference("org/name")) == nil)
            #expect(cache.snapshot(of: try ModelReference("org/name@refs/pr/7")) != nil)
        }
    }

    @Test("Without a revision all of a model is removed, and nothing else", arguments: ["org/name", "one by one"])
    func removingAll(way: String) throws {
        try withCache { cache, folder in
            if way == "org/name" {
                #expect(try ModelRemoval(ModelReference(way), cache: cache).run().freedBytes == 24)
            } else {
                _ = try ModelRemoval(ModelReference("org/name@\(Self.commits[1])"), cache: cache).run()
                _ = try ModelRemoval(ModelReference("org/name@v1"), cache: cache).run()
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path))
            #expect(FileManager.default.fileExists(atPath: "\(cache.path)/datasets--org--data/blobs/x"))
            let error = #expect(throws: HubError.self) {
                try ModelRemoval(ModelReference("org/name"), cache: cache).run()
            }
            #expect(
                error?.description == "The model org/name is not in the cache: 'lienzo models list' shows what is."
            )
        }
    }

    @Test("What lies behind a link is not removed")
    func removingLink() throws {
        try withCache { cache, folder in
            let elsewhere = "\(cache.path)/elsewhere"
            try FileManager.default.moveItem(atPath: folder.path, toPath: elsewhere)
            try FileManager.default.createSymbolicLink(atPath: folder.path, withDestinationPath: elsewhere)
            let before = try FileManager.default.subpathsOfDirectory(atPath: elsewhere)
            #expect(throws: HubError.self) { try ModelRemoval(ModelReference("org/name"), cache: cache).run() }
            #expect(try FileManager.default.subpathsOfDirectory(atPath: elsewhere) == before && !before.isEmpty)
        }
    }

    @Test("A model that is being pulled is not removed, whoever pulls it", arguments: ["repository.lock", "abc.lock"])
    func removingWhilePulling(name: String) throws {
        try withCache { cache, folder in
            let locks = "\(cache.path)/.locks/models--org--name"
            try FileManager.default.createDirectory(atPath: locks, withIntermediateDirectories: true)
            let descriptor = open("\(locks)/\(name)", O_RDWR | O_CREAT, 0o666)
            defer { close(descriptor) }
            #expect(flock(descriptor, LOCK_SH) == 0)
            let error = #expect(throws: HubError.self) {
                try ModelRemoval(ModelReference("org/name"), cache: cache).run()
            }
            #expect(error?.kind == .inUse)
            #expect(folder.model?.snapshots.count == 2)
        }
    }
}
