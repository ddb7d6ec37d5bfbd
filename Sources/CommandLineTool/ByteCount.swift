import Foundation

/// A number of bytes as people read it: `912 B`, `4.2 MB`, `1.35 GB`; a thousand bytes are a kilobyte, as on the hub.
enum ByteCount {
    private static let units = ["B", "kB", "MB", "GB", "TB", "PB"]

    static func text(_ bytes: Int) -> String { text(Double(bytes)) }

    static func text(_ bytes: Double) -> String {
        var (value, unit) = (max(bytes, 0), 0)
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let format = unit == 0 || value >= 99.95 ? "%.0f %@" : value >= 9.995 ? "%.1f %@" : "%.2f %@"
        return String(format: format, value, units[unit])
    }
}
