import ArgumentParser
import LienzoFigures

/// The language of the pages and drawings that a command makes.
struct LanguageOption: ParsableArguments {
    @Option(help: "The language of the page or drawing: en or es. (default: en)", transform: Self.language)
    var language = FigureLanguage.english

    private static func language(_ code: String) throws -> FigureLanguage {
        guard let language = FigureLanguage(rawValue: code) else {
            throw ValidationError("--language is \"\(code)\"; expected en or es.")
        }
        return language
    }
}
