import Foundation

/// A learning rate that rises linearly over the first steps and then falls along half a cosine.
///
/// Source: Loshchilov & Hutter 2017 (one cycle, no restart); the warm-up of Goyal et al. 2017, section 2.2.
package struct LearningRate: Sendable {
    package let peak: Double
    package let warmUp: Int
    package let steps: Int
    /// What is left of the peak at the last step, in [0, 1].
    package let floor: Double

    package init(peak: Double, warmUp: Int, steps: Int, floor: Double = 0.01) {
        self.peak = peak
        self.warmUp = warmUp
        self.steps = steps
        self.floor = floor
    }

    /// The rate of a step, counted from 0.
    package func callAsFunction(_ step: Int) -> Double {
        if step < warmUp { return peak * Double(step + 1) / Double(warmUp) }
        let progress = min(1, Double(step - warmUp) / Double(max(1, steps - warmUp)))
        return peak * (floor + (1 - floor) * 0.5 * (1 + cos(.pi * progress)))
    }
}
