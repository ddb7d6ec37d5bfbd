import Foundation
import LienzoHub
import Testing

@Suite("Names from the network and from users")
struct NamesTests {
    @Test(
        "An id that the hub could have is taken",
        arguments: ["openai/clip-vit-base-patch32", "gpt2", "a/b", "Org_1/x.y-z", String(repeating: "a", count: 96)]
    )
    func goodIDs(text: String) throws {
        let id = try RepositoryID(text)
        #expect(id.description == text)
        #expect(RepositoryID(folder: id.folder) == id)
    }

    @Test(
        "An id that could name anything else is refused",
        arguments: [
            "", "/", "a/", "/a", "a/b/c", "..", "../a", "a/..", "a--b", "a..b", "-a/b", "a/b-", "a/b.git", "a b/c",
            "ñ/b",
            "a/b\0", "a\\b", "a/b?c", String(repeating: "a", count: 97),
        ]
    )
    func badIDs(text: String) {
        #expect(throws: HubError.self) { try RepositoryID(text) }
    }

    @Test("Folders of other things are no models", arguments: ["datasets--a--b", "models--", "models--a--b--c", "tmp"])
    func otherFolders(name: String) {
        #expect(RepositoryID(folder: name) == nil)
    }

    @Test("A reference has a revision behind the first @")
    func references() throws {
        #expect(try ModelReference("a/b").revision == nil)
        #expect(try ModelReference("a/b@refs/pr/1").revision?.description == "refs/pr/1")
        #expect(try ModelReference("a/b@v1.0").description == "a/b@v1.0")
    }

    @Test(
        "A revision that would leave its folder is refused",
        arguments: [
            "", "..", "a/../b", "/a", "a/", "a//b", ".a", "a/.b", "a b", "a\nb", "a\0b", "a\u{9B}b", "x.lock", "a~1",
            "a:b", "a?b",
            String(repeating: "a", count: 201),
        ]
    )
    func badRevisions(text: String) {
        #expect(throws: HubError.self) { try Revision(text) }
        #expect(throws: HubError.self) { try ModelReference("a/b@" + text) }
    }

    @Test(
        "A file's name stays in its folder",
        arguments: ["a", "a/b/c.json", "a b", "ñ/é.txt", "...", "a..b", "-", "@"]
    )
    func goodPaths(text: String) throws {
        #expect(try RepositoryPath(text).description == text)
    }

    @Test(
        "A file's name that leaves its folder, or that no system opens, is refused",
        arguments: [
            "", ".", "..", "/etc/passwd", "a/../../b", "a/./b", "a//b", "a/", "../a", "a\0b", "a\nb", "a\u{9B}31mb",
            "a\\..\\b",
            String(repeating: "a", count: 256),
            String(repeating: "ab/", count: 20) + String(repeating: "x/", count: 20) + "z",
            Array(repeating: String(repeating: "a", count: 200), count: 6).joined(separator: "/"),
        ]
    )
    func badPaths(text: String) {
        let error = #expect(throws: HubError.self) { try RepositoryPath(text) }
        #expect(error?.kind == .untrustworthy)
    }

    @Test(
        "A tag is read in each of its forms",
        arguments: [
            ("\"abc\"", "abc"), ("W/\"abc\"", "abc"), ("abc", "abc"), ("\"a-b_c.d\"", "a-b_c.d"),
        ]
    )
    func tags(header: String, text: String) throws {
        #expect(try ContentTag(header: header, of: RepositoryPath("a")).description == text)
    }

    @Test(
        "A tag that cannot name a file is refused",
        arguments: [
            "", "\"\"", "../a", "a/b", "..", ".", ".a", "a b", "ñ", "x.incomplete", String(repeating: "a", count: 129),
        ]
    )
    func badTags(header: String) {
        #expect(throws: HubError.self) { try ContentTag(header: header, of: RepositoryPath("a")) }
    }

    @Test("A tag says what can be checked")
    func meanings() throws {
        func meaning(_ text: String) throws -> ContentTag.Meaning {
            try ContentTag(header: text, of: RepositoryPath("a")).meaning
        }
        #expect(try meaning(String(repeating: "a1", count: 32)) == .sha256)
        #expect(try meaning(String(repeating: "a1", count: 20)) == .gitBlob)
        #expect(try meaning(String(repeating: "G1", count: 20)) == .opaque)
        #expect(try meaning("abc-2") == .opaque)
    }

    @Test("Redirects go to http and https only, and never from encrypted to plain")
    func redirects() throws {
        let plain = try #require(HubAddress("http://hub.example/a/b"))
        let encrypted = try #require(HubAddress("https://hub.example/a/b"))
        #expect(try plain.redirected(to: "/c?d").description == "http://hub.example/c?d")
        #expect(try plain.redirected(to: "https://cdn.example/x").description == "https://cdn.example/x")
        #expect(try encrypted.redirected(to: "//cdn.example/x").description == "https://cdn.example/x")
        for bad in ["file:///etc/passwd", "ftp://a/b", "http+unix://%2Ftmp/x", "http://", "", "http://u:p@a/", "\0"] {
            #expect(throws: HubError.self, "\(bad)") { try plain.redirected(to: bad) }
        }
        #expect(throws: HubError.self) { try plain.redirected(to: nil) }
        #expect(throws: HubError.self) { try plain.redirected(to: "/" + String(repeating: "a", count: 20_000)) }
        let error = #expect(throws: HubError.self) { try encrypted.redirected(to: "http://hub.example/a/b") }
        #expect(
            error?.description
                == "hub.example redirects from https to hub.example without encryption, which is refused."
        )
    }

    @Test("A part of a content says where it begins")
    func ranges() {
        #expect(ContentRange("bytes 10-19/20")?.start == 10)
        #expect(ContentRange("bytes 10-19/20")?.size == 20)
        #expect(ContentRange("bytes 10-19/*")?.start == 10)
        for bad in ["", "bytes", "bytes */20", "bytes 5-4/9", "bytes -1-4/9", "bytes a-b/c", "items 0-1/2"] {
            #expect(ContentRange(bad) == nil, "\(bad)")
        }
    }

    @Test("How long to wait is seconds or a date")
    func waits() {
        #expect(retryAfter("7") == .seconds(7))
        #expect(retryAfter("99999999999999999") == .seconds(86_400))
        let now = Date(timeIntervalSince1970: 1_445_412_480 - 30)
        #expect(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", now: now) == .seconds(30))
        #expect(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT") == .seconds(0))
        for (text, seconds) in [
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799), ("Thu, 01 Jan 1970 00:01:00 GMT", 60),
        ] {
            #expect(retryAfter(text, now: Date(timeIntervalSince1970: TimeInterval(seconds - 5))) == .seconds(5))
        }
        for bad in [
            nil, "", "-1", "soon", "1e9", String(repeating: "1", count: 100), "0\u{1E3F}\u{FFFD}", "\u{1E3F}\u{FFFD}",
            "Wed, 21 Oct 2015 07:28:00 GMT and more", "Wed, 21 Oct 2015", "Wed, 99 Oct 2015 07:28:00 GMT",
            "Wed, 21 Oct 9999999999999999999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:99 GMT",
            "Wed, 21 Oct 2015 07:28 GMT",
        ] {
            #expect(retryAfter(bad) == nil)
        }
    }
}
