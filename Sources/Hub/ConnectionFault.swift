import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// Why a connection was not made or broke, in one sentence that needs no knowledge of sockets.
struct ConnectionFault: CustomStringConvertible {
    let description: String

    /// - Parameters:
    ///   - origin: whom the request was for.
    ///   - error: what the network said.
    init(_ origin: HubAddress.Origin, _ error: any Error) {
        // Where there is a proxy, it is the one that was called.
        let failure = error as? NIOConnectionError
        let (host, port) = failure.map { (plain($0.host), $0.port) } ?? (origin.host, origin.port)
        let attempt = failure?.connectionErrors.first?.error ?? error
        let (code, http) = ((attempt as? IOError)?.errnoCode, error as? HTTPClientError)
        let isTimeout = attempt is ChannelError || code == ETIMEDOUT
        if attempt is NIOConnectionError {
            description =
                "The host \(host) is not found: check the network, and HF_ENDPOINT and the proxy where one is set."
        } else if code == ECONNREFUSED {
            description = "\(host) refuses connections at port \(port): expected a server that listens there."
        } else if [ENETUNREACH, EHOSTUNREACH, ENETDOWN].contains(code) {
            description = "\(host) cannot be reached from here: check the network."
        } else if isTimeout || [.connectTimeout, .readTimeout, .deadlineExceeded].contains(http) {
            description = "\(host) does not answer: check the network, or try again later."
        } else if http == .remoteConnectionClosed || code == ECONNRESET || code == EPIPE {
            description = "The connection to \(host) was closed before the answer was whole: try again later."
        } else {
            let reason = http?.shortDescription ?? String(describing: error)
            description = "The connection to \(host) failed: \(plain(reason).trimmingCharacters(in: ["."]))."
        }
    }
}
