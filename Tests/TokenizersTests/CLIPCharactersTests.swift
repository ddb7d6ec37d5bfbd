import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("Characters have the classes and the cases the references give them", .tags(.parity))
struct CLIPCharactersTests {
    private static let scalars = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init)

    private let classes: CLIPCharacterClasses

    init() throws {
        classes = try Fixtures.decoded(CLIPCharacterClasses.self, from: "clip/characters.json")
    }

    @Test(
        "Every Unicode scalar is a letter, a number, whitespace or another to the split pattern",
        arguments: [true, false]
    )
    func splitClasses(isRegex: Bool) {
        let characters: CLIPCharacters = isRegex ? .regex : .oniguruma
        let expected = isRegex ? classes.regex : classes.oniguruma
        let kinds = Self.scalars.map { ($0, characters.class(of: $0)) }
        for (name, kind) in [("letter", CLIPCharacters.Class.letter), ("number", .number), ("other", .other)] {
            #expect(ranges(kinds.filter { $0.1 == kind }.map(\.0)) == expected[name], "\(name)")
        }
    }

    @Test("Every Unicode scalar is whitespace, a word or a digit as in Python")
    func pythonClasses() {
        #expect(ranges(Self.scalars.filter(PythonText.isWhitespace)) == classes.python["whitespace"])
        #expect(ranges(Self.scalars.filter(PythonText.isWord)) == classes.python["word"])
        #expect(ranges(Self.scalars.filter(PythonText.isDigit)) == classes.python["digit"])
    }

    @Test("Every Unicode scalar has the small letter of Python, and ends a word before a sigma or does not")
    func pythonLowercase() {
        var lowered: [String: String] = [:]
        for scalar in Self.scalars {
            let small = PythonText.lowercased([scalar])
            if small != [scalar] { lowered[name(scalar)] = string(small) }
        }
        #expect(lowered == classes.pythonLowered)
        let ignorable = Self.scalars.filter(PythonText.isCaseIgnorable)
        let cased = Self.scalars.filter { PythonText.isCased($0) && !PythonText.isCaseIgnorable($0) }
        #expect(ranges(cased) == classes.python["cased"])
        #expect(ranges(ignorable) == classes.python["ignorable"])
    }

    @Test("Every Unicode scalar has the small letter of tokenizers")
    func rustLowercase() {
        var lowered: [String: String] = [:]
        var small: [Unicode.Scalar] = []
        for scalar in Self.scalars {
            small.removeAll(keepingCapacity: true)
            CLIPCleaner.appendLowercased(scalar, to: &small)
            if small != [scalar] { lowered[name(scalar)] = string(small) }
        }
        #expect(lowered == classes.pythonLowered.merging(classes.rustLowered) { $1 })
    }

    private func name(_ scalar: Unicode.Scalar) -> String { String(scalar.value, radix: 16, uppercase: true) }

    private func string(_ scalars: [Unicode.Scalar]) -> String { String(String.UnicodeScalarView(scalars)) }
}
