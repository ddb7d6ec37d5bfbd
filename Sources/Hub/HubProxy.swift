/// The server between this machine and the hub, where a network has one.
///
/// Source: the environment variables as Python's `urllib.request.getproxies_environment` and `proxy_bypass_environment`
/// read them.
enum HubProxy {
    /// What `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` say for a hub, unless `NO_PROXY` names it.
    ///
    /// - Throws: `HubError` of kind `usage` where they do not name a server; their value is not shown, as it may have a
    ///   password in it.
    static func address(
        for endpoint: HubAddress,
        environment: [String: String]
    ) throws(HubError) -> HubAddress? {
        let names = ["\(endpoint.origin.scheme)_proxy", "all_proxy"].flatMap { [$0, $0.uppercased()] }
        guard let name = names.first(where: { environment[$0]?.isEmpty == false }), let value = environment[name],
            !isExempt(endpoint.origin.host, environment["no_proxy"] ?? environment["NO_PROXY"] ?? "")
        else { return nil }
        guard let address = HubAddress(value.contains("://") ? value : "http://\(value)"),
            address.origin.scheme == "http"
        else {
            throw HubError(
                .usage,
                "\(name) does not name a proxy that can be used: expected an address such as http://proxy.example:3128."
            )
        }
        return address
    }

    /// Whether a list such as `localhost,.example` names a host or a domain that it is in.
    private static func isExempt(_ host: String, _ list: String) -> Bool {
        list.lowercased().split(separator: ",").contains { entry in
            let name = entry.filter { $0 != " " }.drop { $0 == "." }
            return name == "*" || host == name || (!name.isEmpty && host.hasSuffix(".\(name)"))
        }
    }
}
