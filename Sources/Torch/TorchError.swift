import CTorch

/// An operator that could not do its work: its name, the shapes it saw and what was wrong.
package struct TorchError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    /// An operator's own words, in ours where the machine had no memory left for it.
    fileprivate init(operatorSays text: String) {
        guard text.contains("DefaultCPUAllocator") || text.contains("alloc_cpu") || text.contains("std::bad_alloc")
        else {
            self.init(text)
            return
        }
        self.init(
            "There is not enough memory for this; ask for less at once, such as smaller or fewer pictures, or run fewer "
                + "programs beside it."
        )
    }

    package var description: String { message }
}

/// Runs `body` and throws the first error that an operator inside it recorded.
///
/// Operators do not throw. Inside a scope a failing operator yields an invalid tensor, which later operators pass on,
/// and the scope throws the first error at its end. Outside any scope a failing operator stops the program with the
/// same message. Scopes nest and belong to their thread, so `body` is not `async`.
///
/// - Throws: ``TorchError`` where an operator failed; else what `body` throws.
package func torchScope<Result>(_ body: () throws -> Result) throws -> Result {
    ctorch_scope_enter()
    let result: Result
    do {
        result = try body()
    } catch {
        // The operator's own error explains an error that came of reading an invalid tensor.
        if let first = leaveScope() { throw first }
        throw error
    }
    if let first = leaveScope() { throw first }
    return result
}

private func leaveScope() -> TorchError? {
    guard let text = ctorch_scope_leave() else { return nil }
    defer { ctorch_string_free(text) }
    return TorchError(operatorSays: String(cString: text))
}

/// Ends the program where no scope would report the failure; otherwise the open scope reports it.
func requireScope() {
    if !ctorch_scope_active() {
        // Not a precondition, whose message release builds leave out.
        fatalError("outside torchScope: \(String(cString: ctorch_last_error()))")
    }
}

/// For operators that return a status instead of a tensor.
func check(_ succeeded: Bool) {
    if !succeeded { requireScope() }
}
