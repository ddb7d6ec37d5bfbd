import Foundation

/// Which hub is asked, as whom, and how patiently.
///
/// Source: huggingface_hub, `constants.py` and `utils/_auth.py`.
package struct HubSettings: Sendable {
    /// The hub, without a slash at the end.
    package let endpoint: HubAddress
    /// The server through which the hub is asked, where there is one.
    package let proxy: HubAddress?
    /// A file of certificates that are trusted instead of the system's (`SSL_CERT_FILE`).
    package let certificates: String?
    /// What proves who asks; nil where nobody said.
    package let token: String?
    /// Whether nothing may be asked of the network.
    package let isOffline: Bool
    /// How long a server may say nothing before the connection counts as broken.
    package var patience: Duration = .seconds(20)
    /// How often a request is tried, and how long is waited in between.
    package var retries = Retries()
    /// How many files are fetched at once.
    package var parallelFiles = 4

    /// Reads the environment, as huggingface_hub does.
    ///
    /// - Throws: `HubError` of kind `usage` where a variable cannot be what it should be.
    package init(environment: [String: String]) throws(HubError) {
        func value(_ names: String...) -> String? {
            names.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        var address = value("HF_ENDPOINT") ?? "https://huggingface.co"
        while address.hasSuffix("/") { address.removeLast() }
        guard let endpoint = HubAddress(address) else {
            throw HubError(
                .usage,
                "HF_ENDPOINT is \(quoted(address)): expected an address such as https://hub.example."
            )
        }
        self.endpoint = endpoint
        proxy = try HubProxy.address(for: endpoint, environment: environment)
        certificates = value("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        if let file = certificates, !FileManager.default.isReadableFile(atPath: file) {
            throw HubError(.usage, "SSL_CERT_FILE names \(quoted(file)), which cannot be read: expected certificates.")
        }
        isOffline = ["1", "ON", "YES", "TRUE"]
            .contains(value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")?.uppercased() ?? "")
        let saved = value("HF_TOKEN_PATH") ?? HubCache.home(environment) + "/token"
        let token = (value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ?? Self.text(ofFile: saved))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard token?.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) ?? true else {
            throw HubError(.usage, "HF_TOKEN has characters that no token has: expected ASCII letters, digits and _.")
        }
        self.token = token?.isEmpty == true ? nil : token
        if let seconds = value("HF_HUB_DOWNLOAD_TIMEOUT").flatMap(Int.init), 1...86_400 ~= seconds {
            patience = .seconds(seconds)
        }
    }

    /// The text of a small file; nil where there is none.
    private static func text(ofFile path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        return (try? file.read(upToCount: 4096)).map { String(decoding: $0, as: UTF8.self) }
    }
}
