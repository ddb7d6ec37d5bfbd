import Foundation
import LienzoHub
import TestSupport
import Testing

@Suite("What the environment says of the hub")
struct SettingsTests {
    @Test(
        "The cache is where huggingface_hub has it",
        arguments: [
            (["HOME": "/h"], "/h/.cache/huggingface/hub"),
            (["HOME": "/h", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
            (["HOME": "/h", "HF_HOME": "~/hf"], "/h/hf/hub"), (["HF_HOME": "/a", "HF_HUB_CACHE": "/b/c"], "/b/c"),
            (["HOME": "/h", "HF_HOME": "", "HF_HUB_CACHE": ""], "/h/.cache/huggingface/hub"),
            (["HF_HOME": "/a", "HUGGINGFACE_HUB_CACHE": "/old"], "/old"),
        ]
    )
    func caches(environment: [String: String], path: String) {
        #expect(HubCache(environment: environment).path == path)
    }

    @Test("The public hub is asked, or the one that HF_ENDPOINT names, without the slashes at its end")
    func endpoints() throws {
        #expect(try HubSettings(environment: [:]).endpoint.description == "https://huggingface.co")
        let named = try HubSettings(environment: ["HF_ENDPOINT": "http://localhost:8080/hub//"])
        #expect(named.endpoint.description == "http://localhost:8080/hub")
        let error = #expect(throws: HubError.self) { try HubSettings(environment: ["HF_ENDPOINT": "hub.example"]) }
        #expect(
            error?.description == "HF_ENDPOINT is \"hub.example\": expected an address such as https://hub.example."
        )
    }

    @Test(
        "A proxy is used as Python uses it",
        arguments: [
            (["https_proxy": "http://p:3128"], "http://p:3128"), (["HTTPS_PROXY": "p:3128"], "http://p:3128"),
            (["ALL_PROXY": "http://p"], "http://p"), (["http_proxy": "http://p"], nil),
            (["HTTPS_PROXY": "http://p", "NO_PROXY": "a, .hub.example"], nil),
            (["https_proxy": "p", "no_proxy": "*"], nil),
            (["https_proxy": "p", "no_proxy": "ub.example"], "http://p"), ([:], nil),
        ]
    )
    func proxies(variables: [String: String], proxy: String?) throws {
        let environment = variables.merging(["HF_ENDPOINT": "https://hub.example"]) { $1 }
        #expect(try HubSettings(environment: environment).proxy?.description == proxy)
        #expect(throws: HubError.self) { try HubSettings(environment: ["https_proxy": "socks5://user:secret@p"]) }
    }

    @Test("Offline is what huggingface_hub takes for it", arguments: ["1", "on", "Yes", "TRUE"])
    func offline(value: String) throws {
        #expect(try HubSettings(environment: ["HF_HUB_OFFLINE": value]).isOffline)
        #expect(try !HubSettings(environment: ["HF_HUB_OFFLINE": "0"]).isOffline)
    }

    @Test("The token comes from HF_TOKEN, or from the file that a login has left")
    func tokens() throws {
        try withTemporaryFolder { folder in
            #expect(try HubSettings(environment: ["HF_HOME": folder]).token == nil)
            try Data("hf_saved\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/token"))
            #expect(try HubSettings(environment: ["HF_HOME": folder]).token == "hf_saved")
            #expect(try HubSettings(environment: ["HF_HOME": folder, "HF_TOKEN": " hf_own\r\n"]).token == "hf_own")
        }
        #expect(throws: HubError.self) { try HubSettings(environment: ["HF_TOKEN": "a\r\nHost: b"]) }
        #expect(throws: HubError.self) { try HubSettings(environment: ["SSL_CERT_FILE": "/nowhere/at/all"]) }
    }
}
