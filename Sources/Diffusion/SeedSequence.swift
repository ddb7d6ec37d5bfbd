/// Seeds from an entropy and a key, as well mixed for neighbouring keys as for distant ones.
///
/// Source: O'Neill 2015, "Developing a seed_seq Alternative"; NumPy's `SeedSequence`.
struct SeedSequence {
    private let pool: [UInt32]

    /// - Parameters:
    ///   - entropy: where all seeds come from.
    ///   - key: tells sequences of the same entropy apart.
    ///   - poolSize: the number of 32-bit words in between, at least 1.
    init(entropy: UInt64, key: [UInt64] = [], poolSize: Int) {
        var words = Self.words(entropy)
        if !key.isEmpty {
            words += [UInt32](repeating: 0, count: max(0, poolSize - words.count)) + key.flatMap(Self.words)
        }
        var hash = Hash(state: 0x43b0_d7e5, multiplier: 0x931e_8875)
        var pool = (0..<poolSize).map { hash($0 < words.count ? words[$0] : 0) }
        for source in 0..<poolSize {
            for target in 0..<poolSize where target != source {
                pool[target] = Self.mixed(pool[target], hash(pool[source]))
            }
        }
        for word in words.dropFirst(poolSize) {
            for target in 0..<poolSize {
                pool[target] = Self.mixed(pool[target], hash(word))
            }
        }
        self.pool = pool
    }

    /// The first seed.
    var first: UInt32 {
        var hash = Hash(state: 0x8b51_f9dd, multiplier: 0x58f3_8ded)
        return hash(pool[0])
    }

    /// A hash whose constant moves on with every word.
    private struct Hash {
        var state: UInt32
        let multiplier: UInt32

        mutating func callAsFunction(_ word: UInt32) -> UInt32 {
            var value = word ^ state
            state &*= multiplier
            value &*= state
            return value ^ value >> 16
        }
    }

    private static func mixed(_ x: UInt32, _ y: UInt32) -> UInt32 {
        let result = 0xca01_f9dd &* x &- 0x4973_f715 &* y
        return result ^ result >> 16
    }

    /// The 32-bit words of a number, the lowest first; one for 0.
    private static func words(_ number: UInt64) -> [UInt32] {
        let (low, high) = (UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32))
        return high == 0 ? [low] : [low, high]
    }
}
