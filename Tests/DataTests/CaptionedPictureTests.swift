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

    @Test(
        "What is wrong with a sample is told with its shard",
        arguments: [
            (["png": "x"], "a.tar/k is not a picture that Lienzo reads; expected "),
            ([:], "a.tar/k is malformed: expected captions in a json or a txt, found neither."),
            (["txt": " \n"], "a.tar/k is malformed: expected captions in a json or a txt, found neither."),
            (["json": "[1]"], "a.tar/k is malformed: expected captions in its json, found none."),
            (["json": "{"], "a.tar/k is malformed: its json is broken; expected an object with captions."),
        ]
    )
    func refusals(files: [String: String], sentence: String) throws {
        let whole = try sample([:]).files.merging(files.mapValues { Array($0.utf8) }) { $1 }
        let words = files["png"] == nil ? [:] : ["txt": Array("a text".utf8)]
        let sample = ShardSample(key: "k", files: whole.merging(words) { $1 }, shard: "a.tar")
        let error = #expect(throws: DataError.self) { try CaptionedPicture(sample) }
        #expect(error?.description.hasPrefix(sentence) == true, "\(String(describing: error))")
    }

    @Test("A sample without a picture says what it has")
    func pictureless() {
        let sample = ShardSample(key: "k", files: ["txt": [65], "json": [123]], shard: "a.tar")
        let error = #expect(throws: DataError.self) { try PictureSample(sample) }
        #expect(error?.description == "a.tar/k is malformed: expected a png, jpg or webp, found only .json, .txt.")
    }
}
