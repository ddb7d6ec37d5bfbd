import Foundation
import Lienzo
import Synchronization
import TestSupport
import Testing

/// Models of the hub as users of `import Lienzo` get them.
@Suite("The hub in the library", .tags(.slow))
struct ModelHubTests {
    @Test("A model is pulled with progress, found again without asking, and a pipeline is made of it")
    func pull() async throws {
        try await withTemporaryFolder { folder in
            let server = try TestHub(files: TestHub.dualEncoder())
            let hub = try ModelHub(environment: ["HF_ENDPOINT": server.endpoint, "HF_HOME": folder])
            #expect(try hub.models().isEmpty)
            #expect(try hub.folder(of: "lienzo/tiny") == nil)

            let last = Mutex<ModelHub.Progress?>(nil)
            let path = try await hub.pull("lienzo/tiny", exclude: ["*.md"]) { progress in
                last.withLock { $0 = progress }
            }
            let progress = try #require(last.withLock { $0 })
            #expect(progress.arrivedBytes == progress.bytes && progress.bytes > 1_000_000)

            let asked = server.requests.count
            #expect(try hub.folder(of: "lienzo/tiny") == path)
            #expect(try hub.folder(of: "lienzo/tiny@\(server.model.commit.prefix(7))") == path)
            #expect(try hub.models().map(\.folder) == [path])
            #expect(try hub.models().first?.revisions == ["main"])
            let pipeline = try CLIPPipeline(modelDirectory: path)
            #expect(pipeline.name == "lienzo/tiny")
            #expect(try await pipeline.embed(texts: ["a lion"])[0].count == pipeline.embeddingDimension)
            #expect(server.requests.count == asked)
            #expect(throws: (any Error).self) { try hub.folder(of: "../etc") }
        }
    }
}
