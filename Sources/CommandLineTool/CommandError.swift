/// What stops a command for a reason of its own: one sentence.
struct CommandError: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
