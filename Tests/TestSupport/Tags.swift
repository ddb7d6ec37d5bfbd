public import Testing

extension Tag {
    /// Compares with the reference implementation through a committed fixture.
    @Tag public static var parity: Self
    /// Takes more than a few seconds.
    @Tag public static var slow: Self
    /// Needs a GPU.
    @Tag public static var gpu: Self
    /// Needs a network beyond this machine.
    @Tag public static var network: Self
}
