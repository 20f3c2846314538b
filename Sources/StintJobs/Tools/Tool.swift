public import StintCore
public import StintEngine

/// A command that is named and fixed in the configuration, and becomes a job type: a submission chooses only its
/// params.
public struct Tool: Sendable, Hashable {
  /// A param of a tool: as any job type's, and what only tools have.
  public struct Parameter: Sendable, Hashable {
    /// Name, type and range.
    public var param: Param
    /// The folder beneath which a `path` must stay; a relative one counts from the working directory.
    public var pathRoot: String?
    /// Whether the value may begin with `-` where it begins an argument.
    public var allowsLeadingDash: Bool

    /// A param from its parts.
    public init(_ param: Param, pathRoot: String? = nil, allowsLeadingDash: Bool = false) {
      self.param = param
      self.pathRoot = pathRoot
      self.allowsLeadingDash = allowsLeadingDash
    }
  }

  /// The job type's name.
  public var name: String
  /// The program and its arguments; `${params.x}` stands for the value of the param `x`, once, inside its argument.
  public var command: [String]
  /// What it does, for people.
  public var description: String
  /// What a submission may give.
  public var params: [Parameter]
  /// The variables that are copied from the environment of the worker's process.
  public var environment: [String]
  /// Its working directory; nil for the worker's.
  public var folder: String?
  /// What it reads from standard input, with placeholders as in ``command``; nil for nothing.
  public var input: String?
  /// The longest an attempt may take.
  public var timeout: Duration?
  /// The longest an attempt may go without a sign of life.
  public var stallTimeout: Duration?
  /// Counted failures that are followed by another attempt.
  public var maxRetries: Int?
  /// The delays between them.
  public var retry: RetryPolicy?

  /// A tool from its parts.
  public init(
    name: String, command: [String], description: String = "", params: [Parameter] = [], environment: [String] = [],
    folder: String? = nil, input: String? = nil, timeout: Duration? = nil, stallTimeout: Duration? = nil,
    maxRetries: Int? = nil, retry: RetryPolicy? = nil
  ) {
    self.name = name
    self.command = command
    self.description = description
    self.params = params
    self.environment = environment
    self.folder = folder
    self.input = input
    self.timeout = timeout
    self.stallTimeout = stallTimeout
    self.maxRetries = maxRetries
    self.retry = retry
  }

  /// Its handler, for a worker.
  ///
  /// - Throws: a ``StintCore/StintError`` that names everything that is wrong with the tool.
  public func handler(_ policy: ProcessPolicy = ProcessPolicy()) throws(StintError) -> Handler {
    let found = faults
    guard found.isEmpty else { throw StintError.invalid("Invalid tool", found) }
    let (tool, type) = (self, jobType)
    return Handler(type) { context in try await tool.run(type, context, policy) }
  }

  /// What a submission sees of it.
  public var jobType: JobType {
    JobType(
      name: name, description: description.isEmpty ? "Runs \(command.first ?? "")." : description,
      params: params.map(declared), maxRetries: maxRetries, retry: retry, timeout: timeout, stallTimeout: stallTimeout)
  }

  /// The param with the form that its place in the command asks of it.
  private func declared(_ parameter: Parameter) -> Param {
    var param = parameter.param
    if param.type == .path {
      param.form = .path(root: parameter.pathRoot ?? "")
    } else if templates.contains(where: { $0.names.contains(param.name) }) {
      let begins = templates.contains { $0.beginning.first == param.name }
      // Where it comes after others, it begins the argument only if they are empty.
      let others = templates.compactMap { template -> [String]? in
        template.beginning.firstIndex(of: param.name).map { Array(template.beginning[..<$0]) }
      }
      let isFree = parameter.allowsLeadingDash || others.isEmpty
      param.form = isFree || begins ? .argument(allowsLeadingDash: isFree) : .laterArgument(after: others)
    }
    return param
  }

  private var templates: [ParamTemplate] { command.map(ParamTemplate.init) }

  private func run(_ type: JobType, _ context: JobContext, _ policy: ProcessPolicy) async throws -> RawJSON? {
    let params = try ProcessParams.checked(type, context.job)
    var texts: [String: String] = [:]
    for parameter in params.object ?? [] { texts[parameter.key] = parameter.value.argumentText }
    for parameter in self.params where parameter.param.type == .path {
      guard let text = params[parameter.param.name]?.string, let root = parameter.pathRoot else { continue }
      do throws(ProcessFault) {
        texts[parameter.param.name] = try BoundPath.resolve(text, beneath: root, isSecret: parameter.param.isSecret)
      } catch {
        throw JobControl.giveUp("\(parameter.param.name): \(error)")
      }
    }
    var job = ProcessJob(command: templates.map { $0.filled(texts) })
    for (template, argument) in zip(templates, job.command) where argument.hasPrefix("-") {
      // The form has refused it at submission; here it is what the argument has become.
      let given = template.beginning.first { texts[$0]?.hasPrefix("-") == true }
      if let given, parameter(named: given)?.allowsLeadingDash != true {
        throw JobControl.giveUp("\(given): a value that begins an argument can not begin with \"-\"")
      }
    }
    job.folder = folder
    job.input = input.map { ParamTemplate($0).filled(texts) }
    for name in environment { job.environment[name] = policy.environment[name] }
    // A path both as it was given and as the program gets it.
    let kept = context.job.spec.secretParams
    let secretParams = self.params.filter { $0.param.isSecret || kept.contains($0.param.name) }.flatMap { parameter in
      (params[parameter.param.name].map(Redaction.texts) ?? []) + [texts[parameter.param.name] ?? ""]
    }
    job.redaction = Redaction(secretParams + job.environment.values)
    return try await job.run(context, policy)
  }

  private func parameter(named name: String) -> Parameter? { params.first { $0.param.name == name } }
}

extension Tool {
  /// Everything that is wrong with it, by the part it is wrong with: `command[1]`, `params.file.path_under`.
  public var faults: [StintError.Detail] {
    var faults: [StintError.Detail] = []
    func fault(_ part: String, _ message: String) { faults.append(.init(param: "\(name).\(part)", message: message)) }
    func shown(_ text: String) -> String { JSONValue.string(text).excerpt() }
    if !Name.isLegal(name) { faults.append(.init(param: name, message: "\(shown(name)): a name is \(Name.rule)")) }
    let names = Set(params.map(\.param.name))
    if command.first?.isEmpty ?? true { fault("command", "is empty; expected is a list: a program and its arguments") }
    let texts =
      command.enumerated().map { ("command[\($0.offset)]", $0.element) } + (input.map { [("stdin", $0)] } ?? [])
    for (part, text) in texts {
      if part != "stdin", text.utf8.contains(0) { fault(part, "has a NUL character, which no argument can hold") }
      let template = ParamTemplate(text)
      if part == "command[0]", !template.names.isEmpty || template.fault != nil {
        fault(part, "\(shown(text)) has a placeholder; the program must be fixed")
        continue
      }
      if let wrong = template.fault { fault(part, "\(shown(text)): \(wrong)") }
      for name in template.names where !names.contains(name) {
        let suggestion = NearMiss.suggestion(for: name, among: names.sorted())
        let known = names.isEmpty ? "there are none" : "allowed: \(names.sorted().joined(separator: ", "))"
        fault(part, "${params.\(name)} names no param; \(known).\(suggestion)")
      }
    }
    for name in environment {
      if let wrong = Param.Form.fault(inVariable: name) { fault("env", wrong) }
    }
    if let folder, folder.contains("${") {
      fault("cwd", "\(shown(folder)) has a placeholder; the working directory must be fixed")
    }
    if let folder, folder.isEmpty || folder.utf8.contains(0) { fault("cwd", "\(shown(folder)) is no folder's path") }
    for (part, value) in [("timeout_seconds", timeout), ("stall_timeout_seconds", stallTimeout)] {
      if let value, value <= .zero { fault(part, "\(value.seconds) must be more than 0") }
    }
    if let maxRetries, !(0...10_000).contains(maxRetries) {
      fault("max_retries", "\(maxRetries): allowed is 0 to 10000")
    }
    for wrong in retry?.faults ?? [] { fault(wrong.param, wrong.message) }
    return faults + paramFaults
  }

  private var paramFaults: [StintError.Detail] {
    var faults: [StintError.Detail] = []
    var seen: Set<String> = []
    for parameter in params {
      let param = parameter.param
      func fault(_ message: String) { faults.append(.init(param: "\(name).params.\(param.name)", message: message)) }
      if !Name.isLegal(param.name) { fault("a name is \(Name.rule)") }
      if !seen.insert(param.name).inserted { fault("is there twice") }
      if param.type == .path, parameter.pathRoot?.isEmpty ?? true {
        fault("a path needs path_under, the folder beneath which it must stay")
      }
      if param.type != .path, parameter.pathRoot != nil { fault("path_under is for params of type path") }
      if let value = param.defaultValue, let wrong = declared(parameter).fault(in: value) {
        fault("its default \(wrong)")
      }
      for (key, message) in Self.contradictions(param) {
        faults.append(.init(param: "\(name).params.\(param.name).\(key)", message: message))
      }
    }
    return faults
  }

  /// What no value could satisfy, or what says two things at once, by key.
  private static func contradictions(_ param: Param) -> [(key: String, message: String)] {
    var found: [(String, String)] = []
    func shown(_ value: JSONValue) -> String { param.isSecret ? "***" : value.excerpt() }
    if let min = param.min, let max = param.max, min > max {
      found.append(("min", "\(JSONValue.number(min).excerpt()) is more than max, \(JSONValue.number(max).excerpt())"))
    }
    if let min = param.minItems, let max = param.maxItems, min > max {
      found.append(("min_items", "\(min) is more than max_items, \(max)"))
    }
    if param.isRequired, let value = param.defaultValue {
      found.append(("default", "\(shown(value)) would never be used, for the param is required; give one of the two"))
    }
    if let choices = param.choices {
      if choices.isEmpty { found.append(("choices", "[] allows no value; give one at least, or leave it out")) }
      found += choices.compactMap { choice in param.fault(in: choice).map { ("choices", "its choice \($0)") } }
    }
    return found
  }
}
