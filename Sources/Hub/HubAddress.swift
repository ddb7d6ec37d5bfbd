import Foundation

/// An address of a server that may be asked: `http` or `https`, with a host.
package struct HubAddress: Sendable, Hashable, CustomStringConvertible {
    /// Scheme, host and port: who is asked.
    struct Origin: Hashable {
        let scheme: String
        let host: String
        let port: Int
    }

    package let description: String
    let origin: Origin

    private static let byteLimit = 16_384

    /// Nil where the text is no such address.
    package init?(_ text: String) {
        self.init(URL(string: text))
    }

    private init?(_ url: URL?) {
        guard let url, url.absoluteString.utf8.count <= Self.byteLimit, let scheme = url.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = url.host()?.lowercased(), !host.isEmpty, url.user() == nil
        else { return nil }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        guard 1...65_535 ~= port else { return nil }
        description = url.absoluteString
        origin = Origin(scheme: scheme, host: host, port: port)
    }

    /// The address with parts appended to its path, each percent-encoded, slashes included where a part has them.
    func appending(_ parts: String...) -> String {
        ([description] + parts).joined(separator: "/")
    }

    /// Where a redirect leads that this address answers with.
    ///
    /// - Parameter location: the header `Location`, relative or not.
    /// - Returns: the address to ask next.
    /// - Throws: `HubError` of kind `untrustworthy` where that is no address, or one without encryption after one with.
    package func redirected(to location: String?) throws(HubError) -> HubAddress {
        guard let location, location.utf8.allSatisfy({ 0x21...0x7E ~= $0 }),
            let target = HubAddress(URL(string: location, relativeTo: URL(string: description))?.absoluteURL)
        else {
            throw HubError(
                .untrustworthy,
                "\(origin.host) redirects to \(quoted(location ?? "nowhere")): expected an http or https address."
            )
        }
        guard origin.scheme == "http" || target.origin.scheme == "https" else {
            throw HubError(
                .untrustworthy,
                "\(origin.host) redirects from https to \(target.origin.host) without encryption, which is refused."
            )
        }
        return target
    }

    /// A text as one part of a path: everything but letters, digits and `-._~` percent-encoded.
    static func part(_ text: String, keepingSlashes: Bool = false) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            case UInt8(ascii: "/") where keepingSlashes: "/"
            default: (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
