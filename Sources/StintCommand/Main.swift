import ArgumentParser
import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// The program: reads the arguments, runs the command, and turns errors into a message and an exit code.
@main
enum Main {
  static func main() async {
    do {
      var command = try Root.parseAsRoot(Self.joined(Array(CommandLine.arguments.dropFirst())))
      if var waiting = command as? any AsyncParsableCommand {
        try await waiting.run()
      } else {
        try command.run()
      }
    } catch let error as StintError {
      report(error, asJSON: CommandLine.arguments.contains("--json"))
      exit(error.type.exitCode)
    } catch {
      // Usage errors (64), help, versions, and the exit codes that commands throw.
      Root.exit(withError: error)
    }
  }

  /// Arguments with each value that begins as a negative number joined to its option: as it stands it would be taken for
  /// an option itself, and the one before it for one without a value.
  static func joined(_ arguments: [String]) -> [String] {
    var joined: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" { return joined + [argument] + rest }
      let next = rest.first.map { Array($0.utf8.prefix(2)) } ?? []
      let isNegative = next.count == 2 && next[0] == UInt8(ascii: "-") && (0x30...0x39).contains(next[1])
      if isNegative, argument.hasPrefix("--"), !argument.contains("="), let value = rest.popFirst() {
        joined.append("\(argument)=\(value)")
      } else {
        joined.append(argument)
      }
    }
    return joined
  }

  private static func report(_ error: StintError, asJSON: Bool) {
    var text = "Error: \(error.message.escapedForTerminal)\n"
    if error.details.count > 1 {
      for detail in error.details { text += "  \("\(detail.param): \(detail.message)".escapedForTerminal)\n" }
    }
    if asJSON {
      var writer = JSONWriter()
      error.write(to: &writer)
      text = RawJSON(wellFormed: writer.bytes).text + "\n"
    }
    Console.write(Array(text.utf8), to: STDERR_FILENO)
  }
}

/// `stint`: without a command, its help.
struct Root: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stint",
    abstract: "A durable queue of background jobs.",
    discussion: """
      Commands work on a store (--store sqlite:PATH, by default stint.db in the working directory) or on a server \
      (--url http://HOST:PORT), with the same results.

      Exit codes: 0 done; 1 the job failed; 2 it was cancelled; 64 usage; 65 bad input; 66 not found; 69 the store or \
      server can not be reached, or does not exist; 75 full, try again; 77 not allowed; 130 interrupted. On many jobs, \
      the highest.

      Example:
        stint submit countdown --param seconds=3 --follow
      """,
    version: Version.text,
    subcommands: [
      Serve.self, Submit.self, List.self, Show.self, Wait.self, Follow.self, Cancel.self, Retry.self, Clear.self,
      Dead.self, Logs.self,
      StartWorkers.self, ShowStats.self, ShowJobTypes.self, Doctor.self, Bench.self, Reference.self,
    ])
}

/// The version of this program.
enum Version {
  static let text = "0.1.0"
}
