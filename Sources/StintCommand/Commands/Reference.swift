import ArgumentParser
import StintCore

/// `stint reference`: the pages of docs/ that are made from the code.
struct Reference: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a generated page of the documentation.",
    discussion: """
      Example:
        stint reference commands > docs/commands.md
      """,
    shouldDisplay: false)

  enum Page: String, ExpressibleByArgument, CaseIterable {
    case commands, configuration
    case lifecycle = "LIFECYCLE"
  }

  @Argument(help: "commands, configuration or LIFECYCLE.") var page: Page

  func run() {
    Console(isTerminal: false, hasColor: false).write(Self.text(page))
  }

  static func text(_ page: Page) -> String {
    switch page {
    case .commands: commands
    case .configuration: settings
    case .lifecycle: LifecyclePage.markdown
    }
  }

  private static var commands: String {
    var text = """
      # Commands

      Made by `make docs` from the commands' own help; a test compares it.

      ## stint

      ```text
      \(help(Root.self))
      ```

      """
    for command in Root.configuration.subcommands where command.configuration.shouldDisplay {
      text += section("## stint \(command._commandName)", command)
      for inner in command.configuration.subcommands {
        text += section("### stint \(command._commandName) \(inner._commandName)", inner)
      }
    }
    return text
  }

  private static func section(_ heading: String, _ command: any ParsableCommand.Type) -> String {
    """

    \(heading)

    ```text
    \(help(command))
    ```

    """
  }

  private static func help(_ command: any ParsableCommand.Type) -> String {
    let text = Root.helpMessage(for: command, includeHidden: false, columns: 100)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    return String(lines.joined(separator: "\n").reversed().drop { $0 == "\n" }.reversed())
  }

  private static var settings: String {
    var text = """
      # Configuration

      Made by `make docs` from the table of settings; a test compares it.

      A value comes from the first of these that gives one: a flag (`--port 9000`), the environment
      (`STINT_HTTP_PORT=9000`), the configuration file (`stint.yaml` in the working directory, or `--config FILE`), the
      default. `stint doctor` prints each value with where it came from. A key that is no setting, or a value that is
      not allowed, ends the command with exit code 65 and names the key, the value and what is allowed. Lists in the
      environment are separated by commas. Of `store` and `url`, the one from the earlier source is meant; from the same
      source, `url`.

      | key | default | allowed | environment | what it is for |
      | --- | --- | --- | --- | --- |

      """
    for setting in Setting.all {
      let value = setting.defaultValue.string ?? setting.defaultValue.excerpt()
      text +=
        "| `\(setting.key)` | `\(value)` | \(setting.allowed) | `\(setting.environmentName)` | \(setting.description) |\n"
    }
    text += """

      Sections of the file are nested:

      ```yaml
      store: sqlite:/var/lib/stint/stint.db
      http:
        port: 9000
        token_file: /etc/stint/token
      workers:
        slots: 8
      queues:
        default: { max_pending: 10000 }
      tools:
        aider: { command: [aider, --message, "${params.task}"], params: [{ name: task, type: string }] }
        codex: { command: [codex, exec, "${params.task}"], params: [{ name: task, type: string }] }
      escalation:
        aider: { on_failure: codex, max_retries_before_escalation: 2 }
      fetch:
        allow: [10.0.0.0/8]
      images:
        root: /var/lib/stint/images
      log:
        level: info
        format: json
      ```

      Keys of features that this version does not have are refused, so that none is silently without effect: \
      \((Setting.unavailable + QueueSettings.unavailable.map { "queues.NAME.\($0)" })
        .map { "`\($0)`" }.joined(separator: ", ")).

      """
    return text
  }
}
