import Foundation

/// How new pixels are made of old ones when a picture is resized.
public enum ResamplingFilter: String, Sendable, CaseIterable {
    /// The mean of the pixels covered.
    case box
    /// A triangle; smooth and a little soft.
    case bilinear
    /// Catmull–Rom cubic, a = −0.5: what CLIP's preprocessing uses.
    case bicubic
    /// Lanczos with three lobes: the sharpest, with slight ringing.
    case lanczos

    /// How far from its centre the filter reaches, in source pixels at scale 1.
    var support: Double {
        switch self {
        case .box: 0.5
        case .bilinear: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The weight at distance `x` from the centre.
    ///
    /// Source: Pillow `src/libImaging/Resample.c`, the functions `…_filter`, with their order of operations.
    func weight(at x: Double) -> Double {
        switch self {
        case .box:
            return x > -0.5 && x <= 0.5 ? 1 : 0
        case .bilinear:
            let x = abs(x)
            return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            let x = abs(x)
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        case .lanczos:
            func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
            return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0
        }
    }
}

/// For every pixel of one side's result: which pixels of the source it is made of, and their fixed-point weights.
///
/// Source: Pillow `Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`.
struct ResamplingWeights {
    /// Weights are multiples of 2⁻²²: 32 bits less 8 for the pixel and 2 for sums above 1.
    static let precision: Int32 = 22

    /// The first source pixel of each result pixel.
    private(set) var first: [Int]
    /// How many source pixels follow, the first included.
    let taps: [Int]
    /// The weights, `stride` for each result pixel.
    let weights: [Int32]
    /// The most taps that any result pixel has.
    let stride: Int

    /// - Parameters:
    ///   - source: how many pixels there are.
    ///   - span: how many of them the result stands for, from the first; all of them where `nil`.
    ///   - target: how many pixels the result has.
    ///   - filter: how pixels are weighed.
    init(from source: Int, span: Double? = nil, to target: Int, filter: ResamplingFilter) {
        let scale = (span ?? Double(source)) / Double(target)
        // Shrinking widens the filter (antialiasing); enlarging leaves it as it is.
        let spread = max(scale, 1)
        let support = filter.support * spread
        let stride = Int(support.rounded(.up)) * 2 + 1
        let shrink = 1 / spread
        var first = [Int](repeating: 0, count: target)
        var taps = [Int](repeating: 0, count: target)
        var weights = [Int32](repeating: 0, count: target * stride)
        var exact = [Double](repeating: 0, count: stride)
        for index in 0..<target {
            let center = (Double(index) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let count = min(Int(center + support + 0.5), source) - start
            var sum = 0.0
            for tap in 0..<count {
                let weight = filter.weight(at: (Double(tap + start) - center + 0.5) * shrink)
                exact[tap] = weight
                sum += weight
            }
            for tap in 0..<count {
                let share = (sum != 0 ? exact[tap] / sum : exact[tap]) * Double(1 << Self.precision)
                weights[index * stride + tap] = Int32(share < 0 ? share - 0.5 : share + 0.5)
            }
            first[index] = start
            taps[index] = count
        }
        self.first = first
        self.taps = taps
        self.weights = weights
        self.stride = stride
    }

    /// How many result pixels there are.
    var count: Int { first.count }

    /// The source pixels that any result pixel is made of.
    var sources: Range<Int> {
        guard let first = first.min(), let end = zip(self.first, taps).map(+).max() else { return 0..<0 }
        return first..<end
    }

    /// Those of some result pixels alone.
    subscript(range: Range<Int>) -> ResamplingWeights {
        ResamplingWeights(
            first: Array(first[range]),
            taps: Array(taps[range]),
            weights: Array(weights[range.lowerBound * stride..<range.upperBound * stride]),
            stride: stride
        )
    }

    /// Counts source pixels from another one.
    mutating func move(by distance: Int) {
        for index in first.indices { first[index] += distance }
    }

    private init(first: [Int], taps: [Int], weights: [Int32], stride: Int) {
        (self.first, self.taps, self.weights, self.stride) = (first, taps, weights, stride)
    }
}
