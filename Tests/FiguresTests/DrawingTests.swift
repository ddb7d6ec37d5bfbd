import Foundation
import LienzoImages
import Testing

@testable import LienzoFigures

@Suite("Drawings")
struct DrawingTests {
    static let hostile = [
        "<script>alert(1)</script>", "\"><img src=x onerror=y>", "a & b", "\u{0}\u{1B}[31m", "ñandú 🦤", "",
    ]

    /// The colours of a picture that are not white.
    private func inkedShare(_ image: Image) -> Double {
        let pixels = image.width * image.height
        let inked = (0..<pixels).count { pixel in
            image.pixels[pixel * image.channels..<pixel * image.channels + 3].contains { $0 < 200 }
        }
        return Double(inked) / Double(pixels)
    }

    @Test("words are broken into lines that fit, and the last is shortened")
    func wrapping() {
        let text = "a very small dog under an enormous umbrella"
        let lines = TextMetrics.lines(text, width: 90, size: 12, maximumLines: 9)
        #expect(lines.joined(separator: " ") == text)
        #expect(lines.allSatisfy { TextMetrics.width($0, size: 12) <= 90 })
        let two = TextMetrics.lines(text, width: 90, size: 12, maximumLines: 2)
        #expect(two.count == 2 && two[1].hasSuffix("…") && TextMetrics.width(two[1], size: 12) <= 90)
        #expect(TextMetrics.lines(String(repeating: "x", count: 60), width: 90, size: 12, maximumLines: 99).count > 3)
        #expect(TextMetrics.lines(" \n\t", width: 90, size: 12, maximumLines: 2).isEmpty)
        #expect(TextMetrics.lines("abc", width: 0, size: 12, maximumLines: 2) == ["a", "…"])
    }

    @Test("a contact sheet has a cell for each picture and letters beneath")
    func contactSheet() throws {
        let red = try Image(width: 40, height: 20, filledWith: Color(red: 255, green: 0, blue: 0))
        let items = (0..<5).map { ContactSheet.Item(image: red, caption: "number \($0) " + Self.hostile[$0]) }
        let sheet = try ContactSheet(items: items, columns: 3, side: 60, captionLines: 2, title: "Five <pictures>")
            .image()
        let bare = try ContactSheet(items: items, columns: 3, side: 60, captionLines: 0).image()
        // Gaps of 6: three columns, and two rows.
        #expect(bare.width == 6 + 3 * 66 && bare.height == 6 + 2 * 66)
        #expect(sheet.width == bare.width && sheet.height > bare.height)
        // Wide pictures are centred in their cells; the last cell stays empty.
        #expect(bare.color(x: 36, y: 36) == Color(red: 255, green: 0, blue: 0))
        #expect(bare.color(x: 36, y: 12) == .white)
        #expect(bare.color(x: 6 + 2 * 66 + 30, y: 6 + 66 + 30) == .white)
        // The title's letters are in the strip over the first row.
        #expect(inkedShare(try sheet.cropped(x: 0, y: 0, width: sheet.width, height: 30)) > 0.01)
        #expect(try ContactSheet(items: [], columns: 4).image().height > 0)
        #expect(throws: ImageError.self) {
            try ContactSheet(items: items, columns: 1_000_000, side: 1_000).image()
        }
    }

    @Test("a scatter plot is drawn, whatever the points and labels are")
    func scatter() throws {
        let thumbnail = try Image(width: 30, height: 20, filledWith: Color(red: 0, green: 128, blue: 0))
        let odd: [Double] = [0, .nan, .infinity, -1e300, 1e300, 0]
        for count in 0...6 {
            let points = (0..<count).map {
                Scatter.Point(
                    label: Self.hostile[$0],
                    kind: $0 % 2 == 0 ? .picture : .text,
                    x: odd[$0],
                    y: odd[5 - $0],
                    thumbnail: $0 == 0 ? thumbnail : nil
                )
            }
            let svg = try Scatter(points: points, xTitle: "<x>", yTitle: "&").svg()
            #expect(!svg.contains("<script") && !svg.contains("onerror=y>") && !svg.contains("nan"))
            let drawn = try Image(drawing: svg)
            #expect(drawn.width == 860 && drawn.height == 620)
        }
    }

    @Test("labels stay within the plot and avoid each other where there is room")
    func labels() {
        let bounds = LabelLayout.Rectangle(x: 0, y: 0, width: 400, height: 300)
        let marks = (0..<12).map {
            LabelLayout.Rectangle(x: 195 + Double($0 % 3) * 4, y: 140 + Double($0 / 3) * 4, width: 8, height: 8)
        }
        var layout = LabelLayout(bounds: bounds, marks: marks)
        let placed = marks.map { layout.place(beside: $0, width: 60, height: 15) }
        for (index, label) in placed.enumerated() {
            #expect(label.excess(over: bounds) == 0)
            for other in placed[(index + 1)...] { #expect(label.overlap(other) < 60 * 15 * 0.15) }
        }
    }

    @Test("a line chart is drawn, whatever the values are")
    func lineChart() throws {
        let series = [
            LineChart.Series(name: "loss <&>", points: (0..<5_000).map { (Double($0), 1 / Double($0 + 1)) }),
            LineChart.Series(
                name: "odd",
                points: [(0, .nan), (1, 1), (2, .infinity), (3, -1), (4, 0), (5, 2)],
                isFaint: true
            ),
            LineChart.Series(name: "none", points: []),
        ]
        for isLogarithmic in [true, false] {
            for part in [series, [], [series[2]], [series[1]]] {
                let chart = LineChart(
                    series: part,
                    title: "Loss",
                    xTitle: "step",
                    yTitle: "loss",
                    isLogarithmic: isLogarithmic
                )
                let svg = chart.svg()
                #expect(!svg.contains("nan") && !svg.contains("inf") && svg.utf8.count < 120_000)
                #expect(inkedShare(try Image(drawing: svg)) > 0.001)
            }
        }
    }

    @Test("smoothing has no bias at the start and passes over what is not finite")
    func smoothing() {
        let flat = LineChart.Series(name: "", points: [(0, 3), (1, 3), (2, .nan), (3, 3)]).smoothed(0.9)
        #expect(flat.points.map(\.y).filter { $0.isFinite }.allSatisfy { abs($0 - 3) < 1e-12 })
        let step = LineChart.Series(name: "", points: [(0, 0), (1, 1)]).smoothed(0.5)
        #expect(abs(step.points[1].y - 2.0 / 3) < 1e-12)
    }

    @Test(
        "axes end at round values that hold the data",
        arguments: [
            ([0.13, 0.97], false), ([0.5, 0.5], false), ([3, 41_999], false), ([0.002, 8.1], true), ([], true),
        ]
    )
    func ticks(_ data: [Double], _ isLogarithmic: Bool) {
        let ticks = Ticks(data, around: 6, isLogarithmic: isLogarithmic)
        #expect((2...12).contains(ticks.values.count))
        #expect(Set(ticks.labels).count == ticks.labels.count)
        for value in data { #expect((-1e-9...1 + 1e-9).contains(ticks.share(value))) }
    }
}
