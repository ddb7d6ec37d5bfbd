import ArgumentParser

/// Pictures that shape the result, and the networks that look at them.
struct ControlOptions: ParsableArguments {
    @Option(
        name: .customLong("control"),
        help: ArgumentHelp(
            "A depth map, edges or the like that shape the picture; one for each --control-model of Stable Diffusion.",
            valueName: "file"
        ),
        completion: .file()
    )
    var hints: [String] = []

    @Option(
        name: .customLong("control-model"),
        help: ArgumentHelp(
            "A ControlNet of Stable Diffusion, with its strength; it looks at the --control in its place.",
            valueName: "id|path[:scale]"
        ),
        completion: .file(),
        transform: {
            guard let network = ScaledPath($0) else {
                throw ValidationError(
                    "--control-model is \($0); expected an id or path, or one and a number: canny.safetensors:0.8."
                )
            }
            return network
        }
    )
    var networks: [ScaledPath] = []

    @Option(
        name: .customLong("control-from"),
        help: ArgumentHelp("From which part of the steps on control networks act. (default: 0)", valueName: "0…1")
    )
    var start: Double?

    @Option(
        name: .customLong("control-to"),
        help: ArgumentHelp("Until which part of the steps control networks act. (default: 1)", valueName: "0…1")
    )
    var end: Double?

    @Flag(
        name: .customLong("control-guess"),
        help: "Find in --control what the words do not say, which may be none; best with --guidance 3 to 5."
    )
    var guesses = false

    mutating func validate() throws {
        guard networks.isEmpty || networks.count == hints.count else {
            throw ValidationError(
                "There are \(networks.count) --control-model and \(hints.count) --control; "
                    + "give each network its picture."
            )
        }
        for (option, isGiven) in [
            ("--control-from", start != nil), ("--control-to", end != nil), ("--control-guess", guesses),
        ] {
            guard !isGiven || !networks.isEmpty else {
                throw ValidationError("\(option) needs a network, --control-model.")
            }
        }
        let (start, end) = (start ?? 0, end ?? 1)
        guard start >= 0, start < end, end <= 1 else {
            throw ValidationError("--control-from is \(start) and --control-to \(end); expected a part of 0 to 1.")
        }
        for network in networks where !(0...10).contains(network.scale) {
            throw ValidationError("--control-model has the scale \(network.scale); expected 0 to 10.")
        }
    }

    /// Writes the pictures and networks into a recipe.
    ///
    /// - Throws: one sentence where a picture cannot be read.
    func fill(_ recipe: inout Recipe) throws {
        guard !hints.isEmpty else { return }
        recipe.controls = try hints.enumerated().map { place, hint in
            Recipe.Control(
                hint: try Recipe.File(hint),
                network: networks.isEmpty ? nil : networks[place],
                start: start,
                end: end
            )
        }
        if guesses { recipe.guessMode = true }
    }
}
