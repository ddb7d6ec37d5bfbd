import ArgumentParser

/// How many inputs a command computes at once.
struct BatchOptions: ParsableArguments {
    @Option(name: .customLong("batch"), help: "Inputs that go through the network at once, 1 to 4096.")
    var size = 32

    mutating func validate() throws {
        guard 1...4096 ~= size else { throw ValidationError("--batch is \(size); expected 1 to 4096.") }
    }
}
