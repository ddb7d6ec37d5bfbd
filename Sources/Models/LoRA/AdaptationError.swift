/// Why a LoRA file cannot be merged into a model.
package struct AdaptationError: Error, Sendable, CustomStringConvertible {
    package enum Problem: Sendable, Equatable {
        /// The name of a tensor that is no matrix of LoRA.
        case notLowRank(String)
        /// A layer with one matrix of two.
        case incomplete(String)
        case empty
        /// Layers that the model has not; so many of all, the first by name.
        case otherModel(first: String, count: Int, all: Int)
        case misshapen(String, weight: [Int], down: [Int], up: [Int])
    }

    /// The file.
    package let file: String
    package let problem: Problem

    package var description: String {
        switch problem {
        case .notLowRank(let name):
            "\(file) has a tensor \(name), which is no matrix of LoRA; expected pairs of lora_down and lora_up or of "
                + "lora_A and lora_B (LoHa, LoKr and DoRA are not supported)."
        case .incomplete(let layer):
            "\(file) has one matrix of two for \(layer); is the file complete?"
        case .empty:
            "\(file) has no tensors; expected a file of LoRA."
        case .otherModel(let first, let count, let all):
            "\(file) changes \(count) of its \(all) layers in a model that has no such layers, the first \(first); is it "
                + "a LoRA of another model?"
        case .misshapen(let layer, let weight, let down, let up):
            "\(file) has matrices of shapes \(up) and \(down) for \(layer), whose weight has the shape \(weight); is it "
                + "a LoRA of another model?"
        }
    }
}
