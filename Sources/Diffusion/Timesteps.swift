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
            return trailing(steps: steps, over: count, from: count)
        }
    }

    /// The timesteps of a multistep solver over the first `last` of `count`, where the end of the run is one more.
    ///
    /// Source: diffusers' `DPMSolverMultistepScheduler.set_timesteps`.
    static func multistep(_ spacing: TimestepSpacing, steps: Int, over count: Int, last: Int, offset: Int) -> [Int] {
        switch spacing {
        case .leading: (1...steps).reversed().map { $0 * (last / (steps + 1)) + offset }
        case .linspace: rounded(steps: steps + 1, last: last - 1).dropLast()
        case .trailing: trailing(steps: steps, over: count, from: last)
        }
    }

    /// NumPy's `arange(last, 0, -count / steps)`, which walks by the difference of its first two values.
    ///
    /// For some step counts rounding gives the reference one step too many, at timestep -1; it is left out here.
    private static func trailing(steps: Int, over count: Int, from last: Int) -> [Int] {
        let start = Double(last)
        let difference = (start - Double(count) / Double(steps)) - start
        return (0..<steps).map { start + Double($0) * difference }
            .filter { $0 > 0 }
            .map { Int($0.rounded(.toNearestOrEven)) - 1 }
            .filter { $0 >= 0 }
    }

    /// Both ends of `0...last` and equal steps between them; the step of the original unCLIP implementation.
    ///
    /// Source: diffusers' `UnCLIPScheduler.set_timesteps`.
    static func rounded(steps: Int, last: Int) -> [Int] {
        guard steps > 1 else { return [0] }
        let ratio = Double(last) / Double(steps - 1)
        return (0..<steps).reversed().map { Int((Double($0) * ratio).rounded(.toNearestOrEven)) }
    }

    /// NumPy's `linspace`: the first value, equal steps, and the last value as given.
    static func linspace(_ start: Double, _ end: Double, count: Int) -> [Double] {
        guard count > 1 else { return [Double](repeating: start, count: count) }
        let step = (end - start) / Double(count - 1)
        return (0..<count - 1).map { Double($0) * step + start } + [end]
    }
}
