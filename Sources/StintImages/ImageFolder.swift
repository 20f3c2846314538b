import StintCore
import StintEngine

/// Where image jobs read and write: a root beneath which all files are, a folder in it for what they make, and the
/// largest image.
public struct ImageFolder: Sendable, Hashable {
  /// The folder beneath which all files are. A relative path counts from the working directory.
  public var root: String
  /// The folder in ``root`` for the files that jobs make.
  public var output = "output"
  /// The largest image that is read or made, in millions of pixels: a small file may unfold to gigabytes.
  public var maxMegapixels = 100
  /// The share of a job's progress that is work on the image.
  var workShare = 1.0

  /// A root, with `output` beneath it and images of at most 100 megapixels.
  public init(root: String) { self.root = root }

  /// The folder of the handler that runs; a handler's own properties are its params.
  @TaskLocal static var current = ImageFolder(root: "images")

  /// Opens a file for reading. Symbolic links are not followed, whatever they point at, and nothing above the root can
  /// be named, not even while somebody exchanges folders.
  ///
  /// - Throws: ``StintEngine/JobControl/giveUp(_:)`` where no further attempt would find it.
  func open(_ filename: String) throws -> Descriptor {
    let parts = filename.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isLegal = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
    guard isLegal, let last = parts.last else {
      throw JobControl.giveUp(
        "\(filename.shown) is not allowed; a filename is a path beneath the image root, without \"..\"")
    }
    var folder = try openRoot()
    for (index, part) in parts.dropLast().enumerated() {
      do {
        folder = try folder.open(part, .folder)
      } catch let error {
        throw refusal(error, of: parts.prefix(index + 1).joined(separator: "/"), in: folder, part)
      }
    }
    do {
      let file = try folder.open(last, .file)
      guard try file.status().isRegular else { throw JobControl.giveUp("\(filename.shown) is not a regular file") }
      return file
    } catch let error as SystemError {
      throw refusal(error, of: filename, in: folder, last)
    }
  }

  func openRoot() throws -> Descriptor {
    do {
      return try Descriptor.open(root)
    } catch {
      guard error.isFinal else { throw error }
      throw JobControl.giveUp("The image root \(root.shown) can not be opened: \(error.reason)")
    }
  }

  /// In words, why a file can not be opened.
  private func refusal(
    _ error: SystemError, of path: String, in folder: borrowing Descriptor, _ name: String
  ) -> any Error {
    if folder.isLink(name) {
      return JobControl.giveUp("\(path.shown) is a symbolic link; links are not followed")
    }
    guard error.isFinal else { return error }
    return JobControl.giveUp("\(path.shown) can not be opened beneath the image root: \(error.reason)")
  }

  /// Keeps a file in the output folder, whole or not at all, and gives its path beneath the root.
  ///
  /// It is written under a temporary name first. A file that is there already is never replaced: if it holds the same
  /// it is an earlier attempt's and stands for this one's, otherwise a number is added to the name.
  ///
  /// - Parameters:
  ///   - name: the file's name without its extension.
  ///   - key: what the temporary name is made of; one job's own.
  ///   - attempt: what earlier attempts left unfinished is removed.
  func keep(
    _ bytes: UnsafeRawBufferPointer, name: String, extension: String, key: String, attempt: Int,
    cancellation: Cancellation
  ) throws -> String {
    let folder = try openOutput()
    for earlier in max(1, attempt - 50)...max(1, attempt) { folder.remove(".\(key).\(earlier).part") }
    let temporary = ".\(key).\(attempt).part"
    let file = try folder.create(temporary)
    defer { folder.remove(temporary) }
    try file.write(bytes, cancellation: cancellation)
    for number in 1...1_000 {
      let candidate = (number == 1 ? name : "\(name)-\(number)") + "." + `extension`
      if try folder.link(temporary, candidate) {
        try folder.synchronize()
        return "\(output)/\(candidate)"
      }
      if try folder.holds(bytes, as: candidate) { return "\(output)/\(candidate)" }
    }
    throw JobControl.giveUp(
      "\(output)/\(name).\(`extension`) exists already, and so do a thousand other versions of it")
  }

  private func openOutput() throws -> Descriptor {
    let root = try openRoot()
    do {
      try root.makeFolder(output)
      return try root.open(output, .folder)
    } catch let error {
      if root.isLink(output) {
        throw JobControl.giveUp("The output folder \(output.shown) is a symbolic link; links are not followed")
      }
      throw error
    }
  }
}

extension String {
  /// In quotation marks, as messages show it; shortened.
  var shown: String { JSONValue.string(self).excerpt() }
}
