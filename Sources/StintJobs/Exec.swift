import StintCore
import StintEngine

/// `exec`: any command, for those who may run commands on this machine anyway.
enum Exec {
  /// The type. Closed to everyone who comes from outside, unless that is configured.
  static let type = JobType(
    name: JobType.exec,
    description: "Runs a command without a shell; keeps and streams what it prints.",
    params: [
      command,
      Param(
        "env", .object, secret: true, description: "Variables of its environment, besides PATH, HOME and LANG.",
        form: .environment),
      Param(
        "cwd", .string, min: 1, description: "Its working directory; the worker's unless given.",
        form: .argument(allowsLeadingDash: true)),
      Param("stdin", .string, description: "What it reads from standard input; nothing unless given."),
    ],
    localOnly: true)

  private static let command: Param = {
    var param = Param(
      "command", .array, required: true, minItems: 1, description: "The program and its arguments.", form: .command)
    param.elements = .string
    return param
  }()

  /// The handler.
  static func handler(_ policy: ProcessPolicy) -> Handler {
    Handler(type) { context in
      let params = try ProcessParams.checked(type, context.job)
      var job = ProcessJob(command: (params["command"]?.array ?? []).compactMap(\.string))
      for member in params["env"]?.object ?? [] { job.environment[member.key] = member.value.string }
      job.redaction = Redaction(Array(job.environment.values))
      job.folder = params["cwd"]?.string
      job.input = params["stdin"]?.string
      return try await job.run(context, policy)
    }
  }
}

/// The params of a job that is to start a process.
enum ProcessParams {
  /// They are checked again: a job may come from a store that another version wrote.
  static func checked(_ type: JobType, _ job: Job) throws -> JSONValue {
    let params: JSONValue
    do throws(JSONSyntaxError) { params = try job.spec.params.parsed() } catch {
      throw UndecodableParams(reason: "the params are no JSON: \(error)")
    }
    let (checked, faults) = type.check(params.object ?? [])
    guard faults.isEmpty else { throw UndecodableParams(reason: StintError.invalid(type.name, faults).description) }
    return .object(checked)
  }
}
