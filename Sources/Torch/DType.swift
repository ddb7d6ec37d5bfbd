import CTorch

/// The type of a tensor's elements.
package enum DType: String, Sendable, CaseIterable, Codable {
    case float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool

    /// The size of one element in bytes.
    package var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether elements are floating-point numbers.
    package var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16: true
        default: false
        }
    }

    var code: Int32 {
        let code: CTorchDType =
            switch self {
            case .float32: CTORCH_FLOAT32
            case .float64: CTORCH_FLOAT64
            case .float16: CTORCH_FLOAT16
            case .bfloat16: CTORCH_BFLOAT16
            case .int64: CTORCH_INT64
            case .int32: CTORCH_INT32
            case .int16: CTORCH_INT16
            case .int8: CTORCH_INT8
            case .uint8: CTORCH_UINT8
            case .bool: CTORCH_BOOL
            }
        return Int32(bitPattern: code.rawValue)
    }

    init?(code: Int32) {
        guard let match = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = match
    }
}

/// Where a tensor's elements live and its operators run.
package enum Device: Sendable, Equatable, CustomStringConvertible {
    case cpu
    /// The GPU with this index.
    case cuda(Int)

    package var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    var code: Int32 {
        switch self {
        case .cpu: CTORCH_CPU
        case .cuda(let index): Int32(index)
        }
    }

    init(code: Int32) {
        self = code < 0 ? .cpu : .cuda(Int(code))
    }
}
