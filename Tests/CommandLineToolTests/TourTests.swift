import Foundation
import LienzoImages
import TestSupport
import Testing

/// The example of the library, as a process of its own.
@Suite(.tags(.slow))
struct TourTests {
    @Test func `the tour compares, classifies, searches and generates`() throws {
        try withTemporaryFolder { folder in
            let colors = ["red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)]
            for (name, (red, green, blue)) in colors {
                try Image(
                    width: 32,
                    height: 32,
                    filledWith: Color(red: UInt8(red), green: UInt8(green), blue: UInt8(blue))
                )
                .write(to: "\(folder)/\(name).png")
            }
            let tour = (try Tool.executable as NSString).deletingLastPathComponent + "/LienzoTour"
            let mini = "ln -s '\(Clone.mini)' mini && "
            let result = try Tool(folder: folder).shell("\(mini)'\(tour)' '\(folder)'")
            #expect(result.status == 0, "\(result.errors)")
            let lines = result.output.split(separator: "\n")
            #expect(lines.count { $0.hasPrefix("compare ") } == 3)
            for name in colors.keys {
                #expect(lines.contains { $0.hasPrefix("classify \(folder)/\(name).png \(name) ") })
            }
            #expect(lines.first { $0.hasPrefix("search ") }?.hasPrefix("search \(folder)/red.png") == true)
            #expect(lines.last == "generate 128 128")
        }
    }
}
