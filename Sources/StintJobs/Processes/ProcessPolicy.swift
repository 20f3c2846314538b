import Foundation
import StintCore

/// How `exec` and named tools start their processes.
public struct ProcessPolicy: Sendable {
  /// The time between SIGTERM and SIGKILL when an attempt is to stop. It must be shorter than the worker's own
  /// (`EngineConfiguration.cancelGrace`), after which the worker no longer listens; 8 seconds unless set.
  public var grace: Duration = .seconds(8)
  /// The environment of which PATH, HOME, LANG and the variables that a tool names are copied: this process's unless
  /// set.
  public var environment: [String: String] = ProcessInfo.processInfo.environment
  /// Where each attempt gets a folder of its own: `TMPDIR`, or `/tmp`, unless set.
  public var temporaryFolder: String

  /// This process's environment.
  public init() {
    let named = environment["TMPDIR"] ?? ""
    temporaryFolder = named.hasPrefix("/") ? named : "/tmp"
  }

  /// Removes what workers that were killed have left in ``temporaryFolder``: the folders of their attempts, and
  /// processes of these that live on. What belongs to a living worker or to another user stays. The first attempt of a
  /// process does this too; call it where a worker starts, so that nothing waits for that.
  public func removeLeftovers() { AttemptFolder.sweep(temporaryFolder) }

  /// What every process gets: PATH, HOME and LANG.
  var basicEnvironment: [String: String] {
    var basic = environment.filter { ["PATH", "HOME", "LANG"].contains($0.key) }
    if basic["PATH"]?.isEmpty ?? true { basic["PATH"] = "/usr/local/bin:/usr/bin:/bin" }
    return basic
  }

  /// Why a program can not be found; nil where it can. One with a slash is only looked for when it is started.
  public func missing(_ program: String) -> String? {
    do throws(ProcessFault) {
      _ = try file(of: program)
      return nil
    } catch {
      return error.description
    }
  }

  /// The file of a program: the name itself where it has a slash, else the first in PATH that may be executed.
  func file(of program: String) throws(ProcessFault) -> String {
    guard !program.contains("/") else { return program }
    let path = basicEnvironment["PATH"] ?? ""
    for folder in path.split(separator: ":") where folder.hasPrefix("/") {
      let file = "\(folder)/\(program)"
      var status = stat()
      if stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(file, X_OK) == 0 { return file }
    }
    throw ProcessFault(
      "the command \(JSONValue.string(program).excerpt(limit: 200)) was not found in PATH (\(path))")
  }
}
