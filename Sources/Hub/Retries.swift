package import Foundation

/// How often a request that failed for a passing reason is tried again, and after how long.
package struct Retries: Sendable {
    /// How many failures in a row are the end.
    private let limit: Int
    /// The first pause; each next one is twice as long, up to `longest`.
    private let pause: Duration
    private let longest: Duration
    /// The longest that a server may ask to wait.
    private let longestAsked: Duration = .seconds(600)
    private var failures = 0

    package init(limit: Int = 5, pause: Duration = .seconds(1), longest: Duration = .seconds(30)) {
        self.limit = limit
        self.pause = pause
        self.longest = longest
    }

    /// Begins to count anew, because something went well.
    package mutating func succeed() { failures = 0 }

    /// How long to wait after a failure; nil where it is final, or one too many.
    package mutating func pause(after error: HubError) -> Duration? {
        let asked: Duration?
        switch error.kind {
        case .connection: asked = nil
        case .busy(let after): asked = after
        default: return nil
        }
        failures += 1
        guard failures < limit else { return nil }
        if let asked { return asked <= longestAsked ? asked : nil }
        let doubled = pause * (1 << min(failures - 1, 16))
        // A little chance, so that many who were turned away at once do not come back at once.
        return min(doubled, longest) * Double.random(in: 0.75...1.25)
    }
}

extension Retries {
    /// Does something until it works or has failed too often.
    ///
    /// - Parameters:
    ///   - note: told before each pause why there is one, and how long it is.
    ///   - work: what is done; only its `HubError`s of kind `connection` and `busy` are tried again.
    /// - Returns: what the work returns.
    /// - Throws: what the work throws in the end, or `CancellationError`.
    func run<Result>(
        note: (HubError, Duration) -> Void,
        _ work: () async throws -> Result
    ) async throws -> Result {
        var retries = self
        while true {
            do {
                return try await work()
            } catch let error as HubError {
                guard let pause = retries.pause(after: error) else { throw error }
                note(error, pause)
                try await Task.sleep(for: pause)
            }
        }
    }
}

/// Reads the header `Retry-After`: seconds, or a date.
///
/// Source: RFC 9110, section 10.2.3.
package func retryAfter(_ text: String?, now: Date = Date()) -> Duration? {
    guard let text, text.utf8.count <= 64 else { return nil }
    // Whoever asks for more than a day asks for too much, however much it is.
    if let seconds = Int(text) { return seconds < 0 ? nil : .seconds(min(seconds, 86_400)) }
    guard let date = httpDate(text) else { return nil }
    return .seconds(min(max(date.timeIntervalSince(now), 0), 86_400))
}

/// Reads a date such as `Wed, 21 Oct 2015 07:28:00 GMT`; nil where the text is anything else.
///
/// By hand, because Foundation's formatters trap on some texts that only begin like a date.
///
/// Source: RFC 9110, section 5.6.7 (`IMF-fixdate`).
private func httpDate(_ text: String) -> Date? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = text.utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: parts[2]) else { return nil }
    let clock = parts[4].utf8.split(separator: UInt8(ascii: ":")).map { Int(String(decoding: $0, as: UTF8.self)) }
    guard let day = Int(parts[1]), 1...31 ~= day, let year = Int(parts[3]), 1970...9999 ~= year, clock.count == 3,
        let hour = clock[0], 0...23 ~= hour, let minute = clock[1], 0...59 ~= minute, let second = clock[2],
        0...60 ~= second
    else { return nil }
    // Days since the first of March of the year 0, where each leap day is the last of its year.
    let (shifted, years) = ((month + 10) % 12, month < 2 ? year - 1 : year)
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * shifted + 2) / 5 + day - 1
    let seconds = ((days - 719_468) * 24 + hour) * 3600 + minute * 60 + second
    return Date(timeIntervalSince1970: TimeInterval(seconds))
}
