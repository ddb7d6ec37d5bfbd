import Foundation
import LienzoImages
import TestSupport
import Testing

@testable import LienzoData

@Suite struct ShardTests {
    /// Writes `counts.count` shards of numbered samples and returns their paths.
    private func shards(_ counts: [Int], in folder: String) throws -> [String] {
        var number = 0
        return try counts.enumerated().map { i, count in
            let path = "\(folder)/\(i).tar"
            var tar = try TarWriter(path: path)
            for _ in 0..<count {
                try tar.add("\(number).txt", Array("\(number)".utf8))
                try tar.add("\(number).bin", [1])
                number += 1
            }
            _ = try tar.finish()
            return path
        }
    }

    private func keys(_ count: Int, _ stream: inout ShardStream) throws -> [String] {
        try stream.batch(count).map(\.key)
    }

    @Test func filesOfOneKeyAreOneSample() throws {
        try withTemporaryFolder { folder in
            let paths = try shards([3], in: folder)
            var reader = try ShardReader(path: paths[0])
            let first = try #require(try reader.next())
            #expect(first.key == "0")
            #expect(first.files == ["txt": [UInt8(ascii: "0")], "bin": [1]])
            #expect(try reader.next()?.key == "1")
            #expect(try reader.next()?.key == "2")
            #expect(try reader.next() == nil)
        }
    }

    @Test(arguments: [1, 4, 7, 100])
    func everyEpochHasEachSampleOnce(bufferSize: Int) throws {
        try withTemporaryFolder { folder in
            let paths = try shards([5, 0, 8, 3], in: folder)
            var stream = try ShardStream(shards: paths, bufferSize: bufferSize, state: StreamState(seed: 3))
            let (first, second) = (try keys(16, &stream), try keys(16, &stream))
            #expect(Set(first).count == 16)
            #expect(Set(second).count == 16)
            #expect(first != second)
        }
    }

    @Test(arguments: [0, 1, 6, 7, 8, 15, 16, 17, 40])
    func aResumedStreamGoesOnExactly(at position: Int) throws {
        try withTemporaryFolder { folder in
            let paths = try shards([5, 8, 3], in: folder)
            var whole = try ShardStream(shards: paths, bufferSize: 7, state: StreamState(seed: 9))
            _ = try keys(position, &whole)
            let saved = try JSONDecoder().decode(StreamState.self, from: JSONEncoder().encode(whole.state))
            var resumed = try ShardStream(shards: paths, bufferSize: 7, state: saved)
            let (a, b) = (try keys(30, &whole), try keys(30, &resumed))
            #expect(a == b)
            #expect(whole.state == resumed.state)
        }
    }

    @Test func seedsGiveDifferentOrders() throws {
        try withTemporaryFolder { folder in
            let paths = try shards([20], in: folder)
            var orders: [[String]] = []
            for seed in [1, 2] as [UInt64] {
                var stream = try ShardStream(shards: paths, bufferSize: 50, state: StreamState(seed: seed))
                orders.append(try keys(20, &stream))
            }
            #expect(orders[0] != orders[1])
        }
    }

    @Test func emptyShardsAreAnErrorNotAnEndlessLoop() throws {
        try withTemporaryFolder { folder in
            let paths = try shards([0, 0], in: folder)
            #expect(throws: DataError.self) {
                var stream = try ShardStream(shards: paths, state: StreamState(seed: 1))
                _ = try stream.next()
            }
        }
    }

    @Test func samplesDecodeToPicturesWithCaptions() throws {
        let image = try Image(width: 2, height: 1, channels: 4, pixels: [255, 0, 0, 255, 0, 0, 0, 0])
        let json = #"{"captions": {"en": ["red apple"]}}"#
        let sample = ShardSample(key: "0", files: ["png": try image.png(), "json": Array(json.utf8)])
        let picture = try PictureSample(sample)
        #expect(picture.image == image)
        #expect(picture.record.captions == ["en": ["red apple"]])
        let plain = try PictureSample(
            ShardSample(key: "1", files: ["png": try image.png(), "txt": Array("a lion\n".utf8)])
        )
        #expect(plain.record.captions == ["en": ["a lion"]])
        #expect(throws: DataError.self) { try PictureSample(ShardSample(key: "2", files: ["txt": [65]])) }
    }
}
