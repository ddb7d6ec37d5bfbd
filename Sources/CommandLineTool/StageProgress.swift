import LienzoPipelines

/// The progress of a request on the terminal: one bar a stage.
struct StageProgress {
    private var bar: ProgressBar?
    private var shown: (stage: GenerationStage, picture: Int)?

    /// Shows how far a stage is; a new stage gets a new line.
    mutating func show(_ progress: GenerationProgress) {
        if shown?.stage != progress.stage || shown?.picture != progress.picture {
            finish()
            let place = progress.pictures > 1 ? " \(progress.picture + 1)/\(progress.pictures)" : ""
            bar = ProgressBar("\(progress.stage.rawValue)\(place)", total: progress.steps, unit: "steps")
            shown = (progress.stage, progress.picture)
        }
        bar?.update(completed: progress.step)
    }

    /// Ends the line of the stage that is shown.
    mutating func finish() {
        bar?.finish()
        bar = nil
        shown = nil
    }

    /// Says a sentence on a line of its own.
    mutating func interrupt(with sentence: String) {
        finish()
        Console.note(sentence)
    }
}
