import Foundation
import LienzoFigures
import LienzoFiles
import LienzoImages

/// Draws what a run's log says of its loss.
enum LossCurve {
    /// Writes `loss.svg` and `loss.png` into the run's folder.
    ///
    /// - Throws: errors of files.
    static func write(_ history: [LogLine], to folder: String) throws {
        // A line of the log is the mean of many steps, so the curve is smooth as it is.
        let training = LineChart.Series(name: "training", points: history.map { (Double($0.step), $0.loss) })
        let heldOut = LineChart.Series(
            name: "held out",
            points: history.compactMap { line in line.evaluation?["loss"].map { (Double(line.step), $0) } }
        )
        let chart = LineChart(
            series: [training] + (heldOut.points.isEmpty ? [] : [heldOut]),
            title: "Contrastive loss",
            xTitle: "steps",
            yTitle: "loss"
        )
        let drawing = chart.svg()
        try AtomicFile.write(Data(drawing.utf8), to: "\(folder)/loss.svg")
        try Image(drawing: drawing, scale: 2).write(to: "\(folder)/loss.png")
    }
}
