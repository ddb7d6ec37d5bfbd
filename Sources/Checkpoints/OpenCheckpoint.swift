import LienzoFiles
package import LienzoNN

/// Opens a checkpoint of any kind that is known, told by its first bytes and not by its name.
///
/// Known are safetensors, the two forms of `torch.save`, and the index of a checkpoint in several files.
///
/// - Throws: where the file is none of these or is malformed.
package func openCheckpoint(_ path: String) throws(CheckpointError) -> any ParameterSource {
    let file: MappedFile
    do { file = try MappedFile(path) } catch { throw CheckpointError(error) }
    let head = file.withBytes { Array($0.prefix(64)) }
    if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: TorchArchive.legacyMagic) {
        return try TorchArchive(file)
    }
    // The index is JSON text; a safetensors header has '{' behind its length.
    if head.count > 8, head[8] == UInt8(ascii: "{") {
        return try SafetensorsFile(file)
    }
    if head.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") {
        return try ShardedCheckpoint(index: path)
    }
    if head.starts(with: "version https://git-lfs".utf8) {
        throw CheckpointError(path, "this is a git-lfs pointer and not the checkpoint itself; run git lfs pull")
    }
    throw CheckpointError(
        path,
        "this is neither safetensors, nor a file of torch.save, nor the index of a checkpoint in several files"
    )
}
