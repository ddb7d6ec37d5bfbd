import ArgumentParser

/// How a command prints its result.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print the result as JSON, for machines.")
    var json = false
}
