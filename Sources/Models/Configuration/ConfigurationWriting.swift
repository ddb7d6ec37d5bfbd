package import Foundation

extension Encodable {
    /// The JSON text of a configuration as the reference writes it: sorted keys, two spaces, a final line feed.
    package func configurationJSON() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var json = try encoder.encode(self)
        json.append(UInt8(ascii: "\n"))
        return json
    }
}
