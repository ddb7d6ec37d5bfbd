import Foundation

/// The Debian packages that a data set is made from, fetched and unpacked into a folder of our own.
///
/// Nothing is installed: `apt-get download` fetches the archives, `dpkg-deb -x` unpacks them. What is already there is
/// not fetched again.
package struct DebianPackages: Sendable {
    /// The folder that holds the archives, and under `root` what was in them.
    private let folder: String

    /// - Parameter folder: The cache; made where it is missing.
    package init(folder: String) { self.folder = folder }

    /// Where the packages are unpacked.
    package var root: String { folder + "/root" }

    /// Makes sure that all `names` are unpacked under `root`.
    ///
    /// - Returns: The version of each package.
    /// - Throws: `DataError.missingPackage` where a package cannot be had, as when the machine is offline.
    package func prepare(
        _ names: [String],
        progress: @Sendable (BuildEvent) -> Void
    ) throws(DataError) -> [String: String] {
        do { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) } catch {
            throw .unwritable(path: root, reason: error.localizedDescription)
        }
        var versions: [String: String] = [:]
        for name in names {
            if Task.isCancelled { throw .cancelled }
            if try archive(of: name, in: folder) == nil { try fetch(name, progress: progress) }
            guard let archive = try archive(of: name, in: folder) else {
                throw .missingPackage(
                    name: name,
                    reason: "expected apt-get download to leave a .deb in \(folder), found none"
                )
            }
            let version = try run(["dpkg-deb", "-f", archive, "Version"], in: folder)
            guard version.status == 0 else {
                throw .missingPackage(name: name, reason: "\(archive) is not a Debian package; remove it and try again")
            }
            versions[name] = version.output
            try unpack(archive, name: name, version: version.output, progress: progress)
        }
        return versions
    }

    /// Downloads beside the other archives and moves the whole file in, so that a broken-off one is never found there.
    private func fetch(_ name: String, progress: @Sendable (BuildEvent) -> Void) throws(DataError) {
        progress(.stage("fetching \(name)"))
        let incoming = folder + "/incoming"
        defer { try? FileManager.default.removeItem(atPath: incoming) }
        do {
            try? FileManager.default.removeItem(atPath: incoming)
            try FileManager.default.createDirectory(atPath: incoming, withIntermediateDirectories: true)
        } catch { throw .unwritable(path: incoming, reason: error.localizedDescription) }
        let result = try run(["apt-get", "download", name], in: incoming)
        guard result.status == 0, let file = try archive(of: name, in: incoming) else {
            let advice = "connect to a Debian mirror and run apt-get update, or put the .deb into \(folder)"
            throw .missingPackage(name: name, reason: "apt-get download said \"\(result.message)\"; \(advice)")
        }
        do { try FileManager.default.moveItem(atPath: "\(incoming)/\(file)", toPath: "\(folder)/\(file)") } catch {
            throw .unwritable(path: "\(folder)/\(file)", reason: error.localizedDescription)
        }
    }

    private func unpack(
        _ archive: String,
        name: String,
        version: String,
        progress: @Sendable (BuildEvent) -> Void
    ) throws(DataError) {
        let stamp = "\(folder)/\(name).unpacked"
        if let done = try? readText(stamp), done == version { return }
        progress(.stage("unpacking \(name) \(version)"))
        let result = try run(["dpkg-deb", "-x", archive, "root"], in: folder)
        guard result.status == 0 else {
            throw .missingPackage(name: name, reason: "dpkg-deb said \"\(result.message)\" while unpacking \(archive)")
        }
        do { try Data(version.utf8).write(to: URL(fileURLWithPath: stamp), options: .atomic) } catch {
            throw .unwritable(path: stamp, reason: error.localizedDescription)
        }
    }

    /// The last archive of a package in a folder by its name, if there is one.
    private func archive(of name: String, in folder: String) throws(DataError) -> String? {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                .last { $0.hasPrefix(name + "_") && $0.hasSuffix(".deb") }
        } catch { throw .unreadable(path: folder, reason: error.localizedDescription) }
    }

    /// Runs a command and returns its exit status, what it printed, and the last line in which it complained.
    private func run(
        _ command: [String],
        in folder: String
    ) throws(DataError) -> (status: Int32, output: String, message: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["LC_ALL=C"] + command
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let (output, errors) = (Pipe(), folder + "/messages.txt")
        guard FileManager.default.createFile(atPath: errors, contents: nil) else {
            throw .unwritable(path: errors, reason: "the file cannot be made")
        }
        defer { try? FileManager.default.removeItem(atPath: errors) }
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: errors)
        do { try process.run() } catch {
            throw .missingPackage(name: command[0], reason: "it cannot be started: \(error.localizedDescription)")
        }
        let bytes = try? output.fileHandleForReading.readToEnd()
        let text = String(decoding: bytes ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        let message = ((try? readText(errors)) ?? "").split(separator: "\n").last {
            $0.hasPrefix("E:") || $0.contains("error")
        }
        return (
            process.terminationStatus, text.trimmingCharacters(in: .whitespacesAndNewlines),
            message.map(String.init) ?? "nothing"
        )
    }
}
