import LienzoData
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoTraining

/// What the prior and the decoder are shown.
@Suite struct ConditioningTests {
    @Test func `things that people ask for are shown more often than signs and photographs`() {
        func record(_ concept: String, _ medium: Medium, family: String? = nil) -> PictureRecord {
            PictureRecord(captions: ["en": [concept]], family: family ?? concept, concept: concept, medium: medium)
        }
        let rare = [
            record("zither", .emoji), record("zither", .drawing), record("zither", .photograph),
            record("peru", .emoji, family: "flag"), record("folder", .icon, family: "theme icon folder"),
        ]
        let apples = (0..<10).map { record("apple", $0 == 0 ? .emoji : .clipart) }
        let showings = Showings.ofEach(rare + apples)
        #expect(showings.prefix(5) == [4, 2, 1, 1, 1])
        #expect(showings[5] == 5)
        #expect(showings.suffix(9).allSatisfy { $0 == 3 })
    }

    @Test func `a number that is the same for all pictures is standardised to zero`() throws {
        try torchScope {
            let values = Tensor([1, 5, 2, 5, 6, 5] as [Float], shape: [3, 2])
            let statistics = EncodedPictures.statistics(of: values)
            let standardised = (values - statistics.mean) / statistics.deviation
            #expect(standardised.select(dim: 1, index: 1).abs().max().item == 0)
            #expect(abs(standardised.select(dim: 1, index: 0).square().sum().item - 2) < 1e-5)
        }
    }

    @Test func `captions without their padding say the same`() throws {
        let folder = ModelFolder(Clone.mini)
        let captions = CaptionEncoder(clip: try folder.clip(), tokenizer: try folder.tokenizer())
        try torchScope {
            let texts = ["a red apple", "una casa con un árbol y un sol", ""]
            let whole = captions(texts, paddingIsRead: true)
            let short = captions(texts, paddingIsRead: false)
            func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).to(.float32).abs().max().item }
            #expect(short.encoding.shape == whole.encoding.shape)
            #expect(difference(short.mask.to(.float32), whole.mask.to(.float32)) == 0)
            let scale = whole.embedding.abs().max().item
            #expect(difference(short.embedding, whole.embedding) < 0.02 * scale)
            let mask = whole.mask.to(.float32).unsqueeze(-1)
            let seen = (whole.encoding.to(.float32) * mask, short.encoding.to(.float32) * mask)
            #expect(difference(seen.0, seen.1) < 0.02 * seen.0.abs().max().item)
            // The check can fail: padding is something where it is read, and nothing where it is not.
            #expect(difference(whole.encoding.to(.float32), short.encoding.to(.float32)) > 0.1)
        }
    }
}
