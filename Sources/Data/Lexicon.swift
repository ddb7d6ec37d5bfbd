/// Names in two languages, for captions that exist in one only.
struct Lexicon: Sendable {
    private var names: [String: String] = [:]

    /// Adds a pair, the first translation of a name stands.
    mutating func add(_ name: String, _ translation: String) {
        if names[name] == nil { names[name] = translation }
    }

    subscript(_ name: String) -> String? { names[name] }

    /// The translations as one dictionary.
    var entries: [String: String] { names }
}
