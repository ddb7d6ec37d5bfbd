import Testing

@testable import LienzoData

@Suite struct CaptionTests {
    private let cleaner = CaptionCleaner(
        vocabulary: [
            "lion", "apple", "candied", "red", "car", "barber", "shop", "muffin", "double", "chocolate", "screw",
            "driver",
            "tree", "folder", "yellow", "trumpet", "black", "white", "orange", "simple",
        ],
        translations: ["coniglio": "rabbit"]
    )

    @Test(arguments: [
        ("Lion 01", "lion"), ("candied_apples_02", "candied apples"), ("aiga_barber_shop1", "barber shop"),
        ("screwDriver3", "screw driver"),
        ("Double Chocolate Muffin (B and W)", "double chocolate muffin in black and white"),
        ("Clipart by Nicu Buculei - car", "car"), ("tree - RPG map elements", "tree"), ("Coniglio", "rabbit"),
        ("A red car", "red car"), ("folder_yellow", "yellow folder"), ("trumpet stylized", "stylized trumpet"),
        ("gatto Cat", "cat"), ("Orange", "orange"),
    ])
    func titlesBecomeCaptions(title: String, caption: String) {
        #expect(cleaner.caption(title) == caption)
    }

    @Test(arguments: [
        "", "0123", "HASH(0x862bbb8)", "fc23", "xyzzy plugh", "black_white", "simple_bw", "jean.victor@example.org",
        "sm_003",
    ])
    func junkIsNoCaption(title: String) {
        #expect(cleaner.caption(title) == nil)
    }

    @Test(arguments: [
        ("candied apples", "apple"), ("a lion", "lion"), ("black cat", "cat"), ("flag of spain", "flag"),
        ("man driving car", "man"), ("owl on branch", "owl"), ("wedding ring", "ring"), ("cherries", "cherry"),
        ("bus", "bus"), ("glass", "glass"), ("mountain bikes", "bicycle"), ("face with tears of joy", "face"),
    ])
    func theHeadOfACaptionIsItsConcept(caption: String, concept: String) {
        #expect(conceptHead(of: caption.split(separator: " ").map(String.init)) == concept)
    }

    @Test func coloursAgreeWithSpanishNouns() {
        #expect(ColourName.red.english("apple") == "red apple")
        #expect(ColourName.red.english("green apple") == nil)
        #expect(ColourName.red.english("house on a hill") == nil)
        #expect(ColourName.red.spanish("manzana") == "manzana roja")
        #expect(ColourName.red.spanish("un coche") == "un coche rojo")
        #expect(ColourName.yellow.spanish("pez") == "pez de color amarillo")
    }

    @Test(arguments: [
        ((220, 20, 30), ColourName.red), ((250, 150, 20), .orange), ((250, 220, 40), .yellow), ((40, 160, 60), .green),
        ((30, 60, 220), .blue), ((130, 40, 180), .purple), ((250, 150, 190), .pink), ((120, 70, 30), .brown),
        ((10, 10, 10), .black), ((250, 250, 250), .white), ((140, 140, 142), .grey),
    ])
    func basicColoursHaveTheirNames(rgb: (Int, Int, Int), name: ColourName) {
        var tally = ColourTally()
        for _ in 0..<10 { tally.add(rgb.0, rgb.1, rgb.2) }
        #expect(tally.dominant == name)
    }

    @Test(arguments: [
        ("apple", "an apple"), ("lion", "a lion"), ("scissors", "scissors"), ("apples", "apples"),
        ("flag of spain", "the flag of spain"),
        ("unicorn", "a unicorn"), ("red apple", "a red apple"),
    ])
    func articlesFitTheNoun(phrase: String, result: String) {
        #expect(withArticle(phrase) == result)
    }

    @Test func theSamplerUsesBothLanguagesAndTheColour() {
        let record = PictureRecord(
            captions: ["en": ["apple"], "es": ["manzana"]],
            derived: ["en": ["red apple"], "es": ["manzana roja"]],
            source: "",
            licence: "",
            family: "",
            concept: "apple",
            medium: .emoji,
            file: ""
        )
        var generator = SplitMix64(seed: 5)
        let captions = Set((0..<400).map { _ in CaptionSampler().caption(for: record, using: &generator) })
        #expect(captions.isSuperset(of: ["apple", "an apple", "a red apple", "manzana", "un emoji de manzana roja"]))
        #expect(captions.allSatisfy { $0.contains("apple") || $0.contains("manzana") })

        let pairs = Set((0..<400).map { _ in CaptionSampler().caption(for: record, beside: record, using: &generator) })
        #expect(pairs.isSuperset(of: ["an apple and a red apple", "an apple beside an apple"]))
        #expect(pairs.contains("una manzana y una manzana roja"))
    }

    @Test func aPairIsCaptionedInSpanishOnlyWhereBothAre() {
        let both = PictureRecord(captions: ["en": ["cat"], "es": ["gato"]], medium: .emoji)
        let english = PictureRecord(captions: ["en": ["dog"]], medium: .emoji)
        var generator = SplitMix64(seed: 1)
        let sampler = CaptionSampler(spanishShare: 1)
        #expect(sampler.caption(for: both, beside: both, using: &generator).hasPrefix("un gato "))
        #expect(sampler.caption(for: both, beside: english, using: &generator).hasPrefix("a cat "))
    }

    @Test(arguments: [
        ("manzana roja", "una manzana roja"), ("león", "un león"), ("flor", "una flor"), ("mapa", "un mapa"),
        ("camión", "un camión"), ("estación", "una estación"), ("tijeras", "tijeras"), ("un león", "un león"),
        ("", ""),
    ])
    func spanishArticlesFollowTheNoun(phrase: String, expected: String) {
        #expect(withSpanishArticle(phrase) == expected)
    }

    @Test func aStampIsCalledByTheNounPhraseOfItsSentence() {
        #expect(stampCaptions("A lion.\nes.utf8=Un león.\n") == ["en": "lion", "es": "un león"])
        #expect(stampCaptions("Mars—the red planet.\nes.utf8=Marte.\n") == ["en": "mars", "es": "marte"])
        #expect(stampCaptions("A shamrock is a symbol of Ireland.")["en"] == "shamrock")
        #expect(stampCaptions("Eat your broccoli!").isEmpty)
    }

    @Test func conceptsNeverStandInTwoSplits() {
        let concepts = (0..<300).map { "concept\($0)" } + Array(repeating: "house", count: SplitRule.common)
        let rule = SplitRule(concepts: concepts)
        func record(_ concept: String, _ medium: Medium, source: String = "") -> PictureRecord {
            PictureRecord(captions: ["en": [concept]], source: source, concept: concept, medium: medium)
        }
        #expect(rule.split(of: record("house", .clipart)) == .train)
        #expect(rule.split(of: record("lion", .photograph)) == .test)
        #expect(rule.split(of: record("lion", .drawing)) == .train)
        #expect(rule.split(of: record("lion", .drawing, source: TuxPaintStamps.package)) == .test)
        #expect(rule.split(of: record("house", .drawing, source: TuxPaintStamps.package)) == .train)
        for concept in concepts {
            #expect(rule.split(of: record(concept, .emoji)) == rule.split(of: record(concept, .photograph)))
        }
        #expect(Set(concepts.map { rule.split(of: record($0, .emoji)) }).count == 3)
    }
}
