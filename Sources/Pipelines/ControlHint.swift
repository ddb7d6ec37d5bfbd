public import LienzoImages

/// A picture that shapes the result, such as a depth map, edges or a pose, and how much it does.
public struct ControlHint: Sendable, Equatable {
    /// The picture; it is resized to the result's size.
    public var image: Image
    /// How strongly a control network acts, 0 (not at all) to 10; 1 is as it was trained.
    public var scale: Double
    /// From which part of the steps on it acts, 0 (the first step) to 1.
    public var start: Double
    /// Until which part of the steps it acts, above ``start``, to 1 (the last step).
    public var end: Double

    /// - Parameters:
    ///   - image: the picture.
    ///   - scale: how strongly it acts, 0 to 10.
    ///   - start: from which part of the steps on, 0 to 1.
    ///   - end: until which, above `start`, to 1.
    public init(_ image: Image, scale: Double = 1, start: Double = 0, end: Double = 1) {
        self.image = image
        self.scale = scale
        self.start = start
        self.end = end
    }

    /// Whether it acts in a step.
    ///
    /// Source: `controlnet_keep` of diffusers' `StableDiffusionControlNetPipeline`.
    func acts(inStep step: Int, of steps: Int) -> Bool {
        scale != 0 && Double(step) / Double(steps) >= start && Double(step + 1) / Double(steps) <= end
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` for the first value that is out of range.
    func validate() throws(PipelineError) {
        guard (0...10).contains(scale) else {
            throw .invalidRequest(reason: "The scale of a hint is \(scale); it must be from 0 to 10.")
        }
        guard start >= 0, start < end, end <= 1 else {
            throw .invalidRequest(
                reason:
                    "A hint acts from \(start) to \(end) of the steps; give a part of 0 to 1, its end above its start."
            )
        }
    }
}
