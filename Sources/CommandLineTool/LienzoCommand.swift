import ArgumentParser
import Foundation
import LienzoData
import LienzoFiles
import LienzoTorch

/// The tool `lienzo`: parses the arguments, runs one subcommand as a task that Ctrl-C cancels, and turns what it threw
/// into one sentence and an exit code.
@main
struct LienzoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lienzo",
        abstract: "Pictures from words, and words for pictures, with models that run and train on this machine.",
        discussion: """
            Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 failed, \
            64 wrong usage, 130 stopped with Ctrl-C.
            """,
        version: "0.1.0",
        subcommands: [
            GenerateCommand.self,
            VaryCommand.self,
            BlendCommand.self,
            ShiftCommand.self,
            PriorCommand.self,
            AgainCommand.self,
            CompareCommand.self,
            ClassifyCommand.self,
            EmbedCommand.self,
            TokenizeCommand.self,
            SearchCommand.self,
            EvaluateCommand.self,
            GalleryCommand.self,
            ModelsCommand.self,
            DataCommand.self,
            TrainCommand.self,
            InspectCommand.self,
            DoctorCommand.self,
        ]
    )

    static func main() async {
        Engine.prepare()
        Engine.shareBusyProcessors()
        let arguments = Array(CommandLine.arguments.dropFirst())
        let work = Task {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        }
        let interrupt = Interrupt { work.cancel() }
        let outcome = await work.result
        interrupt.end()

        switch outcome {
        case .success where Console.hasLostOutput:
            Console.note("lienzo: The result could not be written to standard output: is the disk full?")
            end(EXIT_FAILURE)
        case .success: end(EXIT_SUCCESS)
        case .failure(let error): end(report(error, stoppedBy: interrupt.firstSignal))
        }
    }

    /// Ends the process without tearing libtorch down, which a pipeline's thread may still be using when it was stopped.
    private static func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }

    /// Says what went wrong, and returns the exit code that says it to a script.
    private static func report(_ error: any Error, stoppedBy signal: Int32?) -> Int32 {
        // What went wrong while stopping, such as a checkpoint that did not fit the disk, is told like any failure.
        if let signal, error is CancellationError || error as? DataError == .cancelled {
            Console.note("lienzo: stopped.")
            return 128 + signal
        }
        let code = exitCode(for: error)
        switch code {
        case .success: Console.line(fullMessage(for: error))
        case .validationFailure: Console.note("lienzo: \(message(for: error).asSentence)\n\(usage(for: error))")
        default: Console.note("lienzo: \(sentence(for: error))")
        }
        return code.rawValue
    }

    /// The last line of the parser's own message, which names the subcommand's `--help`.
    private static func usage(for error: any Error) -> String {
        fullMessage(for: error).split(separator: "\n").last.map { String($0).trimmingCharacters(in: .whitespaces) }
            ?? ""
    }

    /// Lienzo's own errors describe themselves in a sentence; Foundation's do it under another name.
    private static func sentence(for error: any Error) -> String {
        (error as? CocoaError)?.localizedDescription ?? String(describing: error)
    }
}
