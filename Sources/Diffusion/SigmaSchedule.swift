/// The sigmas of a run and the timesteps that the network is told.
struct SigmaSchedule {
    /// The sigma of each step, falling, and the one that the run ends in.
    let sigmas: [Float]
    /// The timestep of each step.
    var timesteps: [Double]
    /// The sigma of each step in the double precision that NumPy computes it in.
    let exact: [Double]

    /// A run over given timesteps, or over sigmas spread in another way between the first and the last of theirs.
    ///
    /// - Parameters:
    ///   - curve: the training timesteps' sigmas.
    ///   - visited: the timesteps of the run, falling.
    ///   - given: sigmas in place of those at `visited`.
    ///   - spacing: how the sigmas are spread, and where they end.
    ///   - repeatsLast: whether a run that does not end in clean data ends in its last sigma, where they are spread in
    ///     another way, rather than in that of the first training timestep.
    init(
        _ curve: SigmaCurve,
        at visited: [Double],
        sigmas given: [Double]? = nil,
        spacing: SigmaConfiguration = SigmaConfiguration(),
        repeatsLast: Bool = false
    ) {
        let own = given ?? visited.map(curve.sigma)
        let maximum = spacing.maximum ?? own.first ?? 0
        let minimum = spacing.minimum ?? own.last ?? 0
        let spread = spacing.spacing.sigmas(from: maximum, to: minimum, count: visited.count)
        let least = repeatsLast ? spread?.last.map { Float($0) } : nil
        exact = spread ?? own
        sigmas = exact.map { Float($0) } + [spacing.end == .zero ? 0 : least ?? curve.sigmas[0]]
        timesteps = spread?.map(curve.timestep) ?? visited
    }

    /// The sigmas of a solver that evaluates the network at both ends of each step but the last.
    var twiceEvaluated: [Float] {
        sigmas.prefix(1) + sigmas.dropFirst().dropLast().flatMap { [$0, $0] } + sigmas.suffix(1)
    }
}
