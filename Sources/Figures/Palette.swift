import LienzoImages

/// The colours of a figure by their part in it, as CSS writes them.
struct Palette {
    let ink: String
    let muted: String
    let grid: String
    let surface: String
    let series: [String]

    /// Colours as they are, for a picture file.
    static let light = Palette(
        ink: "#1c1b22",
        muted: "#6b6a75",
        grid: "#e4e3ea",
        surface: "#ffffff",
        series: ["#3b5bdb", "#c2410c", "#0f766e", "#a21caf", "#a16207", "#475569"]
    )

    /// Names that a page gives a value for light and for dark surroundings.
    static let page = Palette(
        ink: "var(--ink)",
        muted: "var(--muted)",
        grid: "var(--grid)",
        surface: "var(--surface)",
        series: (1...6).map { "var(--series-\($0))" }
    )

    /// The style sheet that gives `page` its values.
    static let pageVariables = """
        :root{color-scheme:light dark;--ink:#1c1b22;--muted:#62616c;--grid:#e4e3ea;--surface:#fff;--ground:#f6f5f9;\
        --shade:59,91,219;--series-1:#3b5bdb;--series-2:#c2410c;--series-3:#0f766e;--series-4:#a21caf;\
        --series-5:#a16207;--series-6:#475569}
        @media(prefers-color-scheme:dark){:root{--ink:#eceaf2;--muted:#a5a3b3;--grid:#38363f;--surface:#211f27;\
        --ground:#17161b;--shade:110,138,255;--series-1:#8da2fb;--series-2:#fb923c;--series-3:#2dd4bf;\
        --series-4:#e879f9;--series-5:#facc15;--series-6:#94a3b8}}
        """

    /// The fonts of every figure.
    static let fonts = "system-ui, 'DejaVu Sans', sans-serif"
}

extension Color {
    /// Whether black is read better on it than white, by its luma (Rec 709).
    var wantsBlackInk: Bool { 0.2126 * Double(red) + 0.7152 * Double(green) + 0.0722 * Double(blue) > 120 }
}

/// The colour of a share for a terminal cell: viridis, which is even to the eye, in grey and to colour-blind readers too.
///
/// Source: matplotlib's `viridis`, every sixteenth of its range.
enum Viridis {
    private static let stops: [(Double, Double, Double)] = [
        (68, 1, 84), (72, 26, 108), (71, 47, 125), (65, 68, 135), (57, 86, 140), (49, 104, 142), (42, 120, 142),
        (35, 136, 142), (31, 152, 139), (34, 168, 132), (53, 183, 121), (84, 197, 104), (122, 209, 81), (165, 219, 54),
        (210, 226, 27), (244, 230, 30), (253, 231, 37),
    ]

    /// The colour at 0…1; any other share is clamped, and NaN is 0.
    static func color(_ share: Double) -> Color {
        let position = (share > 0 ? min(share, 1) : 0) * Double(stops.count - 1)
        let index = min(Int(position), stops.count - 2)
        let (a, b, t) = (stops[index], stops[index + 1], position - Double(index))
        func mixed(_ a: Double, _ b: Double) -> UInt8 { UInt8((a + (b - a) * t).rounded()) }
        return Color(red: mixed(a.0, b.0), green: mixed(a.1, b.1), blue: mixed(a.2, b.2))
    }
}
