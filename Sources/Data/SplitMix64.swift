/// A small, fast, seeded source of random numbers for choices that need no cryptography: order, captions, colours.
///
/// The same seed gives the same numbers on every machine. Noise for pictures does not come from here but from torch.
///
/// Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators (2014).
package struct SplitMix64: RandomNumberGenerator, Codable, Sendable, Equatable {
    private var state: UInt64

    /// A generator for one purpose: the stream of `seed` that the numbers of `path` lead to, such as epoch and block.
    package init(seed: UInt64, _ path: Int...) {
        state = seed
        for step in path {
            state ^= UInt64(bitPattern: Int64(step)) &* 0xD6E8_FEB8_6659_FD93
            state = next()
        }
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
