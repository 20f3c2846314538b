import Foundation
import StintCore
import StintJobs

/// What `stint doctor` says of a tool: whether it could run here. Names only, never the values of variables.
struct ToolCheck {
  let name: String
  let program: String
  let params: [String]
  let variables: [String]
  /// What would keep it from running in this environment.
  let problems: [String]

  init(_ tool: Tool, _ policy: ProcessPolicy) {
    name = tool.name
    program = tool.command.first ?? ""
    params = tool.params.map(\.param.name)
    variables = tool.environment
    var problems: [String] = []
    if let missing = policy.missing(program) { problems.append(missing) }
    let unset = tool.environment.filter { policy.environment[$0] == nil }
    if !unset.isEmpty { problems.append("not set here: \(unset.joined(separator: ", "))") }
    for root in Set(tool.params.compactMap(\.pathRoot)).sorted() where !Self.isFolder(root) {
      problems.append("no such folder: \(root)")
    }
    if let folder = tool.folder, !Self.isFolder(folder) { problems.append("no such folder: \(folder)") }
    self.problems = problems
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  var json: JSONValue {
    func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    return [
      "name": .string(name), "program": .string(program), "params": list(params), "env": list(variables),
      "problems": list(problems),
    ]
  }
}
