import Foundation
import Synchronization

/// A small HTTP/1.1 server on this machine for tests: one answer a connection, one thread each.
///
/// What it answers is up to a closure, and so is how: slowly, or not to the end.
public final class TestServer: Sendable {
    /// What was asked.
    public struct Request: Sendable {
        /// `GET` or `HEAD`.
        public let method: String
        /// The path without its query, as it was sent.
        public let path: String
        /// By lower-case name.
        public let headers: [String: String]
    }

    /// What is answered.
    public struct Response: Sendable {
        /// Such as 200.
        public var status: Int
        /// Besides `Content-Length`, which is added where it is not here, and `Connection`.
        public var headers: [String: String]
        /// Not sent to who asked with `HEAD`.
        public var body: [UInt8]
        /// The connection breaks after so many bytes of the body.
        public var breaksAfter: Int?
        /// The pause after each 8 KiB of the body.
        public var pause: Duration = .zero
        /// Nothing more comes after so many bytes of the body, until the client has gone.
        public var stallsAfter: Int?

        /// An answer that comes whole and at once.
        public init(_ status: Int, _ headers: [String: String] = [:], _ body: [UInt8] = []) {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    /// Where it listens.
    public let port: Int
    private let socketDescriptor: Int32
    private let answer: @Sendable (Request) -> Response
    private let isStopped = Mutex(false)

    /// Begins to listen at a free port of the loopback interface.
    public init(_ answer: @escaping @Sendable (Request) -> Response) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        port = Int(UInt16(bigEndian: address.sin_port))
        socketDescriptor = descriptor
        self.answer = answer
        Thread { [self] in acceptConnections() }.start()
    }

    /// Ends; connections that are open end by themselves.
    public func stop() {
        isStopped.withLock { $0 = true }
        shutdown(socketDescriptor, Int32(SHUT_RDWR))
        close(socketDescriptor)
    }

    private func acceptConnections() {
        while true {
            let connection = accept(socketDescriptor, nil, nil)
            if isStopped.withLock({ $0 }) { return }
            guard connection >= 0 else { continue }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            Thread { [self] in
                serve(connection)
                close(connection)
            }.start()
        }
    }

    private func serve(_ connection: Int32) {
        guard let request = Self.request(from: connection) else { return }
        let response = answer(request)
        var head = "HTTP/1.1 \(response.status) Answer\r\n"
        let headers = response.headers.merging(["Connection": "close"]) { own, _ in own }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        let names = response.headers.keys.map { $0.lowercased() }
        if !names.contains("content-length"), !names.contains("transfer-encoding") {
            head += "Content-Length: \(response.body.count)\r\n"
        }
        guard Self.send(Array((head + "\r\n").utf8)[...], to: connection), request.method != "HEAD" else { return }
        var rest = response.body[...].prefix(response.breaksAfter ?? .max)
        while !rest.isEmpty {
            if let stall = response.stallsAfter, response.body.count - rest.count >= stall {
                var byte: UInt8 = 0
                _ = recv(connection, &byte, 1, 0)
                return
            }
            guard Self.send(rest.prefix(8192), to: connection) else { return }
            rest = rest.dropFirst(8192)
            if response.pause > .zero { usleep(UInt32(response.pause / .microseconds(1))) }
        }
    }

    private static func request(from connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !bytes.contains(sequence: [13, 10, 13, 10]) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0, bytes.count < 1 << 16 else { return nil }
            bytes += buffer[..<count]
        }
        let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
        let first = lines[0].split(separator: " ").map(String.init)
        guard first.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
        }
        let path = first[1].split(separator: "?", maxSplits: 1).first.map(String.init) ?? ""
        return Request(method: first[0], path: path, headers: headers)
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to connection: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
                let count = Foundation.send(connection, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}

extension [UInt8] {
    fileprivate func contains(sequence: [UInt8]) -> Bool {
        guard count >= sequence.count else { return false }
        return indices.dropLast(sequence.count - 1).contains { self[$0..<$0 + sequence.count].elementsEqual(sequence) }
    }
}
