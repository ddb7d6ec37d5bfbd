import LienzoImages
import Testing

@testable import LienzoData

@Suite struct CaptionedPictureTests {
    private func sample(_ files: [String: String]) throws -> ShardSample {
        let picture = try Image(width: 2, height: 2, filledWith: .white).png()
        return ShardSample(key: "k", files: files.mapValues { Array($0.utf8) }.merging(["png": picture]) { $1 })
    }

    @Test(
        "Captions are those of json by language, of txt by line, or of another maker's json",
        arguments: [
            (["json": #"{"captions": {"es": ["casa"], "en": ["house"]}}"#, "txt": "other"], "house"),
            (["json": #"{"captions": {"es": ["casa"]}}"#], "casa"),
            (["txt": "\n  first line \nsecond"], "first line"),
            (["json": #"{"caption": "a thing", "url": "x"}"#], "a thing"),
            (["json": #"{"captions": {}}"#, "txt": "a text"], "a text"),
        ]
    )
    func titles(files: [String: String], title: String) throws {
        #expect(try CaptionedPicture(sample(files)).title == title)
    }

    @Test("Every line of a text is shown sooner or later, as it stands")
    func lines() throws {
        let picture = try CaptionedPicture(sample(["txt": "one\ntwo\nthree"]))
        var choices = SplitMix64(seed: 3)
        let shown = Set((0..<60).map { _ in picture.caption(CaptionSampler(), using: &choices) })
        #expect(shown == ["one", "two", "three"])
    }

    @Test("A sample without words is refused", arguments: [[:], ["txt": " \n"], ["json": "[1]"]])
    func refusals(files: [String: String]) throws {
        let sample = try sample(files)
        #expect(throws: DataError.self) { try CaptionedPicture(sample) }
    }
}
