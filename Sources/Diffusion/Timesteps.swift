/// The timesteps of a run, falling, in the double precision of NumPy and with its rounding to even.
enum Timesteps {
    /// Source: diffusers' `DDPMScheduler.set_timesteps`.
    static func spaced(_ spacing: TimestepSpacing, steps: Int, over count: Int, offset: Int) -> [Int] {
        switch spacing {
        case .leading:
            let ratio = count / steps
            return (0..<steps).reversed().map { $0 * ratio + offset }
        case .linspace:
            return rounded(steps: steps, last: count - 1)
        case .trailing:
            // NumPy's arange(count, 0, -ratio) walks by the difference of its first two values. For some step counts
            // rounding gives the reference one step too many, at timestep -1; that step is left out here.
            let start = Double(count)
            let difference = (start - start / Double(steps)) - start
            return (0..<steps).map { Int((start + Double($0) * difference).rounded(.toNearestOrEven)) - 1 }
        }
    }

    /// Both ends of `0...last` and equal steps between them; the step of the original unCLIP implementation.
    ///
    /// Source: diffusers' `UnCLIPScheduler.set_timesteps`.
    static func rounded(steps: Int, last: Int) -> [Int] {
        guard steps > 1 else { return [0] }
        let ratio = Double(last) / Double(steps - 1)
        return (0..<steps).reversed().map { Int((Double($0) * ratio).rounded(.toNearestOrEven)) }
    }
}
