/// Chooses the words that a picture is shown with in training, so that one title teaches many ways of asking.
///
/// Titles alone, with an article, with a keyword, with the derived colour, and in templates that fit how the picture was
/// made, in English and Spanish.
public struct CaptionSampler: Sendable {
    /// The part of captions in Spanish where the picture has any, from 0 to 1.
    public var spanishShare: Double
    /// The part of captions that name the picture's colour where one was derived, from 0 to 1.
    public var colourShare: Double

    /// A sampler with the shares that `mini` is trained with.
    public init(spanishShare: Double = 0.2, colourShare: Double = 0.4) {
        self.spanishShare = spanishShare
        self.colourShare = colourShare
    }

    /// A caption for one showing of a picture.
    ///
    /// - Parameters:
    ///   - record: The picture's captions; at least one in any language.
    ///   - generator: Where the choices come from.
    /// - Returns: A phrase, empty where the record has no caption at all.
    public func caption(for record: PictureRecord, using generator: inout some RandomNumberGenerator) -> String {
        let spanish = phrases(record, "es")
        let isSpanish = !spanish.isEmpty && Double.random(in: 0..<1, using: &generator) < spanishShare
        return isSpanish
            ? spanishCaption(record, spanish, using: &generator) : englishCaption(record, using: &generator)
    }

    private func phrases(_ record: PictureRecord, _ language: String) -> [String] {
        (record.captions[language] ?? []) + (record.derived[language] ?? [])
    }

    private func englishCaption(_ record: PictureRecord, using generator: inout some RandomNumberGenerator) -> String {
        let titles = record.captions["en"] ?? phrases(record, "es")
        guard var title = titles.randomElement(using: &generator) else { return "" }
        if let coloured = record.derived["en"]?.randomElement(using: &generator),
            Double.random(in: 0..<1, using: &generator) < colourShare
        {
            title = coloured
        }
        let noun = withArticle(title)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1: return title
        case 2, 3: return noun
        case 4:
            let keyword = record.keywords["en"]?.randomElement(using: &generator)
            return keyword.map { "\(title), \($0)" } ?? noun
        default:
            let template = englishTemplates[record.medium]?.randomElement(using: &generator) ?? "%"
            return template.replacing("%", with: noun)
        }
    }

    private func spanishCaption(
        _ record: PictureRecord,
        _ phrases: [String],
        using generator: inout some RandomNumberGenerator
    ) -> String {
        let coloured = (record.derived["es"] ?? []).last.flatMap { phrases.count > 1 ? $0 : nil }
        var title = phrases[0]
        if let coloured, Double.random(in: 0..<1, using: &generator) < colourShare { title = coloured }
        guard Bool.random(using: &generator) else { return title }
        let template = spanishTemplates[record.medium]?.randomElement(using: &generator) ?? "%"
        return template.replacing("%", with: title)
    }
}

/// "an apple", "a lion"; plurals, uncountable flags and names stay as they are.
func withArticle(_ phrase: String) -> String {
    let words = phrase.split(separator: " ").map(String.init)
    guard let first = words.first?.first, words.count <= 5 else { return phrase }
    let head = conceptHead(of: words)
    let isPlural = words.contains { singular($0) == head && ($0 != head || pluralOnly.contains($0)) }
    guard !isPlural, words[0] != "flag" else {
        return words[0] == "flag" ? "the \(phrase)" : phrase
    }
    let isVowel = "aeiou".contains(first) && !["one", "uni", "eu", "use"].contains { phrase.hasPrefix($0) }
    return (isVowel ? "an " : "a ") + phrase
}

/// Nouns that have no singular.
private let pluralOnly: Set<String> = wordSet(
    """
    scissors glasses pants jeans shorts trousers pliers tweezers sunglasses binoculars headphones shears castanets \
    maracas species series
    """
)

private let englishTemplates: [Medium: [String]] = [
    .photograph: ["a photo of %", "a photograph of %", "a picture of %", "a photo of % on a white background"],
    .painting: ["a painting of %", "a picture of %"],
    .drawing: ["a drawing of %", "a picture of %", "an illustration of %", "a cartoon of %"],
    .clipart: ["clip art of %", "a drawing of %", "a picture of %", "an illustration of %"],
    .emoji: ["an emoji of %", "an emoji of %", "a picture of %", "a drawing of %", "an icon of %"],
    .icon: ["an icon of %", "a computer icon of %", "a picture of %"],
]

private let spanishTemplates: [Medium: [String]] = [
    .photograph: ["una foto de %", "una fotografía de %"],
    .painting: ["una pintura de %", "un cuadro de %"],
    .drawing: ["un dibujo de %", "una ilustración de %", "una imagen de %"],
    .clipart: ["un dibujo de %", "una ilustración de %", "una imagen de %"],
    .emoji: ["un emoji de %", "un dibujo de %", "una imagen de %"],
    .icon: ["un icono de %", "una imagen de %"],
]
