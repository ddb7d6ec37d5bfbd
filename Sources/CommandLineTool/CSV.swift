/// Comma-separated values.
///
/// Source: RFC 4180.
enum CSV {
    /// A line of fields that are texts and then of numbers.
    static func line(_ texts: [String], _ numbers: [Float] = []) -> String {
        let quoted = texts.map { "\"\($0.replacing("\"", with: "\"\""))\"" }
        return (quoted + numbers.map(\.description)).joined(separator: ",") + "\r\n"
    }
}
