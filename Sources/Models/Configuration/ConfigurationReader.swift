package import Foundation

/// One JSON object of a configuration file, read key by key.
///
/// Each accessor names a key once, with its default and its range, so a configuration's `init` is its whole schema.
/// A key that is absent or `null` takes the default; without a default it is an error. Keys that nobody asked for are
/// collected in `unknownKeys`, so that a setting which Lienzo does not know is reported and never silently dropped.
package final class ConfigurationReader {
    /// The file's name (with the path to this object inside it), for messages.
    private let file: String
    private let values: [String: JSONValue]
    private var asked: Set<String> = []
    private var children: [(key: String, reader: ConfigurationReader)] = []

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - json: The file's bytes: one JSON object.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when the bytes are not one JSON object.
    package convenience init(_ json: Data, file: String) throws(ConfigurationError) {
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: json)
        } catch {
            throw ConfigurationError("\(file) is not valid JSON; fetch it again.")
        }
        guard case .object(let values) = value else {
            throw ConfigurationError("\(file) holds \(value) where one JSON object is expected; fetch it again.")
        }
        self.init(values, file: file)
    }

    private init(_ values: [String: JSONValue], file: String) {
        self.values = values
        self.file = file
    }

    /// The keys that no accessor has asked for, with the path of nested objects (`text_cfg.width`), sorted.
    ///
    /// Keys that start with an underscore are notes of the program that wrote the file and do not count.
    package var unknownKeys: [String] {
        let own = values.keys.filter { !asked.contains($0) && !$0.hasPrefix("_") }
        return (own + children.flatMap { child in child.reader.unknownKeys.map { "\(child.key).\($0)" } }).sorted()
    }

    /// Whether the key is there with a value other than `null`.
    package func has(_ key: String) -> Bool {
        value(key) != nil
    }

    /// Whether the key is there with a value other than `null` and `false`: a setting that is on.
    package func isOn(_ key: String) -> Bool {
        value(key).map { $0 != .boolean(false) } ?? false
    }

    /// Whether the key is there with the value `null`, which some references tell apart from an absent key.
    package func isNull(_ key: String) -> Bool {
        asked.insert(key)
        return values[key] == .null
    }

    /// Accepts keys whose value changes nothing here: settings of training, of other devices, of older versions.
    package func ignore(_ keys: String...) {
        asked.formUnion(keys)
    }

    /// An integer in `range`.
    package func integer(
        _ key: String,
        default fallback: Int? = nil,
        in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        let expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
        let value = try value(key, default: fallback.map { .integer($0) }, expected: expected)
        guard case .integer(let number) = value, range.contains(number) else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return number
    }

    /// An integer in `range`, or nil where the key is absent or `null`.
    package func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        has(key) ? try integer(key, in: range) : nil
    }

    /// A finite number in `range`; integers count as numbers.
    package func number(
        _ key: String,
        default fallback: Double? = nil,
        in range: ClosedRange<Double>
    ) throws(ConfigurationError) -> Double {
        let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
        let value = try value(key, default: fallback.map { .number($0) }, expected: expected)
        guard let number = value.number, range.contains(number) else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return number
    }

    /// `true` or `false`.
    package func boolean(_ key: String, default fallback: Bool? = nil) throws(ConfigurationError) -> Bool {
        let expected = "true or false"
        let value = try value(key, default: fallback.map { .boolean($0) }, expected: expected)
        guard case .boolean(let flag) = value else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return flag
    }

    /// A string of any content.
    package func string(_ key: String, default fallback: String? = nil) throws(ConfigurationError) -> String {
        let expected = "a string"
        let value = try value(key, default: fallback.map { .string($0) }, expected: expected)
        guard case .string(let text) = value else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return text
    }

    /// One of the words of an enumeration.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        default fallback: Choice? = nil
    ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
        let expected = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
        let value = try value(key, default: fallback.map { .string($0.rawValue) }, expected: expected)
        guard case .string(let word) = value, let choice = Choice(rawValue: word) else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return choice
    }

    /// A list of integers, each in `range`; its length lies in `count`.
    package func integers(
        _ key: String,
        default fallback: [Int]? = nil,
        count: ClosedRange<Int>,
        in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> [Int] {
        let expected =
            "a list of \(count.lowerBound) to \(count.upperBound) integers from \(range.lowerBound) "
            + "to \(range.upperBound)"
        let value = try value(key, default: fallback.map { .array($0.map { .integer($0) }) }, expected: expected)
        let numbers = value.array?.compactMap { $0.integer }
        guard let numbers, numbers.count == value.array?.count, count.contains(numbers.count),
            numbers.allSatisfy(range.contains)
        else { throw ConfigurationError(file: file, key: key, expected: expected, found: value.description) }
        return numbers
    }

    /// A list of numbers, each in `range`; its length lies in `count`.
    package func numbers(
        _ key: String,
        default fallback: [Double]? = nil,
        count: ClosedRange<Int>,
        in range: ClosedRange<Double>
    ) throws(ConfigurationError) -> [Double] {
        let expected =
            "a list of \(count.lowerBound) to \(count.upperBound) numbers from \(range.lowerBound) "
            + "to \(range.upperBound)"
        let value = try value(key, default: fallback.map { .array($0.map { .number($0) }) }, expected: expected)
        let numbers = value.array?.compactMap { $0.number }
        guard let numbers, numbers.count == value.array?.count, count.contains(numbers.count),
            numbers.allSatisfy(range.contains)
        else { throw ConfigurationError(file: file, key: key, expected: expected, found: value.description) }
        return numbers
    }

    /// A list of strings; its length lies in `count`.
    package func strings(
        _ key: String,
        default fallback: [String]? = nil,
        count: ClosedRange<Int>
    ) throws(ConfigurationError) -> [String] {
        let expected = "a list of \(count.lowerBound) to \(count.upperBound) strings"
        let value = try value(key, default: fallback.map { .array($0.map { .string($0) }) }, expected: expected)
        let words = value.array?.compactMap { $0.string }
        guard let words, words.count == value.array?.count, count.contains(words.count) else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return words
    }

    /// A list of flags; its length lies in `count`.
    package func booleans(
        _ key: String,
        default fallback: [Bool]? = nil,
        count: ClosedRange<Int>
    ) throws(ConfigurationError) -> [Bool] {
        let expected = "a list of \(count.lowerBound) to \(count.upperBound) flags, true or false"
        let value = try value(key, default: fallback.map { .array($0.map { .boolean($0) }) }, expected: expected)
        let flags = value.array?.compactMap { $0.boolean }
        guard let flags, flags.count == value.array?.count, count.contains(flags.count) else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        return flags
    }

    /// Whether the value of the key is a list: some settings are one value for all blocks or one per block.
    package func isList(_ key: String) -> Bool {
        value(key)?.array != nil
    }

    /// A nested object.
    ///
    /// An absent one reads as empty when `optional`, so that its keys take their defaults.
    package func object(_ key: String, optional: Bool = false) throws(ConfigurationError) -> ConfigurationReader {
        let expected = "an object"
        let value = try value(key, default: optional ? .object([:]) : nil, expected: expected)
        guard case .object(let values) = value else {
            throw ConfigurationError(file: file, key: key, expected: expected, found: value.description)
        }
        let reader = ConfigurationReader(values, file: "\(file): \(key)")
        children.append((key, reader))
        return reader
    }

    /// The error for a value that is well formed by itself and wrong beside the others.
    package func invalid(_ key: String, expected: String) -> ConfigurationError {
        ConfigurationError(file: file, key: key, expected: expected, found: values[key]?.description ?? "nothing")
    }

    private func value(
        _ key: String,
        default fallback: JSONValue?,
        expected: String
    ) throws(ConfigurationError) -> JSONValue {
        if let value = value(key) ?? fallback { return value }
        throw ConfigurationError(file: file, key: key, expected: expected, found: "nothing")
    }

    private func value(_ key: String) -> JSONValue? {
        asked.insert(key)
        guard let value = values[key], value != .null else { return nil }
        return value
    }
}
