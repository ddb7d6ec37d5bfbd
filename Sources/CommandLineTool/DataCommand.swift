import ArgumentParser
import Foundation
import LienzoData
import LienzoFiles
import Synchronization

/// `lienzo data`: the data set that `mini` is trained on.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Make the data set that models are trained on.",
        subcommands: [BuildCommand.self]
    )

    /// `lienzo data build`: from Debian packages to tar shards.
    struct BuildCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "build",
            abstract: "Make the data set from Debian packages: pictures with captions as webdataset tar shards.",
            discussion: """
                Fetches the packages (about 0.3 GB) with apt-get download and unpacks them into a cache folder \
                (1.3 GB); nothing is installed. \
                The same packages give the same shards, byte for byte.
                """
        )

        @Option(help: "The folder to make; one that is there is replaced.", completion: .directory)
        var output = "data/mini"

        @Option(help: "Where packages are kept between runs.", completion: .directory)
        var cache = ".cache/packages"

        @OptionGroup var format: OutputOptions

        mutating func run() async throws {
            Console.note(
                "lienzo: the packages are about 0.3 GB to fetch and 1.3 GB in \(cache), the data set 0.2 GB in "
                    + "\(output); what is there already is not fetched again."
            )
            let packages = DebianPackages(folder: URL(fileURLWithPath: cache).path)
            let versions = try packages.prepare(DatasetBuilder.packages, progress: Self.show)
            let display = BuildDisplay()
            let builder = DatasetBuilder(root: packages.root, versions: versions)
            let summary = try await builder.build(output: output) { display.show($0) }
            if format.json {
                try Console.json(summary)
            } else {
                Console.write(summary.text, to: .standardOutput)
            }
        }

        private static func show(_ event: BuildEvent) {
            if case .stage(let name) = event { Console.note("lienzo: \(name)") }
        }
    }
}

/// Shows the building on standard error: a bar while pictures are rendered, a line for each other stage.
private final class BuildDisplay: Sendable {
    private let bar = Mutex<ProgressBar?>(nil)

    func show(_ event: BuildEvent) {
        bar.withLock { bar in
            switch event {
            case .stage(let name):
                bar?.finish()
                bar = nil
                Console.note("lienzo: \(name)")
            case .rendered(let count, let total):
                if bar == nil {
                    if !Console.isInteractive { Console.note("lienzo: rendering \(total.counted("picture"))") }
                    bar = ProgressBar("rendering", total: total, unit: "pictures")
                }
                bar?.update(completed: count)
            }
        }
    }
}
