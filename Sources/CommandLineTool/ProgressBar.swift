import Foundation

/// One line on standard error that shows how far a stage is, how fast it goes and how long it will take.
///
/// Silent where standard error is not a terminal. Redraws at most ten times a second.
struct ProgressBar {
    private let title: String
    private let total: Int
    private let unit: String
    private let done: Int
    private let start = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?

    /// The unit of bytes, which are shown as kB, MB and so on.
    static let bytes = "bytes"

    /// - Parameters:
    ///   - title: what is being done, such as `decoder`.
    ///   - total: the number of units at the end, at least 1.
    ///   - done: the number of units that an earlier run did, which do not count for the rate.
    ///   - unit: what is counted, in the plural, such as `steps`.
    init(_ title: String, total: Int, done: Int = 0, unit: String) {
        self.title = title
        self.total = max(total, 1)
        self.done = done
        self.unit = unit
        draw(completed: done)
    }

    /// Shows that so many units are done, with a word of the caller's, such as a loss.
    mutating func update(completed: Int, note: String = "") {
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < .milliseconds(100), completed < total { return }
        lastDrawn = now
        draw(completed: completed, note: note)
    }

    /// Leaves the line as it stands and goes to the next.
    func finish() {
        if Console.isInteractive { Console.write("\n", to: .standardError) }
    }

    /// Says a sentence on a line of its own; the next update draws the bar below it.
    mutating func interrupt(with sentence: String) {
        if Console.isInteractive { Console.write("\r\u{1B}[K", to: .standardError) }
        Console.note(sentence)
        lastDrawn = nil
    }

    private func draw(completed: Int, note: String = "") {
        guard Console.isInteractive else { return }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let line = Self.line(
            title: title,
            completed: completed,
            total: total,
            done: done,
            unit: unit,
            seconds: seconds,
            note: note,
            columns: Console.columns
        )
        Console.write("\r\u{1B}[K\(line)", to: .standardError)
    }

    /// The line itself: title, bar, count, rate, time left and note, cut to the width of the terminal.
    static func line(
        title: String,
        completed: Int,
        total: Int,
        done: Int = 0,
        unit: String,
        seconds: Double,
        note: String,
        columns: Int
    ) -> String {
        let width = 24
        let filled = width * min(max(completed, 0), total) / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let count =
            unit == bytes ? "\(ByteCount.text(completed)) of \(ByteCount.text(total))" : "\(completed)/\(total)"
        var parts = [title.padding(toLength: max(title.count, 12), withPad: " ", startingAt: 0), bar, count]
        if completed > done, seconds > 0 {
            let rate = Double(completed - done) / seconds
            parts.append(
                unit == bytes
                    ? "\(ByteCount.text(rate))/s" : String(format: rate < 10 ? "%.1f %@/s" : "%.0f %@/s", rate, unit)
            )
            parts.append(
                completed < total
                    ? "\(duration(Double(total - completed) / rate)) left"
                    : duration(seconds)
            )
        }
        if !note.isEmpty { parts.append(note) }
        return String(parts.joined(separator: "  ").prefix(max(columns - 1, 0)))
    }

    /// A duration as people read it: `0.8 s`, `42 s`, `3:07 min`, `2:15 h`.
    static func duration(_ seconds: Double) -> String {
        switch seconds {
        case ..<10: String(format: "%.1f s", seconds)
        case ..<100: "\(Int(seconds.rounded())) s"
        case ..<3600: String(format: "%d:%02d min", Int(seconds) / 60, Int(seconds) % 60)
        default: String(format: "%d:%02d h", Int(min(seconds, 1e9)) / 3600, Int(min(seconds, 1e9)) % 3600 / 60)
        }
    }
}
