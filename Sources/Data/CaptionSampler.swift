/// Chooses the words that a picture is shown with in training, so that one title teaches many ways of asking.
///
/// Titles alone, with an article, with a keyword, with the derived colour, and in templates that fit how the picture was
/// made, in English and Spanish.
package struct CaptionSampler: Sendable {
    /// The part of captions in Spanish where the picture has any, from 0 to 1.
    package var spanishShare: Double
    /// The part of captions that name the picture's colour where one was derived, from 0 to 1.
    package var colourShare: Double

    /// A sampler with the shares that `mini` is trained with.
    package init(spanishShare: Double = 0.3, colourShare: Double = 0.4) {
        self.spanishShare = spanishShare
        self.colourShare = colourShare
    }

    /// A caption for one showing of a picture.
    ///
    /// - Parameters:
    ///   - record: The picture's captions; at least one in any language.
    ///   - generator: Where the choices come from.
    /// - Returns: A phrase, empty where the record has no caption at all.
    package func caption(for record: PictureRecord, using generator: inout some RandomNumberGenerator) -> String {
        let spanish = phrases(record, "es")
        let isSpanish = !spanish.isEmpty && Double.random(in: 0..<1, using: &generator) < spanishShare
        return isSpanish
            ? spanishCaption(record, spanish, using: &generator) : englishCaption(record, using: &generator)
    }

    /// A caption for two pictures side by side, in Spanish only where both have Spanish.
    ///
    /// - Parameters:
    ///   - left: The captions of the picture at the left.
    ///   - right: The captions of the picture at the right.
    ///   - generator: Where the choices come from.
    /// - Returns: "a cat and a dog", "una casa junto a un árbol", and so on.
    package func caption(
        for left: PictureRecord,
        beside right: PictureRecord,
        using generator: inout some RandomNumberGenerator
    ) -> String {
        let hasSpanish = !phrases(left, "es").isEmpty && !phrases(right, "es").isEmpty
        let isSpanish = hasSpanish && Double.random(in: 0..<1, using: &generator) < spanishShare
        let joint = (isSpanish ? spanishJoints : englishJoints).randomElement(using: &generator) ?? " "
        let names = [left, right].map { record in
            isSpanish
                ? withSpanishArticle(spanishTitle(record, phrases(record, "es"), using: &generator))
                : withArticle(englishTitle(record, using: &generator))
        }
        return names.joined(separator: joint)
    }

    private func phrases(_ record: PictureRecord, _ language: String) -> [String] {
        (record.captions[language] ?? []) + (record.derived[language] ?? [])
    }

    private func englishTitle(_ record: PictureRecord, using generator: inout some RandomNumberGenerator) -> String {
        let titles = record.captions["en"] ?? phrases(record, "es")
        if let coloured = record.derived["en"]?.randomElement(using: &generator),
            Double.random(in: 0..<1, using: &generator) < colourShare
        {
            return coloured
        }
        return titles.randomElement(using: &generator) ?? ""
    }

    private func englishCaption(_ record: PictureRecord, using generator: inout some RandomNumberGenerator) -> String {
        let title = englishTitle(record, using: &generator)
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

    private func spanishTitle(
        _ record: PictureRecord,
        _ phrases: [String],
        using generator: inout some RandomNumberGenerator
    ) -> String {
        let coloured = (record.derived["es"] ?? []).last.flatMap { phrases.count > 1 ? $0 : nil }
        if let coloured, Double.random(in: 0..<1, using: &generator) < colourShare { return coloured }
        return phrases[0]
    }

    private func spanishCaption(
        _ record: PictureRecord,
        _ phrases: [String],
        using generator: inout some RandomNumberGenerator
    ) -> String {
        let title = spanishTitle(record, phrases, using: &generator)
        let noun = Bool.random(using: &generator) ? withSpanishArticle(title) : title
        guard Bool.random(using: &generator) else { return noun }
        let template = spanishTemplates[record.medium]?.randomElement(using: &generator) ?? "%"
        return template.replacing("%", with: noun)
    }
}

/// What stands between two names of things side by side.
private let englishJoints = [" and ", " and ", " beside ", " next to "]
private let spanishJoints = [" y ", " y ", " junto a ", " al lado de "]

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

/// "una manzana", "un león"; plurals, uncountable flags and what begins with an article stay as they are.
///
/// In Spanish the noun comes first, and its ending tells its gender but for the exceptions listed.
func withSpanishArticle(_ phrase: String) -> String {
    guard let noun = phrase.split(separator: " ").first.map(String.init), noun.last != "s", noun != "bandera",
        !["un", "una", "el", "la"].contains(noun)
    else { return phrase }
    let endsFeminine = ["a", "ión", "dad", "tad", "umbre"].contains(where: noun.hasSuffix)
    let isFeminine = spanishFeminine.contains(noun) || (endsFeminine && !spanishMasculine.contains(noun))
    return (isFeminine ? "una " : "un ") + phrase
}

private let spanishFeminine: Set<String> = wordSet(
    """
    flor nariz mano luz nube llave serpiente nieve leche carne sal pared torre noche calle nave col cruz miel foto moto \
    radio mujer red piel sartén nuez raíz voz cárcel fuente muerte ave
    """
)
private let spanishMasculine: Set<String> = wordSet(
    """
    mapa planeta día panda koala gorila pijama clima tranvía avión camión gorrión escorpión policía guardia artista
    """
)

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
