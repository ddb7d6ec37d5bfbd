/// Text together with the clues of its characters, to judge whether it was decoded with the wrong encoding.
struct Mojibake {
    let text: [Unicode.Scalar]
    private let clues: [MojibakeClue]

    init(_ text: [Unicode.Scalar]) {
        let table = MojibakeClue.table
        self.text = text
        clues = text.map { table[$0] }
    }

    /// The code pages that have every character of the text, in the order in which they are tried.
    var codePages: [CodePage] {
        let common = clues.reduce(MojibakeClue(rawValue: .max)) { $0.intersection($1) }
        return CodePage.all.enumerated().filter { common.contains(.codePage($0.offset)) }.map(\.element)
    }

    /// Where characters stand that could be the bytes of UTF-8 in some code page, several characters in one run.
    ///
    /// A run does not begin right behind what is surely a later byte, because it would then be the end of a larger mess.
    ///
    /// Source: ftfy 6.3.1, `chardata.UTF8_DETECTOR_RE`.
    func runsLikeUTF8() -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var position = 0
        while position < clues.count {
            let start = position
            if start == 0 || !clues[start - 1].contains(.continuesSurely) {
                while let count = sequence(at: position) { position += count }
            }
            if position > start {
                runs.append(start..<position)
            } else {
                position += 1
            }
        }
        return runs
    }

    /// How many characters from `position` look like one character in UTF-8, or `nil`.
    private func sequence(at position: Int) -> Int? {
        guard position < clues.count else { return nil }
        let first = clues[position]
        for (clue, count) in [(MojibakeClue.leadsTwo, 2), (.leadsThree, 3), (.leadsFour, 4)] where first.contains(clue)
        {
            let rest = clues[(position + 1)...].prefix(count - 1)
            if rest.count == count - 1, rest.allSatisfy({ $0.contains(.continues) }) { return count }
        }
        return nil
    }
}

extension Mojibake {
    /// Whether characters stand beside each other that hardly ever do in text that was decoded rightly.
    ///
    /// Each case is found at its first character outside ASCII.
    ///
    /// Source: ftfy 6.3.1, `badness.py`: which neighbours are unlikely is measured there.
    var looksWrong: Bool {
        text.indices.contains { position in
            let clue = clues[position]
            // Greek, Cyrillic and the like aside, most letters of the world have no clue at all.
            guard !text[position].isASCII, clue.rawValue != 0 else { return false }
            return clue.contains(.control) || isUnlikelyPair(at: position) || isUnlikelyTriple(at: position)
                || isKnownPair(at: position) || isKnownSequence(at: position) || isStandaloneLetter(at: position)
        }
    }

    /// Two kinds of characters of which the first is hardly ever followed by the second.
    private static let unlikelyPairs: [(first: MojibakeClue, second: MojibakeClue)] = [
        (
            [.bad, .accented, .box, .opening, .closing, .currency, .numeric, .law],
            .bad
        ),
        (.bad, [.accented, .box, .opening, .closing, .currency, .numeric, .law]),
        ([.lowerAccented, .lowerForeign, .box, .closing, .currency, .numeric], .upperAccented),
        ([.box, .closing, .currency, .numeric], .lowerAccented),
        ([.lowerAccented, .box, .closing], .currency),
        ([.upperAccented, .box], [.numeric, .law]),
        ([.currency, .numeric, .box], .opening),
        (.box, [.facial, .closing]),
        ([.accented, .currency, .numeric, .opening, .closing, .law], .box),
    ]

    private func isUnlikelyPair(at position: Int) -> Bool {
        let first = clues[position]
        let second = clue(at: position + 1)
        return Self.unlikelyPairs.contains { !first.isDisjoint(with: $0.first) && !second.isDisjoint(with: $0.second) }
    }

    /// Unlikely because of one character more, before or after.
    private func isUnlikelyTriple(at position: Int) -> Bool {
        let first = clues[position]
        let second = clue(at: position + 1)
        if let before = text[safe: position - 1] {
            if !first.isDisjoint(with: [.upperForeign, .lowerForeign]), second.contains(.bad), before.isASCIILetter {
                return true
            }
            if first.contains(.upperAccented) {
                if second.contains(.currency), PythonText.isWhitespace(before) || before.isSmallASCIILetter {
                    return true
                }
                if second.contains(.opening), before.isSmallASCIILetter { return true }
            }
        }
        guard !second.isDisjoint(with: [.opening, .closing]), let third = text[safe: position + 2] else { return false }
        let thirdClue = clues[position + 2]
        if second.contains(.opening), thirdClue.contains(.numeric),
            !first.isDisjoint(with: [.accented, .box, .currency, .closing])
        {
            return true
        }
        if second.contains(.closing), thirdClue.contains(.opening),
            !first.isDisjoint(with: [.accented, .currency, .numeric, .box, .law])
        {
            return true
        }
        return !first.isDisjoint(with: .accented) && PythonText.isWord(third)
    }

    /// Particular characters that certain encodings put beside each other.
    private func isKnownPair(at position: Int) -> Bool {
        guard let second = text[safe: position + 1] else { return false }
        let secondClue = clues[position + 1]
        if second == "°", clues[position].contains(.upperAccented) { return true }
        switch text[position] {
        case "Œ", "œ":
            return !second.isASCIILetter
        case "Â", "Ã", "Î", "Ð":
            // windows-1252; U+00A0 and U+00AD are the no-break space and the soft hyphen.
            switch second {
            case "€", "œ", "Š", "š", "¢", "£", "Ÿ", "ž", "\u{A0}", "\u{AD}", "®", "©", "°", "·", "»", "–", "—", "´":
                return true
            default:
                return !secondClue.isDisjoint(with: [.opening, .closing])
            }
        case "×": return second == "²" || second == "³"
        case "à": return ["²", "µ", "¹", "¼", "½", "¾"].contains(second)
        case "√": return ["±", "∂", "†", "≠", "®", "™", "´", "≤", "≥", "¥", "µ", "ø"].contains(second)  // MacRoman
        case "≈": return second == "°" || second == "¢"
        case "в": return second == "Ђ"  // windows-1251
        case "ā": return second == "€"  // windows-1257
        default: return false
        }
    }

    /// Particular sequences of three characters or more that certain encodings make.
    private func isKnownSequence(at position: Int) -> Bool {
        guard let second = text[safe: position + 1], let third = text[safe: position + 2] else { return false }
        switch text[position] {
        case "‚":  // MacRoman
            switch second {
            case "Ä": return "ìîïòôúùû†°¢π".unicodeScalars.contains(third)
            case "â", "ó": return "àä°ê".unicodeScalars.contains(third)
            default: return false
            }
        case "β":  // windows-1253
            return second == "€" && ["™", "\u{A0}", "Ά", "\u{AD}", "®", "°"].contains(third)
        case "Ø", "Ù":  // Arabic in windows-1252
            guard third == "Ø" || third == "Ù", let fourth = text[safe: position + 3] else { return false }
            return continuesArabic(second, clues[position + 1]) && continuesArabic(fourth, clues[position + 3])
        case "В", "Г", "Р", "С":  // windows-1251; the Cyrillic letters
            if ["В", "Г", "Р", "С"].contains(third), second == "µ" || continuesForeign(second, clues[position + 1]) {
                return true
            }
            guard let sixth = text[safe: position + 6] else { return false }
            return text[position..<position + 5].elementsEqual("ГўВЂВ".unicodeScalars) && text[position + 5] != "\n"
                && (sixth.isASCIILetter || sixth == " ")
        case "Β", "Γ", "Ξ", "Ο":  // windows-1253; the Greek letters
            return ["Β", "Γ", "Ξ", "Ο"].contains(third) && continuesForeign(second, clues[position + 1])
        default:
            return false
        }
    }

    private func continuesArabic(_ scalar: Unicode.Scalar, _ clue: MojibakeClue) -> Bool {
        !clue.isDisjoint(with: [.common, .currency, .bad, .numeric, .opening])
            || ["Ÿ", "Š", "®", "°", "µ", "»"].contains(scalar)
    }

    private func continuesForeign(_ scalar: Unicode.Scalar, _ clue: MojibakeClue) -> Bool {
        !clue.isDisjoint(with: [.control, .bad, .opening, .closing, .currency]) || scalar == "°"
    }

    /// Â or Ã where a space shows that the other half was lost.
    private func isStandaloneLetter(at position: Int) -> Bool {
        let letter = text[position]
        guard letter == "Â" || letter == "Ã", let after = text[safe: position + 1] else { return false }
        let before = text[safe: position - 1]
        if after == " " {
            guard let before else { return true }
            if before.isSmallASCIILetter { return true }
            if PythonText.isWhitespace(before), text[safe: position - 2]?.isSmallASCIILetter == true { return true }
        }
        guard letter == "Â", let before,
            before.isSmallASCIILetter || [".", ",", "?", "!"].contains(before) || clues[position - 1].contains(.closing)
        else { return false }
        return after == " " || !clues[position + 1].isDisjoint(with: [.opening, .closing])
    }

    private func clue(at position: Int) -> MojibakeClue {
        position < clues.count ? clues[position] : []
    }
}

extension Unicode.Scalar {
    fileprivate var isSmallASCIILetter: Bool { "a"..."z" ~= self }
    fileprivate var isASCIILetter: Bool { "a"..."z" ~= self || "A"..."Z" ~= self }
}
