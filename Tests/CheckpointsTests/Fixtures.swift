import Foundation
import LienzoNN
import LienzoTorch
import Testing

/// The files that `Tools/reference/checkpoints.py` wrote.
enum Fixtures {
    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil)).appendingPathComponent(name).path
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    /// The tensors the reference says a file has.
    static func expected(_ group: String) throws -> [String: ExpectedTensor] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path("expected.json")))
        return try #require(JSONDecoder().decode([String: [String: ExpectedTensor]].self, from: data)[group])
    }
}

/// A tensor as the reference has it.
struct ExpectedTensor: Decodable {
    let dtype: String
    let shape: [Int]
    let elements: [Element]

    /// A number; JSON has no text for those that are not finite.
    struct Element: Decodable {
        let value: Double

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                value = Double(text) ?? .nan
            } else {
                value = try container.decode(Double.self)
            }
        }
    }
}

/// The tensors of `source` that differ from the expected ones, each with what differs; empty where all are equal.
func differences(_ source: any ParameterSource, _ expected: [String: ExpectedTensor]) throws -> [String] {
    var result: [String] = []
    if Set(source.names) != Set(expected.keys) || source.names.count != expected.count {
        result.append("names: \(source.names.sorted()) instead of \(expected.keys.sorted())")
    }
    for (name, expected) in expected.sorted(by: { $0.key < $1.key }) {
        guard source.shape(of: name) == expected.shape else {
            result.append("\(name): shape \(source.shape(of: name) ?? []) instead of \(expected.shape)")
            continue
        }
        let tensor = try source.tensor(named: name)
        let elements = tensor.elements(as: Double.self)
        let areEqual =
            tensor.dtype.rawValue == expected.dtype && tensor.shape == expected.shape
            && elements.elementsEqual(expected.elements) { $0 == $1.value || ($0.isNaN && $1.value.isNaN) }
        if !areEqual { result.append("\(name): \(tensor.dtype) \(elements)") }
    }
    return result
}

/// A small fast random stream; the same numbers in every run.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension [UInt8] {
    /// This file damaged in one to four places: bytes changed, runs copied, cut out or put in, digits and the end moved.
    func mutated(using random: inout SplitMix64) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: bytes.indices, using: &random)
            let length = Swift.min(Int.random(in: 1...12, using: &random), bytes.count - position)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(position..<position + length)
            case 3: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
            case 4: bytes.removeSubrange(position...)
            case 5:
                let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
                if let digit = digits.randomElement(using: &random) {
                    bytes[digit] = UInt8.random(in: 0x30...0x39, using: &random)
                }
            default:
                let extreme: [UInt8] = [0x00, 0xFF, 0x7F, 0x80]
                let value = extreme.randomElement(using: &random) ?? 0
                for index in position..<position + length { bytes[index] = value }
            }
        }
        return bytes
    }
}
