/// The eleven basic colours that people name things by.
///
/// Source: Berlin and Kay, Basic Color Terms (1969).
enum ColourName: String, Codable, Sendable, CaseIterable {
    case red, orange, yellow, green, blue, purple, pink, brown, black, white, grey

    /// The Spanish adjective, masculine and feminine.
    private var spanish: (masculine: String, feminine: String) {
        switch self {
        case .red: ("rojo", "roja")
        case .orange: ("naranja", "naranja")
        case .yellow: ("amarillo", "amarilla")
        case .green: ("verde", "verde")
        case .blue: ("azul", "azul")
        case .purple: ("morado", "morada")
        case .pink: ("rosa", "rosa")
        case .brown: ("marrón", "marrón")
        case .black: ("negro", "negra")
        case .white: ("blanco", "blanca")
        case .grey: ("gris", "gris")
        }
    }

    /// Whether it is black, white or grey.
    var isShade: Bool { self == .black || self == .white || self == .grey }

    /// All words that name a colour in English and Spanish, so that no picture is given a second one.
    static let words: Set<String> = Set(allCases.flatMap { [$0.rawValue, $0.spanish.masculine, $0.spanish.feminine] })
        .union(["gray", "violet", "golden", "gold", "silver", "coloured", "colored", "turquoise", "beige", "crimson"])

    /// "red apple", for a short English phrase that names no colour yet; nil for others.
    func english(_ caption: String) -> String? {
        let words = caption.split(separator: " ").map(String.init)
        guard (1...3).contains(words.count),
            !words.contains(where: { Self.words.contains($0) || prepositions.contains($0) })
        else { return nil }
        return "\(rawValue) \(caption)"
    }

    /// "manzana roja" where the noun's gender is plain, else "… de color rojo"; nil where the phrase is long or coloured.
    func spanish(_ caption: String) -> String? {
        let words = caption.split(separator: " ").map(String.init)
        guard (1...3).contains(words.count), !words.contains(where: Self.words.contains) else { return nil }
        let article = words.first.flatMap { ["un": false, "el": false, "una": true, "la": true][$0] }
        let nouns = article == nil ? words : Array(words.dropFirst())
        guard let noun = nouns.first else { return nil }
        if nouns.count == 1, let feminine = article ?? isFeminine(noun) {
            return "\(caption) \(feminine ? spanish.feminine : spanish.masculine)"
        }
        return "\(caption) de color \(spanish.masculine)"
    }
}

private let prepositions: Set<String> = ["of", "with", "in", "on", "and", "for", "at", "to", "by", "from"]

/// The gender of a Spanish singular noun by its ending; nil where the ending does not tell.
private func isFeminine(_ noun: String) -> Bool? {
    if ["mapa", "planeta", "cometa", "día", "tranvía", "koala", "panda", "gorila", "sofá", "pijama"].contains(noun) {
        return false
    }
    if ["mano", "moto", "foto", "radio"].contains(noun) { return true }
    if noun.hasSuffix("a") || noun.hasSuffix("ción") || noun.hasSuffix("dad") { return true }
    if noun.hasSuffix("o") || noun.hasSuffix("or") || noun.hasSuffix("ón") { return false }
    return nil
}

/// Counts the basic colours of pixels.
struct ColourTally: Sendable {
    private var counts: [ColourName: Int] = [:]
    private var total = 0

    /// Adds one pixel, each channel from 0 to 255.
    mutating func add(_ red: Int, _ green: Int, _ blue: Int) {
        total += 1
        if let name = basicColour(red, green, blue) { counts[name, default: 0] += 1 }
    }

    /// The colour that has most of the chromatic pixels and a good part of all, or nearly all pixels where it is a
    /// shade of grey; nil where no colour dominates.
    var dominant: ColourName? {
        guard total > 0 else { return nil }
        let chromatic = counts.filter { !$0.key.isShade }
        let coloured = chromatic.values.reduce(0, +)
        let order = ColourName.allCases
        func most(_ counts: [ColourName: Int]) -> (key: ColourName, value: Int)? {
            order.compactMap { name in counts[name].map { (name, $0) } }.max { $0.1 < $1.1 }
        }
        if let top = most(chromatic), 10 * top.value >= 7 * coloured, 100 * top.value >= 45 * total { return top.key }
        if let top = most(counts.filter { $0.key.isShade }), 100 * top.value >= 75 * total { return top.key }
        return nil
    }
}

/// The basic colour of one pixel by hue, saturation and value; nil near the borders between two names.
private func basicColour(_ red: Int, _ green: Int, _ blue: Int) -> ColourName? {
    let (high, low) = (max(red, green, blue), min(red, green, blue))
    let chroma = high - low
    if high < 50 { return .black }
    if chroma < 26 || 100 * chroma < 14 * high {
        return low > 225 ? .white : high < 70 ? .black : (90...200).contains(high) ? .grey : nil
    }
    let sixth: Double
    switch high {
    case red: sixth = Double(green - blue) / Double(chroma)
    case green: sixth = 2 + Double(blue - red) / Double(chroma)
    default: sixth = 4 + Double(red - green) / Double(chroma)
    }
    let hue = (60 * sixth + 360).truncatingRemainder(dividingBy: 360)
    let saturation = Double(chroma) / Double(high)
    switch hue {
    case 0..<14, 346..<360: return saturation < 0.5 && high > 180 ? .pink : (high < 110 && hue < 14 ? .brown : .red)
    case 14..<42: return high < 175 || (saturation < 0.6 && high < 215) ? .brown : (saturation > 0.6 ? .orange : nil)
    case 42..<68: return high > 150 && saturation > 0.35 ? .yellow : (high <= 130 && hue < 55 ? .brown : nil)
    case 75..<165: return .green
    case 185..<255: return .blue
    case 262..<300: return .purple
    case 300..<346: return high > 140 ? .pink : .purple
    default: return nil
    }
}
