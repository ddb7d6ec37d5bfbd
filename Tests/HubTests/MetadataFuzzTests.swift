import Foundation
import LienzoHub
import TestSupport
import Testing

/// What a hub says is changed at random, in ways that seeds repeat: it is refused in a sentence or it is harmless.
///
/// `LIENZO_FUZZ_INPUTS` says how many inputs; a few thousand where it is not set.
@Suite("Random answers of a hub")
struct MetadataFuzzTests {
    private static let inputs = Fuzz.inputs(6_000)

    @Test("No list of files, header or redirect is a trap, leaves the cache or takes much memory")
    func answers() throws {
        let before = try Fuzz.residentBytes()
        var (lists, metadata, redirects) = (0, 0, 0)
        var random = SeededGenerator(seed: 20_261_127)
        for _ in 0..<Self.inputs {
            if try checkList(&random) { lists += 1 }
            if try checkHeaders(&random) { metadata += 1 }
            if try checkAddress(&random) { redirects += 1 }
        }
        // Seeds are good, so some of what is made of them must be, too; otherwise nothing was tested.
        for accepted in [lists, metadata, redirects] { #expect(accepted > Self.inputs / 50) }
        for accepted in [lists, metadata, redirects] { #expect(accepted < Self.inputs) }
        #expect(try Fuzz.residentBytes() - before < 512 << 20)
    }

    // MARK: What is asked of each answer

    private func checkList(_ random: inout SeededGenerator) throws -> Bool {
        let json = Fuzz.changed(Array(Self.list.utf8), &random)
        let reference = try ModelReference("lienzo/tiny")
        let listing: RepositoryListing
        do throws(HubError) {
            listing = try RepositoryListing(json: Data(json), of: reference)
        } catch {
            expectSentence(error)
            return false
        }
        var names: Set<String> = []
        for file in listing.files {
            let path = URL(fileURLWithPath: "/cache/snapshot/\(file.path)").standardizedFileURL.path
            #expect(path.hasPrefix("/cache/snapshot/") && !path.contains("\0"))
            #expect(names.insert(file.path.description).inserted)
            #expect(0...RepositoryListing.sizeLimit ~= file.size ?? 0)
        }
        _ = FileSelection().chosen(from: listing.files)
        return true
    }

    private func checkHeaders(_ random: inout SeededGenerator) throws -> Bool {
        var headers = Self.headers
        if Bool.random(using: &random) { headers["retry-after"] = "Wed, 21 Oct 2026 07:28:00 GMT" }
        for name in headers.keys.sorted() where Bool.random(using: &random) {
            let value = Fuzz.changed(Array((headers[name] ?? "").utf8), &random)
            headers[name] = Int.random(in: 0..<8, using: &random) == 0 ? nil : String(decoding: value, as: UTF8.self)
        }
        if let range = headers["content-range"].flatMap({ ContentRange($0) }) { #expect(range.start >= 0) }
        if let wait = retryAfter(headers["retry-after"]) { #expect(Duration.zero ... .seconds(86_400) ~= wait) }
        let file = RepositoryListing.File(path: try RepositoryPath("model.safetensors"))
        let commit = try #require(Commit(Self.commit))
        do throws(HubError) {
            let metadata = try FileMetadata(of: file, at: commit) { headers[$0] }
            let tag = metadata.tag.description
            #expect(!tag.contains("/") && !tag.hasPrefix(".") && 1...128 ~= tag.utf8.count)
            #expect(0...RepositoryListing.sizeLimit ~= metadata.size)
            return true
        } catch {
            expectSentence(error)
            return false
        }
    }

    private func checkAddress(_ random: inout SeededGenerator) throws -> Bool {
        let address = try #require(HubAddress("https://hub.example/lienzo/tiny/resolve/main/a"))
        let seeds = ["https://cdn.example/x?signature=%2F", "/other/place", "http://cdn.example:8080/x", "//h/a"]
        let seed = seeds.randomElement(using: &random) ?? ""
        let location = String(decoding: Fuzz.changed(Array(seed.utf8), &random), as: UTF8.self)
        do throws(HubError) {
            let target = try address.redirected(to: location)
            #expect(target.description.lowercased().hasPrefix("https://"), "\(location) leads to \(target)")
            return true
        } catch {
            expectSentence(error)
            return false
        }
    }

    private func expectSentence(_ error: HubError) {
        let text = error.description
        #expect(text.hasSuffix(".") && text.utf8.count < 2_000 && !text.contains("\n"), "\(text)")
    }

    // MARK: Seeds

    private static let commit = String(repeating: "0123456789", count: 4)
    private static let sha256 = String(repeating: "0123456789abcdef", count: 4)
    private static let list = """
        {"id": "lienzo/tiny", "sha": "\(commit)", "private": false, "tags": ["clip"], "siblings": [
        {"rfilename": "config.json", "size": 31, "blobId": "\(commit)"}, {"rfilename": "unet/model.safetensors",
        "size": 1234567890, "lfs": {"sha256": "\(sha256)", "size": 1234567890, "pointerSize": 134}}, {"rfilename": "a"}]}
        """
    private static let headers = [
        "etag": "\"\(commit)\"", "x-linked-etag": "W/\"\(sha256)\"", "x-linked-size": "1234567890",
        "content-length": "31", "x-repo-commit": commit, "content-range": "bytes 10-19/20", "retry-after": "30",
    ]
}
