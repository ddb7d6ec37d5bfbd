/// What a character tells about text whose bytes were decoded with the wrong encoding.
///
/// A character has several clues: what kind of sign it is, what kind of UTF-8 byte it may have been, and which code
/// pages have it at all.
struct MojibakeClue: OptionSet, Sendable {
    let rawValue: UInt32

    // The kinds, in the order of `MojibakeTables.classes`, which says what each is.
    static let common = Self(bit: 0)
    static let control = Self(bit: 1)
    static let bad = Self(bit: 2)
    static let law = Self(bit: 3)
    static let currency = Self(bit: 4)
    static let opening = Self(bit: 5)
    static let closing = Self(bit: 6)
    static let numeric = Self(bit: 7)
    static let facial = Self(bit: 8)
    static let upperAccented = Self(bit: 9)
    static let lowerAccented = Self(bit: 10)
    static let upperForeign = Self(bit: 11)
    static let lowerForeign = Self(bit: 12)
    static let box = Self(bit: 13)
    static let leadsTwo = Self(bit: 14)
    static let leadsThree = Self(bit: 15)
    static let leadsFour = Self(bit: 16)
    static let continues = Self(bit: 17)
    static let continuesSurely = Self(bit: 18)

    static let accented: Self = [.upperAccented, .lowerAccented]

    /// That the code page at `index` of `CodePage.all` has the character.
    static func codePage(_ index: Int) -> Self { Self(bit: 19 + index) }

    /// The clues of each character.
    static let table: ScalarTable<MojibakeClue> = {
        var table = ScalarTable<MojibakeClue>(repeating: [])
        for (index, list) in MojibakeTables.classes.enumerated() {
            for scalar in HexadecimalList.scalars(list) { table[scalar].insert(Self(bit: index)) }
        }
        for (index, page) in CodePage.all.enumerated() {
            for scalar in page.decoded { table[scalar].insert(codePage(index)) }
        }
        return table
    }()

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    private init(bit: Int) {
        rawValue = 1 << UInt32(bit)
    }
}
