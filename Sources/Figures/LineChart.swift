import Foundation

/// Curves over a common axis, such as a loss over training steps.
public struct LineChart: Sendable {
    /// One curve.
    public struct Series: Sendable {
        /// What the legend calls it.
        public let name: String
        /// Its points, by growing `x`; those that are not finite break the curve.
        public let points: [(x: Double, y: Double)]

        /// Whether it is drawn thin and pale, as noisy values behind their smoothed curve are.
        public let isFaint: Bool

        /// Makes a curve.
        ///
        /// - Parameters:
        ///   - name: What the legend calls it.
        ///   - points: Its points, by growing `x`.
        ///   - isFaint: Whether it is drawn thin and pale, as noisy values behind their smoothed curve are.
        public init(name: String, points: [(x: Double, y: Double)], isFaint: Bool = false) {
            self.name = name
            self.points = points
            self.isFaint = isFaint
        }

        /// The curve smoothed by an exponential moving average without the bias of its first values.
        ///
        /// - Parameter weight: How much of the past is kept at each point, 0 (nothing) … below 1.
        /// - Returns: As many points.
        public func smoothed(_ weight: Double) -> Series {
            let weight = min(max(weight, 0), 0.999)
            var (sum, norm) = (0.0, 0.0)
            return Series(
                name: name,
                points: points.map { point in
                    guard point.y.isFinite else { return point }
                    sum = weight * sum + (1 - weight) * point.y
                    norm = weight * norm + (1 - weight)
                    return (point.x, sum / norm)
                }
            )
        }
    }

    /// The curves, at most six of them in colours of their own.
    public let series: [Series]
    /// What the chart shows.
    public let title: String
    /// What the horizontal axis is.
    public let xTitle: String
    /// What the vertical axis is.
    public let yTitle: String
    /// Whether the vertical axis is logarithmic; values of 0 and below are then left out.
    public let isLogarithmic: Bool

    /// Makes a chart.
    ///
    /// - Parameters:
    ///   - series: The curves.
    ///   - title: What the chart shows.
    ///   - xTitle: What the horizontal axis is.
    ///   - yTitle: What the vertical axis is.
    ///   - isLogarithmic: Whether the vertical axis is logarithmic.
    public init(series: [Series], title: String, xTitle: String, yTitle: String, isLogarithmic: Bool = false) {
        self.series = series
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.isLogarithmic = isLogarithmic
    }

    /// The chart as an SVG file.
    ///
    /// - Parameters:
    ///   - width: In pixels.
    ///   - height: In pixels.
    /// - Returns: SVG on white that refers to nothing outside itself.
    public func svg(width: Double = 760, height: Double = 420) -> String {
        svg(width: width, height: height, palette: .light)
    }

    func svg(width: Double, height: Double, palette: Palette) -> String {
        var svg = SVG(width: width, height: height, palette: palette, title: title)
        let curves = series.map { usable($0) }
        let all = curves.joined().joined()
        let (xTicks, yTicks) = (
            Ticks(all.map(\.x), around: 7), Ticks(all.map(\.y), around: 6, isLogarithmic: isLogarithmic)
        )
        let left = 30 + (yTicks.labels.map { TextMetrics.width($0, size: 12) }.max() ?? 0) + 10
        let (right, top, bottom) = (width - 24, 72.0, height - 54)
        func x(_ value: Double) -> Double { left + xTicks.share(value) * (right - left) }
        func y(_ value: Double) -> Double { bottom - yTicks.share(value) * (bottom - top) }

        svg.body += svg.text(title, x: left, y: 30, size: 17, color: palette.ink, isBold: true)
        for (value, label) in zip(yTicks.values, yTicks.labels) {
            svg.line(left, y(value), right, y(value), color: palette.grid)
            svg.body += svg.text(label, x: left - 8, y: y(value) + 4, size: 12, color: palette.muted, anchor: "end")
        }
        for (value, label) in zip(xTicks.values, xTicks.labels) {
            svg.line(x(value), bottom, x(value), bottom + 5, color: palette.muted)
            svg.body += svg.text(label, x: x(value), y: bottom + 20, size: 12, color: palette.muted, anchor: "middle")
        }
        svg.line(left, bottom, right, bottom, color: palette.muted)
        svg.body += svg.text(
            xTitle,
            x: (left + right) / 2,
            y: height - 12,
            size: 13,
            color: palette.muted,
            anchor: "middle"
        )
        svg.body += svg.text(
            yTitle,
            x: 18,
            y: (top + bottom) / 2,
            size: 13,
            color: palette.muted,
            anchor: "middle",
            isTurned: true
        )

        var legend = left
        for (index, (one, pieces)) in zip(series, curves).enumerated() {
            let color = palette.series[index % palette.series.count]
            svg.body +=
                "<rect x=\"\(Markup.number(legend))\" y=\"45\" width=\"16\" height=\"4\" rx=\"2\" fill=\"\(color)\"/>\n"
            svg.body += svg.text(one.name, x: legend + 22, y: 51.5, size: 13, color: palette.ink)
            let stroke = one.isFaint ? "stroke-width=\"1\" stroke-opacity=\"0.45\"" : "stroke-width=\"2\""
            legend += 22 + TextMetrics.width(one.name, size: 13) + 22
            for piece in pieces {
                let line = piece.map { "\(Markup.number(x($0.x))),\(Markup.number(y($0.y)))" }.joined(separator: " ")
                svg.body +=
                    "<polyline points=\"\(line)\" fill=\"none\" stroke=\"\(color)\" \(stroke) "
                    + "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n"
            }
        }
        return svg.finished
    }

    /// A curve in pieces of finite points; never more points than a screen shows, each the mean of its neighbours.
    private func usable(_ series: Series) -> [[(x: Double, y: Double)]] {
        let pieces = series.points
            .split { !$0.x.isFinite || !$0.y.isFinite || (isLogarithmic && $0.y <= 0) }
            .map(Array.init)
        let step = max(series.points.count / 1_500, 1)
        return pieces.map { piece in
            stride(from: 0, to: piece.count, by: step).map { start in
                let group = piece[start..<min(start + step, piece.count)]
                return (
                    group.reduce(0) { $0 + $1.x } / Double(group.count),
                    group.reduce(0) { $0 + $1.y } / Double(group.count)
                )
            }
        }
    }
}

/// Round values along an axis.
struct Ticks {
    /// Where the ticks are.
    let values: [Double]
    /// What stands at them.
    let labels: [String]
    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool

    /// - Parameters:
    ///   - data: What the axis must show; finite, and above 0 on a logarithmic axis.
    ///   - count: About how many ticks there should be.
    ///   - isLogarithmic: Whether equal distances are equal ratios.
    init(_ data: [Double], around count: Int, isLogarithmic: Bool = false) {
        var (low, high) = (data.min() ?? 0, data.max() ?? 1)
        self.isLogarithmic = isLogarithmic && low > 0
        if self.isLogarithmic {
            if high <= low { (low, high) = (low / 2, high * 2) }
            // 1, 2 and 5 in each decade, or only the decades where there are many.
            let decades = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
            let steps: [Double] = decades.count > count ? [1] : [1, 2, 5]
            let all = decades.flatMap { decade in steps.map { $0 * pow(10, Double(decade)) } }
            low = all.last { $0 <= low * 1.0001 } ?? low
            high = all.first { $0 >= high * 0.9999 } ?? high
            values = all.filter { $0 >= low * 0.9999 && $0 <= high * 1.0001 }
            labels = values.map { Self.label($0, step: $0) }
        } else {
            if high <= low { (low, high) = (low - 0.5, high + 0.5) }
            let rough = (high - low) / Double(max(count, 1))
            let power = pow(10, log10(rough).rounded(.down))
            let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? rough
            low = (low / step).rounded(.down) * step
            high = (high / step).rounded(.up) * step
            values = (0...Int(((high - low) / step).rounded())).map { low + Double($0) * step }
            labels = values.map { Self.label($0, step: step) }
        }
        self.low = low
        self.high = high
    }

    /// 0…1: how far along the axis a value is.
    func share(_ value: Double) -> Double {
        isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
    }

    private static func label(_ value: Double, step: Double) -> String {
        if value == 0 || abs(value) < step * 1e-6 { return "0" }
        if abs(value) >= 1e6, step >= 1e5 { return String(format: "%g M", value / 1e6) }
        if abs(value) >= 1e4, step >= 1e2 { return String(format: "%g k", value / 1e3) }
        if abs(value) < 1e-4 { return String(format: "%.0e", value) }
        return String(format: "%.\(max(0, Int((-log10(step) - 1e-9).rounded(.up))))f", value)
    }
}
