import Foundation
import LienzoImages

/// Text on its way into HTML, SVG or a terminal.
///
/// File names and prompts are nobody's but their author's.
enum Markup {
    /// Text for an element or an attribute in double or single quotes, with nothing in it that markup could mean.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result += " "
            default: result.unicodeScalars.append(isHarmless(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    /// One line for a terminal: no control character, so no escape sequence, can come through.
    static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { isHarmless($0) ? $0 : $0 == "\n" ? " " : "\u{FFFD}" })
        )
    }

    /// False for control characters, for those that turn the direction of text around, and for what XML forbids.
    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: false
        default: true
        }
    }

    /// A number for an attribute: at most two decimals, never an exponent; what is not finite is 0.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let hundredths = (min(max(value, -1e9), 1e9) * 100).rounded()
        if hundredths == 0 { return "0" }
        var text = String(format: "%.2f", hundredths / 100)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// A picture inside a page: a `data:` address.
    static func dataAddress(_ image: Image) throws(ImageError) -> String {
        // Photographs are a tenth of the size as JPEG; transparency needs PNG.
        image.channels == 4
            ? "data:image/png;base64," + Data(try image.png()).base64EncodedString()
            : "data:image/jpeg;base64," + Data(try image.jpeg(quality: 85)).base64EncodedString()
    }
}
