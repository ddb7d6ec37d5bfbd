import Foundation

/// The configuration of `DPMSolverMultistepScheduler`.
///
/// Source: diffusers' `scheduling_dpmsolver_multistep.py`.
package struct DPMSolverConfiguration: NoiseConfigured {
    /// The equation that is solved.
    package enum Algorithm: String, Sendable, Codable {
        /// The probability flow, in the clean sample.
        case deterministic = "dpmsolver++"
        /// The stochastic equation, in the clean sample.
        case stochastic = "sde-dpmsolver++"
    }

    /// How the second-order step is written.
    package enum Solver: String, Sendable, Codable {
        /// With the slope at the middle of the step.
        case midpoint
        /// With the exact integral of a straight line.
        case heun
    }

    package static let className = "DPMSolverMultistepScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys.union(NoiseConfiguration.thresholdKeys).union([.zeroTerminal])
    private static let sigmaKeys = SigmaConfiguration.commonKeys.union([.lu, .end])
    static let ownKeys = names(of: sigmaKeys).union(names(of: OwnKeys.allCases)).union(names(of: FlowKeys.allCases))

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace)
    /// How the sigmas are spread, and where they end.
    package var sigmas = SigmaConfiguration()
    /// The order of a step, 1 to 3: how many predictions it uses.
    package var order = 2
    /// The equation that is solved.
    package var algorithm = Algorithm.deterministic
    /// How the second-order step is written.
    package var solver = Solver.midpoint
    /// Whether the last steps of a run of less than 15 are of a lower order.
    package var lowersFinalOrder = true
    /// Whether the last step is always of the first order.
    package var endsWithEuler = false
    /// The smallest `lambda` that is used, so that timesteps with more noise are left out; none where `nil`.
    package var smallestLambda: Double?
    /// Whether the network's output has a second half of channels, which plays no part.
    package var varianceIsLearned = false

    /// The reference's defaults.
    package init() {}

    package var allowedSteps: ClosedRange<Int> { 1...max(1, lastTimestep - 1) }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try DPMSolverSampler(self, steps: steps) }

    /// The number of training timesteps that are used.
    var lastTimestep: Int {
        guard let smallestLambda else { return noise.trainTimesteps }
        return noise.schedule.finiteAlphaBars.reduce(0) { count, alphaBar in
            let lambda = log(alphaBar.squareRoot()) - log((1 - alphaBar).squareRoot())
            return count + (Double(lambda) >= smallestLambda ? 1 : 0)
        }
    }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case order = "solver_order"
        case algorithm = "algorithm_type"
        case solver = "solver_type"
        case lowersFinalOrder = "lower_order_final"
        case endsWithEuler = "euler_at_final"
        case smallestLambda = "lambda_min_clipped"
        case varianceType = "variance_type"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try sigmas.read(Self.sigmaKeys, from: decoder)
        let values = try decoder.container(keyedBy: OwnKeys.self)
        try values.update(&order, .order)
        // The reference takes the names that its other multistep solvers use.
        let algorithm = try values.decodeIfPresent(String.self, forKey: .algorithm) ?? self.algorithm.rawValue
        let solver = try values.decodeIfPresent(String.self, forKey: .solver) ?? self.solver.rawValue
        self.algorithm = try choice(algorithm, .algorithm, renaming: ["deis": .deterministic])
        self.solver = try choice(solver, .solver, renaming: ["logrho": .midpoint, "bh1": .midpoint, "bh2": .midpoint])
        try values.update(&lowersFinalOrder, .lowersFinalOrder)
        try values.update(&endsWithEuler, .endsWithEuler)
        smallestLambda = try values.decodeIfPresent(Double.self, forKey: .smallestLambda)
        if smallestLambda == -.infinity {
            smallestLambda = nil
        }
        let varianceType = try values.decodeIfPresent(String.self, forKey: .varianceType)
        varianceIsLearned = varianceType.flatMap(VarianceType.init)?.isLearned ?? false
        try requireNoFlow(decoder)
        try require((1...3).contains(order), OwnKeys.order.rawValue, order, "1, 2 or 3")
        try require(
            lastTimestep >= 2,
            OwnKeys.smallestLambda.rawValue,
            smallestLambda ?? 0,
            "a number that leaves 2 timesteps or more"
        )
    }

    private func choice<Choice: RawRepresentable<String>>(
        _ name: String,
        _ key: OwnKeys,
        renaming: [String: Choice]
    ) throws(DiffusionError) -> Choice {
        guard let choice = Choice(rawValue: name) ?? renaming[name] else {
            let known = key == .algorithm ? "dpmsolver++ or sde-dpmsolver++" : "midpoint or heun"
            throw .invalidValue(key: key.rawValue, found: name, expected: known)
        }
        return choice
    }

    func writeOwn(to encoder: any Encoder) throws {
        try sigmas.write(Self.sigmaKeys, to: encoder)
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(order, forKey: .order)
        try values.encode(algorithm, forKey: .algorithm)
        try values.encode(solver, forKey: .solver)
        try values.encode(lowersFinalOrder, forKey: .lowersFinalOrder)
        try values.encode(endsWithEuler, forKey: .endsWithEuler)
        try values.encodeIfPresent(smallestLambda, forKey: .smallestLambda)
        if varianceIsLearned {
            try values.encode(VarianceType.learnedRange, forKey: .varianceType)
        }
    }
}

/// The configuration of `UniPCMultistepScheduler`.
///
/// Source: diffusers' `scheduling_unipc_multistep.py`.
package struct UniPCConfiguration: NoiseConfigured {
    /// The function `B(h)` of the step's length by which the differences are divided.
    package enum Solver: String, Sendable, Codable {
        /// `h`
        case bh1
        /// `e^h - 1`
        case bh2
    }

    package static let className = "UniPCMultistepScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys.union(NoiseConfiguration.thresholdKeys).union([.zeroTerminal])
    private static let sigmaKeys = SigmaConfiguration.commonKeys.union([.minimum, .maximum, .end])
    static let ownKeys = names(of: sigmaKeys).union(names(of: OwnKeys.allCases)).union(names(of: FlowKeys.allCases))

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace)
    /// How the sigmas are spread, and where they end.
    package var sigmas = SigmaConfiguration()
    /// The order of the predictor, 1 to 9; 2 with guidance and 3 without are usual.
    package var order = 2
    /// The function of the step's length by which the differences are divided.
    package var solver = Solver.bh2
    /// Whether the last steps are of a lower order.
    package var lowersFinalOrder = true
    /// The steps that are not corrected, counted from 0.
    package var uncorrected: Set<Int> = []

    /// The reference's defaults.
    package init() {}

    package var allowedSteps: ClosedRange<Int> { 1...max(1, noise.trainTimesteps - 1) }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try UniPCSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case order = "solver_order"
        case solver = "solver_type"
        case lowersFinalOrder = "lower_order_final"
        case uncorrected = "disable_corrector"
        case predictsOriginal = "predict_x0"
        case predictor = "solver_p"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try sigmas.read(Self.sigmaKeys, from: decoder)
        let values = try decoder.container(keyedBy: OwnKeys.self)
        try values.update(&order, .order)
        // The reference takes the names that its other multistep solvers use.
        let solver = try values.decodeIfPresent(String.self, forKey: .solver) ?? self.solver.rawValue
        guard let known = ["midpoint", "heun", "logrho"].contains(solver) ? .bh2 : Solver(rawValue: solver) else {
            throw DiffusionError.invalidValue(key: OwnKeys.solver.rawValue, found: solver, expected: "bh1 or bh2")
        }
        self.solver = known
        try values.update(&lowersFinalOrder, .lowersFinalOrder)
        try values.update(&uncorrected, .uncorrected)
        let predictsOriginal = try values.decodeIfPresent(Bool.self, forKey: .predictsOriginal) ?? true
        let hasPredictor = try values.contains(.predictor) && !values.decodeNil(forKey: .predictor)
        try requireNoFlow(decoder)
        try require((1...9).contains(order), OwnKeys.order.rawValue, order, "1 to 9")
        try require(predictsOriginal, OwnKeys.predictsOriginal.rawValue, predictsOriginal, "true")
        try require(!hasPredictor, OwnKeys.predictor.rawValue, "another solver", "null")
    }

    func writeOwn(to encoder: any Encoder) throws {
        try sigmas.write(Self.sigmaKeys, to: encoder)
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(order, forKey: .order)
        try values.encode(solver, forKey: .solver)
        try values.encode(lowersFinalOrder, forKey: .lowersFinalOrder)
        try values.encode(uncorrected.sorted(), forKey: .uncorrected)
        try values.encode(true, forKey: .predictsOriginal)
    }
}

/// The keys of flow matching, another kind of noise, which the multistep solvers of the reference know as well.
private enum FlowKeys: String, CodingKey, CaseIterable {
    case isUsed = "use_flow_sigmas"
    case shift = "flow_shift"
    case shiftsByPicture = "use_dynamic_shifting"
    case shiftType = "time_shift_type"
    case shiftTerminal = "shift_terminal"
}

private func requireNoFlow(_ decoder: any Decoder) throws {
    let isUsed = try decoder.container(keyedBy: FlowKeys.self).decodeIfPresent(Bool.self, forKey: .isUsed) ?? false
    try require(!isUsed, FlowKeys.isUsed.rawValue, isUsed, "false")
}
