import Foundation
import LienzoTorch

/// A Brownian motion that a seed fixes everywhere, so that the path does not depend on the points that a run asks for.
///
/// Its values at halves of halves of an interval are drawn between their neighbours, each from a seed of its own.
///
/// Source: Li et al. 2020, "Scalable Gradients for Stochastic Differential Equations", section 4 (virtual Brownian
/// tree); torchsde's `BrownianInterval` with `halfway_tree`, as diffusers' `BatchedBrownianTree` sets it up.
struct BrownianTree {
    private let start: Double
    private let end: Double
    private let seed: UInt64
    private let shape: [Int]
    private let whole: Tensor

    private static let poolSize = 24

    /// A motion over the times `start` to `end`, which are resolved to a millionth, in numbers of a shape.
    init(from start: Double, to end: Double, seed: UInt64, shape: [Int]) {
        self.start = Self.rounded(start)
        self.end = Self.rounded(end)
        self.seed = seed
        self.shape = shape
        let first = SeedSequence(entropy: seed, poolSize: Self.poolSize).first
        whole = Tensor.randn(shape, generator: Generator(seed: UInt64(first))) * (end - start).squareRoot()
    }

    /// By how much the motion goes on between two times, `from` not after `to`; what lies outside is cut off.
    func increment(from: Double, to: Double) -> Tensor {
        let (from, to) = (Self.rounded(min(max(from, start), end)), Self.rounded(min(max(to, start), end)))
        guard from < to else { return Tensor.zeros(shape) }
        var parts: [Tensor] = []
        collect(from: from, to: to, in: Node(start: start, end: end, key: 0, depth: 0, increment: whole), into: &parts)
        guard let first = parts.first else { return Tensor.zeros(shape) }
        return parts.dropFirst().reduce(first) { $0 + $1 }
    }

    /// A part of the interval, and by how much the motion goes on over it.
    private struct Node {
        let start: Double
        let end: Double
        let key: UInt64
        let depth: UInt64
        let increment: Tensor
    }

    /// The increments of the largest parts that make up `from` to `to`, in their order.
    private func collect(from: Double, to: Double, in node: Node, into parts: inout [Tensor]) {
        if from == node.start, to == node.end {
            parts.append(node.increment)
            return
        }
        let middle = Self.rounded(0.5 * (node.end + node.start))
        let (left, right) = halves(of: node, at: middle)
        if from < middle {
            collect(from: from, to: min(to, middle), in: left, into: &parts)
        }
        if to > middle {
            collect(from: max(from, middle), to: to, in: right, into: &parts)
        }
    }

    /// Both halves of a part: the motion at its middle is normal around the mean of its ends.
    private func halves(of node: Node, at middle: Double) -> (Node, Node) {
        let seeds = SeedSequence(entropy: seed, key: [node.key, node.depth], poolSize: Self.poolSize)
        let drawn = Tensor.randn(shape, generator: Generator(seed: UInt64(seeds.first)))
        let (before, after, reciprocal) = (middle - node.start, node.end - middle, 1 / (node.end - node.start))
        let left = node.increment * before * reciprocal + drawn * (before * after * reciprocal).squareRoot()
        func half(_ side: UInt64, _ start: Double, _ end: Double, _ increment: Tensor) -> Node {
            Node(start: start, end: end, key: 2 &* node.key &+ side, depth: node.depth + 1, increment: increment)
        }
        return (half(0, node.start, middle, left), half(1, middle, node.end, node.increment - left))
    }

    /// To a millionth, as Python rounds: the nearest decimal of the exact value.
    private static func rounded(_ time: Double) -> Double { Double(String(format: "%.6f", time)) ?? time }
}
