import ArgumentParser
import StintCore
import StintEngine

/// `stint doctor`
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the configuration and where it comes from, and check the store.",
    discussion: """
      Prints each setting with its source, what the store can do, how long the disk takes to make a write durable, the \
      result of a real write and read, and the workers. It ends with 69 where the store or server can not be used. It \
      never creates a store.

      Examples:
        stint doctor
        stint doctor --verify-store --json
      """)

  @Flag(help: "Check every promise of the store on a scratch store of the same kind, made beside it and removed.")
  var verifyStore = false
  @OptionGroup(title: "Options of every command") var access: AccessOptions

  func run() async throws {
    let session = try access.session()
    if verifyStore, session.remoteURL != nil {
      throw StintError(.invalidParams, "--verify-store needs a store (--store), not a server (--url)")
    }
    var report = DoctorReport(session)
    await report.examine()
    if verifyStore { await report.verify() }
    if session.json { session.console.json(report.json) } else { report.print() }
    if let problem = report.problem {
      if session.json { throw ExitCode(problem.type.exitCode) }
      throw problem
    }
  }
}
