import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// Asks the hub, over HTTP.
///
/// It follows redirects itself: the token goes to the hub alone, and nothing that was encrypted goes on in the clear.
///
/// Source: huggingface_hub, `hf_api.py` (`model_info`), `file_download.py` (`hf_hub_url`, `http_get`).
struct HubClient: Sendable {
    let settings: HubSettings
    private let http: HTTPClient

    /// An answer, and who gave it at the end of the redirects.
    struct Answer {
        let response: HTTPClientResponse
        let address: HubAddress

        var status: Int { Int(response.status.code) }

        func header(_ name: String) -> String? { response.headers.first(name: name) }
    }

    private static let redirectLimit = 10

    /// Calls `body` with a client that is closed afterwards.
    static func with<Result: Sendable>(
        _ settings: HubSettings,
        _ body: (HubClient) async throws -> Result
    ) async throws -> Result {
        let patience = settings.patience.asTimeAmount
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: patience, read: patience),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        if let file = settings.certificates {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(file)
            configuration.tlsConfiguration = tls
        }
        if let proxy = settings.proxy {
            configuration.proxy = .server(host: proxy.origin.host, port: proxy.origin.port)
        }
        configuration.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(HubClient(settings: settings, http: http))
            try? await http.shutdown()
            return result
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// The files of a model at a revision.
    func listing(of reference: ModelReference) async throws -> RepositoryListing {
        let revision = HubAddress.part((reference.revision ?? .main).description)
        let address = settings.endpoint.appending("api/models", "\(reference.id)", "revision", "\(revision)?blobs=true")
        let answer = try await send(.GET, to: address)
        guard answer.status == 200 else { throw fault(answer, reference) }
        var json = Data()
        try await receive(answer) { bytes throws(HubError) in
            guard json.count + bytes.count <= RepositoryListing.byteLimit else {
                throw HubError(
                    .untrustworthy,
                    "The hub's answer for \(reference) is longer than \(RepositoryListing.byteLimit) bytes."
                )
            }
            json.append(contentsOf: bytes)
        }
        return try RepositoryListing(json: json, of: reference)
    }

    /// What the hub says of a file before it sends it.
    func metadata(
        of file: RepositoryListing.File,
        in reference: ModelReference,
        at commit: Commit
    ) async throws -> FileMetadata {
        // A large file lies elsewhere, but its tag and size come with the redirect.
        let answer = try await send(.HEAD, to: address(of: file.path, in: reference, at: commit)) { headers in
            headers.contains(name: "x-linked-etag") && headers.contains(name: "x-linked-size")
        }
        guard answer.status == 200 || 300..<400 ~= answer.status else { throw fault(answer, reference, file.path) }
        return try FileMetadata(of: file, at: commit) { answer.header($0) }
    }

    /// Asks for the content of a file, from a byte on.
    func content(
        of path: RepositoryPath,
        in reference: ModelReference,
        at commit: Commit,
        from start: Int
    ) async throws -> Answer {
        let range = start > 0 ? [("Range", "bytes=\(start)-")] : []
        return try await send(.GET, to: address(of: path, in: reference, at: commit), headers: range)
    }

    private func address(of path: RepositoryPath, in reference: ModelReference, at commit: Commit) -> String {
        let file = HubAddress.part(path.description, keepingSlashes: true)
        return settings.endpoint.appending("\(reference.id)", "resolve", "\(commit)", file)
    }

    /// Sends a request and follows redirects until there is another answer, or a redirect whose headers suffice.
    private func send(
        _ method: HTTPMethod,
        to address: String,
        headers: [(String, String)] = [],
        isEnough: (HTTPHeaders) -> Bool = { _ in false }
    ) async throws -> Answer {
        guard var address = HubAddress(address) else {
            throw HubError(.usage, "\(quoted(address)) is not an address that can be asked.")
        }
        for _ in 0...Self.redirectLimit {
            var request = HTTPClientRequest(url: address.description)
            request.method = method
            request.headers = HTTPHeaders(headers)
            request.headers.add(name: "User-Agent", value: "lienzo")
            request.headers.add(name: "Accept-Encoding", value: "identity")
            if let token = settings.token, address.origin == settings.endpoint.origin {
                request.headers.add(name: "Authorization", value: "Bearer \(token)")
            }
            let response: HTTPClientResponse
            do {
                response = try await http.execute(request, timeout: settings.patience.asTimeAmount)
            } catch {
                throw Self.broken(address, error)
            }
            let answer = Answer(response: response, address: address)
            guard [301, 302, 303, 307, 308].contains(answer.status), !isEnough(response.headers) else { return answer }
            address = try address.redirected(to: answer.header("location"))
        }
        throw HubError(
            .untrustworthy,
            "\(settings.endpoint.origin.host) redirects more than \(Self.redirectLimit) times: expected a file in the end."
        )
    }

    /// Passes the body of an answer on as it arrives; no more is read ahead than a connection buffers.
    func receive(_ answer: Answer, _ take: (UnsafeRawBufferPointer) throws(HubError) -> Void) async throws {
        var chunks = answer.response.body.makeAsyncIterator()
        while true {
            let chunk: ByteBuffer?
            do {
                chunk = try await chunks.next()
            } catch {
                throw Self.broken(answer.address, error)
            }
            guard let chunk else { return }
            try chunk.withUnsafeReadableBytes { bytes in try take(bytes) }
        }
    }

    /// What a failed request means: that it was cancelled, or that the connection broke.
    private static func broken(_ address: HubAddress, _ error: any Error) -> any Error {
        if error is CancellationError || Task.isCancelled || error as? HTTPClientError == .cancelled {
            return CancellationError()
        }
        if isDistrust(error) {
            return HubError(
                .untrustworthy,
                "The certificate of \(address.origin.host) is not trusted: expected one that the system's certificates, or "
                    + "those in the file SSL_CERT_FILE, vouch for."
            )
        }
        return HubError(.connection, ConnectionFault(address.origin, error).description)
    }
}

extension HubClient {
    /// Whether a connection failed because the server could not prove who it is, which another try does not change.
    private static func isDistrust(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOSSLError:
            switch error {
            case .handshakeFailed: String(describing: error).contains("CERTIFICATE_VERIFY_FAILED")
            case .unableToValidateCertificate, .failedToLoadCertificate: true
            default: false
            }
        case let error as NIOSSLExtraError: error == .failedToValidateHostname
        default: false
        }
    }
}

// MARK: - Answers that are none

extension HubClient {
    /// What an answer means that is not the one that was hoped for.
    func fault(_ answer: Answer, _ reference: ModelReference, _ file: RepositoryPath? = nil) -> HubError {
        let host = answer.address.origin.host
        let what = file.map { "\($0) of \(reference.id)" } ?? "\(reference)"
        switch answer.status {
        case 408, 429, 500..<600:
            return HubError(
                .busy(after: retryAfter(answer.header("retry-after"))),
                "\(host) answers \(answer.status) (\(plain(answer.response.status.reasonPhrase))) for \(what): try again later."
            )
        case 400..<500 where answer.address.origin != settings.endpoint.origin:
            // The hub gives out addresses of other hosts that are good for a while only; a new try gets a new one.
            return HubError(.busy(after: nil), "\(host) answers \(answer.status) for \(what): try again later.")
        case 401 where settings.token == nil && answer.header("x-error-code") != "GatedRepo":
            return HubError(
                .denied,
                "\(reference.id) is not at \(host) or is private: check the id, or set HF_TOKEN to a token that may read it."
            )
        case 401 where settings.token != nil && answer.header("x-error-code") != "GatedRepo":
            return HubError(
                .denied,
                "\(host) does not let HF_TOKEN read \(reference.id): check the id, and that the token is valid."
            )
        case 401, 403:
            return HubError(
                .denied,
                "\(reference.id) is gated or private: accept its terms at \(settings.endpoint)/\(reference.id), and set "
                    + "HF_TOKEN to a token of an account that may read it."
            )
        case 404:
            return notFound(answer, reference, file)
        default:
            return HubError(.untrustworthy, "\(host) answers \(answer.status) for \(what): expected 200.")
        }
    }

    private func notFound(_ answer: Answer, _ reference: ModelReference, _ file: RepositoryPath?) -> HubError {
        let host = answer.address.origin.host
        if let file {
            return HubError(.notFound, "\(reference.id) at \(host) has no file \(file): pull it again.")
        }
        if let revision = reference.revision, answer.header("x-error-code") == "RevisionNotFound" {
            return HubError(
                .notFound,
                "\(reference.id) at \(host) has no revision \(revision): expected a branch, a tag or a commit of it."
            )
        }
        let revision = reference.revision.map { " or it has no revision \($0)" } ?? ""
        return HubError(.notFound, "There is no model \(reference.id) at \(host)\(revision): check the id.")
    }
}

extension Duration {
    /// For the event loop, which counts nanoseconds.
    fileprivate var asTimeAmount: TimeAmount { .nanoseconds(Int64(min(self / .nanoseconds(1), 1e18))) }
}
